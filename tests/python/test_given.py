"""Input as people give it: lengths of time, ids, credentials, files."""

from __future__ import annotations

import errno
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import Client, OperationName
from countermand.errors import CredentialsError, InvalidName
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTHS = [7200, 7200.0, "2h", "120m", "7200s", timedelta(hours=2)]


@pytest.mark.parametrize("given", LENGTHS)
def test_a_length_of_time_is_seconds_a_timedelta_or_a_text(
    fleet: Emulator, given: Any, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"endpoint": fleet.endpoint, "token": fleet.token}
    client = Client(**settings, deadline=given, attempt_timeout=given)
    name = fleet.operations()[0]
    assert client.countermand(name, deadline=given).cancelled

    def find(**ages: Any) -> set[OperationName]:
        return {item.name for item in client.find(enterprises=fleet.enterprise, **ages)}

    before, older = find(newer_than=7200.0), find(older_than=given)
    newer, after = find(newer_than=given), find(newer_than=7200.0)
    # Operations pass the age of two hours meanwhile.
    assert before >= newer >= after != set()
    assert newer.isdisjoint(older)
    job = client.plan(tmp_path / "a.job", [name], deadline=given, max_age=given)
    assert len(job) == 1


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        ("2", ValueError, 'deadline is "2": a number needs its unit'),
        ("soon", ValueError, 'deadline is "soon": expected a number with ms, s, m, h or d'),
        (timedelta(seconds=-1), ValueError, "deadline is -1"),
        (b"2h", TypeError, "is of type bytes, expected seconds, a timedelta, or a text"),
        ([], TypeError, "is of type list, expected seconds, a timedelta, or a text"),
    ],
)
def test_what_is_no_length_of_time(given: Any, kind: type[Exception], expected: str) -> None:
    with pytest.raises(kind, match=expected):
        Client(endpoint="http://127.0.0.1:1", token="t", deadline=given)


def test_an_enterprise_is_meant_by_its_id(fleet: Emulator, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"endpoint": fleet.endpoint, "token": fleet.token}
    client = Client(**settings)
    short = fleet.enterprise.rpartition("/")[2]
    found = {item.name for item in client.find(enterprises=short)}
    assert found == {item.name for item in client.find(enterprises=fleet.enterprise)} != set()
    job = client.plan(tmp_path / "a.job", enterprises=[short], quota="none")
    report = job.apply(confirm={short: len(job)})
    assert len(report) == len(found)
    for wrong in ("", "a b\n", "devices/3f", f"{short}/devices/3f"):
        with pytest.raises(InvalidName):
            client.find(enterprises=wrong)
    # A device cannot be meant by its id alone.
    with pytest.raises(InvalidName):
        client.find(devices="3f")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/etc/key.json", "looks like the path"),
        ("~/key", "looks like the path"),
        ("./token", "looks like the path"),
        ("key.json", "looks like the path"),
        ('{"type": "service_account"}', "is JSON"),
    ],
)
def test_a_text_that_is_no_token_is_refused_with_help(given: str, expected: str) -> None:
    with pytest.raises(CredentialsError, match=expected) as caught:
        Client(endpoint="http://127.0.0.1:1", token=given)
    assert given not in str(caught.value)


@pytest.mark.parametrize("kind", ["service_account", "authorized_user"])
def test_credentials_as_a_dict(emulator: Emulator, kind: Any) -> None:
    file = emulator.credentials(kind)
    client = Client(endpoint=emulator.endpoint, token=file)
    assert client.countermand(emulator.add()).cancelled
    assert {row["by"] for row in emulator.issued()} == {"token"}
    with pytest.raises(TypeError, match="does not pickle"):
        client.__reduce__()
    for secret in (file.get("private_key"), file.get("refresh_token"), file.get("client_secret")):
        assert secret is None or secret not in repr(client)
    with pytest.raises(CredentialsError, match="type"):
        Client(endpoint=emulator.endpoint, token={"type": "none"})


def test_credentials_as_google_auth_returns_them(emulator: Emulator) -> None:
    credentials = pytest.importorskip("google.oauth2.credentials")
    made = credentials.Credentials(emulator.token)
    client = Client(endpoint=emulator.endpoint, token=(made, "project"))
    assert client.countermand(emulator.add()).cancelled
    with pytest.raises(TypeError, match="token is of type"):
        Client(endpoint=emulator.endpoint, token=("a", "b", "c"))  # type: ignore[arg-type]


def test_the_token_function_may_be_a_coroutine(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    made = []

    async def token() -> tuple[str, float]:
        made.append(1)
        return emulator.token, 3600.0

    assert call("countermand", emulator.add(), client={"token": token}).cancelled
    assert made == [1]

    async def broken() -> str:
        raise KeyError

    with pytest.raises(CredentialsError, match="raised KeyError") as caught:
        call("get", emulator.add(), client={"token": broken})
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("method", "given"),
    [("countermand_all", "in_flight"), ("find", "in_flight"), ("rescue", "in_flight")],
)
@pytest.mark.parametrize("number", [0, -1, 2**64])
def test_a_number_out_of_range(
    fleet: Emulator, method: str, given: str, number: int, tmp_path: Path
) -> None:
    client = Client(endpoint=fleet.endpoint, token=fleet.token)
    arguments: dict[str, Any] = {
        "countermand_all": {"names": []},
        "find": {"enterprises": fleet.enterprise},
        "rescue": {"path": tmp_path / "r.job", "enterprises": fleet.enterprise},
    }[method]
    with pytest.raises(ValueError, match="in_flight is"):
        [*getattr(client, method)(**arguments, **{given: number})]
    with pytest.raises(ValueError, match="max_attempts is"):
        Client(endpoint=fleet.endpoint, token="t", max_attempts=number)


def test_a_report_is_saved_by_its_ending(fleet: Emulator, tmp_path: Path) -> None:
    client = Client(endpoint=fleet.endpoint, token=fleet.token)
    job = client.plan(tmp_path / "a.job", fleet.operations()[:3], quota="none")
    report = job.apply(confirm=job.enterprises)
    begins = {"csv": '"position"', "ndjson": "{", "html": "<!doctype html>"}
    for ending, begin in begins.items():
        for name in (f"x.{ending}", f"X.{ending.upper()}"):
            report.save(tmp_path / name)
            assert (tmp_path / name).read_text("utf-8").lower().startswith(begin), ending
    report.save(tmp_path / "y.txt", format="ndjson")
    first = (tmp_path / "y.txt").read_text("utf-8").splitlines()[0]
    assert json.loads(first)["position"] == 1
    with pytest.raises(FileNotFoundError) as caught:
        report.save(tmp_path / "none" / "x.csv")
    path = str(tmp_path / "none" / "x.csv")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, path)
    assert str(caught.value) == f"[Errno {errno.ENOENT}] No such file or directory: {path!r}"
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(OSError, match=re.escape(f"{tmp_path / 'taken.csv'}: ")):
        report.save(tmp_path / "taken.csv")
    for name in ("x.pdf", "x"):
        with pytest.raises(ValueError, match=r"expected \.html, \.csv or \.ndjson"):
            report.save(tmp_path / name)
        assert not (tmp_path / name).exists()
