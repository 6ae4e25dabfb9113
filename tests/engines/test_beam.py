"""countermand.beam on Prism, whose worker processes are killed."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pytest
from apache_beam.coders import StrUtf8Coder
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.testing import test_stream

from countermand.beam import Countermand
from countermand.sansio import parse_operation

import beam_pipeline
from worker import append
from world import SEED, SHARE, WINDOWS, World, until

if TYPE_CHECKING:
    from collections.abc import Iterator

PRISM = Path(sys.executable).with_name("prism")
PIPELINES, LANES, NAMES, KILLS, STRUCK = 10, 50, 400, 20, 7


class Prism:
    """The runner, a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as bound:
            bound.bind(("localhost", 0))
            port: int = bound.getsockname()[1]
        self.endpoint = f"localhost:{port}"
        self._process = subprocess.Popen(
            [PRISM, f"--job_port={port}", "--serve_http=false"],
            stderr=(folder / "prism.log").open("w"),
        )
        until(lambda: listens(port), 60, "Prism listens")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("localhost", port)) == 0


class Workers:
    """A pool as Beam has it for processes that it does not start itself: one for each pipeline."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / f"{name}.worker"
        script = folder / f"{name}.sh"
        command = f"{sys.executable} {Path(__file__).with_name('worker.py')} {self._file}"
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
        script.chmod(0o700)
        self._endpoint, self._server = BeamFnExternalWorkerPoolServicer.start(
            use_process=True, container_executable=str(script)
        )

    def options(self, prism: Prism) -> list[str]:
        """Options of a pipeline on Prism whose worker is of this pool."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint={prism.endpoint}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self._endpoint}",
        ]

    def newest(self) -> int | None:
        """The process that was started last, if it has told so."""
        return int(self._file.read_text("ascii")) if self._file.exists() else None

    def forget(self) -> None:
        self._file.unlink()

    def close(self) -> None:
        self._server.stop(None)


class Pipeline:
    """A pipeline with some lanes of a world, submitted again until it ends well."""

    def __init__(self, prism: Prism, world: World, folder: Path, lanes: list[str]) -> None:
        self.lanes = lanes
        self.ended = False
        self._world = world
        self._folder = folder
        self._workers = Workers(folder, lanes[0])
        self._options = self._workers.options(prism)
        self._killed = False

    def run(self) -> list[dict[str, Any]]:
        names = self._folder / f"{self.lanes[0]}.names"
        names.write_text("".join(f"{name}\n" for name in self._world.names(self.lanes)), "utf-8")
        output = self._folder / f"{self.lanes[0]}.rows"
        while not self.ended:
            try:
                self.run_once(names, output)
            except RuntimeError as error:
                assert self._killed, f"it failed, and was not killed: {error}"
                self._killed = False
            else:
                self.ended = True
        self._workers.close()
        assert not read(output, "unresolved")
        return read(output, "verdicts")

    def run_once(self, names: Path, output: Path) -> None:
        """Runs the example. Raises if its worker is killed."""
        files = [f"--profile={self._world.profile}", f"--journal={self._world.journal}"]
        beam_pipeline.main([f"--names={names}", f"--output={output}", *files, *self._options])

    def kill(self) -> None:
        """Kills its worker, as soon as one runs that has sent something."""
        until(lambda: self.ended or self._workers.newest(), 60, "it has a worker")
        before = self._world.answered(self.lanes)
        until(lambda: self.ended or self._world.answered(self.lanes) > before, 60, "it sends")
        worker = self._workers.newest()
        if worker and not self.ended:
            self._killed = True
            self._workers.forget()
            self._world.kill(worker, self.lanes)


def read(output: Path, word: str) -> list[dict[str, Any]]:
    """The rows of one output."""
    files = output.parent.glob(f"{output.name}-{word}-*.ndjson")
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    prism = Prism(tmp_path_factory.mktemp("prism"))
    yield prism
    prism.close()


def test_each_lane_keeps_its_quota_and_each_name_gets_one_row_while_workers_are_killed(
    prism: Prism, tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    with World(tmp_path, LANES, NAMES) as world, ThreadPoolExecutor(PIPELINES) as threads:
        lanes = [*world.servers]
        pipelines = [
            Pipeline(prism, world, tmp_path, lanes[n::PIPELINES]) for n in range(PIPELINES)
        ]
        struck = dice.sample(pipelines, STRUCK)
        started = time.monotonic()
        futures = [threads.submit(pipeline.run) for pipeline in pipelines]
        for at in sorted(dice.uniform(5, 120) for _ in range(KILLS)):
            time.sleep(max(0.0, started + at - time.monotonic()))
            dice.choice([pipeline for pipeline in struck if not pipeline.ended]).kill()
        rows = [row for future in futures for row in future.result()]
        world.check(rows, KILLS)


@pytest.fixture
def options(prism: Prism, tmp_path: Path) -> Iterator[list[str]]:
    """Options of a pipeline whose worker lives."""
    workers = Workers(tmp_path, "workers")
    yield workers.options(prism)
    workers.close()


def test_names_of_no_lane_are_unresolved_and_metrics_count_all(
    options: list[str], tmp_path: Path
) -> None:
    with World(tmp_path, 2, 60) as world:
        names: list[Any] = world.names(world.servers)
        names[0] = parse_operation(names[0], 200, {}, json.dumps({"name": names[0]}).encode())
        strange = ["junk", "enterprises/none/devices/d/operations/1"]
        pipeline = beam.Pipeline(options=PipelineOptions(options))
        transform = Countermand(profile=world.profile, journal=world.journal)
        rows = pipeline | beam.Create([*names, *strange]) | transform
        beam_pipeline.write(rows, str(tmp_path / "rows"))
        result = pipeline.run()
        result.wait_until_finish()
        assert sorted(row["name"] for row in read(tmp_path / "rows", "unresolved")) == strange[::-1]
        world.check(read(tmp_path / "rows", "verdicts"), kills=0)
    found = result.metrics().query(MetricsFilter().with_namespace("countermand"))
    counters = {one.key.metric.name: one.committed for one in found["counters"]}
    assert counters == {"sent": 120, "verdicts": 120, "unresolved": 2}
    (rate,) = found["distributions"]
    assert 0 < rate.committed.max <= 60 * SHARE * WINDOWS[-1][0]


def test_an_endless_input_comes_in_batches(options: list[str], tmp_path: Path) -> None:
    with World(tmp_path, 2, 20) as world:
        names = world.names(world.servers)
        stream = test_stream.TestStream(coder=StrUtf8Coder()).add_elements(names[:30])
        stream = stream.advance_processing_time(60).add_elements(names[30:])
        pipeline = beam.Pipeline(options=PipelineOptions([*options, "--streaming"]))
        transform = Countermand(profile=world.profile, journal=world.journal)
        rows = pipeline | stream.advance_watermark_to_infinity() | transform
        file = tmp_path / "rows-verdicts-0.ndjson"
        _ = rows.verdicts | beam.Map(append, str(file))
        pipeline.run().wait_until_finish()
        world.check(read(tmp_path / "rows", "verdicts"), kills=0)
