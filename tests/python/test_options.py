"""Settings of a client by the names that users of other libraries look for."""

from __future__ import annotations

import asyncio
import http.server
import inspect
import json
import pickle
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, Outcome, __version__, errors
from countermand.expected import MEANT

from conftest import SilentServer

if TYPE_CHECKING:
    from countermand.testing import Emulator

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
NAME = "enterprises/e/devices/d/operations/o"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_unknown_argument_has_the_one_that_is_meant(kind: Any) -> None:
    for name, meant in MEANT.items():
        expected = f"{kind.__name__}() got an unexpected keyword argument {name!r}; use {meant}"
        with pytest.raises(TypeError, match=re.escape(expected)):
            kind(token="t", **{name: 5})
        assert f"`{name}`" in PAGE, name
        for argument in re.findall(r"(\w+)=", meant):
            assert argument in inspect.signature(Client).parameters
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'colour'$"):
        kind(token="t", colour=5)


def test_each_setting_is_on_the_page() -> None:
    for name, parameter in inspect.signature(Client).parameters.items():
        # Not those that take what is refused.
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        assert re.search(rf"^\| .*`(\w+\()?{name}=", PAGE, re.MULTILINE), name


def test_the_user_agent_names_the_program_and_this_package() -> None:
    heard: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["user-agent"])
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        named = Client(endpoint=endpoint, token="t", user_agent="rescue/1.0")
        copied: Client = pickle.loads(
            pickle.dumps(Client(endpoint=endpoint, user_agent="a/1", token=str.upper))
        )
        for client in (Client(endpoint=endpoint, token="t"), named, named.with_options(deadline=9)):
            with pytest.raises(errors.CountermandError):
                client.get(NAME)
        server.shutdown()
        thread.join(10)
    own = f"countermand/{__version__}"
    assert heard == [own, f"rescue/1.0 {own}", f"rescue/1.0 {own}"]
    assert copied._settings["user_agent"] == "a/1"
    with pytest.raises(errors.TransportError, match="user agent"):
        Client(endpoint=endpoint, token="t", user_agent="a\nb")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_key_of_a_service_account_by_the_names_of_google_cloud(
    kind: type[Client | AsyncClient], emulator: Emulator, tmp_path: Path
) -> None:
    info = emulator.credentials("service_account")
    path = tmp_path / "key.json"
    path.touch(0o600)
    path.write_text(json.dumps(info), "utf-8")
    settings: dict[str, Any] = {"endpoint": emulator.endpoint}
    for client in (
        kind.from_service_account_file(path, **settings),
        kind.from_service_account_file(str(path), **settings, deadline=30),
        kind.from_service_account_info(info, **settings),
    ):
        assert type(client) is kind
        done = client.countermand(emulator.add())
        outcome = done if isinstance(done, Outcome) else asyncio.run(done)
        assert outcome.cancelled
        assert info["private_key"] not in repr(client)
    assert {row["principal"] for row in emulator.issued()} == {info["client_email"]}
    with pytest.raises(errors.CredentialsError, match="key"):
        kind.from_service_account_file(tmp_path / "no-key.json", **settings)
    with pytest.raises(TypeError, match="use deadline="):
        kind.from_service_account_info(info, timeout=5)
    misplaced: Any = str(path)
    with pytest.raises(TypeError, match="info is of type str, expected the dict"):
        kind.from_service_account_info(misplaced)


def test_other_limits_on_the_same_connections(emulator: Emulator, silent: SilentServer) -> None:
    tokens = []

    def token() -> tuple[str, float]:
        tokens.append(1)
        return emulator.token, 3600.0

    client = Client(endpoint=emulator.endpoint, token=token)
    for other in (client, client.with_options(deadline=30), client.with_options(in_flight=1)):
        assert other.countermand(emulator.add()).cancelled
    assert len(tokens) == 1
    derived = client.with_options(deadline="30s").with_options(max_attempts=1)
    assert (derived._settings["deadline"], derived._settings["max_attempts"]) == ("30s", 1)
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.with_options(deadline=1)
    assert derived.countermand(emulator.add()).cancelled
    with pytest.raises(ValueError, match="deadline is -1"):
        derived.with_options(deadline=-1)

    slow = Client(endpoint=silent.endpoint, token="t")
    with pytest.raises(errors.TimedOut):
        slow.with_options(attempt_timeout=0.05, max_attempts=1).get(NAME)
    assert silent.requests == 1


def test_other_limits_of_a_subclass_and_of_asyncio(
    settings: dict[str, Any], emulator: Emulator
) -> None:
    class Own(AsyncClient):
        def __init__(self, label: str) -> None:
            super().__init__(**settings)
            self.label = label

    other = Own("x").with_options(deadline=20)
    assert (type(other), other.label) == (Own, "x")
    assert asyncio.run(other.countermand(emulator.add())).cancelled
