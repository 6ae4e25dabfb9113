"""Fixtures and helpers of the tests."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VECTORS = Path(__file__).parent.parent / "vectors"


def cases(file: str) -> list[dict[str, Any]]:
    """The cases of a file of shared vectors."""
    found: list[dict[str, Any]] = json.loads((VECTORS / file).read_text("utf-8"))["cases"]
    assert found
    return found


def problem(code: int, status: str) -> bytes:
    """An error answer of the API."""
    return b'{"error":{"code":%d,"status":"%s","message":"no"}}' % (code, status.encode())


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for a condition, up to a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clears the environment of the person who runs the tests."""
    for name in (
        "COUNTERMAND_TOKEN",
        "COUNTERMAND_ENDPOINT",
        "COUNTERMAND_PROFILE",
        "CLOUDSDK_CONFIG",
        "GCE_METADATA_HOST",
        "GOOGLE_API_CERTIFICATE_CONFIG",
        "GOOGLE_API_USE_CLIENT_CERTIFICATE",
        "GOOGLE_API_USE_MTLS_ENDPOINT",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_QUOTA_PROJECT",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
def emulator(countermand_emulator: Emulator) -> Emulator:
    return countermand_emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    """A client that does not retry."""
    with Client(
        endpoint=emulator.endpoint, token=emulator.token, max_attempts=1, deadline=1.0
    ) as client:
        yield client


@pytest.fixture
def settings(emulator: Emulator) -> dict[str, Any]:
    return {"endpoint": emulator.endpoint, "token": emulator.token}


@pytest.fixture(params=[Client, AsyncClient])
def call(request: pytest.FixtureRequest, settings: dict[str, Any]) -> Callable[..., Any]:
    """Calls a method of either client; an iterator comes as a list."""

    def call(method: str, *args: object, client: dict[str, Any] | None = None, **more: Any) -> Any:
        if request.param is Client:
            with Client(**settings | (client or {})) as plain:
                result = getattr(plain, method)(*args, **more)
                return list(result) if inspect.isgenerator(result) or iterates(result) else result

        async def run() -> Any:
            async with AsyncClient(**settings | (client or {})) as other:
                result = getattr(other, method)(*args, **more)
                if inspect.isasyncgen(result):
                    return [item async for item in result]
                return await result

        return asyncio.run(run())

    return call


def iterates(result: object) -> bool:
    return hasattr(result, "__next__")


FREE: dict[str, Any] = {"quota": "none"}
"""A job with no quota but the server's."""


@pytest.fixture
def fleet() -> Iterator[Emulator]:
    with Emulator(devices=60, pending=2, seed=3) as emulator:
        yield emulator


@pytest.fixture
def free(fleet: Emulator) -> Client:
    return Client(endpoint=fleet.endpoint, token=fleet.token)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wipes.job"


def cancels(emulator: Emulator) -> Counter[str]:
    """The number of cancels for each operation."""
    paths = (row["path"] for row in emulator.audit() if row["method"] == "POST")
    return Counter(path.removeprefix("/v1/").removesuffix(":cancel") for path in paths)


class SilentServer:
    """Accepts requests, answers none, and notices when a client disconnects."""

    def __init__(self) -> None:
        self.requests = 0
        self.hung_up = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.closed = False
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.closed:
                connection.close()
                return
            self._connections.append(connection)
            threading.Thread(target=self._watch, args=(connection,)).start()

    def _watch(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.requests += data.count(b"\r\n\r\n")
        self.hung_up += 1

    def close(self) -> None:
        """Closes every connection without an answer."""
        self.closed = True
        with socket.create_connection(self._listener.getsockname()):
            self._acceptor.join(10)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    if not server.closed:
        server.close()


class DrippingServer:
    """Answers every request with one byte after another, without end."""

    def __init__(self, beginning: bytes, drop: bytes) -> None:
        self.requests = 0
        self._beginning = beginning
        self._drop = drop
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closed.is_set():
                connection.close()
                return
            self._threads.append(threading.Thread(target=self._drip, args=(connection,)))
            self._threads[-1].start()

    def _drip(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.recv(65536):
                self.requests += 1
            connection.sendall(self._beginning)
            while not self._closed.wait(0.02):
                connection.sendall(self._drop)

    def close(self) -> None:
        self._closed.set()
        with socket.create_connection(self._listener.getsockname()):
            self._threads[0].join(10)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\nx-", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", b" "),
    "chunks": (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\n \r\n",
    ),
    "error": (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 60000\r\n\r\n", b" "),
}


@pytest.fixture(params=DRIPS)
def dripping(request: pytest.FixtureRequest) -> Iterator[DrippingServer]:
    server = DrippingServer(*DRIPS[request.param])
    yield server
    server.close()
