"""The README's snippets run unchanged, against an emulator."""

import os
import re
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from countermand import errors, sansio
from countermand.testing import Emulator

from conftest import DrippingServer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGE = (ROOT / "python/README.md").read_text(encoding="utf-8")


def snippets(language: str, text: str = README) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"no {language} in the README"
    return found


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(devices=0) as emulator:
        monkeypatch.setenv("COUNTERMAND_ENDPOINT", emulator.endpoint)
        monkeypatch.setenv("COUNTERMAND_TOKEN", emulator.token)
        yield emulator


def is_cancelled(emulator: Emulator, name: str) -> bool:
    return {row["name"]: row["cancelled"] for row in emulator.truth()}[name] is True


@pytest.mark.parametrize("snippet", snippets("python") + snippets("python", PACKAGE))
def test_python(emulator: Emulator, snippet: str) -> None:
    name = str(emulator.add())
    given = {"name": name, "endpoint": emulator.endpoint, "token": emulator.token}
    exec(compile(snippet, "README.md", "exec"), given)
    # A snippet with an emulator of its own has cancelled there, and says so itself.
    if "name" in re.findall(r"\w+", snippet) and "Emulator(" not in snippet:
        assert is_cancelled(emulator, name)


def test_fault_66_the_loop_ends_in_time_on_a_server_that_drips(
    dripping: DrippingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = partial(sansio.Cancellation, deadline=0.6, attempt_timeout=0.3)
    monkeypatch.setattr(sansio, "Cancellation", patient)
    (snippet,) = (snippet for snippet in snippets("python") if "sansio" in snippet)
    name = "enterprises/e/devices/d/operations/o"
    given = {"name": name, "endpoint": dripping.endpoint, "token": "t"}
    began = time.monotonic()
    with pytest.raises(errors.TimedOut):
        exec(compile(snippet, "README.md", "exec"), given)
    assert time.monotonic() - began < 5
    assert dripping.requests >= 1


def test_the_drill(emulator: Emulator, tmp_path: Path) -> None:
    name = str(emulator.add())
    enterprise = name.split("/")[1]
    snippet = snippets("sh")[0].replace("LC01abcd89", enterprise).replace(":5000", ":1")
    done = shell(snippet, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 operation: 1 cancelled." in done.stdout
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert is_cancelled(emulator, name)


def test_shell(emulator: Emulator) -> None:
    *_, snippet = snippets("sh")
    name = str(emulator.add())
    device = name.rsplit("/operations/", 1)[0]
    done = shell(snippet, NAME=name, DEVICE=device)
    assert done.returncode == 0, done.stderr
    assert '"verdict":"cancelled"' in done.stdout
    assert is_cancelled(emulator, name)


def shell(
    snippet: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    # The command of the installed package, also where no virtual environment is activated.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    return subprocess.run(
        ["sh", "-eu", "-c", snippet],
        cwd=cwd,
        env=dict(os.environ, PATH=path, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_commands_are_make_targets() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ make (\w+)", README, re.MULTILINE)
    assert commands == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in commands)
