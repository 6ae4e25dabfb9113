"""Where a campaign stands, and the line that shows it."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a campaign stands.

    Its times are seconds on one clock: for a client since the campaign began, for
    :mod:`countermand.sansio` on the caller's clock.
    """

    pushed: int
    """Names taken. Duplicates, and texts that are no names, do not count."""
    duplicates: int
    """Names that had been taken before."""
    asked: int
    """Operations whose cancel has been sent at least once."""
    waiting: int
    """Operations that wait for their first request, or for a time."""
    finished: int
    """Operations that have come out."""
    sent: int
    """Requests sent, of every kind."""
    in_flight: int
    """Requests without an answer yet."""
    quota_left: int | None
    """Requests the quota allows without waiting; ``None`` without a quota."""
    now: float
    """When this was so."""
    last_cancel: float | None
    """When the last first cancel of an operation was sent."""
    held_until: float | None
    """When the quota allows the next request, if not now."""


class Line:
    """One line on standard error: redrawn on a terminal, elsewhere a new one now and then."""

    __slots__ = ("_next", "_pending", "_width")

    _EVERY = 5.0
    """Seconds between two lines that stay."""

    def __init__(self) -> None:
        self._next = 0.0
        self._pending: str | None = None
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        line = _words(progress)
        if sys.stderr is None:
            return
        if sys.stderr.isatty():
            # Spaces wipe what a longer line has left.
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = len(line)
        elif progress.now >= self._next:
            self._next = progress.now + self._EVERY
            self._pending = None
            print(line, file=sys.stderr, flush=True)
        else:
            self._pending = line

    def end(self) -> None:
        """Leaves the last state on a line of its own."""
        if sys.stderr is None:
            return
        if self._width:
            print(file=sys.stderr, flush=True)
        elif self._pending is not None:
            print(self._pending, file=sys.stderr, flush=True)
        self._width, self._pending = 0, None


def _words(progress: Progress) -> str:
    words = [
        f"{progress.asked}/{progress.pushed} cancels sent",
        f"{progress.finished} finished",
        f"{progress.in_flight} in flight",
    ]
    if progress.quota_left is not None:
        words.append(f"quota left {progress.quota_left}")
    if progress.held_until is not None:
        words.append(f"next in {max(0.0, progress.held_until - progress.now):.0f} s")
    return ", ".join(words)
