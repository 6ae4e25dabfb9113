"""The embedder's kit (docs/embedding.md) with the examples: each names a failure truthfully."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import socket
import struct
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import errors, sansio
from countermand.sansio import Cancellation

from conftest import cases
from test_examples import EXAMPLES, FOLDER, SCHEDULERS, load
from test_snippets import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "enterprises/e/devices/d/operations/o"
CASES = [case for case in cases("transports.json") if "first" not in case]
KEPT = [case for case in cases("transports.json") if "first" in case]
PROGRAMS = [*EXAMPLES, *SCHEDULERS, FOLDER / "journal.py", Path("python.md")]


class Server:
    """The server of a case; ends the connections that it keeps when it is closed."""

    def __init__(self, case: dict[str, Any]) -> None:
        self._case = case
        self._kept: list[socket.socket] = []
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address: tuple[str, int] = self._listener.getsockname()
        self.endpoint = f"http://127.0.0.1:{self._address[1]}"
        self._thread = threading.Thread(target=self._serve)
        if case["server"] == "refuses":
            self._listener.close()
        elif case["server"] == "unresolvable":
            self._listener.close()
            # Longer than a name of DNS may be: no resolver is asked.
            self.endpoint = f"http://{'a.' * 130}invalid"
        elif case["server"] == "black_hole":
            self._fill()
        else:
            self._thread.start()

    def _fill(self) -> None:
        """Connects until the queue of the listener is full."""
        self._listener.listen(0)
        with contextlib.suppress(TimeoutError):
            while len(self._kept) < 64:
                self._kept.append(socket.create_connection(self._address, 0.5))
        assert len(self._kept) < 64, "the queue never fills"

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closed:
                connection.close()
                return
            with contextlib.suppress(OSError):  # the client may have gone
                self._serve_one(connection)

    def _serve_one(self, connection: socket.socket) -> None:
        server = self._case["server"]
        self._kept.append(connection)
        if server == "reset":
            return reset(connection)
        if server == "reset_unread":
            connection.recv(1, socket.MSG_PEEK)
            return reset(connection)
        if not read_head(connection):
            return None
        if server == "request_then_reset":
            return reset(connection)
        connection.sendall(self._case.get("send", "").encode() + b" " * self._case.get("body", 0))
        if server in ("request_then_close", "answer"):
            return connection.close()
        assert server in ("silent", "answer_then_silent"), server
        return None

    def close(self) -> None:
        if self._case["server"] == "black_hole":
            self._listener.close()
        elif self._thread.is_alive():
            self._closed = True
            with socket.create_connection(self._address):
                self._thread.join(10)
            self._listener.close()
        for connection in self._kept:
            connection.close()


def reset(connection: socket.socket) -> None:
    """Ends a connection without a farewell."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Told(Exception):
    """The answer to the first request as a program told it: a status, or the word of a failure."""

    def __init__(self, what: int | str) -> None:
        self.what = what


class Step:
    """A cancellation whose first request ends it."""

    def __init__(self, name: str, **settings: Any) -> None:
        self._send: Any = Cancellation(name, **settings).start(0.0, seed=1)

    def start(self, *_: object, **__: object) -> Step:
        return self

    def transmit(self, _: float) -> sansio.Request:
        return self._send.transmit(0.0)

    def failed(self, _: float, kind: Any, message: str) -> None:
        self._send.failed(0.0, kind, message)  # refuses what is no word
        raise Told(kind)

    def response(self, _: float, *answer: Any) -> None:
        self._send.response(0.0, *answer)
        raise Told(answer[0])


class Ticket:
    """The ticket of a scheduler that has only one."""

    def __init__(self, real: sansio.Ticket) -> None:
        self._real = real
        self.request = real.request
        self.told: int | str | None = None

    def failed(self, now: float, kind: Any, message: str) -> None:
        self._real.failed(now, kind, message)
        self.told = kind

    def answer(self, now: float, *answer: Any) -> None:
        self._real.answer(now, *answer)
        self.told = answer[0]


class Scheduler:
    """A scheduler whose first request ends it."""

    def __init__(self, timeout: float, **settings: Any) -> None:
        self._real = sansio.Scheduler(attempt_timeout=timeout, **settings)
        self._ticket: Ticket | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @property
    def done(self) -> bool:
        if self._ticket and self._ticket.told:
            raise Told(self._ticket.told)
        return False

    def next_step(self, now: float) -> Ticket | None:
        if self._ticket:
            return None
        step = self._real.next_step(now)
        assert isinstance(step, sansio.Ticket)
        self._ticket = Ticket(step)
        return self._ticket


def run(
    program: Path, endpoint: str, timeout: float, tmp_path: Path, name: str = NAME, **of: str
) -> Any:
    """Runs a program until its first request has ended; ``of``: the service of a scheduler."""

    def step(name: str, **settings: Any) -> Step:
        return Step(name, attempt_timeout=timeout, **settings)

    def scheduler(**settings: Any) -> Scheduler:
        return Scheduler(timeout, **settings, **of)

    if program.suffix == ".md":
        (block,) = (block for block in blocks("docs/python.md") if "def send(" in block.text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sansio, "Cancellation", step)
            exec(block.text, {"name": name, "endpoint": endpoint, "token": "t"})
    module = load(program)
    if hasattr(module, "countermand"):
        module.Cancellation = step
        result = module.countermand(name, "t", endpoint)
    else:
        module.Scheduler, module.Ticket = scheduler, Ticket
        more = [tmp_path / "journal"] if program.stem == "journal" else []
        result = module.countermand_all([name], *more, "t", endpoint, "200/1s", 1.0)
    return asyncio.run(result) if inspect.iscoroutine(result) else result


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, Any]], Server]]:
    servers: list[Server] = []

    def start(case: dict[str, Any]) -> Server:
        servers.append(Server(case))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_failure_has_a_true_word(
    program: Path, case: dict[str, Any], serve: Callable[[dict[str, Any]], Server], tmp_path: Path
) -> None:
    server = serve(case)
    with pytest.RaisesGroup(Told, allow_unwrapped=True) as caught:
        run(program, server.endpoint, case.get("timeout_ms", 5000) / 1000, tmp_path)
    told: Any = caught.value
    (told,) = getattr(told, "exceptions", [told])
    # None of the programs limits the length of a body: the core reads what it gets.
    expect = case.get("uncapped", case["expect"])
    if library(program) in case.get("vague", []):
        expect = ["connection_lost"]
    assert told.what == expect or (isinstance(expect, list) and told.what in expect), told.what


JOB = "//dataflow.googleapis.com/projects/p/locations/us-central1/jobs/j"
"""A job that an update cancels: its request has a body."""


@pytest.mark.parametrize("name", [NAME, JOB])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_request_is_sent_as_it_is(program: Path, name: str, tmp_path: Path) -> None:
    expected = sansio.build_cancel(name)
    length = len(expected.body)
    assert (length > 0) is (name == JOB)
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                seen.append(read_head(connection))
                seen.append(connection.recv(length, socket.MSG_WAITALL) if length else b"")
                connection.sendall(b"HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                # What a program sends beyond its request.
                seen.append(connection.recv(1))

        thread = threading.Thread(target=serve)
        thread.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        service = {"service": "dataflow.v1b3"} if name == JOB else {}
        with pytest.RaisesGroup(Told, allow_unwrapped=True):
            run(program, endpoint, 4.0, tmp_path, name, **service)
        thread.join(30)
    head, body, more = seen
    assert (body, more) == (expected.body, b"")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith(f"{expected.method} /v1")
    fields = [line.lower().partition(":") for line in lines if line]
    for field, value in expected.headers:
        assert [it.strip() for own, _, it in fields if own == field] == [value.lower()], head
    assert not any(own == "transfer-encoding" for own, *_ in fields), head


def library(program: Path) -> str:
    """The library that a program sends with."""
    if program.stem == "journal":
        return "urllib"
    return program.stem.removeprefix("with_").removeprefix("scheduler_")


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return head


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a server with a certificate of an unknown authority."""
    folder = tmp_path_factory.mktemp("tls")
    command = [sys.executable, "-m", "countermand", "emulator", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--tls", folder], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield json.loads(process.stdout.readline())["endpoint"]
        process.kill()


UNTRUSTED = {"httpx": "connect", "aiohttp": "tls", "pycurl": "tls", "urllib": "tls"}
"""The words of docs/embedding.md; another library does not tell that nothing was sent."""


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_the_word_for_a_server_that_cannot_prove_who_it_is(
    program: Path, untrusted: str, tmp_path: Path
) -> None:
    with pytest.RaisesGroup(Told, allow_unwrapped=True) as caught:
        run(program, untrusted, 5.0, tmp_path)
    told: Any = caught.value
    (told,) = getattr(told, "exceptions", [told])
    assert told.what == UNTRUSTED.get(library(program), "connection_lost")


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case["title"])
@pytest.mark.parametrize("program", EXAMPLES, ids=lambda path: path.stem)
def test_a_request_that_the_library_repeats_may_have_arrived(
    program: Path, case: dict[str, Any]
) -> None:
    """The server gets a second cancel, on whichever connection, and then refuses."""
    methods: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(20)
        with listener:
            methods.append(read_head(connection)[:5])
            connection.sendall(case["first"].encode())
            again = connection.recv(5, socket.MSG_PEEK)
            if not again:  # the program has closed the connection, and makes another
                connection.close()
                connection, _ = listener.accept()
                again = connection.recv(5, socket.MSG_PEEK)
            methods.append(again)
            if case["server"] != "reset_unread":
                read_head(connection)
        reset(connection) if "reset" in case["server"] else connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    module = load(program)
    module.Cancellation = partial(Cancellation, max_attempts=1, deadline=2.0)
    with pytest.raises(errors.CountermandError) as caught:
        result = module.countermand(NAME, "t", f"http://127.0.0.1:{listener.getsockname()[1]}")
        if inspect.iscoroutine(result):
            asyncio.run(result)
    thread.join(30)
    assert methods == [b"POST ", b"POST "]
    assert caught.value.maybe_delivered
