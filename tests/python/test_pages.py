"""Lists, page by page, by hand and against the emulator."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from countermand import Client, OperationName, errors
from countermand.sansio import Device, Done, Pages, Send, Wait
from countermand.testing import Emulator

from conftest import problem

DEVICE = "enterprises/LC01/devices/3f"


def page(*ids: int, token: str | None = None) -> bytes:
    operations: list[Any] = [{"name": f"{DEVICE}/operations/{number}"} for number in ids]
    return json.dumps({"operations": operations, "nextPageToken": token or ""}).encode()


def answered(pages: Pages[Any], body: bytes, now: float = 5.0) -> Any:
    step = pages.start(now, seed=1)
    assert isinstance(step, Send)
    done = step.response(now, 200, {}, body)
    assert isinstance(done, Done)
    return done.result()


def test_by_hand() -> None:
    pages = Pages("operations", DEVICE, endpoint="http://127.0.0.1:1")
    first = pages.start(5.0, seed=1)
    assert isinstance(first, Send)
    assert (first.call, first.number, first.name) == ("list_operations", 1, DEVICE)
    url = first.transmit(5.0).url
    assert url.startswith(f"http://127.0.0.1:1/v1/{DEVICE}/operations?")
    assert "pageToken" not in url
    done = first.response(5.5, 200, {}, page(1, 2, token="a+b"))
    assert isinstance(done, Done)
    assert [one.name.operation for one in done.result()] == ["1", "2"]
    assert repr(done).startswith("<Done [Operation(")
    assert not pages.done
    second = pages.start(6.0, seed=1)
    assert isinstance(second, Send)
    assert "pageToken=a%2Bb" in second.transmit(6.0).url
    done = second.response(6.0, 200, {}, page(3))
    assert isinstance(done, Done)
    assert done.result()[0].name == OperationName(f"{DEVICE}/operations/3")
    assert (pages.done, pages.missed) == (True, [])
    with pytest.raises(RuntimeError, match="has ended"):
        pages.start(7.0, seed=1)


def test_devices() -> None:
    pages = Pages("devices", "enterprises/LC01")
    body = json.dumps(
        {"devices": [{"name": DEVICE, "lastStatusReportTime": "2026-08-06T20:38:43.669Z"}]}
    )
    seen = datetime(2026, 8, 6, 20, 38, 43, 669000, tzinfo=UTC)
    assert answered(pages, body.encode()) == [Device(DEVICE, seen)]
    assert pages.done


def test_a_page_is_asked_for_again() -> None:
    pages = Pages("operations", DEVICE, max_attempts=2, backoff=(1.0, 1.0))
    step = pages.start(5.0, seed=1)
    assert isinstance(step, Send)
    wait = step.response(5.0, 503, {}, problem(503, "UNAVAILABLE"))
    assert isinstance(wait, Wait)
    assert isinstance(wait.error, errors.Unavailable)
    assert 5.0 < wait.until <= 6.0
    again = wait.resume(wait.until)
    assert isinstance(again, Send)
    assert again.number == 2
    lost = again.failed(6.0, "connection_lost", "gone")
    assert isinstance(lost, Done)
    with pytest.raises(errors.TransportError) as caught:
        lost.result()
    assert (caught.value.resource, caught.value.attempts) == (DEVICE, 2)
    # The list is at the same page as before.
    assert not pages.done
    assert len(answered(pages, page(1))) == 1


def test_a_list_that_does_not_end() -> None:
    pages = Pages("operations", DEVICE)
    answered(pages, page(1, token="t"))
    with pytest.raises(errors.Malformed, match="repeats a page token"):
        answered(pages, page(2, token="t"))
    assert pages.done
    pages = Pages("operations", DEVICE)
    with pytest.raises(errors.Malformed, match="20 pages in a row"):
        for number in range(30):
            answered(pages, page(token=str(number)))


def test_an_entry_that_cannot_be_read_hides_no_other() -> None:
    pages = Pages("operations", DEVICE)
    body = json.dumps({"operations": [{"name": 7}, {"name": f"{DEVICE}/operations/1"}]})
    assert len(answered(pages, body.encode())) == 1
    [missed] = pages.missed
    assert isinstance(missed, errors.Malformed)
    assert missed.resource == DEVICE
    assert "1 of 2 entries" in str(missed)


def test_what_is_no_list() -> None:
    with pytest.raises(ValueError, match="is no list; expected operations or devices"):
        Pages("policies", DEVICE)  # type: ignore[call-overload]
    with pytest.raises(errors.InvalidName, match="expected enterprises/"):
        Pages("devices", DEVICE)
    with pytest.raises(ValueError, match="deadline is"):
        Pages("operations", DEVICE, deadline=-1.0)


def test_it_lists_what_the_client_lists(emulator: Emulator) -> None:
    first = emulator.add()
    for _ in range(149):
        emulator.add(device=first.device)
    client = Client(endpoint=emulator.endpoint, token=emulator.token)
    pages = Pages("operations", first.device, endpoint=emulator.endpoint)
    found = []
    while not pages.done:
        step = pages.start(0.0, seed=1)
        assert isinstance(step, Send)
        request = step.transmit(0.0)
        headers = {**dict(request.headers), "authorization": f"Bearer {emulator.token}"}
        call = urllib.request.Request(request.url, headers=headers)
        with urllib.request.urlopen(call) as response:
            done = step.response(0.0, response.status, response.headers, response.read())
        assert isinstance(done, Done)
        found.extend(done.result())
    assert len(found) == 150
    assert found == [*client.list_operations(first.device)]
