"""The examples: other HTTP clients drive the machine."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import OperationName, Outcome, Verdict, errors
from countermand.sansio import Cancellation, Scheduler, within
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import DrippingServer

FOLDER = Path(__file__).parents[2] / "python" / "examples"
EXAMPLES = sorted(FOLDER.glob("with_*.py"))
SCHEDULERS = sorted(FOLDER.glob("scheduler_*.py"))


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def countermand(example: Path, emulator: Emulator) -> Callable[[OperationName | str], Outcome]:
    module = load(example)

    def call(name: OperationName | str) -> Outcome:
        result: Any = module.countermand(str(name), emulator.token, emulator.endpoint)
        outcome: Outcome = asyncio.run(result) if inspect.iscoroutine(result) else result
        return outcome

    return call


def test_there_is_one_for_each_client() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "with_aiohttp",
        "with_httpx",
        "with_pycurl",
        "with_requests",
        "with_urllib",
    ]
    assert [path.stem for path in SCHEDULERS] == ["scheduler_aiohttp", "scheduler_httpx"]


def test_it_fits_on_a_slide(example: Path) -> None:
    source = example.read_text()
    function = source[source.index("def countermand") : source.index("if __name__")]
    assert len(function.strip().splitlines()) <= 36


def test_cancelled(emulator: Emulator, countermand: Callable[..., Outcome]) -> None:
    name = emulator.add()
    outcome = countermand(name)
    assert (outcome.verdict, outcome.attempts) == (Verdict.CANCELLED, 2)
    assert emulator.operations("cancelled") == [name]
    assert countermand(emulator.add("completes")).verdict is Verdict.COMPLETED


def test_odd_names_arrive(emulator: Emulator, countermand: Callable[..., Outcome]) -> None:
    name = emulator.add(id="a b:c#d?e%2Fé+&=f..'g")
    assert countermand(name).cancelled
    assert emulator.operations("cancelled") == [name]


def test_trouble(emulator: Emulator, countermand: Callable[..., Outcome]) -> None:
    for fault in (
        {"action": "reset", "effect": True, "method": "cancel"},
        {"status": 503, "method": "cancel"},
        {"action": "truncate", "method": "get"},
        {"fault": "html-success", "method": "get"},
        {"fault": "redirect", "method": "get"},
    ):
        emulator.faults([fault])
        outcome = countermand(emulator.add())
        assert outcome.verdict is Verdict.CANCELLED, fault


def test_errors(emulator: Emulator, countermand: Callable[..., Outcome]) -> None:
    name = emulator.add()
    for fault, error in (
        ({"fault": "forbidden-enterprise"}, errors.PermissionDenied),
        ({"fault": "unauthenticated"}, errors.Unauthenticated),
        ({"fault": "invalid-argument"}, errors.InvalidArgument),
    ):
        emulator.faults([fault])
        with pytest.raises(error):
            countermand(name)
    with pytest.raises(errors.InvalidName):
        countermand("enterprises/e")
    assert emulator.operations() == [name]


def test_as_a_program(emulator: Emulator, example: Path) -> None:
    environment = os.environ | {
        "COUNTERMAND_ENDPOINT": emulator.endpoint,
        "COUNTERMAND_TOKEN": emulator.token,
    }
    done = subprocess.run(
        [sys.executable, str(example), str(emulator.add())],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "cancelled\n"


@pytest.mark.parametrize("path", SCHEDULERS, ids=lambda path: path.stem)
def test_a_scheduler(path: Path) -> None:
    trouble: list[dict[str, Any]] = [
        {"action": "reset", "method": "cancel", "skip": 30, "times": 3},
        {"action": "reset", "effect": True, "method": "cancel", "skip": 90, "times": 2},
        {"action": "truncate", "method": "get", "skip": 20, "times": 2},
        {"status": 503, "method": "get", "skip": 50},
    ]
    with Emulator(devices=150, pending=2, history=0, faults=trouble) as emulator:
        completed = [emulator.add("completes") for _ in range(5)]
        unknown = OperationName(f"{emulator.enterprise}/devices/0/operations/1")
        fates = {OperationName(row["name"]): row["fate"] for row in emulator.truth()}
        # A device that is wiped while this runs takes its other operations with it.
        wiped = {name.device for name, fate in fates.items() if fate == "wiped"}
        given = [
            *(
                name
                for name, fate in fates.items()
                if fate == "cancellable" and name.device not in wiped
            ),
            *completed,
            unknown,
        ]
        assert len(given) > 200
        results = asyncio.run(
            load(path).countermand_all(
                map(str, given), emulator.token, emulator.endpoint, "200/1s", 1.0
            )
        )
        truth = {row["name"]: row["cancelled"] for row in emulator.truth()}
        audit = emulator.audit()
    assert sorted(results) == sorted(given)
    assert isinstance(results.pop(unknown), errors.NotFound)
    assert all(results[name].verdict is Verdict.COMPLETED for name in completed)
    assert {str(name): result.cancelled for name, result in results.items()} == {
        str(name): truth[str(name)] for name in results
    }
    # All but the first 200 had to wait for the quota, the last part of them perhaps only briefly.
    assert (audit[-1]["time"] - audit[0]["time"]) / 1000 >= len(audit) // 200 - 1
    # Several were in flight: the cancels that failed were not sent again before the next ones.
    failed = [row["path"] for row in audit if row["status"] is None and row["method"] == "POST"]
    assert len(failed) == 5
    first = [row["path"] for row in audit if row["method"] == "POST"]
    assert all(first[first.index(path) + 1] != path for path in failed)


def test_a_journal_goes_on_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = load(FOLDER / "journal.py")
    journal = tmp_path / "journal"
    exchange = example.exchange
    requests = 0

    def dies(ticket: Any, token: str) -> None:
        nonlocal requests
        requests += 1
        exchange(ticket, token)
        if requests in (7, 16):
            # After the request, before anything of its answer is in the file.
            raise KeyboardInterrupt

    monkeypatch.setattr(example, "exchange", dies)
    with Emulator(devices=0) as emulator:
        names = [str(emulator.add()) for _ in range(10)]
        arguments = (names, journal, emulator.token, emulator.endpoint, "5/1s", 1.0)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                example.countermand_all(*arguments)
        assert example.countermand_all(*arguments) == dict.fromkeys(names, "cancelled")
        assert len(emulator.operations("cancelled")) == 10
        audit = emulator.audit()
    # Ten cancels and ten gets, and again the two whose answers were lost.
    assert len(audit) == requests == 22
    times = [row["time"] for row in audit]
    assert all(late - early >= 1000 for early, late in zip(times, times[5:], strict=False))
    # Operations that have ended are not requested again.
    example.countermand_all(names, journal, "refused", "http://127.0.0.1:1", "5/1s", 1.0)


PATIENCE: dict[str, Any] = {"deadline": 0.6, "attempt_timeout": 0.3}
NAME = "enterprises/e/devices/d/operations/o"


def test_fault_66_an_example_ends_in_time_on_a_server_that_drips(
    example: Path, dripping: DrippingServer
) -> None:
    module = load(example)
    module.Cancellation = partial(Cancellation, **PATIENCE)
    began = time.monotonic()
    with pytest.raises(errors.TimedOut) as caught:
        result = module.countermand(NAME, "t", dripping.endpoint)
        if inspect.iscoroutine(result):
            asyncio.run(result)
    # No attempt exceeds its timeout, and none starts after the deadline.
    assert time.monotonic() - began < 5
    assert dripping.requests >= 1
    assert caught.value.maybe_delivered


@pytest.mark.parametrize("path", SCHEDULERS, ids=lambda path: path.stem)
def test_fault_66_a_scheduler_ends_in_time_on_a_server_that_drips(
    path: Path, dripping: DrippingServer
) -> None:
    module = load(path)
    module.Scheduler = partial(Scheduler, max_attempts=1, **PATIENCE)
    began = time.monotonic()
    results = asyncio.run(module.countermand_all([NAME], "t", dripping.endpoint, "200/1s", 1.0))
    assert time.monotonic() - began < 5
    assert [type(result) for result in results.values()] == [errors.TimedOut]


def test_fault_66_within_gives_what_the_function_gives() -> None:
    assert within(10.0, lambda: 7) == 7
    with pytest.raises(KeyError, match="x"):
        within(10.0, lambda: {}["x"])
    with pytest.raises(TimeoutError, match=r"no complete answer within 0\.01 s"):
        within(0.01, partial(time.sleep, 0.5))
