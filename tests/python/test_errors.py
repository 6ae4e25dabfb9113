"""Every exception, raised by a real server or by the lack of one."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, CountermandError, OperationName, errors, job_errors
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_EVER = {"times": None}
SERVED: list[
    tuple[str, type[CountermandError], type[Exception], dict[str, Any], dict[str, Any]]
] = [
    (
        "countermand",
        errors.InvalidArgument,
        ValueError,
        {"fault": "invalid-argument"},
        {"kind": "invalid_argument", "http_status": 400, "maybe_delivered": False, "attempts": 1},
    ),
    (
        "countermand",
        errors.Unauthenticated,
        PermissionError,
        {"fault": "unauthenticated"},
        {
            "http_status": 401,
            "attempts": 2,
            "failure_scope": "everything",
            "maybe_delivered": False,
        },
    ),
    (
        "countermand",
        errors.PermissionDenied,
        PermissionError,
        {"fault": "forbidden-enterprise"},
        {"http_status": 403, "status": "PERMISSION_DENIED", "failure_scope": "denied_resource"},
    ),
    (
        "countermand",
        errors.PermissionDenied,
        PermissionError,
        {"fault": "scope-insufficient"},
        {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "failure_scope": "everything"},
    ),
    (
        "get",
        errors.NotFound,
        LookupError,
        {"status": 404},
        {"http_status": 404, "kind": "not_found", "maybe_delivered": False},
    ),
    (
        "countermand",
        errors.FailedPrecondition,
        CountermandError,
        {"method": "cancel", "status": 409, **FOR_EVER},
        {"http_status": 409, "maybe_delivered": False},
    ),
    (
        "countermand",
        errors.ResourceExhausted,
        CountermandError,
        {"fault": "quota-zero"},
        {"http_status": 429, "reason": "RATE_LIMIT_EXCEEDED", "failure_scope": "everything"},
    ),
    (
        "countermand",
        errors.Unimplemented,
        CountermandError,
        {"fault": "unimplemented"},
        {"http_status": 501, "maybe_delivered": False},
    ),
    (
        "countermand",
        errors.Unavailable,
        ConnectionError,
        {"status": 503, **FOR_EVER},
        {"http_status": 503, "maybe_delivered": True},
    ),
    (
        "countermand",
        errors.Redirected,
        ConnectionError,
        {"fault": "redirect", **FOR_EVER},
        {"http_status": 302, "maybe_delivered": True},
    ),
    (
        "countermand",
        errors.Malformed,
        CountermandError,
        {"status": 200, "body": [], **FOR_EVER},
        {"http_status": 200, "maybe_delivered": True},
    ),
    (
        "countermand",
        errors.NotTheApi,
        ConnectionError,
        {"fault": "html-success", **FOR_EVER},
        {"http_status": 200, "maybe_delivered": True},
    ),
    (
        "countermand",
        errors.TransportError,
        ConnectionError,
        {"action": "reset", **FOR_EVER},
        {
            "transport": "connection_lost",
            "kind": "transport",
            "http_status": None,
            "maybe_delivered": True,
        },
    ),
    (
        "countermand",
        errors.TimedOut,
        TimeoutError,
        {"action": "stall", **FOR_EVER},
        {"transport": "timed_out", "maybe_delivered": True},
    ),
    (
        "get",
        errors.TransportError,
        ConnectionError,
        {"fault": "flood", **FOR_EVER},
        {"transport": "too_large", "maybe_delivered": False},
    ),
]


@pytest.fixture
def impatient(emulator: Emulator) -> Iterator[Client]:
    with Client(
        endpoint=emulator.endpoint,
        token=emulator.token,
        max_attempts=1,
        attempt_timeout=0.5,
        deadline=1.0,
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "kind", "builtin", "fault", "attributes"),
    SERVED,
    ids=lambda value: value.__name__ if inspect.isclass(value) else "",
)
def test_served(
    emulator: Emulator,
    impatient: Client,
    method: str,
    kind: type[CountermandError],
    builtin: type[Exception],
    fault: dict[str, Any],
    attributes: dict[str, Any],
) -> None:
    name = emulator.add()
    emulator.faults([fault])
    with pytest.raises(builtin) as caught:
        getattr(impatient, method)(name)
    check(caught.value, kind, attributes)
    if method == "countermand":
        assert caught.value.operation == name  # type: ignore[attr-defined]

    async def same() -> None:
        client = AsyncClient(
            endpoint=emulator.endpoint,
            token=emulator.token,
            max_attempts=1,
            attempt_timeout=0.5,
            deadline=1.0,
        )
        await getattr(client, method)(name)

    emulator.faults([fault])
    with pytest.raises(kind) as again:
        asyncio.run(same())
    assert untimed(again.value) == untimed(caught.value)


def untimed(error: BaseException) -> dict[str, Any]:
    """The text of an error, without its duration."""
    said = vars(error)
    return {**said, "message": re.sub(r"\d+ ms", "... ms", said["message"])}


def check(error: BaseException, kind: type[CountermandError], attributes: dict[str, Any]) -> None:
    assert type(error) is kind
    assert isinstance(error, CountermandError)
    for name, value in attributes.items():
        assert getattr(error, name) == value, name
    assert error.message == str(error)
    assert error.advice
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_not_found_looks_at_the_device(emulator: Emulator, client: Client) -> None:
    name = OperationName(f"{emulator.enterprise}/devices/0/operations/1")
    with pytest.raises(LookupError) as caught:
        client.countermand(name)
    check(caught.value, errors.NotFound, {"operation": name, "parent_exists": False})


def test_misattributed(emulator: Emulator, client: Client) -> None:
    name = emulator.add(quirks={"other_name": True})
    with pytest.raises(errors.Misattributed) as caught:
        client.get(name)
    check(caught.value, errors.Misattributed, {"operation": name})
    assert isinstance(caught.value.found, OperationName)
    assert caught.value.found != name


def test_not_attempted(emulator: Emulator) -> None:
    names = [emulator.add() for _ in range(5)]
    with Client(endpoint=emulator.endpoint, token="wrong", in_flight=1) as client:
        results = [error for _, error in client.countermand_all(names)]
    assert [type(error) for error in results] == [
        errors.Unauthenticated,
        *[errors.NotAttempted] * 4,
    ]
    assert isinstance(results[4], CountermandError)
    check(results[4], errors.NotAttempted, {"maybe_delivered": False, "operation": names[4]})
    assert len(emulator.audit()) == 2


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = Client(endpoint=f"http://127.0.0.1:{port}", token="t", max_attempts=1)
    with pytest.raises(ConnectionError) as caught:
        client.get("enterprises/e/devices/d/operations/o")
    check(caught.value, errors.TransportError, {"transport": "connect", "maybe_delivered": False})
    assert "127.0.0.1" in str(caught.value)


def test_no_plain_text_to_other_machines() -> None:
    with pytest.raises(errors.TransportError) as caught:
        Client(endpoint="http://192.0.2.1", token="t")
    check(caught.value, errors.TransportError, {"transport": "not_allowed"})
    Client(endpoint="http://192.0.2.1", token="t", allow_plaintext=True)


def test_a_server_that_cannot_prove_who_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "countermand", "emulator", "--listen", "127.0.0.1:0"]
    command += ["--devices", "1", "--tls", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        unknown = f"{ready['enterprise']}/devices/0/operations/1"
        settings: dict[str, Any] = {"endpoint": ready["endpoint"], "token": ready["token"]}
        with pytest.raises(ConnectionError) as caught:
            Client(**settings).get(unknown)
        check(caught.value, errors.TlsError, {"transport": "tls", "maybe_delivered": False})
        with pytest.raises(errors.NotFound):
            Client(**settings, ca_file=tmp_path / "ca.pem").get(unknown)
        process.kill()


def test_a_ca_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.TlsError, match=r"no\.pem"):
        Client(token="t", ca_file=tmp_path / "no.pem")


@pytest.mark.parametrize(
    "endpoint", ["", "example.com", "ftp://example.com", "https://u:p@example.com", "https://x/?q"]
)
def test_invalid_endpoint(endpoint: str) -> None:
    with pytest.raises(ValueError, match="is not an endpoint") as caught:
        Client(endpoint=endpoint, token="t")
    assert type(caught.value) is errors.InvalidEndpoint
    assert (caught.value.key, caught.value.verdict) == ("invalid_endpoint", None)
    assert caught.value.advice.startswith("nothing was sent; give the root of the API")


def test_plain_http_to_another_machine_names_the_argument() -> None:
    with pytest.raises(errors.TransportError) as caught:
        Client(endpoint="http://example.com", token="t")
    assert "allow_plaintext=True" in caught.value.advice


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_argument_without_its_name(kind: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\) .*give endpoint=") as caught:
        kind("secret")
    assert "secret" not in str(caught.value)


def test_invalid_name(emulator: Emulator, client: Client) -> None:
    for call in (client.cancel, client.get, client.countermand, client.list_operations):
        with pytest.raises(ValueError, match="expected enterprises/") as caught:
            call("enterprises/e/devices/../operations/o")
        assert type(caught.value) is errors.InvalidName
    assert emulator.audit() == []


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e300])
def test_impossible_times(emulator: Emulator, seconds: float) -> None:
    with pytest.raises(ValueError, match="deadline is"):
        Client(endpoint=emulator.endpoint, token="t", deadline=seconds)
    with pytest.raises(ValueError, match="attempt_timeout is"):
        Client(endpoint=emulator.endpoint, token="t", attempt_timeout=seconds)
    with pytest.raises(ValueError, match="deadline is"):
        Client(endpoint=emulator.endpoint, token="t").countermand(emulator.add(), deadline=seconds)


def test_every_exception_is_tested() -> None:
    folder = Path(__file__).parent
    names = ("errors", "find", "tokens", "jobs", "job_refusals", "job_process", "lanes", "services")
    files = [folder / f"test_{name}.py" for name in names]
    source = "".join(file.read_text("utf-8") for file in files)
    for name in (*errors.__all__, *job_errors.__all__):
        assert f"errors.{name}" in source or name == "CountermandError", name


def table() -> dict[str, str]:
    """The class of each row of the table of errors, by the row's key."""
    page = Path(__file__).parents[2] / "docs" / "errors.md"
    _, properties = page.read_text("utf-8").split("## Properties")
    head, *rows = (line.split("|") for line in properties.splitlines() if line.startswith("| "))
    column = [cell.strip() for cell in head].index("Python")
    found = {row[1].strip(" `"): row[column].strip(" `") for row in rows}
    assert len(found) > 30
    return found


def test_fault_46_every_row_of_the_table_has_its_exception() -> None:
    for key, name in table().items():
        kind = getattr(errors, name)
        assert issubclass(kind, CountermandError), key


@pytest.mark.parametrize(
    "fault",
    [
        "invalid-argument",
        "unauthenticated",
        "forbidden-enterprise",
        "scope-insufficient",
        "quota-zero",
        "unimplemented",
    ],
)
def test_fault_46_a_call_a_scheduler_and_a_job_have_the_exception_of_the_table(
    emulator: Emulator, client: Client, tmp_path: Path, fault: str
) -> None:
    name = emulator.add()
    emulator.faults([{"fault": fault, **FOR_EVER}])
    with pytest.raises(CountermandError) as caught:
        client.countermand(name)
    [(_, of_scheduler)] = client.countermand_all([name])
    job = client.plan(tmp_path / "one.job", [name])
    [row] = job.apply(confirm=job.enterprises)
    for error in (caught.value, of_scheduler, row.error):
        assert isinstance(error, CountermandError)
        assert error.key == caught.value.key
        assert type(error).__name__ == table()[error.key]
