"""The campaign examples: somebody else's HTTP client, and one quota for all of its requests."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from countermand import CountermandError, OperationName, Outcome, Verdict, errors
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = sorted((Path(__file__).parents[2] / "python" / "examples").glob("campaign_*.py"))
Results: TypeAlias = "dict[OperationName, Outcome | CountermandError]"


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def run(example: Path) -> Callable[..., Results]:
    spec = importlib.util.spec_from_file_location(example.stem, example)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(emulator: Emulator, names: list[OperationName], **settings: Any) -> Results:
        texts = [str(name) for name in names]
        work = module.countermand_all(texts, emulator.token, emulator.endpoint, **settings)
        results: Results = asyncio.run(work)
        return results

    return call


def verdicts(results: Results) -> list[Verdict]:
    return [result.verdict for result in results.values() if isinstance(result, Outcome)]


def test_there_is_one_for_each_asynchronous_client() -> None:
    assert [path.stem for path in EXAMPLES] == ["campaign_aiohttp", "campaign_httpx"]


def test_many(emulator: Emulator, run: Callable[..., Results]) -> None:
    names = [emulator.add() for _ in range(150)]
    ran = emulator.add("completes")
    results = run(emulator, [*names, ran, *names])
    assert results.keys() == {*names, ran}
    assert verdicts(results).count(Verdict.CANCELLED) == 150
    outcome = results[ran]
    assert isinstance(outcome, Outcome)
    assert outcome.verdict is Verdict.COMPLETED
    assert len(emulator.audit()) == 302


def test_a_small_quota_is_kept(run: Callable[..., Results]) -> None:
    with Emulator(devices=0, quota="20/1s") as emulator:
        names = [emulator.add() for _ in range(24)]
        results = run(emulator, names, quota="20/1s")
        assert verdicts(results) == [Verdict.CANCELLED] * 24
        audit = emulator.audit()
        assert [row["status"] for row in audit] == [200] * 48
        # Cancels first; and the 17th call comes a window after the first, 0.8 of 20 being 16.
        assert [row["method"] for row in audit] == ["POST"] * 24 + ["GET"] * 24
        assert audit[16]["time"] - audit[0]["time"] >= 1000


def test_passing_trouble(emulator: Emulator, run: Callable[..., Results]) -> None:
    for fault in (
        {"status": 503, "method": "cancel", "times": 3},
        {"action": "reset", "effect": True, "method": "cancel"},
        {"fault": "html-success", "method": "get"},
    ):
        emulator.faults([fault])
        names = [emulator.add() for _ in range(10)]
        results = run(emulator, names)
        assert verdicts(results) == [Verdict.CANCELLED] * 10, fault
    assert any(row["status"] == 503 for row in emulator.audit())


def test_a_refused_token_stops_it(emulator: Emulator, run: Callable[..., Results]) -> None:
    names = [emulator.add() for _ in range(300)]
    emulator.accept_tokens(["another"])
    results = run(emulator, names)
    assert len(results) == 300
    kinds = {type(result) for result in results.values()}
    assert kinds == {errors.Unauthenticated, errors.NotAttempted}
    assert len(emulator.audit()) <= 200


def test_as_a_program(emulator: Emulator, example: Path) -> None:
    names = [str(emulator.add()) for _ in range(3)]
    environment = os.environ | {
        "COUNTERMAND_ENDPOINT": emulator.endpoint,
        "COUNTERMAND_TOKEN": emulator.token,
    }
    done = subprocess.run(
        [sys.executable, str(example)],
        input="\n".join(names),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert sorted(done.stdout.splitlines()) == sorted(f"{name} cancelled" for name in names)
