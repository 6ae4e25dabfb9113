"""The scheduler by hand: its clock, its tickets, its events, and drivers that make mistakes."""

from __future__ import annotations

import threading
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from countermand import OperationName, Outcome, Progress, Verdict, errors
from countermand.sansio import (
    Accepted,
    CircuitClosed,
    CircuitOpened,
    Event,
    Failing,
    Finished,
    NotSent,
    Paused,
    ResourceClosed,
    Scheduler,
    Sending,
    Sent,
    Stopped,
    Ticket,
)

from conftest import problem

NAME = "enterprises/LC01/devices/3f/operations/17"


def name(number: int, enterprise: str = "LC01") -> OperationName:
    return OperationName(f"enterprises/{enterprise}/devices/{number}/operations/{number}")


def scheduler(count: int = 1, **settings: Any) -> Scheduler:
    made = Scheduler(**{"seed": 1, **settings})
    for number in range(count):
        assert made.push(name(number))
    return made


def ticket(made: Scheduler, now: float = 5.0) -> Ticket:
    step = made.next_step(now)
    assert isinstance(step, Ticket)
    return step


def done(operation: OperationName) -> bytes:
    return b'{"name":"%s","done":true,"error":{"code":1}}' % str(operation).encode()


def test_by_hand() -> None:
    made = scheduler(2)
    made.close()
    first, second = ticket(made), ticket(made)
    assert (first.name, first.call, second.name) == (name(0), "cancel", name(1))
    assert (first.request.method, first.request.timeout) == ("POST", 10.0)
    assert first.request.url.endswith(f"/v1/{name(0)}:cancel")
    assert made.next_step(5.0) is None
    assert not made.done
    assert made.events() == [Sending(name(0), "cancel"), Sending(name(1), "cancel")]
    assert made.progress(5.0).sent == 0
    second.sent(5.25)
    assert made.events() == [Sent(name(1), "cancel", 5.25)]
    assert made.progress(5.25).sent == 1
    second.answer(5.5, 200, {}, b"{}")
    assert made.events() == [Accepted(name(1))]
    look = ticket(made, 5.5)
    assert (look.name, look.call, look.request.method) == (name(1), "get", "GET")
    look.answer(6.0, 200, {}, done(name(1)))
    first.failed(6.0, "connection_lost", "no answer")
    wait = made.next_step(6.0)
    assert isinstance(wait, float)
    assert 6.0 <= wait <= 7.0
    again = ticket(made, wait)
    assert (again.name, again.call) == (name(0), "cancel")
    gone = problem(404, "NOT_FOUND")
    again.answer(wait, 404, [("content-type", "text/plain")], bytearray(gone))
    while isinstance(step := made.next_step(9.0), Ticket):
        step.answer(9.0, 404, {}, gone)
    assert step is None
    assert made.done
    results = {event.name: event.result for event in made.events() if isinstance(event, Finished)}
    assert isinstance(results[name(1)], Outcome)
    assert results[name(1)].cancelled
    # The first cancel may have been delivered: gone, and not an error.
    assert isinstance(results[name(0)], Outcome)
    assert results[name(0)].verdict is Verdict.GONE
    assert made.events() == []


def test_phases_and_duplicates() -> None:
    made = Scheduler(seed=1, verify=True)
    assert made.push(NAME)
    assert not made.push(OperationName(NAME), "accepted")
    assert made.push(name(1), "accepted")
    assert made.push(name(2), "maybe_sent")
    steps = [ticket(made) for _ in range(3)]
    assert made.progress(6.0).cancels_sent == 1  # before anything has left
    for step in steps:
        step.sent(6.0)
    calls = [(step.name, step.call) for step in steps]
    assert calls == [
        (OperationName(NAME), "cancel"),
        (name(2), "cancel"),
        (name(1), "get"),
    ]
    progress = made.progress(6.0)
    assert (progress.pushed, progress.duplicates, progress.cancels_sent) == (3, 1, 3)
    phase: Any = "begun"
    with pytest.raises(ValueError, match="no phase; expected unsent, maybe_sent or accepted"):
        made.push(name(3), phase)
    with pytest.raises(errors.InvalidName):
        made.push("enterprises/e")
    number: Any = 7
    with pytest.raises(TypeError):
        made.push(number)
    assert made.progress(6.0).pushed == 3


def test_a_ticket_is_spent_once() -> None:
    made = scheduler()
    step = ticket(made)
    status: Any
    for status in (0, 99, 1000):
        with pytest.raises(ValueError, match="no HTTP status"):
            step.answer(5.0, status, {}, b"")
    word: Any = "broken"
    with pytest.raises(ValueError, match="no kind of failure; expected one of connect, "):
        step.failed(5.0, word, "")
    with pytest.raises(ValueError, match="now is"):
        step.failed(-1.0, "connection_lost", "")
    with pytest.raises(ValueError, match="now is"):
        step.answer(float("nan"), 200, {}, b"{}")
    assert made.progress(5.0).in_flight == 1  # it was not used up
    step.answer(5.0, 200, {}, b"{}")
    for again in (
        lambda: step.answer(5.0, 200, {}, b"{}"),
        lambda: step.failed(5.0, "connection_lost", ""),
    ):
        with pytest.raises(RuntimeError, match="this ticket was spent already"):
            again()
    assert made.progress(5.0).in_flight == 0


def test_impossible_settings() -> None:
    settings: dict[str, Any]
    for setting in ("deadline", "attempt_timeout"):
        for seconds in (-1.0, float("nan"), 1e300):
            settings = {setting: seconds}
            with pytest.raises(ValueError, match=f"{setting} is"):
                Scheduler(seed=1, **settings)
    for pair in ("backoff", "poll_interval"):
        settings = {pair: (1.0, -1.0)}
        with pytest.raises(ValueError, match=f"{pair} is"):
            Scheduler(seed=1, **settings)
    with pytest.raises(errors.InvalidEndpoint):
        Scheduler(seed=1, endpoint="nowhere")
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match=f"seed is {seed}"):
            Scheduler(seed=seed)
    with pytest.raises(ValueError, match="now is"):
        scheduler().next_step(-1.0)
    with pytest.raises(ValueError, match="now is"):
        scheduler().progress(float("inf"))


def test_settings_are_obeyed() -> None:
    made = scheduler(3, endpoint="http://127.0.0.1:1", attempt_timeout=3.0, in_flight=2)
    step = ticket(made)
    assert step.request.url == f"http://127.0.0.1:1/v1/{name(0)}:cancel"
    assert step.request.timeout == 3.0
    assert isinstance(made.next_step(5.0), Ticket)
    assert made.next_step(5.0) is None  # two in flight
    assert made.progress(5.0).in_flight == 2
    made = scheduler(max_attempts=2, backoff=(0.5, 0.5), verify=False)
    ticket(made).failed(5.0, "connect", "refused")
    wait = made.next_step(5.0)
    assert isinstance(wait, float)
    assert wait <= 5.5
    ticket(made, wait).failed(wait, "connect", "refused")
    made.close()
    assert made.next_step(wait) is None
    [*_, last] = made.events()
    assert isinstance(last, Finished)
    assert isinstance(last.result, errors.TransportError)
    assert last.result.attempts == 0  # nothing has left
    made = scheduler(verify=False)
    ticket(made).answer(5.0, 200, {}, b"{}")
    [*_, last] = made.events()
    assert isinstance(last, Finished)
    assert isinstance(last.result, Outcome)
    assert last.result.verdict is Verdict.UNVERIFIED


def test_the_quota() -> None:
    made = scheduler(10, quota="4/10s", share=0.5)
    assert made.progress(5.0).quota_remaining == 2
    for _ in range(2):
        ticket(made).sent(5.0)
    wait = made.next_step(5.0)
    assert isinstance(wait, float)
    assert 15.0 <= wait <= 15.1
    assert made.progress(5.0).allowed_at == wait
    assert made.next_step(14.0) == wait
    ticket(made, wait).sent(wait)
    progress = made.progress(wait)
    assert isinstance(progress, Progress)
    assert (progress.sent, progress.quota_remaining, progress.now) == (3, 1, wait)
    assert progress.last_cancel == pytest.approx(wait)
    assert scheduler(quota="none").progress(0.0).quota_remaining is None
    assert scheduler().progress(0.0).quota_remaining == 480
    assert scheduler().progress(0.0).last_cancel is None


def test_same_seed_same_schedule() -> None:
    def waits(seed: int) -> list[float]:
        made = scheduler(3, seed=seed, max_attempts=2)  # more would open the circuit
        made.close()
        now, found = 100.0, list[float]()
        while not made.done:
            step = made.next_step(now)
            if isinstance(step, Ticket):
                step.failed(now, "connection_lost", "no answer")
            elif step is not None:
                now = step
                found.append(step)
        return found

    assert waits(7) == waits(7) != waits(8)


@pytest.mark.parametrize("start", [0.0, 1e-9, 12345.678901234567, 1.8e9 + 1 / 3, 8.9e9])
def test_a_wait_is_over_when_it_says(start: float) -> None:
    for seed in range(50):
        made = scheduler(seed=seed)
        ticket(made, start).failed(start, "connection_lost", "")
        wait = made.next_step(start)
        assert isinstance(wait, float)
        assert isinstance(made.next_step(wait), Ticket)


def test_a_hold() -> None:
    limit = (
        b'{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"","details":[{"@type":'
        b'"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":'
        b'{"quota_limit_value":"100","quota_unit":"1/min/{project}"}}]}}'
    )
    made = scheduler(2)
    ticket(made).answer(5.0, 429, {"retry-after": "7"}, limit)
    wait = made.next_step(5.0)
    assert isinstance(wait, float)
    assert 12.0 <= wait <= 12.8
    [_, _, held] = made.events()
    assert held == Paused(until=wait, limit=100)
    assert made.progress(wait).quota_remaining == 79  # of 80, as the first one counts
    made = scheduler(1)
    ticket(made).answer(5.0, 429, {}, problem(429, "RESOURCE_EXHAUSTED"))
    held = made.events()[-1]
    assert isinstance(held, Paused)
    assert held.limit is None


def test_a_storm() -> None:
    made = scheduler(30)
    for _ in range(14):
        ticket(made).answer(5.0, 503, {}, b"")
    assert made.events()[-1] == CircuitOpened()
    wait = made.next_step(5.0)
    assert isinstance(wait, float)
    assert wait == pytest.approx(10.0)
    ticket(made, wait).answer(wait, 200, {}, b"{}")
    assert CircuitClosed() in made.events()


def test_a_closed_enterprise() -> None:
    made = scheduler(5)
    made.push(name(9, "LC02"))
    made.close()
    for _ in range(3):
        ticket(made).answer(5.0, 403, {}, problem(403, "PERMISSION_DENIED"))
    assert ResourceClosed("enterprises/LC01") in made.events()
    assert ticket(made).name == name(9, "LC02")
    left = [event for event in made.events() if isinstance(event, Finished)]
    assert [event.name for event in left] == [name(3), name(4)]
    assert all(isinstance(event.result, errors.NotAttempted) for event in left)


def test_stop() -> None:
    made = scheduler(3)
    flying = ticket(made)
    made.events()
    made.stop("the operator said so")
    assert made.next_step(5.0) is None
    assert not made.done
    flying.answer(5.0, 200, {}, b"{}")
    assert made.next_step(5.0) is None
    assert made.done
    events = made.events()
    assert events[0] == Stopped("the operator said so")
    results = {event.name: event.result for event in events if isinstance(event, Finished)}
    assert len(results) == 3
    assert isinstance(results[name(0)], Outcome)
    for unsent in (name(1), name(2)):
        assert isinstance(results[unsent], errors.NotAttempted)
        assert "the operator said so" in str(results[unsent])


def words(event: Event) -> str:
    match event:
        case Sending(operation, call):
            return f"sending {call} {operation.operation}"
        case Sent(operation, call, at):
            return f"sent {call} {operation.operation} at {at}"
        case NotSent(operation, call, _, cause):
            return f"not sent {call} {operation.operation}: {cause}"
        case Accepted(operation):
            return f"accepted {operation.operation}"
        case Finished(operation, Outcome(verdict=verdict)):
            return f"{verdict} {operation.operation}"
        case Finished(operation, error):
            return f"{type(error).__name__} {operation.operation}"
        case _:
            return repr(event)


def test_events_match() -> None:
    made = scheduler(1, verify=False)
    made.push(name(1), "accepted")
    ticket(made).answer(5.0, 200, {}, b"{}")
    made.stop("x")
    made.next_step(5.0)
    assert [words(event) for event in made.events()] == [
        "sending cancel 0",
        "sent cancel 0 at 5.0",
        "accepted 0",
        "unverified 0",
        "Stopped(cause='x')",
        "unverified 1",
    ]
    event: Any = Sent(name(0), "cancel", 5.0)
    with pytest.raises(FrozenInstanceError):
        event.call = "get"
    assert hash(event) == hash(Sent(name(0), "cancel", 5.0))


def test_fault_45_what_never_left_is_not_sent() -> None:
    made = scheduler(1)
    ticket(made).failed(5.0, "connect", "refused")
    assert [words(event) for event in made.events()][:2] == [
        "sending cancel 0",
        "not sent cancel 0: no connection: refused",
    ]
    progress = made.progress(5.0)
    assert (progress.sent, progress.cancels_sent, progress.last_cancel) == (0, 0, None)


def test_done_is_for_now() -> None:
    made = scheduler(0)
    assert made.next_step(5.0) is None
    assert not made.done  # names may come
    made.close()
    assert made.next_step(5.0) is None
    assert made.done


def test_threads_share_a_scheduler() -> None:
    made = Scheduler(seed=1, quota="none", in_flight=50)
    for number in range(1000):
        made.push(name(number))
    made.close()
    finished: list[OperationName] = []

    def work() -> None:
        while not made.done:
            step = made.next_step(5.0)
            if isinstance(step, Ticket):
                body = b"{}" if step.call == "cancel" else done(step.name)
                step.answer(5.0, 200, {}, body)
            finished.extend(e.name for e in made.events() if isinstance(e, Finished))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    finished.extend(e.name for e in made.events() if isinstance(e, Finished))
    assert sorted(finished) == sorted(name(number) for number in range(1000))


def test_shown() -> None:
    made = scheduler(2)
    step = ticket(made)
    assert repr(made) == "<Scheduler pushed=2 cancels_sent=0 finished=0 in_flight=1>"
    step.sent(5.0)
    assert repr(made) == "<Scheduler pushed=2 cancels_sent=1 finished=0 in_flight=1>"
    assert repr(step) == f"<Ticket cancel {name(0)}>"
    assert repr(made.progress(5.0)).startswith("Progress(cancels_sent=1, quota_remaining=")
    assert "pushed=2, duplicates=0, waiting=1" in repr(made.progress(5.0))


def test_fault_48_a_passing_failure_is_an_event_and_an_outage() -> None:
    made = scheduler(quota="none", deadline=30.0)
    made.close()
    assert made.progress(0.0).outage is None
    ticket(made, 0.0).failed(0.1, "connect", "no route to the server")
    told = [event for event in made.events() if isinstance(event, Failing)]
    assert told == [Failing("connect", "no connection: no route to the server")]
    # The retry is in flight: nothing changes yet.
    assert made.progress(1.0).outage is None
    outage = made.progress(5.0).outage
    assert outage is not None
    assert (outage.key, outage.cause, outage.failures) == ("connect", told[0].cause, 1)
    assert outage.lasting == pytest.approx(5.0)
    assert outage.gives_up == pytest.approx(25.0)
    assert "FAILING for 5 s (connect)" in str(made.progress(5.0))
