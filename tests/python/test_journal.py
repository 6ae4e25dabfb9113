"""The journal of countermand_all: intents before requests leave, facts before results come out."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from countermand import Client, Outcome
from countermand.sansio import Accepted, Event, Finished, NotSent, Sending, Sent

from conftest import cancels

if TYPE_CHECKING:
    from collections.abc import Callable

    from countermand.testing import Emulator


def test_intents_come_before_requests_and_facts_before_results(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    names = [emulator.add() for _ in range(20)]
    events: list[Event] = []

    def journal(new: list[Event]) -> None:
        # None of the requests that this is about to allow has been seen by the server.
        assert len(emulator.audit()) <= sum(isinstance(event, Sending) for event in events)
        events.extend(new)

    begun = time.monotonic()
    results = call("countermand_all", names, journal=journal)
    lasted = time.monotonic() - begun
    assert all(result.cancelled for _, result in results)
    sending = [(event.name, event.call) for event in events if isinstance(event, Sending)]
    sent = [(event.name, event.call) for event in events if isinstance(event, Sent)]
    assert sorted(sending) == sorted(sent)
    assert len(sending) == len(emulator.audit())
    assert sorted(name for name, method in sending if method == "cancel") == sorted(names)
    assert {event.name for event in events if isinstance(event, Accepted)} == {*names}
    finished = [event for event in events if isinstance(event, Finished)]
    assert [event.name for event in finished] == [name for name, _ in results]
    assert all(isinstance(event.result, Outcome) for event in finished)
    assert all(0 <= event.at <= lasted for event in events if isinstance(event, Sent))


def test_results_come_out_when_the_journal_has_them(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    names = [emulator.add() for _ in range(20)]
    written = set()

    def journal(events: list[Event]) -> None:
        written.update(event.name for event in events if isinstance(event, Finished))

    with Client(**settings) as client:
        for name, _ in client.countermand_all(names, journal=journal):
            assert name in written
    assert written == {*names}


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
def test_a_journal_that_fails_stops_the_run_before_anything_leaves(
    emulator: Emulator, call: Callable[..., Any], kind: type[BaseException]
) -> None:
    names = [emulator.add() for _ in range(5)]
    calls: list[list[Event]] = []

    def journal(events: list[Event]) -> None:
        calls.append(events)
        raise kind("the disk is full")

    with pytest.raises(kind, match="the disk is full"):
        call("countermand_all", names, journal=journal)
    assert len(calls) == 1
    assert any(isinstance(event, Sending) for event in calls[0])
    assert emulator.audit() == []
    assert emulator.operations("pending") == names


def test_a_journal_that_fails_later_lets_nothing_leave_that_it_has_not_written(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    names = [emulator.add() for _ in range(30)]
    written: list[str] = []

    def journal(events: list[Event]) -> None:
        if len(written) >= 10:
            raise OSError("the disk is full")
        written.extend(
            str(event.name)
            for event in events
            if isinstance(event, Sending) and event.call == "cancel"
        )

    with pytest.raises(OSError, match="the disk is full"):
        call("countermand_all", names, client={"in_flight": 2}, journal=journal)
    asked = cancels(emulator)
    assert 0 < len(asked) < len(names)
    assert {*asked} <= {*written}


def test_what_was_not_sent_is_a_fact_too(call: Callable[..., Any]) -> None:
    name = "enterprises/LC01/devices/3f/operations/17"
    events: list[Event] = []
    client = {"endpoint": "http://127.0.0.1:1", "deadline": 1.0}
    call("countermand_all", [name], client=client, journal=events.extend)
    sending = [str(event.name) for event in events if isinstance(event, Sending)]
    not_sent = [(str(e.name), e.phase) for e in events if isinstance(e, NotSent)]
    assert {*sending} == {name}
    assert not_sent == [(name, "unsent")] * len(sending)
    assert not any(isinstance(event, Sent) for event in events)


def test_a_journal_that_is_awaited_has_written_nothing(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    async def journal(_: list[Event]) -> None:
        raise AssertionError

    with (
        pytest.warns(RuntimeWarning, match="never awaited"),
        pytest.raises(TypeError, match="journal is a function whose result is awaited"),
    ):
        call("countermand_all", [emulator.add()], journal=journal)
    with pytest.raises(TypeError, match="journal is None or a function, not list"):
        call("countermand_all", [emulator.add()], journal=[])
    assert emulator.audit() == []


def test_a_journal_that_uses_a_client_is_told_so(
    emulator: Emulator, call: Callable[..., Any], settings: dict[str, Any]
) -> None:
    name = emulator.add()
    with Client(**settings) as other:

        def journal(_: list[Event]) -> None:
            other.get(name)

        with pytest.raises(RuntimeError, match="a journal cannot use a client"):
            call("countermand_all", [name], journal=journal)
    assert emulator.audit() == []


def test_a_journal_is_not_called_after_the_loop(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    names = [emulator.add() for _ in range(200)]
    events: list[Event] = []
    with Client(**settings, in_flight=1) as client:
        with closing(client.countermand_all(names, quota="none", journal=events.extend)) as results:
            next(results)
        told = len(events)
        time.sleep(0.1)
        assert len(events) == told
    assert len(emulator.audit()) <= sum(isinstance(event, Sending) for event in events)
