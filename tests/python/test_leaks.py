"""Memory does not grow: 100,000 calls and more, in steps that would show a leak."""

from __future__ import annotations

import gc
import pickle
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countermand import AsyncClient, Client, OperationName, errors
from countermand.sansio import Cancellation, Done, Send, parse_cancel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NAME = "enterprises/e/devices/d/operations/o"
CANCELLED = f'{{"name": "{NAME}", "done": true, "error": {{"code": 1}}}}'.encode()

MOST = 3 << 20
"""The limit of growth, in bytes: 100,000 leaks of 32 bytes exceed it."""


def resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


def flat(work: Callable[[], None], times: int) -> None:
    """Runs the work so many times, after 10 % of it for one-time allocations."""
    for _ in range(times // 10):
        work()
    before = resident()
    for _ in range(times):
        work()
    grown = resident() - before
    assert grown < MOST, f"{grown} bytes in {times} calls"


def test_the_measure_finds_a_leak() -> None:
    kept: list[bytes] = []
    with pytest.raises(AssertionError, match="bytes in 100000 calls"):
        flat(lambda: kept.append(bytes(64)), 100_000)


def test_a_hundred_thousand_countermands_without_io() -> None:
    cancellation = Cancellation(NAME)

    def countermand() -> None:
        asked = cancellation.start(0.0, 1)
        assert isinstance(asked, Send)
        looked = asked.response(0.1, 200, {}, b"{}")
        assert isinstance(looked, Send)
        done = looked.response(1.0, 200, {}, CANCELLED)
        assert isinstance(done, Done)
        assert done.result().cancelled

    flat(countermand, 100_000)


def test_a_hundred_thousand_values_and_errors() -> None:
    name = OperationName(NAME)

    def refused(call: Callable[[], object]) -> bool:
        try:
            call()
        except errors.CountermandError:
            return True
        return False

    def values() -> None:
        assert pickle.loads(pickle.dumps(name)) == name
        assert refused(lambda: OperationName("enterprises/e"))
        assert refused(lambda: parse_cancel(name, 404, {}, b""))

    flat(values, 100_000)


@pytest.fixture
def server() -> Iterator[str]:
    """Answers every request with an operation that is cancelled, and stores nothing."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(CANCELLED), CANCELLED)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while connection.recv(4096):
                connection.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_thousands_of_calls_over_a_socket(server: str) -> None:
    with Client(endpoint=server, token="t") as client:
        flat(lambda: None if client.get(NAME).done else pytest.fail("not done"), 5_000)


def test_thousands_of_clients(server: str) -> None:
    def use() -> None:
        Client(endpoint=server, token="t").close()
        AsyncClient(endpoint=server, token="t")

    flat(use, 5_000)
