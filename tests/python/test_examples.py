"""The examples: somebody else's HTTP client drives the machine."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import OperationName, Outcome, Verdict, errors
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = sorted((Path(__file__).parents[2] / "python" / "examples").glob("with_*.py"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def countermand(example: Path, emulator: Emulator) -> Callable[[OperationName | str], Outcome]:
    spec = importlib.util.spec_from_file_location(example.stem, example)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(name: OperationName | str) -> Outcome:
        result: Any = module.countermand(str(name), emulator.token, emulator.endpoint)
        outcome: Outcome = asyncio.run(result) if inspect.iscoroutine(result) else result
        return outcome

    return call


def test_there_is_one_for_each_client() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "with_aiohttp",
        "with_httpx",
        "with_requests",
        "with_urllib",
    ]


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
