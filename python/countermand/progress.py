"""Progress of schedulers and of jobs, and the line that shows it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from .json_form import JsonForm

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Devices of a search, and the operations found on them."""

    __module__ = "countermand"

    devices: int
    """Devices to be searched, as far as they have been listed."""
    all_listed: bool
    """True if no list of devices is left to be read; those that could not be read are in ``missed``
    and ``not_attempted``."""
    searched: int
    """Devices whose operations have been listed to the end."""
    pages: int
    """Pages of their operations that were read."""
    vanished: int
    """Devices that vanished before they were searched."""
    missed: int
    """Lists that could not be read to their end, and entries of lists that could not be read."""
    not_attempted: int
    """Lists that were not asked for, because an earlier failure concerns all of them."""
    found: int
    """Pending operations that are meant."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A failure that goes on: no request has been answered since it began."""

    __module__ = "countermand"

    key: str | None
    """The key of its row in docs/errors.md; ``None`` if another version wrote one that is not known
    to this one."""
    cause: str
    """The last failure, in words."""
    lasting: float
    """Seconds since the last answer."""
    failures: int | None
    """Requests that failed since then; ``None`` where another process applies the job, as the job
    file does not hold it."""
    next_try: float | None
    """Seconds until the next try; ``None`` while one is in flight, or as for
    ``failures``."""
    gives_up: float | None
    """Seconds until the scheduler ends if nothing answers; ``None`` for a job, which goes on until
    the server answers or the caller interrupts it."""


@dataclass(frozen=True)
class Figures(JsonForm):
    """Figures of a scheduler and of a job. ``str()`` of them is one line for people."""

    cancels_sent: int
    """Operations whose cancel has been sent at least once, of a job over all its runs."""
    quota_remaining: int | None
    """Requests the quota allows without waiting; ``None`` without a quota, or where no process
    applies the job."""
    quota_wait: float | None
    """Seconds until the quota allows the next request; ``None`` where it does now, or where no
    request is to come."""
    requests_per_second: float | None
    """Requests sent in a second, over the last 10 seconds."""
    search: SearchProgress | None
    """The search of a rescue; ``None`` where nothing is searched."""
    search_ends_in: float | None
    """Seconds until the search ends; ``None`` where that cannot be estimated."""
    last_cancel_in: float | None
    """Seconds until the last cancel is sent; ``None`` where that cannot be estimated."""
    last_verdict_in: float | None
    """Seconds until the last verdict, if no device delays it; ``None`` as above, and where every
    operation that is left was looked at and is not done."""
    outage: Outage | None
    """The failure that stops everything at present, also as the process notes it that applies the
    job; nothing is estimated meanwhile."""
    line: str
    """The figures in one line, as the command ``countermand`` tells them."""
    _json: str = field(default="{}", kw_only=True, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, by the schema ``countermand.progress/1``."""
        import json

        return {"schema": "countermand.progress/1", **json.loads(self._json)}

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True)
class Progress(Figures):
    """Progress of a scheduler.

    Its times are seconds on one clock: for a client since the scheduler began, for
    :mod:`countermand.sansio` on the caller's clock.
    """

    __module__ = "countermand"

    pushed: int
    """Names taken. Duplicates, and texts that are no names, do not count."""
    duplicates: int
    """Names that had been taken before."""
    waiting: int
    """Operations that wait for their first request, or for a time."""
    finished: int
    """Operations that have come out."""
    sent: int
    """Requests sent, of every kind."""
    in_flight: int
    """Requests without an answer yet."""
    now: float
    """Time at which this was so."""
    last_cancel: float | None
    """Time at which the last first cancel of an operation was sent."""
    allowed_at: float | None
    """Time at which the quota allows the next request, if not now."""

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, by the schema ``countermand.progress/1``."""
        return {
            **super().to_dict(),
            "pushed": self.pushed,
            "duplicates": self.duplicates,
            "waiting": self.waiting,
            "finished": self.finished,
            "sent": self.sent,
            "in_flight": self.in_flight,
            "now_s": self.now,
            "last_cancel_s": self.last_cancel,
            "allowed_at_s": self.allowed_at,
        }


@dataclass(frozen=True)
class JobProgress(Figures):
    """Progress of a job, as its file tells it, also while another process applies it.

    Rates, the quota and the time left are known while a process applies it.
    """

    __module__ = "countermand"

    operations: int
    """Operations to be cancelled, as far as they are known."""
    cancels_maybe_sent: int
    """Operations whose cancel was about to leave, and may have."""
    accepted: int
    """Operations whose cancel the server accepted, so that it was delivered."""
    verdicts: int
    """Operations that no run takes up again: what is pending, or failed in a way that another run
    may mend, is not among them."""


class Line:
    """One line on standard error: redrawn on a terminal, elsewhere a new one now and then."""

    __slots__ = ("_figures", "_next", "_pending", "_rest", "_width")

    _EVERY = 5.0
    """Seconds between two lines that stay, while figures change."""
    _REST = 30.0
    """Seconds between them while none does: how long it lasts is news, too."""

    def __init__(self) -> None:
        self._next = self._rest = 0.0
        self._figures: tuple[object, ...] = ()
        self._pending: str | None = None
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        if sys.stderr is None:
            return
        if sys.stderr.isatty():
            # A line that is too long would wrap, and could not be redrawn.
            line = progress.line[: max(1, get_terminal_size((120, 24)).columns - 1)]
            # Spaces wipe what a longer line has left.
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = len(line)
            return
        failing = progress.outage is not None
        figures = (
            progress.pushed,
            progress.cancels_sent,
            progress.finished,
            progress.search,
            failing,
        )
        same = figures == self._figures and progress.now < self._rest
        if progress.now >= self._next and not same:
            self._figures = figures
            self._next = progress.now + self._EVERY
            self._rest = progress.now + self._REST
            self._pending = None
            print(progress.line, file=sys.stderr, flush=True)
        else:
            self._pending = progress.line

    def end(self) -> None:
        """Leaves the last state on a line of its own."""
        if sys.stderr is None:
            return
        if self._width:
            print(file=sys.stderr, flush=True)
        elif self._pending is not None:
            print(self._pending, file=sys.stderr, flush=True)
        self._width, self._pending = 0, None
