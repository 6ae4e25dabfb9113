"""Simulated runs, which are those of the command."""

import json
import subprocess
import sys
from typing import Any

import pytest

from countermand import Simulation, services, simulate

COMMAND = [sys.executable, "-m", "countermand"]

CASES: list[tuple[int, dict[str, Any]]] = [
    (50, {}),
    (300, {"seed": 7, "fail": "503:20%", "fates": "cancellable:8,completes:1,stuck:1"}),
    (200, {"quota": "60/60s", "share": 0.5, "per_device": 9, "per_resource": "none"}),
    (200, {"server_quota": "100/60s", "window": "fixed", "phase": "13s", "in_flight": 3}),
    (40, {"service": "batch.v1"}),
    (40, {"service": "batch.v1", "pattern": "operations"}),
    (40, {"service": "documentai"}),
]


def options(settings: dict[str, Any]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]


@pytest.mark.parametrize(("operations", "settings"), CASES)
def test_a_simulation_is_that_of_the_command(operations: int, settings: dict[str, Any]) -> None:
    given = [f"--operations={operations}", "--json", *options(settings)]
    printed = subprocess.run(
        [*COMMAND, "simulate", *given], check=True, capture_output=True, text=True
    )
    run = simulate(operations, **settings)
    assert run.to_dict() == json.loads(printed.stdout)
    assert isinstance(run, Simulation)
    assert (run.operations, sum(run.verdicts.values()) + run.errors) == (operations, operations)
    assert sum(row.cancels + row.looks for row in run.schedule) == run.requests
    assert run.to_dict()["last_cancel_s"] == run.last_cancel <= run.last_verdict
    assert simulate(operations, **settings) == run


def test_the_pattern_is_that_of_what_people_cancel() -> None:
    assert simulate(1, service="batch.v1").pattern.endswith("/jobs/{job}")
    for service in services():
        if service.id in ("batch.v1", "spanner.v1", "androidmanagement.v1"):
            for pattern in service.patterns:
                run = simulate(3, service=service, pattern=pattern.pattern)
                assert (run.pattern, run.verdicts) == (pattern.pattern, {"cancelled": 3})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"pattern": "tasks"}, "pattern: androidmanagement.v1 has no names of the pattern"),
        ({"phase": 3}, "phase: it is for fixed windows"),
        ({"window": "round"}, "window: expected sliding or fixed"),
        ({"fates": "happy:1"}, "fates: expected parts like"),
        ({"fail": "200:1%"}, "fail: expected a status"),
        ({"server_quota": "many"}, "server_quota: "),
        ({"per_resource": "1"}, "per_resource: "),
        ({"share": 2}, "share is 2"),
        ({"per_device": 0}, "per_device is 0"),
        ({"service": "nothing"}, "no service is named"),
        ({"operations": 1_000_001}, "1000001 operations"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        simulate(**{"operations": 5, **settings})
