"""The machine by hand: its clock, its headers, and drivers that make mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from countermand import OperationName, Verdict, errors
from countermand.sansio import (
    Cancellation,
    Done,
    Send,
    Wait,
    build_cancel,
    build_list_operations,
    parse_cancel,
    parse_device,
    parse_operations,
)

from conftest import problem

NAME = "enterprises/LC01/devices/3f/operations/17"
CANCELLED = b'{"name":"%s","done":true,"error":{"code":1}}' % NAME.encode()


def sent(now: float = 5.0, **settings: Any) -> Send:
    step = Cancellation(NAME, **settings).start(now, seed=1)
    assert isinstance(step, Send)
    return step


def test_by_hand() -> None:
    cancel = sent()
    assert (cancel.call, cancel.number, cancel.name) == ("cancel", 1, NAME)
    request = cancel.transmit(5.0)
    assert (request.method, request.timeout, request.reauthorize) == ("POST", 10.0, False)
    assert request.headers == [("content-length", "0")]
    get = cancel.response(5.5, 200, {}, b"{}")
    assert isinstance(get, Send)
    assert (get.call, get.number) == ("get", 2)
    assert get.transmit(5.5).url.startswith(
        f"https://androidmanagement.googleapis.com/v1/{NAME}?fields="
    )
    done = get.response(6.0, 200, {}, CANCELLED)
    assert isinstance(done, Done)
    assert done.result() is done.result()
    outcome = done.result()
    assert (outcome.verdict, outcome.attempts, outcome.cancelled) == (Verdict.CANCELLED, 2, True)


def test_a_cancellation_starts_as_often_as_wanted() -> None:
    cancellation = Cancellation(OperationName(NAME), endpoint="http://127.0.0.1:1", verify=False)
    for seed in (0, 2**64 - 1):
        step = cancellation.start(0.0, seed)
        assert isinstance(step, Send)
        assert step.transmit(0.0).url == f"http://127.0.0.1:1/v1/{NAME}:cancel"
        done = step.response(0.0, 200, {}, b"{}")
        assert isinstance(done, Done)
        assert done.result().verdict is Verdict.UNVERIFIED


def test_same_seed_same_schedule() -> None:
    def pauses(seed: int) -> list[float]:
        step = Cancellation(NAME).start(100.0, seed)
        found: list[float] = []
        while not isinstance(step, Done):
            if isinstance(step, Send):
                step = step.failed(found[-1] if found else 100.0, "connection_lost", "no answer")
            else:
                found.append(step.until)
                step = step.resume(step.until)
        return found

    assert pauses(7) == pauses(7) != pauses(8)


def test_a_step_is_done_once() -> None:
    step = sent()
    wait = step.failed(5.0, "timed_out", "10 s")
    assert isinstance(wait, Wait)
    for again in (
        lambda: step.failed(5.0, "connection_lost", ""),
        lambda: step.response(5.0, 200, {}, b"{}"),
        lambda: step.transmit(5.0),
    ):
        with pytest.raises(RuntimeError, match="done already"):
            again()
    assert isinstance(wait.error, errors.TimedOut)
    assert isinstance(wait.resume(wait.until), Send)
    with pytest.raises(RuntimeError, match="done already"):
        wait.resume(wait.until)


def test_too_early_is_not_yet() -> None:
    wait = sent().failed(5.0, "connection_lost", "")
    assert isinstance(wait, Wait)
    again = wait.resume(5.0)
    assert isinstance(again, Wait)
    assert again.until == wait.until


@pytest.mark.parametrize("start", [0.0, 1e-9, 12345.678901234567, 1.8e9 + 1 / 3, 8.9e9])
def test_a_wait_is_over_when_it_says(start: float) -> None:
    for seed in range(50):
        step = Cancellation(NAME).start(start, seed)
        assert isinstance(step, Send)
        wait = step.failed(start, "connection_lost", "")
        assert isinstance(wait, Wait)
        assert isinstance(wait.resume(wait.until), Send)


@pytest.mark.parametrize("now", [-1.0, float("nan"), float("inf"), -float("inf"), 9e10, 1e300])
def test_impossible_readings(now: float) -> None:
    step = sent()
    for act in (
        lambda: Cancellation(NAME).start(now, 1),
        lambda: step.transmit(now),
        lambda: step.response(now, 200, {}, b"{}"),
        lambda: step.failed(now, "connection_lost", ""),
    ):
        with pytest.raises(ValueError, match="now is"):
            act()
    assert isinstance(step.failed(5.0, "connection_lost", ""), Wait)  # it was not used up


@pytest.mark.parametrize("setting", ["deadline", "attempt_timeout"])
@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 1e300])
def test_impossible_settings(setting: str, seconds: float) -> None:
    settings: dict[str, Any] = {setting: seconds}
    with pytest.raises(ValueError, match=f"{setting} is"):
        Cancellation(NAME, **settings)
    for pair in ("backoff", "poll_interval"):
        settings = {pair: (1.0, seconds)}
        with pytest.raises(ValueError, match=f"{pair} is"):
            Cancellation(NAME, **settings)


def test_impossible_answers() -> None:
    step = sent()
    for status in (0, 99, 1000):
        with pytest.raises(ValueError, match="no HTTP status"):
            step.response(5.0, status, {}, b"")
    word: Any = "broken"
    with pytest.raises(ValueError, match="no kind of failure; expected one of connect, "):
        step.failed(5.0, word, "")
    text: Any = "{}"
    with pytest.raises(TypeError):
        step.response(5.0, 200, {}, text)
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match=f"seed is {seed}, expected a whole number"):
            Cancellation(NAME).start(5.0, seed)


class Fields(Mapping[str, str]):
    def __init__(self, *fields: tuple[str, str]) -> None:
        self.fields = dict(fields)

    def __getitem__(self, key: str) -> str:
        return self.fields[key]

    def __iter__(self) -> Any:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "7"},
        {b"retry-after": b"7"},
        [("retry-after", "7")],
        [(b"Retry-After", b"7")],
        (("x", "y"), ("RETRY-AFTER", "7")),
        Fields(("retry-after", "7")),
        iter([("retry-after", "7")]),
        [("\u2603", "x"), ("x", "\u2603"), ("a b", "c"), ("x", "a\nb"), ("retry-after", "7")],
        [("", ""), ("retry-after", "7"), ("x", "\udc80")],
    ],
)
def test_headers(headers: Any) -> None:
    wait = sent().response(5.0, 429, headers, problem(429, "RESOURCE_EXHAUSTED"))
    assert isinstance(wait, Wait)
    assert wait.until == pytest.approx(12.0)
    assert isinstance(wait.error, errors.ResourceExhausted)


@pytest.mark.parametrize("headers", [None, 7, [1], [("a",)], [("a", 1)], {"a": None}])
def test_what_are_no_headers(headers: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        parse_cancel(NAME, 200, headers, b"{}")


def test_a_body_may_be_a_bytearray() -> None:
    parse_cancel(NAME, 200, {}, bytearray(b"{}"))


def test_a_fresh_token_once() -> None:
    step = sent().response(5.0, 401, {}, problem(401, "UNAUTHENTICATED"))
    assert isinstance(step, Send)
    assert step.transmit(5.0).reauthorize
    done = step.response(5.0, 401, {}, problem(401, "UNAUTHENTICATED"))
    assert isinstance(done, Done)
    with pytest.raises(errors.Unauthenticated) as caught:
        done.result()
    assert (caught.value.operation, caught.value.attempts) == (OperationName(NAME), 2)


def test_pages() -> None:
    request = build_list_operations("enterprises/e/devices/d", page_size=0, page_token="t")
    assert "pageSize=1&pageToken=t&" in request.url
    assert request.timeout is None
    device = "enterprises/e/devices/d"
    assert parse_operations(device, 200, {}, b'{"nextPageToken":"t"}') == ([], "t")
    assert parse_operations(device, 200, {}, b"{}") == ([], None)
    with pytest.raises(ValueError, match="4096"):
        build_list_operations(device, page_token="t" * 4097)
    with pytest.raises(errors.NotFound):
        parse_device(device, 404, {}, problem(404, "NOT_FOUND"))
    parse_device(device, 200, {}, b'{"name":"enterprises/e/devices/d"}')


def test_shown() -> None:
    step = sent()
    assert repr(step) == f"<Send cancel {NAME} number=1>"
    assert NAME in repr(build_cancel(NAME))
    wait = step.failed(5.0, "connection_lost", "")
    assert repr(wait).startswith("<Wait until=")
    assert NAME in repr(Cancellation(NAME))
    with pytest.raises(errors.InvalidName):
        Cancellation("enterprises/e")
    with pytest.raises(errors.InvalidEndpoint):
        Cancellation(NAME, endpoint="nowhere")
