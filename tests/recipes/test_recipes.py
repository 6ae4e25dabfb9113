"""The recipes of docs/recipes.md, each run in what it is for, against the emulator."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countermand import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from countermand.testing import Emulator

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "python" / "recipes"


@pytest.fixture
def emulator(countermand_environment: Emulator) -> Emulator:
    return countermand_environment


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_recipe_is_on_the_page_and_has_a_test() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text("utf-8")
    tests = Path(__file__).read_text("utf-8")
    files = [path.name for path in RECIPES.iterdir() if path.is_file()]
    assert len(files) == 6
    for file in files:
        assert f"(../python/recipes/{file})" in page, file
        assert f'"{file}"' in tests or f'"{Path(file).stem}"' in tests, file


def test_script(emulator: Emulator, tmp_path: Path) -> None:
    name, late = emulator.add(), emulator.add("completes")
    script = str(RECIPES / "script.py")
    (tmp_path / "names").write_text(f"{name}\n", "utf-8")
    done = python(script, "names", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{name} cancelled\n"), done.stderr
    (tmp_path / "names").write_text(f"{late}\n{name}0\n", "utf-8")
    done = python(script, "names", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{late} completed\n" in done.stdout
    assert f"{name}0 " in done.stdout


def test_notebook(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    names = [emulator.add() for _ in range(3)]
    monkeypatch.setenv("RESCUE_ENTERPRISE", emulator.enterprise)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(RECIPES / "notebook.ipynb", 4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    assert sorted(emulator.operations("cancelled")) == sorted(names)
    shown = [cell.outputs[-1].data for cell in notebook.cells if cell.get("outputs")]
    assert shown[0]["text/plain"] == f"{{'{emulator.enterprise}': 3}}"
    assert "<table" in shown[1]["text/html"]
    assert "cancelled" in shown[2]["text/plain"].lower()


@pytest.mark.parametrize(
    "cell",
    [
        "Client().countermand(name)",
        "list(Client().countermand_all([name], progress=True))",
        "Client().plan('wipes.job', [name]).apply(confirm={enterprise: 1})",
    ],
)
def test_the_stop_button_of_a_notebook(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    name = emulator.add("stuck")
    manager, kernel = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))

    def reply(cell: str) -> dict[str, Any]:
        while (message := kernel.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != cell:
            pass
        content: dict[str, Any] = message["content"]
        return content

    try:
        given = f"name, enterprise = {str(name)!r}, {emulator.enterprise!r}"
        before = kernel.execute(f"from countermand import Client\n{given}")
        assert reply(before)["status"] == "ok"
        running = kernel.execute(cell)
        deadline = time.monotonic() + 30
        while not [row for row in emulator.audit() if row["method"] == "GET"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        began = time.monotonic()
        manager.interrupt_kernel()
        stopped = reply(running)
        assert stopped.get("ename") == "KeyboardInterrupt", stopped
        assert time.monotonic() - began < 10
        # The kernel goes on, and so does the package in it.
        other = emulator.add()
        after = kernel.execute(f"assert Client().countermand({str(other)!r}).cancelled")
        assert reply(after)["status"] == "ok"
        assert other in emulator.operations("cancelled")
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def service(emulator: Emulator) -> Iterator[str]:
    import uvicorn

    assert emulator.endpoint
    app = importlib.import_module("fastapi_stream").app
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (port,) = (socket.getsockname()[1] for one in server.servers for socket in one.sockets)
    yield f"http://127.0.0.1:{port}/countermand"
    server.should_exit = True
    thread.join(30)


def test_fastapi_stream(emulator: Emulator, service: str) -> None:
    names = [emulator.add(), emulator.add("stuck"), "enterprises/e"]
    asked = {"names": names, "deadline": 2.0}
    came: dict[str, tuple[float, dict[str, Any]]] = {}
    with httpx.stream("POST", service, json=asked, timeout=30) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        for line in response.iter_lines():
            row = json.loads(line)
            came[row["name"]] = time.monotonic(), row["result"]
    assert [came[name][1].get("verdict") for name in names] == ["cancelled", "pending", None]
    assert came["enterprises/e"][1]["kind"] == "invalid_name"
    # The first came while the second was still looked at.
    assert came[names[1]][0] - came[names[0]][0] > 0.5


def test_fastapi_stream_ends_with_its_caller(emulator: Emulator, service: str) -> None:
    left, stays = emulator.add("stuck"), emulator.add("stuck")
    with httpx.stream("POST", service, json={"names": [emulator.add(), left]}) as response:
        next(response.iter_lines())
    at = emulator.audit()[-1]["time"]
    httpx.post(service, json={"names": [stays], "deadline": 4.0}, timeout=30)
    looks = [row for row in emulator.audit() if row["time"] > at + 1000]
    assert [row for row in looks if stays in row["path"]]
    assert not [row for row in looks if left in row["path"]]


def test_django_command(emulator: Emulator) -> None:
    from django.conf import settings
    from django.core.management import CommandError, call_command

    if not settings.configured:
        settings.configure()
    command = importlib.import_module("django_command").Command
    name, late = emulator.add(), emulator.add("completes")
    printed = io.StringIO()
    call_command(command(stdout=printed), name)
    assert printed.getvalue() == f"{name} cancelled\n"
    with pytest.raises(CommandError, match="1 of 1 operations are not known to be cancelled"):
        call_command(command(stdout=printed), late)
    assert f"{late} completed\n" in printed.getvalue()


def test_celery_task(emulator: Emulator) -> None:
    from celery.contrib.testing.worker import start_worker

    recipe = importlib.import_module("celery_task")
    recipe.app.conf.update(broker_url="memory://", result_backend="cache+memory://")
    name = emulator.add()
    with start_worker(recipe.app, pool="solo", perform_ping_check=False):
        outcome = recipe.countermand.delay(name).get(timeout=30)
        assert (outcome["name"], outcome["verdict"]) == (name, "cancelled")
        with pytest.raises(errors.NotFound) as caught:
            recipe.countermand.delay(f"{name}0").get(timeout=30)
    assert caught.value.operation == f"{name}0"


def test_with_pytest(tmp_path: Path) -> None:
    recipe = tmp_path / "test_with_pytest.py"
    recipe.write_text((RECIPES / recipe.name).read_text("utf-8"), "utf-8")
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", recipe.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
