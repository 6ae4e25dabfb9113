"""The command, the pytest plugin and the package as they are installed."""

from __future__ import annotations

import doctest
import json
import os
import signal
import subprocess
import sys
import sysconfig
from importlib import metadata, resources
from pathlib import Path

import pytest

import countermand
import countermand.testing
from countermand import Client
from countermand.testing import Emulator

from conftest import SilentServer, until

COMMAND = Path(sysconfig.get_path("scripts")) / "countermand"


def environment(endpoint: str, token: str) -> dict[str, str]:
    return os.environ | {"COUNTERMAND_ENDPOINT": endpoint, "COUNTERMAND_TOKEN": token}


@pytest.mark.parametrize("command", [[str(COMMAND)], [sys.executable, "-m", "countermand"]])
def test_the_command(emulator: Emulator, command: list[str]) -> None:
    names = [str(emulator.add()), str(emulator.add("completes"))]
    done = subprocess.run(
        [*command, "cancel", "--json", *names],
        env=environment(emulator.endpoint, emulator.token),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    verdicts = {row["name"]: row["verdict"] for row in rows}
    assert verdicts == {names[0]: "cancelled", names[1]: "completed"}


def test_the_command_refuses(emulator: Emulator) -> None:
    done = subprocess.run(
        [COMMAND, "cancel", "enterprises/e"],
        env=environment(emulator.endpoint, emulator.token),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "enterprises/{enterprise}/devices/{device}" in done.stderr
    assert emulator.audit() == []


def test_the_command_and_control_c(silent: SilentServer) -> None:
    name = "enterprises/e/devices/d/operations/o"
    with subprocess.Popen(
        [COMMAND, "cancel", name],
        env=environment(silent.endpoint, "t"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(lambda: silent.requests >= 1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
        assert process.returncode == 130, stderr
        assert "Traceback" not in stderr


def test_what_is_installed() -> None:
    distribution = metadata.distribution("countermand")
    assert distribution.version == countermand.__version__
    points = {(point.group, point.name): point.value for point in distribution.entry_points}
    assert points == {
        ("console_scripts", "countermand"): "countermand.cli:main",
        ("pytest11", "countermand"): "countermand.pytest_plugin",
    }
    assert all("; extra == " in needed for needed in distribution.requires or [])
    assert resources.files("countermand").joinpath("py.typed").is_file()


def test_the_fixture(pytestconfig: pytest.Config, countermand_emulator: Emulator) -> None:
    assert pytestconfig.pluginmanager.has_plugin("countermand.pytest_plugin") or (
        pytestconfig.pluginmanager.has_plugin("countermand")
    )
    assert countermand_emulator.truth() == []


def test_documentation_runs() -> None:
    failed, run = doctest.testmod(countermand.testing)
    assert (failed, run > 2) == (0, True)


def test_the_emulator() -> None:
    fault = {"fault": "quota", "method": "cancel"}
    with Emulator(devices=2, pending=2, history=1, seed=7, token="t", faults=[fault]) as emulator:
        assert len(emulator.operations()) == 4
        assert len(emulator.truth()) == 6
        client = Client(endpoint=emulator.endpoint, token="t")
        name = emulator.add("expires", type="LOCK", duration_s=60)
        assert str(name).startswith(emulator.enterprise)
        emulator.faults([])
        emulator.advance(61.0)
        assert name in emulator.operations("expired")
        emulator.accept_tokens(["other"])
        with pytest.raises(PermissionError):
            client.get(name)
        rows = emulator.audit()
        assert [row["status"] for row in rows] == [401, 401]
        assert all(row["had_token"] and row["time"] >= 61_000 for row in rows)
        assert emulator.endpoint in repr(emulator)
        endpoint = emulator.endpoint
    with pytest.raises(ConnectionError):
        Client(endpoint=endpoint, token="t", max_attempts=1).get(name)


def test_a_bad_script() -> None:
    with pytest.raises(ValueError, match=r"faults: fault 1: unknown fault `no such thing`"):
        Emulator(faults=[{"fault": "no such thing"}])
    with pytest.raises(ValueError, match="quirks: "):
        Emulator(quirks={"no such thing": 1})
    with Emulator() as emulator:
        with pytest.raises(ValueError, match="fault 2"):
            emulator.faults([{"status": 500}, {"status": "x"}])
        fate: str = "immortal"
        with pytest.raises(ValueError, match="immortal"):
            emulator.add(fate)  # type: ignore[arg-type]
