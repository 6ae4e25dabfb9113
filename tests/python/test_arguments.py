"""Invalid arguments: one sentence each, with the argument's name."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client
from countermand.sansio import (
    Cancellation,
    Pages,
    RateLimiter,
    Scheduler,
    build_list_operations,
    within,
)
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
    (True, TypeError, "is of type bool, expected a whole number"),
    (float("nan"), TypeError, "is of type float, expected a whole number"),
]
LENGTHS: list[Any] = [
    (-1, ValueError, "is -1, expected seconds from 0 to 1e11"),
    (float("nan"), ValueError, "is nan, expected seconds from 0 to 1e11"),
    (float("inf"), ValueError, "is inf, expected seconds from 0 to 1e11"),
    (1e300, ValueError, "is 1e300, expected seconds from 0 to 1e11"),
    (2**70, ValueError, "is 1.1805916207174113e21, expected seconds from 0 to 1e11"),
    pytest.param(10**400, ValueError, "is inf, expected seconds from 0 to 1e11", id="long"),
    (True, TypeError, "is of type bool, expected seconds, a timedelta, or a text such as 2h"),
    ("3", ValueError, 'is "3": a number needs its unit'),
    (b"3", TypeError, "is of type bytes, expected seconds, a timedelta, or a text such as 2h"),
]
SHARES: list[Any] = [
    (0, ValueError, "is 0, expected a number above 0 and up to 1"),
    (-1, ValueError, "is -1, expected a number above 0 and up to 1"),
    (float("nan"), ValueError, "is nan, expected a number above 0 and up to 1"),
    (1e300, ValueError, "is 1e300, expected a number above 0 and up to 1"),
    pytest.param(10**400, ValueError, "is inf, expected a number above 0", id="long"),
    (True, TypeError, "is of type bool, expected a number"),
    ("0.8", TypeError, "is of type str, expected a number"),
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


@pytest.mark.parametrize(("value", "kind", "words"), LENGTHS)
def test_lengths_of_time(
    emulator: Emulator,
    client: Client,
    path: Path,
    value: Any,
    kind: type[Exception],
    words: str,
) -> None:
    name, enterprise = emulator.add(), emulator.enterprise
    given: dict[str, list[Callable[[], object]]] = {
        "deadline": [
            lambda: Client(token="ya29.a", deadline=value),
            lambda: client.with_options(deadline=value),
            lambda: client.countermand(name, deadline=value),
            lambda: list(client.countermand_all([name], deadline=value)),
            lambda: client.plan(path, [name], deadline=value),
            lambda: client.rescue(path, enterprise, deadline=value),
            lambda: Cancellation(NAME, deadline=value),
            lambda: Scheduler(seed=1, deadline=value),
        ],
        "attempt_timeout": [
            lambda: Client(token="ya29.a", attempt_timeout=value),
            lambda: client.with_options(attempt_timeout=value),
            lambda: Cancellation(NAME, attempt_timeout=value),
            lambda: Scheduler(seed=1, attempt_timeout=value),
        ],
        "max_age": [lambda: client.plan(path, [name], max_age=value)],
        "span": [lambda: RateLimiter().lower(1, value)],
    }
    for what in ("newer_than", "older_than"):
        age: dict[str, Any] = {what: value}
        given[what] = [
            lambda age=age: client.find(enterprises=enterprise, **age),  # type: ignore[misc]
            lambda age=age: client.plan(path, [name], **age),  # type: ignore[misc]
            lambda age=age: client.rescue(path, enterprise, **age),  # type: ignore[misc]
        ]
    for what, calls in given.items():
        for call in calls:
            refused(call, kind, f"{what} {words}")
    assert emulator.audit() == []
    assert not path.exists()


@pytest.mark.parametrize(("value", "kind", "words"), SHARES)
def test_shares(
    emulator: Emulator,
    client: Client,
    path: Path,
    value: Any,
    kind: type[Exception],
    words: str,
) -> None:
    name = emulator.add()
    for call in (
        lambda: list(client.countermand_all([name], share=value)),
        lambda: client.find(enterprises=emulator.enterprise, share=value),
        lambda: client.plan(path, [name], share=value),
        lambda: client.rescue(path, emulator.enterprise, share=value),
        lambda: Scheduler(seed=1, share=value),
        lambda: RateLimiter(share=value),
    ):
        refused(call, kind, f"share {words}")
    assert emulator.audit() == []
    assert not path.exists()


@pytest.mark.parametrize(("value", "kind", "words"), WHOLE)
def test_numbers_of_the_machine(value: Any, kind: type[Exception], words: str) -> None:
    for call in (
        lambda: Cancellation(NAME).start(0.0, value),
        lambda: Scheduler(seed=value),
        lambda: Pages("operations", NAME.rpartition("/operations/")[0]).start(0.0, value),
    ):
        refused(call, kind, f"seed {words}")
    refused(lambda: RateLimiter().lower(value, 60.0), kind, f"limit {words}")
    device = NAME.rpartition("/operations/")[0]
    refused(lambda: build_list_operations(device, page_size=value), kind, f"page_size {words}")


def test_a_time_that_is_over_and_one_without_an_end() -> None:
    for never in (float("inf"), 1e300, 10**400):
        assert within(never, lambda: 7) == 7
    with pytest.raises(TimeoutError):
        within(-1.0, threading.Event().wait)
    refused(lambda: within(float("nan"), lambda: 7), ValueError, "seconds is nan")


@pytest.mark.parametrize("value", [b"ya29.canary", 5, ["ya29.canary"]])
def test_another_type_than_text(client: Client, path: Path, value: Any) -> None:
    found = type(value).__name__
    for what in ("endpoint", "token", "quota_project", "user_agent"):
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


@pytest.mark.parametrize("value", [600, b"600/60s", True, 1.5])
def test_a_quota_is_a_text(client: Client, value: Any) -> None:
    words = f"quota is of type {type(value).__name__}, expected a str"
    for call in (
        lambda: list(client.countermand_all([], quota=value)),
        lambda: client.find(enterprises="LC01", quota=value),
        lambda: Scheduler(seed=1, quota=value),
    ):
        refused(call, TypeError, words)


@pytest.mark.parametrize("value", [True, 7, None])
def test_what_is_no_iterable_of_names(client: Client, path: Path, value: Any) -> None:
    words = f"names is of type {type(value).__name__}, expected an iterable of names"
    refused(lambda: list(client.countermand_all(value)), TypeError, words)
    if value is not None:
        refused(lambda: client.plan(path, value), TypeError, words)
    assert not path.exists()


@pytest.mark.parametrize("value", [True, 1, "enterprises/e", [("enterprises/e", 1)]])
def test_counts_that_are_no_mapping(
    emulator: Emulator, client: Client, path: Path, value: Any
) -> None:
    job = client.plan(path, [emulator.add()], **FREE)
    words = f"confirm is of type {type(value).__name__}, expected the number of operations"
    refused(lambda: job.apply(confirm=value), TypeError, words)
    assert emulator.audit() == []


def test_progress_that_would_have_to_be_awaited(emulator: Emulator, path: Path) -> None:
    class Listener:
        async def hear(self, _: object) -> None:
            raise AssertionError

    words = "progress is a coroutine function"
    names = [emulator.add()]
    client = AsyncClient(endpoint=emulator.endpoint, token=emulator.token)

    async def every() -> None:
        job = await client.plan(path, names)
        with pytest.raises(TypeError, match=words):
            [one async for one in client.countermand_all(names, progress=Listener().hear)]
        with pytest.raises(TypeError, match=words):
            await job.apply(confirm=job.enterprises, progress=Listener().hear)
        with pytest.raises(TypeError, match=words):
            await client.rescue(path.with_name("r"), emulator.enterprise, progress=Listener().hear)

    asyncio.run(every())
    assert emulator.audit() == []


def test_what_an_emulator_does_not_take(emulator: Emulator) -> None:
    values: list[Any] = ["abc", [5]]
    for tokens in values:
        refused(lambda t=tokens: emulator.accept_tokens(t), TypeError, "tokens is several str")  # type: ignore[misc]
    with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
        assert client.countermand(emulator.add()).cancelled  # the token is still taken
    for seconds in (-1, float("nan"), float("inf"), 1e300):
        refused(lambda s=seconds: emulator.advance(s), ValueError, f"seconds is {seconds}, ")  # type: ignore[misc]
    mistyped: list[Any] = [True, "3", b"3", None]
    for other in mistyped:
        found = type(other).__name__
        refused(lambda s=other: emulator.advance(s), TypeError, f"seconds is of type {found}, ")  # type: ignore[misc]
    refused(lambda: emulator.operations("done"), ValueError, "state is 'done', expected one of ")
    refused(lambda: emulator.faults(["x"]), ValueError, "fault 1: a fault is an object")  # type: ignore[list-item]
