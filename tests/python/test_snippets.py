"""Every snippet of the documentation runs as it stands, against an emulator, or says why not."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from countermand import Client, errors, sansio
from countermand.testing import Emulator

from conftest import DrippingServer

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "python/README.md", "crates/*/README.md")
    for path in ROOT.glob(pattern)
)
ELSEWHERE = {
    ("docs/emulator.md", "json"): "crates/emulator/tests/docs.rs",
    ("docs/job-file.md", "python"): "tests/python/test_job_file.py",
    ("docs/job-file.md", "sh"): "crates/fleet/tests/job_file/documented.rs",
    ("docs/job-file.md", "sql"): "crates/fleet/tests/job_file/documented.rs",
    ("docs/recipes.md", "python"): "tests/recipes/test_event_loops.py",
    ("docs/report.md", "sh"): "tests/python/test_snippets.py",
}
"""Blocks that other tests run, by page and language."""
PRINTED = {
    "docs/rescue.md": [
        "17 operations to be cancelled: 17 WIPE",
        "exit code 3",
        "last cancel   after 10 min 20 s",
        "last verdict  after 20 min 41 s",
    ]
}
"""Figures that a page has of what its commands print."""


SERVES = "it runs until it is stopped"


class Block(NamedTuple):
    page: str
    language: str
    text: str
    not_run: str
    """The reason in the comment above it, ``<!-- not run: REASON -->``."""


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(
        r"^(?:<!-- not run: ([^\n]*) -->\n)?```([^`\n]*)\n(.*?)^```$",
        text,
        re.MULTILINE | re.DOTALL,
    )
    assert len(found) * 2 == len(re.findall(r"^ *```", text, re.MULTILINE)), page
    return [Block(page, language, block, reason) for reason, language, block in found]


of_the_repository = pytest.mark.skipif(
    not (ROOT / "Makefile").is_file(), reason="a source distribution has a part of the repository"
)

BLOCKS = [block for page in PAGES for block in blocks(page)]
HERE = [
    block for block in BLOCKS if not block.not_run and (block.page, block.language) not in ELSEWHERE
]


@of_the_repository
def test_each_block_is_run_or_says_why_not() -> None:
    doctests = (ROOT / "tests/src/lib.rs").read_text(encoding="utf-8")
    forgotten = [
        f"{block.page}: {block.language}\n{block.text}"
        for block in HERE
        # Programs of these two are run below. A text is what a program prints.
        if block.language not in ("python", "sh", "text", "toml")
        and not (
            block.language.startswith("rust") and f'include_str!("../../{block.page}")' in doctests
        )
    ]
    assert not forgotten, "nothing runs\n" + "\n".join(forgotten)
    assert ELSEWHERE.keys() <= {(block.page, block.language) for block in BLOCKS}
    assert all((ROOT / test).is_file() for test in ELSEWHERE.values())


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(devices=0) as emulator:
        monkeypatch.setenv("COUNTERMAND_ENDPOINT", emulator.endpoint)
        monkeypatch.setenv("COUNTERMAND_TOKEN", emulator.token)
        yield emulator


# Its commands are for an emulator of another service.
SERVICES = "docs/services.md"


def adapted(block: Block, emulator: Emulator) -> str:
    """The snippet with the emulator's enterprise and its number of operations."""
    text = block.text.replace("LC01abcd89", emulator.enterprise.split("/")[1])
    return re.sub(r"(?<=[: ])5000\b", "1", text)


def is_cancelled(emulator: Emulator, name: str) -> bool:
    return {row["name"]: row["cancelled"] for row in emulator.truth()}[name] is True


@pytest.mark.parametrize(
    "block", [block for block in HERE if block.language == "python"], ids=lambda block: block.page
)
def test_python(
    emulator: Emulator, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(emulator.add())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [block.page, name])
    given = {"name": name, "endpoint": emulator.endpoint, "token": emulator.token}
    exec(compile(adapted(block, emulator), block.page, "exec"), given)
    # A snippet with an emulator of its own has cancelled there, and says so itself. One that builds
    # a request, or simulates, sends nothing.
    if not re.search(r"\b(Emulator|build_cancel|simulate)\(", block.text):
        assert is_cancelled(emulator, name)


@pytest.mark.parametrize(
    "page", sorted({block.page for block in HERE if block.language == "sh"} - {SERVICES}), ids=str
)
def test_sh(emulator: Emulator, page: str, tmp_path: Path) -> None:
    name = str(emulator.add())
    device = name.rsplit("/operations/", 1)[0]
    (tmp_path / "names.txt").write_text(name + "\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    printed = ""
    for block in (block for block in HERE if (block.page, block.language) == (page, "sh")):
        text = adapted(block, emulator).replace("8920", port)
        done = shell(text, tmp_path, NAME=name, DEVICE=device)
        assert done.returncode == 0, (block.text, done.stdout, done.stderr)
        printed += done.stdout
    for figure in PRINTED.get(page, []):
        assert figure in printed
    assert is_cancelled(emulator, name)


def test_the_page_of_services(tmp_path: Path) -> None:
    one, batch = (block for block in HERE if (block.page, block.language) == (SERVICES, "sh"))
    with Emulator(service="documentai", devices=0) as emulator:
        parent = "projects/my-project/locations/us"
        variables = {
            "COUNTERMAND_ENDPOINT": emulator.endpoint,
            "COUNTERMAND_TOKEN": emulator.token,
        }
        for block, count in ((one, 2), (batch, 12)):
            names = [emulator.add(device=parent).relative for _ in range(count)]
            text = block.text.replace(f"{parent}/operations/123", names[0])
            done = shell(text, tmp_path, **variables)
            assert done.returncode == 0, (done.stdout, done.stderr)
            assert all(is_cancelled(emulator, name) for name in names)
    assert "12 operations" in (tmp_path / "batch.html").read_text("utf-8")


@of_the_repository
@pytest.mark.parametrize(
    "block", [block for block in HERE if block.language == "toml"], ids=lambda block: block.page
)
def test_toml(block: Block) -> None:
    """The dependencies of a program are those of this version, with features that they have."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    named = tomllib.loads(block.text)["dependencies"]
    program = "".join(other.text for other in blocks(block.page) if "tokio::" in other.text)
    assert {"countermand", "tokio"} <= named.keys()
    assert all(f"{name.replace('-', '_')}::" in program for name in named)
    assert workspace["package"]["version"].startswith(named["countermand"] + ".")
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    locked = {package["name"]: package["version"] for package in packages}
    assert locked["tokio"].startswith(named["tokio"]["version"] + ".")
    others = named.keys() - {"countermand", "tokio"}
    assert all(locked[name].startswith(named[name] + ".") for name in others)
    # The runtime of many threads is that of the macro without arguments.
    assert set(named["tokio"]["features"]) == {"macros", "rt-multi-thread"}
    assert "#[tokio::main]" in program


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.not_run == SERVES], ids=lambda block: block.page
)
def test_a_server(block: Block, tmp_path: Path) -> None:
    command, *options = block.text.split()
    path = Path(sysconfig.get_path("scripts"), command)
    with subprocess.Popen([path, *options], cwd=tmp_path, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        ready = server.stdout.readline()
        server.terminate()
    assert json.loads(ready)["schema"] == "countermand.emulator/1"


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is missing")
def test_jq_lists_what_completed(emulator: Emulator, tmp_path: Path) -> None:
    completed = emulator.add(fate="completes")
    with Client() as client:
        job = client.plan(tmp_path / "a.job", [completed, emulator.add()])
        report = job.apply(confirm=job.enterprises)
    report.save(tmp_path / "report.ndjson")
    (block,) = blocks("docs/report.md")
    done = shell(block.text, tmp_path)
    assert json.loads(done.stdout) == completed


def shell(snippet: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
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


def test_fault_66_the_loop_ends_in_time_on_a_server_that_drips(
    dripping: DrippingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = partial(sansio.Cancellation, deadline=0.6, attempt_timeout=0.3)
    monkeypatch.setattr(sansio, "Cancellation", patient)
    (block,) = (
        block for block in blocks("docs/python.md") if "sansio import Cancellation" in block.text
    )
    name = "enterprises/e/devices/d/operations/o"
    given = {"name": name, "endpoint": dripping.endpoint, "token": "t"}
    began = time.monotonic()
    with pytest.raises(errors.TimedOut):
        exec(compile(block.text, block.page, "exec"), given)
    assert time.monotonic() - began < 5
    assert dripping.requests >= 1


@of_the_repository
def test_each_make_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(targets.split()) <= set(re.findall(r"`make ([a-z-]+)", page))


CURRENT = [page for page in PAGES if page not in ("CHANGELOG.md", "docs/mutants.md")]
FOLDERS = ("crates", "tests", "docs", "python", "bench", "fuzz")


@of_the_repository
@pytest.mark.parametrize("page", CURRENT)
def test_each_named_file_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`", text):
        # That of a crate is named within its crate.
        assert (ROOT / path).exists() or any(ROOT.glob(f"crates/*/{path}")), path
    for crate, path in re.findall(r"`(\w+)/([\w/]+\.rs)`", text):
        folder = ROOT / "crates" / crate
        if crate not in FOLDERS and folder.is_dir():
            # ARCHITECTURE.md leaves out most `src`.
            found = (folder / path).is_file() or (folder / "src" / path).is_file()
            assert found, f"{crate}/{path}"


@of_the_repository
def test_each_named_cargo_test_exists() -> None:
    manifests = "".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("crates/*/Cargo.toml")
    )
    commands = [
        command
        for page in CURRENT
        for command in re.findall(r"`cargo test ([^`]*)`", (ROOT / page).read_text("utf-8"))
    ]
    assert commands
    for command in commands:
        for test in re.findall(r"--test ([\w-]+)", command):
            assert f'name = "{test}"' in manifests, command


@of_the_repository
@pytest.mark.parametrize("page", PAGES)
def test_each_make_target_exists(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make\s([a-z-]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
