"""The rate limiter: the calls it allows, and that a restart loses nothing."""

from __future__ import annotations

import json

import pytest

from countermand.sansio import NotSent, PastCall, RateLimiter, Scheduler, Sending, Ticket

DEVICE = "enterprises/LC01/devices/3f"
NAME = f"{DEVICE}/operations/17"


def spent(calls: int) -> RateLimiter:
    limiter = RateLimiter(quota="5/10s", share=1.0)
    for number in range(calls):
        limiter.record_call(float(number), "cancel", f"{DEVICE}{number}")
    return limiter


def test_a_window() -> None:
    limiter = spent(5)
    assert limiter.windows == [(5, 10.0)]
    assert limiter.remaining(4.0) == 0
    allowed = limiter.allowed(4.0, "get", DEVICE)
    # The first left at 0, and a window has a guard.
    assert 10.0 < allowed < 11.0
    assert limiter.remaining(allowed) == 1
    assert limiter.allowed(allowed, "get", DEVICE) == allowed
    assert limiter.horizon > 10.0
    assert RateLimiter(quota="none").remaining(0.0) is None
    # The spelling of the command line.
    assert RateLimiter(quota="none").remaining(0.0) is None


def test_what_is_saved_and_restored_was_never_lost() -> None:
    limiter = spent(4)
    saved = limiter.save(4.0)
    assert saved[0] == PastCall(4.0, "cancel", f"{DEVICE}0")
    assert [call.age for call in saved] == [4.0, 3.0, 2.0, 1.0]
    # Another process, whose clock starts at zero, two seconds later.
    text = json.loads(json.dumps(saved))
    again = RateLimiter(quota="5/10s", share=1.0)
    again.restore(102.0, [(age + 2.0, call, resource) for age, call, resource in text])
    for late in (0.0, 3.0, 5.0, 20.0):
        assert again.remaining(102.0 + late) == limiter.remaining(6.0 + late)
    for one, began in ((limiter, 6.0), (again, 102.0)):
        one.record_call(began, "get", DEVICE)
    assert again.allowed(102.0, "get", DEVICE) - 96.0 == pytest.approx(
        limiter.allowed(6.0, "get", DEVICE)
    )
    # The tuples of a saved state come back from a file as lists.
    again.restore(102.0, text)
    assert again.remaining(102.0) == 0


def test_pauses_and_limits_of_the_server() -> None:
    limiter = spent(0)
    assert limiter.paused_until(1.0) is None
    limiter.pause_until(7.0)
    assert limiter.paused_until(1.0) == 7.0
    assert limiter.allowed(1.0, "cancel", DEVICE) == 7.0
    assert limiter.paused_until(8.0) is None
    limiter.lower(2, 10.0)
    limiter.lower(9, 10.0)
    assert limiter.windows == [(2, 10.0)]


def test_that_of_a_scheduler() -> None:
    before = Scheduler(seed=1, quota="1/10s", share=1.0)
    before.push(NAME)
    ticket = before.next_step(5.0)
    assert isinstance(ticket, Ticket)
    # It has not left yet, and counts as if it left now.
    assert before.rate_limiter.save(6.0) == [PastCall(0.0, "cancel", DEVICE)]
    ticket.sent(5.5)
    saved = before.rate_limiter.save(6.0)
    assert saved == [PastCall(0.5, "cancel", DEVICE)]
    after = Scheduler(seed=1, quota="1/10s", share=1.0)
    after.rate_limiter.restore(100.0, saved)
    after.push(NAME, "maybe_sent")
    wait = after.next_step(100.0)
    assert isinstance(wait, float)
    assert 109.5 < wait < 110.5
    assert isinstance(after.next_step(wait), Ticket)


def test_a_request_that_was_not_sent_is_told_with_its_phase() -> None:
    scheduler = Scheduler(seed=1, quota="1/10s", share=1.0)
    for phase in ("unsent", "accepted"):
        scheduler.push(f"{NAME}{phase}", phase)
    first = scheduler.next_step(5.0)
    assert isinstance(first, Ticket)
    first.failed(5.0, "connect", "no route")
    sending, not_sent = (
        event for event in scheduler.events() if isinstance(event, (Sending, NotSent))
    )
    assert (sending.name, sending.call) == (first.name, "cancel")
    assert isinstance(not_sent, NotSent)
    assert (not_sent.name, not_sent.call, not_sent.phase) == (first.name, "cancel", "unsent")
    assert scheduler.rate_limiter.remaining(5.0) == 1


@pytest.mark.parametrize(
    "call", [(-0.5, "cancel", DEVICE), [0.0, "get", DEVICE], PastCall(1e6, "get", DEVICE)]
)
def test_calls_of_every_form_are_taken(call: tuple[float, str, str]) -> None:
    limiter = spent(0)
    limiter.restore(10.0, [call])
    assert limiter.remaining(10.0) == (5 if call[0] > 100 else 4)


def test_what_cannot_be_one() -> None:
    limiter = spent(0)
    with pytest.raises(ValueError, match="is no call; expected one of cancel, get, list"):
        limiter.record_call(0.0, "delete", DEVICE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="age is nan"):
        limiter.restore(0.0, [(float("nan"), "get", DEVICE)])
    with pytest.raises(ValueError, match="now is -1"):
        limiter.remaining(-1.0)
    with pytest.raises(ValueError, match="share is 2"):
        RateLimiter(share=2.0)
