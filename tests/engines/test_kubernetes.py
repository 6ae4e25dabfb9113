"""The recipe for Kubernetes: its pods are processes of this machine, and are killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes.client
import yaml

from world import SEED, World, until

RECIPE = Path(__file__).parents[2] / "python" / "engines"
MANIFEST: dict[str, Any] = yaml.safe_load((RECIPE / "kubernetes.yaml").read_text("utf-8"))
LANES, NAMES, KILLS, STRUCK = 10, 400, 20, 7
COMMAND = Path(sys.executable).with_name("countermand")
LOOKED_AT = 3
"""Exit code of a job with operations that completed anyway."""


def unknown(value: object, kind: str) -> list[str]:
    """Fields of a manifest that the API does not have, or has to have."""
    if kind.startswith("list["):
        assert isinstance(value, list), f"{kind}: {value}"
        return [found for one in value for found in unknown(one, kind[5:-1])]
    model = getattr(kubernetes.client, kind, None)
    if model is None or not hasattr(model, "attribute_map"):
        return []
    assert isinstance(value, dict), f"{kind}: {value}"
    fields = {field: attribute for attribute, field in model.attribute_map.items()}
    found = [f"{kind}.{field}" for field in value.keys() - fields.keys()]
    for field in value.keys() & fields.keys():
        found += unknown(value[field], model.openapi_types[fields[field]])
    return found


def test_the_manifest_has_the_fields_of_the_api() -> None:
    assert unknown(MANIFEST, "V1Job") == []
    assert unknown({"spec": {"completion": 1}}, "V1Job") == ["V1JobSpec.completion"]
    (container,) = MANIFEST["spec"]["template"]["spec"]["containers"]
    rules = MANIFEST["spec"]["podFailurePolicy"]["rules"]
    (codes,) = (rule["onExitCodes"] for rule in rules if "onExitCodes" in rule)
    assert codes["containerName"] == container["name"]
    assert (RECIPE / container["command"][-1]).is_file()


class Index:
    """An index of the job, which the controller runs until it has succeeded or failed."""

    def __init__(self, world: World, number: int, lane: str) -> None:
        self.lane = lane
        self._number = number
        self._world = world
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Exit code of the last run, by the rules of the manifest."""
        spec = MANIFEST["spec"]
        (ends,) = (
            rule["onExitCodes"]["values"]
            for rule in spec["podFailurePolicy"]["rules"]
            if rule["action"] == "FailIndex"
        )
        path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "JOB_COMPLETION_INDEX": str(self._number)}
        folder = self._world.profile.parent
        command = ["sh", RECIPE / "apply-index.sh"]
        for _ in range(spec["backoffLimitPerIndex"] + 1):
            with (folder / f"{self.lane}.log").open("ab") as log:
                self._process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdout=log, stderr=log
                )
                code = self._process.wait()
            if code == 0 or code in ends:
                break
        return code

    def kill(self) -> None:
        """Kills its process, as soon as one runs that has sent something."""
        before = self._world.answered([self.lane])
        until(lambda: self._world.answered([self.lane]) > before, 60, f"{self.lane} sends")
        process = self._process
        assert process is not None
        self._world.kill(process.pid, [self.lane])


def plan(world: World) -> list[str]:
    """Plans as an operator does, and gives the lanes in the order of their commands."""
    folder = world.profile.parent
    text = "".join(f"{name}\n" for name in world.names(world.servers))
    (folder / "names.txt").write_text(text, "utf-8")
    options = ["--profile", "lanes.toml", "--from", "names.txt", "--split-lanes", "journal"]
    command = [COMMAND, "plan", *options, "--json"]
    planned = subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
    lines = [json.loads(line) for line in planned.splitlines()]
    (folder / "commands").write_text("".join(f"{line['apply']}\n" for line in lines), "utf-8")
    return [Path(line["path"]).stem for line in lines]


def test_each_lane_keeps_its_quota_and_each_name_gets_one_row_while_pods_are_killed(
    tmp_path: Path,
) -> None:
    dice = random.Random(SEED)
    with World(tmp_path, LANES, NAMES) as world, ThreadPoolExecutor(LANES) as threads:
        indices = [Index(world, number, lane) for number, lane in enumerate(plan(world))]
        assert len(indices) == MANIFEST["spec"]["completions"]
        struck = dice.sample(indices, STRUCK)
        started = time.monotonic()
        codes = [threads.submit(index.run) for index in indices]
        for at in sorted(dice.uniform(5, 120) for _ in range(KILLS)):
            time.sleep(max(0.0, started + at - time.monotonic()))
            dice.choice(struck).kill()
        assert [code.result() for code in codes] == [LOOKED_AT] * LANES
        rows = []
        for lane in world.servers:
            command = [COMMAND, "report", world.journal / f"{lane}.job", "--format", "ndjson"]
            report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows += [json.loads(line) for line in report.splitlines()[:-1]]
        world.check(rows, KILLS)
