"""Signals, forks, other processes and the end of this process."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, OperationName, Outcome
from countermand.testing import Emulator

from conftest import SilentServer, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "enterprises/e/devices/d/operations/o"


def python(code: str, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


CALLS = {
    "countermand": "Client(endpoint=sys.argv[1], token='t').countermand(NAME)",
    "countermand_all": "list(Client(endpoint=sys.argv[1], token='t').countermand_all([NAME]))",
    "a held scheduler": (
        "list(Client(endpoint=sys.argv[1], token='t')"
        ".countermand_all([NAME, NAME + '2'], quota='1/60s', share=1.0))"
    ),
    "a held scheduler that is watched": (
        "list(Client(endpoint=sys.argv[1], token='t')"
        ".countermand_all([NAME, NAME + '2'], quota='1/60s', share=1.0, progress=True))"
    ),
    "list_operations": "list(Client(endpoint=sys.argv[1], token='t').list_operations(NAME[:23]))",
    "asyncio": "asyncio.run(AsyncClient(endpoint=sys.argv[1], token='t').countermand(NAME))",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_fault_43_control_c(silent: SilentServer, call: str) -> None:
    code = f"""
        import asyncio, signal, sys
        from countermand import AsyncClient, Client
        NAME = {NAME!r}
        # A job in the background inherits that it ignores the signal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.stdin.read()
    """
    with python(code, silent.endpoint) as process:
        assert process.stdout
        until(lambda: silent.requests == 1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - began < 0.25
        # The process still runs, and its request has ended.
        until(lambda: silent.hung_up == 1)
        process.communicate()
        assert process.returncode == 0


def in_fork(work: Callable[[], bool]) -> bool:
    """The output of the work in a forked child; a child that hangs is killed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    status: list[int] = []

    def ended() -> bool:
        found, code = os.waitpid(pid, os.WNOHANG)
        if found:
            status.append(code)
        return bool(found)

    try:
        until(ended, 20)
    except AssertionError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    return status == [0]


def test_fault_43_a_forked_child_works(emulator: Emulator) -> None:
    client = Client(endpoint=emulator.endpoint, token=emulator.token)
    assert client.countermand(emulator.add()).cancelled
    name, other = emulator.add(), emulator.add()

    def child() -> bool:
        if not client.countermand(name).cancelled:
            return False
        # And a child of the child.
        return in_fork(lambda: client.countermand(other).cancelled)

    assert in_fork(child)
    assert client.countermand(emulator.add()).cancelled
    assert set(emulator.operations("cancelled")) >= {name, other}


def test_fault_43_a_child_forked_amid_calls_works(emulator: Emulator, silent: SilentServer) -> None:
    waiting = Client(endpoint=silent.endpoint, token="t", max_attempts=1)
    results = waiting.countermand_all([f"{NAME}{n}" for n in range(10)])
    thread = threading.Thread(target=lambda: next(results))
    thread.start()
    until(lambda: silent.requests == 10)
    client = Client(endpoint=emulator.endpoint, token=lambda: emulator.token)
    name = emulator.add()
    for _ in range(5):

        def child() -> bool:
            nonlocal waiting, results
            del results, waiting  # collected in the child, where nothing runs any more
            return client.countermand(name).verdict is not None

        assert in_fork(child)
    silent.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_child_forked_amid_a_callback_works(emulator: Emulator) -> None:
    asked, answer = threading.Event(), threading.Event()
    parent = os.getpid()

    def token() -> str:
        if os.getpid() == parent:
            asked.set()
            answer.wait(20)
        return emulator.token

    client = Client(endpoint=emulator.endpoint, token=token)
    ours, name = emulator.add(), emulator.add()
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(client.countermand(ours)))
    thread.start()
    assert asked.wait(10)
    assert in_fork(lambda: client.countermand(name).cancelled)
    answer.set()
    thread.join(10)
    assert [outcome.cancelled for outcome in outcomes] == [True]


def test_calls_of_the_parent_are_refused_in_a_child(silent: SilentServer) -> None:
    client = Client(endpoint=silent.endpoint, token="t")
    operations = client.list_operations("enterprises/e/devices/d")

    def child() -> bool:
        try:
            next(operations)
        except RuntimeError as error:
            return "forked" in str(error)
        return False

    assert in_fork(child)


def countermand(client: Client, name: OperationName) -> Outcome:
    return client.countermand(name)


def token_of_a_function() -> str:
    return "emulator-token"


def test_fault_43_a_spawned_child_works(emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(emulator.token)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for token in (path, token_of_a_function):
            client = Client(endpoint=emulator.endpoint, token=token, max_attempts=3, in_flight=7)
            outcome = pool.apply_async(countermand, (client, emulator.add())).get(30)
            assert outcome.cancelled


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_pickles_as_its_settings(
    kind: type[Client | AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "token").chmod(0o600)
    settings: dict[str, Any] = {
        "endpoint": "https://example.com/v1",
        "token": tmp_path / "token",
        "deadline": 7.0,
        "max_attempts": 2,
    }
    again = pickle.loads(pickle.dumps(kind(**settings)))
    assert type(again) is kind
    assert repr(again) == repr(kind(**settings))
    assert again.__reduce__() == kind(**settings).__reduce__()
    monkeypatch.setenv("COUNTERMAND_TOKEN", "canary")
    pickled = pickle.dumps(kind(endpoint="https://example.com"))
    assert b"canary" not in pickled
    assert repr(pickle.loads(pickled)) == repr(kind(endpoint="https://example.com"))


ENDINGS = {
    "a thread waits": """
        client = Client(endpoint=sys.argv[1], token="t")
        threading.Thread(target=lambda: client.countermand(NAME), daemon=True).start()
        sys.stdin.readline()
    """,
    "many wait": """
        client = Client(endpoint=sys.argv[1], token="t")
        results = client.countermand_all([NAME] * 50)
        threading.Thread(target=lambda: next(results), daemon=True).start()
        sys.stdin.readline()
    """,
    "a loop is closed early": """
        loop = asyncio.new_event_loop()
        task = loop.create_task(AsyncClient(endpoint=sys.argv[1], token="t").countermand(NAME))
        loop.run_until_complete(asyncio.sleep(0))
        sys.stdin.readline()
        loop.close()
    """,
    "a task is abandoned": """
        async def main():
            asyncio.create_task(AsyncClient(endpoint=sys.argv[1], token="t").countermand(NAME))
            await asyncio.to_thread(sys.stdin.readline)
        asyncio.run(main())
    """,
    "a callback does not return": """
        client = Client(endpoint=sys.argv[1], token=lambda: threading.Event().wait() or "t")
        threading.Thread(target=lambda: client.countermand(NAME), daemon=True).start()
        threading.Thread(
            target=lambda: Client(endpoint=sys.argv[1], token="t").get(NAME), daemon=True
        ).start()
        sys.stdin.readline()
    """,
    "it calls again at the very end": """
        client = Client(endpoint=sys.argv[1], token="t")
        class Late:
            def __del__(self):
                try:
                    client.countermand(NAME)
                except RuntimeError as error:
                    print(error)
        sys.late = Late()
        threading.Thread(target=lambda: client.countermand(NAME), daemon=True).start()
        sys.stdin.readline()
    """,
}


@pytest.mark.parametrize("code", ENDINGS.values(), ids=ENDINGS)
def test_fault_43_the_interpreter_ends_amid_a_call(silent: SilentServer, code: str) -> None:
    head = f"""
        import asyncio, sys, threading
        from countermand import AsyncClient, Client
        NAME = {NAME!r}
    """
    with python(textwrap.dedent(head) + textwrap.dedent(code), silent.endpoint) as process:
        until(lambda: silent.requests >= 1)
        began = time.monotonic()
        _, stderr = process.communicate("\n", timeout=20)
        assert process.returncode == 0, stderr
        assert time.monotonic() - began < 5
        for word in ("panicked", "Fatal", "Segmentation"):
            assert word not in stderr


def test_fault_43_answers_to_a_closed_loop(emulator: Emulator) -> None:
    code = """
        import asyncio, sys
        from countermand import AsyncClient, Client
        endpoint, token, name, other = sys.argv[1:]
        loop = asyncio.new_event_loop()
        call = AsyncClient(endpoint=endpoint, token=token).countermand(name)
        task = loop.create_task(call)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        # When this one is answered, the other has been answered too, and no task awaits it.
        print(Client(endpoint=endpoint, token=token).countermand(other).verdict)
    """
    emulator.faults([{"delay_ms": 200, "method": "cancel", "times": None}])
    names = [str(emulator.add()), str(emulator.add())]
    with python(code, emulator.endpoint, emulator.token, *names) as process:
        stdout, stderr = process.communicate(timeout=20)
        assert (process.returncode, stdout) == (0, "cancelled\n"), stderr
        assert "panicked" not in stderr
    assert len(emulator.operations("cancelled")) == 2


@pytest.mark.parametrize("first", ["main", "sub"])
def test_fault_67_a_sub_interpreter_is_refused_and_breaks_nothing(
    emulator: Emulator, first: str
) -> None:
    code = """
        import sys
        try:
            import _interpreters as interpreters  # since 3.13
        except ImportError:
            import _xxsubinterpreters as interpreters

        IMPORT = '\\n'.join([
            "try:",
            "    from countermand import Client",
            "except ImportError as error:",
            "    assert 'does not run in a sub-interpreter' in str(error), error",
            "    assert 'another process' in str(error), error",
            "else:",
            "    raise AssertionError('it was imported')",
        ])

        def sub():
            number = interpreters.create()
            failed = interpreters.run_string(number, IMPORT)
            assert not failed, failed
            interpreters.destroy(number)

        if sys.argv[3] == "sub":
            sub()
        from countermand import Client
        client = Client(endpoint=sys.argv[1], token="emulator-token")
        print(client.get(sys.argv[2]).done)
        sub()
        print(client.countermand(sys.argv[2]).verdict)
    """
    with python(code, emulator.endpoint, str(emulator.add()), first) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (stdout, stderr, process.returncode) == ("False\ncancelled\n", "", 0)


def test_fault_67_without_asyncio_a_sentence_says_what_to_use() -> None:
    client = AsyncClient(endpoint="http://127.0.0.1:1", token="t")
    # Another library awaits it, as trio does.
    with pytest.raises(RuntimeError, match=r"event loop of asyncio; under trio use a Client"):
        client.cancel(NAME).send(None)
    with pytest.raises(RuntimeError, match="under trio"):
        client.list_operations(NAME[:23]).__anext__().send(None)
