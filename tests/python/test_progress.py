"""Progress of a scheduler, and the functions and streams that receive it."""

from __future__ import annotations

import io
import itertools
import re
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from countermand import Client, CountermandError, JobStatus, Outage, Progress
from countermand.progress import Line
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(("given", "expected"), [(None, 7), (3, 3), (1, 1)])
def test_requests_in_flight(
    emulator: Emulator, settings: dict[str, Any], given: int | None, expected: int
) -> None:
    # Longer than the time between two reports, so that one falls into each delay.
    emulator.faults([{"delay_ms": 250, "times": None}])
    names = [emulator.add() for _ in range(2 * expected)]
    seen: list[Progress] = []
    with Client(**settings, in_flight=7) as client:
        list(client.countermand_all(names, in_flight=given, progress=seen.append))
    assert max(progress.in_flight for progress in seen) == expected


def test_progress(emulator: Emulator, call: Callable[..., Any]) -> None:
    names = [emulator.add() for _ in range(40)]
    told: list[tuple[float, int, Progress]] = []

    def watch(progress: Progress) -> None:
        told.append((time.monotonic(), threading.get_ident(), progress))

    given = [*names, names[0], "no name"]
    limits = {"quota": "20/0.2s", "share": 1.0, "in_flight": 5, "progress": watch}
    assert len(call("countermand_all", given, **limits)) == 41
    times, threads, seen = zip(*told, strict=True)
    assert set(threads) == {threading.get_ident()}
    assert len(seen) >= 4
    assert all(later - earlier >= 0.08 for earlier, later in itertools.pairwise(times[:-1]))
    assert [progress.sent for progress in seen] == sorted(progress.sent for progress in seen)
    last = seen[-1]
    assert (last.pushed, last.duplicates, last.cancels_sent, last.finished, last.sent) == (
        40,
        1,
        40,
        40,
        80,
    )
    assert (last.waiting, last.in_flight) == (0, 0)
    assert last.last_cancel is not None
    assert 0.2 <= last.last_cancel <= last.now < 10
    assert any(
        progress.allowed_at is not None
        and progress.quota_remaining == 0
        and progress.now < progress.allowed_at < progress.now + 1
        for progress in seen
    )
    assert all(progress.in_flight <= 5 for progress in seen)
    assert "finished=40" in repr(last)
    with pytest.raises(AttributeError):
        last.sent = 0


def test_progress_of_nothing_and_without_a_quota(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    told: list[Progress] = []
    assert call("countermand_all", [], progress=told.append) == []
    assert [progress.finished for progress in told[-1:]] == [0]
    told.clear()
    names = (emulator.add() for _ in range(3))
    assert len(call("countermand_all", names, quota="none", progress=told.append)) == 3
    assert (told[-1].quota_remaining, told[-1].finished) == (None, 3)
    for silent in (None, False):
        assert call("countermand_all", [], progress=silent) == []
    with pytest.raises(TypeError, match="None, True or a function, not int"):
        call("countermand_all", [emulator.add()], progress=7)


def test_fault_43_a_watcher_that_raises(emulator: Emulator, call: Callable[..., Any]) -> None:
    calls = 0

    def broken(_: Progress) -> None:
        nonlocal calls
        calls += 1
        raise OSError("the pipe is closed")

    names = [emulator.add() for _ in range(30)]
    with pytest.warns(RuntimeWarning, match="pipe is closed.* is not called again") as caught:
        results = call("countermand_all", names, quota="20/0.2s", share=1.0, progress=broken)
    assert all(result.cancelled for _, result in results)
    assert calls == len(caught) == 1
    # It names the loop, not the package.
    assert not caught[0].filename.endswith("_scheduler.py")
    assert not caught[0].filename.endswith("client.py")

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call("countermand_all", [emulator.add()], progress=interrupt)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_a_line_of_progress(
    emulator: Emulator,
    call: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[io.StringIO],
) -> None:
    monkeypatch.setattr(sys, "stderr", kind())
    names = [emulator.add() for _ in range(30)]
    call("countermand_all", names, quota="20/0.2s", share=1.0, progress=True)
    text = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert text.endswith("\n")
    last = text.splitlines()[-1].rpartition("\r")[2]
    assert re.match(r"cancels sent 30/30, verdicts 30/30, .*requests/s, quota left \d+", last)
    if kind is Terminal:
        lines = text.rstrip("\n").split("\r")
        assert len(lines) >= 4
        assert text.count("\n") == 1
        assert all(len(b) >= len(a.rstrip()) for a, b in itertools.pairwise(lines))
    else:
        # The first one, and the last one: less than five seconds in between.
        assert len(text.splitlines()) == 2
        assert "\r" not in text


def test_a_line_where_nothing_can_be_written(
    emulator: Emulator, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    with pytest.warns(RuntimeWarning, match="closed file"):
        assert len(call("countermand_all", [emulator.add()], progress=True)) == 1
    monkeypatch.setattr(sys, "stderr", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(call("countermand_all", [emulator.add()], progress=True)) == 1


def test_fault_48_a_dead_network_is_told_while_it_lasts(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    # So many that the circuit opens: a few could give up, by their jitter, before it is told.
    names = [emulator.add() for _ in range(40)]
    told: list[Progress] = []
    # Nothing listens there, and no other test can.
    client = {"endpoint": "http://127.0.0.1:1", "deadline": 4.5}
    results = call("countermand_all", names, progress=told.append, client=client)
    assert all(isinstance(result, CountermandError) for _, result in results)
    outages = [progress.outage for progress in told if progress.outage]
    assert outages
    for progress in told:
        if progress.outage is None:
            continue
        assert (progress.cancels_sent, progress.sent) == (0, 0)
        assert progress.last_cancel_in is progress.last_verdict_in is None
        assert "FAILING for" in progress.line == str(progress)
        assert progress.outage.cause in progress.line
    assert {outage.key for outage in outages} == {"connect"}
    assert all("refused" in outage.cause for outage in outages)
    lasting = [outage.lasting for outage in outages]
    assert lasting == sorted(lasting)
    assert lasting[-1] >= lasting[0] + 1
    assert all(4 <= outage.lasting + (outage.gives_up or 0) <= 5 for outage in outages)
    assert all(outage.failures for outage in outages)


def test_fault_48_a_job_tells_of_an_outage_and_goes_on_probing(
    emulator: Emulator, settings: dict[str, Any], path: Path
) -> None:
    names = [emulator.add() for _ in range(20)]
    job = Client(**settings).plan(path, names, deadline=60.0, quota="none")
    emulator.faults([{"status": 503, "times": None}])
    told: list[Progress] = []
    seen: list[JobStatus] = []

    def watch(progress: Progress) -> None:
        told.append(progress)
        if progress.outage and progress.outage.lasting > 3:
            seen.append(job.status())
            emulator.faults([])

    report = job.apply(confirm=job.enterprises, progress=watch)
    assert report.states == {"cancelled": 20}
    outages = [progress.outage for progress in told if progress.outage]
    assert outages[-1].lasting > 3
    assert {outage.gives_up for outage in outages} == {None}
    assert {outage.key for outage in outages} == {"unavailable"}
    assert "Ctrl-C is safe" in next(one for one in told if one.outage).line
    assert told[-1].outage is None
    # Another process sees it, too: the file records the begin.
    status = seen[0]
    assert status.activity == "applied"
    assert status.progress.outage is not None
    assert status.progress.outage.lasting > 0
    assert status.progress.outage.cause
    assert status.progress.outage.key == "unavailable"
    assert status.progress.outage.failures is None
    assert status.progress.last_cancel_in is None
    assert job.status().progress.outage is None


def test_fault_51_a_job_tells_its_rate_and_the_time_left(
    emulator: Emulator, settings: dict[str, Any], path: Path
) -> None:
    names = [emulator.add() for _ in range(30)]
    job = Client(**settings).plan(path, names, quota="10/1s", share=1.0)
    before = job.status()
    assert before.activity == "idle"
    assert before.progress.requests_per_second is None
    told: list[Progress] = []
    seen: list[JobStatus] = []

    def watch(progress: Progress) -> None:
        told.append(progress)
        if progress.cancels_sent == 20 and len(seen) < 1:
            seen.append(job.status())

    job.apply(confirm=job.enterprises, progress=watch)
    middle = next(progress for progress in told if progress.cancels_sent == 20)
    assert middle.requests_per_second is not None
    assert 5 < middle.requests_per_second < 25
    assert middle.last_cancel_in is not None
    assert middle.last_verdict_in is not None
    assert 0.3 <= middle.last_cancel_in <= 3
    assert middle.last_cancel_in < middle.last_verdict_in <= 8
    assert middle.line == str(middle)
    assert "cancels sent 20/30, " in middle.line
    assert "requests/s" in middle.line
    assert (middle.search, middle.outage) == (None, None)
    # Each second of waiting for the quota is reported, without any other figure that changes.
    waits = [progress for progress in told if progress.allowed_at is not None]
    assert waits
    for progress in waits:
        assert progress.allowed_at is not None
        if progress.finished < progress.pushed:
            assert progress.quota_wait == pytest.approx(progress.allowed_at - progress.now)
        assert ("next request in " in progress.line) == (progress.quota_wait is not None)
    assert any(progress.quota_wait for progress in waits)
    # Nothing is left to send, so nothing waits, although the quota is used up.
    assert (told[-1].finished, told[-1].quota_wait) == (30, None)

    status = seen[0]
    assert status.activity == "applied"
    progress = status.progress
    assert (progress.operations, progress.cancels_sent) == (30, 20)
    assert progress.accepted <= 20
    assert progress.requests_per_second
    assert progress.last_verdict_in
    assert progress.quota_wait is not None
    assert 0 < progress.quota_wait < 1.2
    assert "next request in " in progress.line
    assert str(progress) == progress.line
    after = job.status()
    assert after.activity == "ended"
    assert (after.progress.cancels_sent, after.progress.accepted) == (30, 30)
    assert after.progress.verdicts == 30
    assert after.progress.last_cancel_in is None


def test_fault_51_a_rescue_tells_how_far_its_search_is(
    fleet: Emulator, path: Path, call: Callable[..., Any]
) -> None:
    told: list[Progress] = []
    settings = {"endpoint": fleet.endpoint, "token": fleet.token}
    more: dict[str, Any] = {"deadline": 3.0, "quota": "none", "progress": told.append}
    call("rescue", path, fleet.enterprise, client=settings, **more)
    searches = [progress.search for progress in told if progress.search]
    assert len(searches) == len(told)
    last = searches[-1]
    assert (last.devices, last.searched, last.all_listed) == (60, 60, True)
    assert last.found == told[-1].cancels_sent == 120
    assert [search.searched for search in searches] == sorted(one.searched for one in searches)
    assert told[-1].line.startswith("searched 60 of 60 devices, 120 operations found, ")
    progress = Client(**settings).open(path).status().progress
    assert progress.search is not None
    assert (progress.search.searched, progress.search.found) == (60, 120)


class Recorder(io.StringIO):
    """Standard error that is no terminal."""


def test_fault_48_lines_of_an_outage_come_although_nothing_else_changes() -> None:
    stderr = sys.stderr
    sys.stderr = Recorder()
    try:
        line = Line()
        for second in range(100):
            line(standing(float(second), outage="no network" if second > 2 else None))
        line.end()
        lines = sys.stderr.getvalue().splitlines()
    finally:
        sys.stderr = stderr
    # At once, with the change, and then every 30 s; the last one at the end.
    assert lines == ["fine", *[f"no network for {second} s" for second in (5, 35, 65, 95, 99)]]


def standing(now: float, outage: str | None) -> Progress:
    failing = outage and Outage("connect", outage, now, 1, None, None)
    return Progress(
        pushed=3,
        duplicates=0,
        cancels_sent=0,
        waiting=3,
        finished=0,
        sent=0,
        in_flight=0,
        quota_remaining=None,
        now=now,
        last_cancel=None,
        allowed_at=None,
        quota_wait=None,
        requests_per_second=0.0,
        search=None,
        search_ends_in=None,
        last_cancel_in=None,
        last_verdict_in=None,
        outage=failing or None,
        line=f"{outage} for {now:.0f} s" if outage else "fine",
    )
