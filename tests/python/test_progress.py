"""What a campaign tells of its progress, and who is told."""

from __future__ import annotations

import io
import itertools
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from countermand import Client, Progress
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(("given", "expected"), [(None, 7), (3, 3), (0, 1)])
def test_requests_in_flight(
    emulator: Emulator, settings: dict[str, Any], given: int | None, expected: int
) -> None:
    # Longer than two reports are apart, so that one of them falls into each delay.
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
    assert (last.pushed, last.duplicates, last.asked, last.finished, last.sent) == (
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
        progress.held_until is not None
        and progress.quota_left == 0
        and progress.now < progress.held_until < progress.now + 1
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
    assert len(call("countermand_all", names, quota=None, progress=told.append)) == 3
    assert (told[-1].quota_left, told[-1].finished) == (None, 3)
    for nobody in (None, False):
        assert call("countermand_all", [], progress=nobody) == []
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
    assert not caught[0].filename.endswith("_campaign.py")
    assert not caught[0].filename.endswith("_client.py")

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
    assert "30/30 cancels sent, 30 finished, 0 in flight, quota left " in text.splitlines()[-1]
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
