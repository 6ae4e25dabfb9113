"""Credentials of every kind, against the emulator's token endpoints."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import google.oauth2.credentials
import google.oauth2.service_account
import pytest

from countermand import AsyncClient, Client, errors

if TYPE_CHECKING:
    from countermand.testing import Emulator

SCOPE = "https://www.googleapis.com/auth/androidmanagement"
KINDS = ["service_account", "authorized_user", "external_account", "impersonated_service_account"]


def written(directory: Path, name: str, content: object) -> Path:
    """A file that only its owner can read."""
    path = directory / name
    path.touch(0o600)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def principals(emulator: Emulator) -> list[str]:
    return [row["principal"] for row in emulator.issued()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_is_told_by_what_is_in_it(emulator: Emulator, tmp_path: Path, kind: Any) -> None:
    path = written(tmp_path, "credentials.json", emulator.credentials(kind))
    client = Client(endpoint=emulator.endpoint, token=path)
    assert client.countermand(emulator.add()).cancelled
    assert client.countermand(emulator.add()).cancelled
    assert SCOPE in emulator.issued()[-1]["scope"]
    shown = repr(client) + repr(pickle.dumps(client))
    assert "canary" not in shown
    assert "PRIVATE" not in shown
    restored = pickle.loads(pickle.dumps(client))
    assert restored.countermand(emulator.add()).cancelled


def test_application_default_credentials(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud = tmp_path / ".config" / "gcloud"
    gcloud.mkdir(parents=True)
    user = emulator.credentials("authorized_user")
    written(gcloud, "application_default_credentials.json", user)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Client(endpoint=emulator.endpoint).countermand(emulator.add()).cancelled
    key = written(tmp_path, "key.json", emulator.credentials("service_account"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert Client(endpoint=emulator.endpoint).countermand(emulator.add()).cancelled
    assert principals(emulator) == ["user", emulator.credentials("service_account")["client_email"]]
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("NO_GCE_CHECK")
    monkeypatch.setenv("GCE_METADATA_HOST", emulator.endpoint.removeprefix("http://"))
    assert Client(endpoint=emulator.endpoint).countermand(emulator.add()).cancelled
    assert emulator.issued()[-1]["by"] == "metadata"
    monkeypatch.setenv("COUNTERMAND_TOKEN", emulator.token)
    assert Client(endpoint=emulator.endpoint).countermand(emulator.add()).cancelled
    # The metadata server was asked twice: whether it is there, and for the token.
    assert [issued["by"] for issued in emulator.issued()] == [
        "token",
        "token",
        "metadata",
        "metadata",
    ]


@pytest.mark.parametrize("junk", ["{", '{"type": "canary"}', '{"private_key": "canary"}', "{}"])
def test_a_file_that_is_of_no_use(tmp_path: Path, junk: str) -> None:
    path = written(tmp_path, "bad.json", junk)
    with pytest.raises(errors.CredentialsError, match=r"bad\.json") as caught:
        Client(token=path)
    assert "canary" not in str(caught.value)


def test_a_file_that_others_can_read(emulator: Emulator, tmp_path: Path) -> None:
    path = written(tmp_path, "key.json", emulator.credentials("service_account"))
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        Client(token=path)
    token = written(tmp_path, "token", "ya29.x")
    token.chmod(0o640)
    with pytest.warns(UserWarning, match="chmod 600"):
        Client(token=token)


def test_what_is_missing_is_told_when_a_client_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.CredentialsError, match="No such file"):
        Client(token=tmp_path / "key.json")
    monkeypatch.setenv("HOME", "/nonexistent")
    # A metadata server was only guessed to be there.
    monkeypatch.delenv("NO_GCE_CHECK")
    for kind in (Client, AsyncClient):
        with pytest.raises(errors.CredentialsError, match="no metadata server") as caught:
            kind()
        for way in ("token=...", "COUNTERMAND_TOKEN", "gcloud auth application-default login"):
            assert way in str(caught.value)


def test_a_function_that_says_how_long(emulator: Emulator) -> None:
    lives: list[float | None] = [3600.0]
    calls = []

    def token() -> tuple[str, float | None]:
        calls.append(1)
        return emulator.token, lives[0]

    for life in (3600.0, 0.0, -5.0, float("nan"), float("inf"), 1e300, None):
        lives[0] = life
        calls.clear()
        client = Client(endpoint=emulator.endpoint, token=token)
        for _ in range(3):
            assert client.countermand(emulator.add()).cancelled
        assert len(calls) == 1, life


@pytest.mark.parametrize("junk", [("t",), ("t", "soon"), (None, 1.0), ("a b", 1.0), ("t", 1, 2)])
def test_a_function_that_returns_junk(emulator: Emulator, junk: Any) -> None:
    client = Client(endpoint=emulator.endpoint, token=lambda: junk)
    with pytest.raises(errors.CredentialsError):
        client.countermand(emulator.add())


def user(emulator: Emulator, **changes: Any) -> google.oauth2.credentials.Credentials:
    """A real credentials object of google-auth."""
    file = {**emulator.credentials("authorized_user"), **changes}
    credentials = google.oauth2.credentials.Credentials(  # type: ignore[no-untyped-call]
        token=None,
        refresh_token=file["refresh_token"],
        client_id=file["client_id"],
        client_secret=file["client_secret"],
        token_uri=file["token_uri"],
        quota_project_id=file["quota_project_id"],
    )
    assert isinstance(credentials, google.oauth2.credentials.Credentials)
    return credentials


def test_google_auth_is_refreshed_only_when_it_is_not_fresh(emulator: Emulator) -> None:
    credentials = user(emulator)
    client = Client(endpoint=emulator.endpoint, token=credentials)
    for _ in range(3):
        assert client.countermand(emulator.add()).cancelled
    assert len(emulator.issued()) == 1
    # Credentials that other code has refreshed are used as they are.
    again = Client(endpoint=emulator.endpoint, token=credentials)
    assert again.countermand(emulator.add()).cancelled
    assert len(emulator.issued()) == 1
    # A token that the server refuses is refreshed, once for all requests.
    emulator.accept_tokens(["other"])
    names = [emulator.add() for _ in range(20)]
    assert all(getattr(it, "cancelled", False) for _, it in again.countermand_all(names))
    assert len(emulator.issued()) == 2


def test_google_auth_service_account_is_given_the_scope(emulator: Emulator) -> None:
    file = emulator.credentials("service_account")
    load = google.oauth2.service_account.Credentials.from_service_account_info
    credentials = load(file)  # type: ignore[no-untyped-call]
    client = Client(endpoint=emulator.endpoint, token=credentials)
    assert client.countermand(emulator.add()).cancelled
    assert emulator.issued()[0]["scope"] == SCOPE


def test_google_auth_is_refreshed_off_the_event_loop(emulator: Emulator) -> None:
    threads = set()

    class Slow(google.oauth2.credentials.Credentials):  # type: ignore[misc]
        def refresh(self, request: object) -> None:
            threads.add(threading.get_ident())
            time.sleep(0.5)
            super().refresh(request)

    credentials = user(emulator)
    credentials.__class__ = Slow
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        async with AsyncClient(endpoint=emulator.endpoint, token=credentials) as client:
            names = [emulator.add() for _ in range(20)]
            outcomes = await asyncio.gather(*(client.countermand(name) for name in names))
        ticking.cancel()
        assert all(outcome.cancelled for outcome in outcomes)

    asyncio.run(main())
    assert len(emulator.issued()) == 1
    assert threads
    assert threading.get_ident() not in threads
    assert ticks > 10


def test_google_auth_never_shows_and_never_pickles(emulator: Emulator) -> None:
    client = Client(endpoint=emulator.endpoint, token=user(emulator))
    assert repr(client).endswith("token=Credentials)")
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(client)
    bad = Client(endpoint=emulator.endpoint, token=user(emulator, refresh_token="1//canary-no"))
    with pytest.raises(errors.CredentialsError, match="RefreshError") as caught:
        bad.countermand(emulator.add())
    assert isinstance(caught.value.__cause__, google.auth.exceptions.RefreshError)
    assert "canary" not in str(caught.value)


def test_the_project_that_pays(emulator: Emulator) -> None:
    for project in ("a b", "", "x" * 300):
        with pytest.raises(errors.CredentialsError):
            Client(endpoint=emulator.endpoint, token="t", quota_project=project)
    client = Client(endpoint=emulator.endpoint, token=emulator.token, quota_project="acme")
    assert client.countermand(emulator.add()).cancelled


KEY = '{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\\nMIIcanary\\n"}'


@pytest.mark.parametrize(
    "settings",
    [
        {"token": KEY},
        {"token": Path(KEY)},
        {"token": Path("ya29.canary")},
        {"token": "first\nsecond canary"},
        {"token": "Bearer ya29.canary"},
        {"token": "ya29.a", "endpoint": KEY},
        {"token": "ya29.a", "endpoint": "https://user:canary@api.example/v1"},
        {"token": "ya29.a", "endpoint": "https://api.example", "ca_file": KEY},
        {"token": "ya29.a", "quota_project": KEY},
        {"token": "ya29.a", "quota_project": "ya29.canary"},
    ],
)
def test_fault_55_a_secret_where_something_else_belongs_is_not_repeated(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(errors.CountermandError) as caught:
        Client(**settings)
    shown = f"{caught.value} {caught.value!r}"
    assert "canary" not in shown
    assert "MII" not in shown


def test_fault_55_a_path_given_as_a_token_is_told_and_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, problem in (
        (str(tmp_path / "key.json"), "looks like the path"),
        ("key.json", "looks like the path"),
        ("secrets/token.txt", "looks like the path"),
        ("file:///run/token", "looks like the path"),
        ("~/key", "looks like the path"),
        ("./token", "looks like the path"),
        ("$TOKEN", "a variable that was not replaced"),
        ('{"type": "service_account"}', "is JSON"),
    ):
        with pytest.raises(errors.CredentialsError, match=problem) as caught:
            Client(token=text)
        assert "token=Path(...), credentials in JSON as a dict" in str(caught.value)
    written(tmp_path, "token", "ya29.x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.CredentialsError, match="is the path of a file"):
        Client(token="token")


def test_fault_55_a_refused_name_that_looks_like_a_secret_is_not_kept() -> None:
    client = Client(token="ya29.a", endpoint="http://127.0.0.1:1")
    for text in (KEY, "ya29.canary"):
        with pytest.raises(errors.InvalidName) as caught:
            client.cancel(text)
        shown = f"{caught.value} {caught.value!r} {caught.value.input}"
        assert "canary" not in shown
        assert "MII" not in shown
