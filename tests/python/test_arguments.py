"""Invalid arguments: one sentence each, with the argument's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countermand import Client
from countermand.sansio import Cancellation, Scheduler
from countermand.testing import Emulator

from conftest import FREE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "enterprises/e/devices/d/operations/o"
WHOLE: list[Any] = [
    (-1, ValueError, "is -1, expected a whole number"),
    (2**70, ValueError, f"is {2**70}, expected a whole number"),
    pytest.param(10**5000, ValueError, "is a long number, expected a whole number", id="long"),
    (1.5, TypeError, "is of type float, expected a whole number"),
    ("7", TypeError, "is of type str, expected a whole number"),
]


def refused(call: Callable[[], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text.startswith(message), text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(("value", "kind", "words"), [*WHOLE, (0, ValueError, "is 0, expected")])
def test_counts_of_requests(
    emulator: Emulator,
    client: Client,
    path: Path,
    value: Any,
    kind: type[Exception],
    words: str,
) -> None:
    name = emulator.add()
    job = client.plan(path, [name], **FREE)
    for call in (
        lambda: Client(token="ya29.a", in_flight=value),
        lambda: list(client.countermand_all([name], in_flight=value)),
        lambda: client.find(enterprises=emulator.enterprise, in_flight=value),
        lambda: client.rescue(path.with_name("r"), emulator.enterprise, in_flight=value),
        lambda: job.apply(confirm=job.enterprises, in_flight=value),
        lambda: job.estimate(in_flight=value),
        lambda: Scheduler(seed=1, in_flight=value),
    ):
        refused(call, kind, f"in_flight {words}")
    for call in (
        lambda: Client(token="ya29.a", max_attempts=value),
        lambda: Scheduler(seed=1, max_attempts=value),
        lambda: Cancellation(NAME, max_attempts=value),
    ):
        refused(call, kind, f"max_attempts {words}")
    refused(
        lambda: Client(token="ya29.a", max_attempts=101),
        ValueError,
        "max_attempts is 101, expected",
    )
    assert Client(token="ya29.a", max_attempts=100, in_flight=10**9)
    assert emulator.audit() == []


@pytest.mark.parametrize(("value", "kind", "words"), WHOLE)
def test_other_counts(
    emulator: Emulator,
    client: Client,
    path: Path,
    value: Any,
    kind: type[Exception],
    words: str,
) -> None:
    job = client.plan(path, [emulator.add()], **FREE)
    confirm = {emulator.enterprise: value}
    refused(lambda: job.apply(confirm=confirm), kind, f"a count of confirm {words}")
    rescue = path.with_name("rescue")
    refused(
        lambda: client.rescue(rescue, emulator.enterprise, at_most=value),
        kind,
        f"at_most {words}",
    )
    assert not rescue.exists()
    for what in ("devices", "pending", "history", "seed"):
        settings: dict[str, Any] = {what: value}
        refused(lambda settings=settings: Emulator(**settings), kind, f"{what} {words}")  # type: ignore[misc]


@pytest.mark.parametrize("value", [b"ya29.canary", 5, ["ya29.canary"]])
def test_another_type_than_text(client: Client, path: Path, value: Any) -> None:
    found = type(value).__name__
    for what in ("endpoint", "token", "quota_project"):
        settings: dict[str, Any] = {"token": "ya29.a", what: value}
        message = f"{what} is of type {found}, expected a str"
        refused(lambda settings=settings: Client(**settings), TypeError, message)  # type: ignore[misc]
    refused(lambda: Emulator(token=value), TypeError, f"token is of type {found}, expected a str")
    if isinstance(value, list):
        return
    for what in ("enterprises", "devices", "types", "exclude"):
        settings = {"enterprises": "enterprises/e", what: value}
        message = f"{what} is of type {found}, expected a str or several"
        for search in (client.find, lambda **more: client.plan(path, **more)):
            refused(lambda s=settings, search=search: search(**s), TypeError, message)  # type: ignore[misc]
    settings = {"enterprises": "enterprises/e", "types": [value]}
    message = f"types is of type {found}, expected a str"
    refused(lambda: client.find(**settings), TypeError, message)


@pytest.mark.parametrize(
    ("argument", "kind", "message"),
    [
        ({"fate": "dies"}, ValueError, "`fate`: unknown variant `dies`, expected one of "),
        ({"fate": 5}, ValueError, "`fate`: "),
        ({"device": 5}, TypeError, "device is of type int, expected a str"),
        ({"device": "d"}, ValueError, "device 1: "),
        ({"type": 5}, ValueError, "`type`: invalid type: integer `5`, expected a string"),
        ({"type": b"WIPE"}, TypeError, "type is b'WIPE', which JSON does not have"),
        ({"after_ms": -1}, ValueError, "`after_ms`: invalid value: integer `-1`"),
        ({"duration_s": float("nan")}, ValueError, "duration_s is nan, which JSON does not have"),
        ({"params": 5}, ValueError, "`params`: invalid type: integer `5`, expected a map"),
        ({"age": 5}, ValueError, "`age`: unknown field `age`, expected one of "),
        ({"id": "a/b"}, ValueError, "device 1: operation 1: `a/b` is no operation id"),
    ],
)
def test_an_operation_that_cannot_be_added(
    emulator: Emulator, argument: dict[str, Any], kind: type[Exception], message: str
) -> None:
    before = emulator.truth()
    refused(lambda: emulator.add(**argument), kind, message)
    assert emulator.truth() == before


def test_what_an_emulator_does_not_take(emulator: Emulator) -> None:
    values: list[Any] = ["abc", [5]]
    for tokens in values:
        refused(lambda t=tokens: emulator.accept_tokens(t), TypeError, "tokens is several str")  # type: ignore[misc]
    with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
        assert client.countermand(emulator.add()).cancelled  # the token is still taken
    for seconds in (-1, float("nan"), float("inf")):
        refused(lambda s=seconds: emulator.advance(s), ValueError, f"seconds is {seconds}, ")  # type: ignore[misc]
    refused(lambda: emulator.operations("done"), ValueError, "state is 'done', expected one of ")
    refused(lambda: emulator.faults(["x"]), ValueError, "fault 1: a fault is an object")  # type: ignore[list-item]
