"""The proxy that the environment names, for clients that ask for it."""

from __future__ import annotations

import pickle
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from countermand import Client, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "enterprises/e/devices/d/operations/o"


class RefusingProxy:
    """Refuses every tunnel, and keeps the requests."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                heard = connection.recv(4096)
                if heard == b"end":
                    return
                self.heard += heard
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    def close(self) -> None:
        with socket.create_connection(self._listener.getsockname()) as last:
            last.sendall(b"end")
        self._thread.join()
        self._listener.close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingProxy]:
    proxy = RefusingProxy()
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://user:canary-password@{proxy.address}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield proxy
    proxy.close()


def test_a_proxy_hears_of_it_only_when_asked_for(
    proxy: RefusingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No server listens there.
    with socket.create_server(("127.0.0.1", 0)) as gone:
        server = f"127.0.0.1:{gone.getsockname()[1]}"
    settings = {"endpoint": f"https://{server}", "token": "canary-token", "max_attempts": 1}
    with pytest.raises(errors.TransportError):
        Client(**settings).get(NAME)
    assert proxy.heard == b""
    with pytest.raises(errors.TransportError, match=proxy.address) as caught:
        Client(**settings, proxy_from_env=True).get(NAME)
    assert proxy.heard.startswith(f"CONNECT {server} HTTP/1.1\r\n".encode())
    assert b"canary-token" not in proxy.heard
    assert "canary" not in f"{caught.value!r} {vars(caught.value)}"

    proxy.heard = b""
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    with pytest.raises(errors.TransportError):
        Client(**settings, proxy_from_env=True).get(NAME)
    assert proxy.heard == b""


def test_what_is_no_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:canary@host")
    with pytest.raises(errors.TransportError, match="proxy") as caught:
        Client(token="t", proxy_from_env=True)
    assert "canary" not in f"{caught.value!r} {vars(caught.value)}"


def test_the_setting_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERMAND_TOKEN", "t")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    pickled = pickle.dumps(Client(proxy_from_env=True))
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(errors.TransportError, match="proxy"):
        pickle.loads(pickled)
