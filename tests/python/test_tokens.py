"""Sources of tokens, and places where tokens never appear."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, CountermandError, errors
from countermand.testing import Emulator

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-token-zyxwvu"


def test_no_token() -> None:
    with pytest.raises(PermissionError, match="COUNTERMAND_TOKEN") as caught:
        Client()
    assert type(caught.value) is errors.CredentialsError


def test_token_of_the_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERMAND_TOKEN", emulator.token)
    monkeypatch.setenv("COUNTERMAND_ENDPOINT", emulator.endpoint)
    assert Client().countermand(emulator.add()).cancelled
    assert Client(endpoint="https://example.com").endpoint == "https://example.com/v1"


def test_default_endpoint() -> None:
    assert Client(token="t").endpoint == "https://androidmanagement.googleapis.com/v1"


def test_token_file(emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text("stale\n")
    client = Client(endpoint=emulator.endpoint, token=path)
    with pytest.raises(errors.Unauthenticated):
        client.countermand(emulator.add())
    path.write_text(f"{emulator.token}\n")
    assert client.countermand(emulator.add()).cancelled
    path.unlink()
    # A file that is being replaced stops nothing: the last good token is kept.
    assert client.countermand(emulator.add()).cancelled
    with pytest.raises(errors.CredentialsError, match=str(path)):
        Client(endpoint=emulator.endpoint, token=path).countermand(emulator.add())


def test_callback_is_called_again_for_a_fresh_token(emulator: Emulator) -> None:
    tokens, threads = [emulator.token, "second"], set()

    def token() -> str:
        threads.add(threading.get_ident())
        return tokens.pop(0)

    client = Client(endpoint=emulator.endpoint, token=token)
    names = [emulator.add() for _ in range(20)]
    assert all(getattr(result, "cancelled", False) for _, result in client.countermand_all(names))
    assert tokens == ["second"]
    emulator.accept_tokens(["second"])
    names = [emulator.add() for _ in range(20)]
    assert all(getattr(result, "cancelled", False) for _, result in client.countermand_all(names))
    assert tokens == []
    assert threading.get_ident() not in threads


def test_fault_43_callback_raises(emulator: Emulator) -> None:
    failure = RuntimeError("the vault is sealed")

    def token() -> str:
        raise failure

    client = Client(endpoint=emulator.endpoint, token=token)
    with pytest.raises(errors.CredentialsError, match="RuntimeError") as caught:
        client.countermand(emulator.add())
    assert caught.value.__cause__ is failure
    assert (caught.value.transport, caught.value.maybe_delivered) == ("credentials_rejected", False)

    async def same() -> None:
        await AsyncClient(endpoint=emulator.endpoint, token=token).cancel(emulator.add())

    with pytest.raises(errors.CredentialsError) as caught:
        asyncio.run(same())
    assert caught.value.__cause__ is failure
    assert emulator.audit() == []


def test_callback_raises_when_a_fresh_token_is_needed(emulator: Emulator) -> None:
    tokens = ["stale"]
    client = Client(endpoint=emulator.endpoint, token=lambda: tokens.pop())
    with pytest.raises(errors.CredentialsError) as caught:
        client.countermand(emulator.add())
    assert isinstance(caught.value.__cause__, IndexError)
    tokens += [emulator.token]
    assert client.countermand(emulator.add()).cancelled


@pytest.mark.parametrize("junk", [None, 7, b"bytes", "two words", "", "line\nend"])
def test_callback_returns_junk(emulator: Emulator, junk: Any) -> None:
    client = Client(endpoint=emulator.endpoint, token=lambda: junk)
    with pytest.raises(errors.CredentialsError):
        client.countermand(emulator.add())
    assert emulator.audit() == []


@pytest.mark.parametrize("junk", ["", "two words", "line\nend", "héé"])
def test_text_that_is_no_token(junk: str) -> None:
    with pytest.raises(errors.CredentialsError) as caught:
        Client(token=junk)
    assert not junk or junk not in str(caught.value)


@pytest.mark.parametrize("junk", [7, [], object()])
def test_object_that_is_no_token(junk: Any) -> None:
    with pytest.raises(TypeError):
        Client(token=junk)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_never_shows(kind: type[Client | AsyncClient]) -> None:
    client = kind(token=CANARY)
    shown = [repr(client), str(client)]
    shown += [repr(getattr(client, slot)) for slot in ("_native", "_settings", "_token")]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="a file, a function, or COUNTERMAND_TOKEN") as caught:
            pickle.dumps(client, protocol)
        shown.append(str(caught.value))
    assert CANARY not in "".join(shown)


def test_a_token_never_shows_in_failures(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    faults: list[dict[str, Any]] = [
        {},
        {"fault": "hostile-message"},
        {"fault": "redirect"},
        {"fault": "html-success"},
        {"action": "reset"},
        {"status": 401, "body": f"Bearer {CANARY}"[:6]},
    ]
    client = Client(endpoint=emulator.endpoint, token=CANARY, max_attempts=1)
    for fault in faults:
        emulator.faults([{**fault, "times": None}] if fault else [])
        with pytest.raises(CountermandError) as caught:
            client.countermand(emulator.add())
        error = caught.value
        shown += [repr(error), str(vars(error)), "".join(traceback.format_exception(error))]
        shown += [repr(pickle.dumps(error))]
    out, err = capfd.readouterr()
    shown += [caplog.text, out, err]
    assert CANARY not in "".join(shown)


def test_a_commands_secrets_never_show() -> None:
    secret = "canary-password"
    with Emulator(devices=0, quirks={"ignore_fields": True}) as talkative:
        lost = {"lostMessage": {"defaultMessage": secret}}
        params = {"newPassword": secret, "startLostModeParams": lost}
        name = talkative.add(type="RESET_PASSWORD", params=params)
        client = Client(endpoint=talkative.endpoint, token=talkative.token)
        outcome = client.countermand(name)
        operations = list(client.list_operations(name.device))
    assert (outcome.cancelled, len(operations)) == (True, 1)
    for thing in (outcome, outcome.operation, operations[0], operations[0].to_dict()):
        assert secret not in f"{thing!r}{pickle.dumps(thing)!r}"
