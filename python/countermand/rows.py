"""Operations that were found, rows of a job, and its status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from . import _countermand
from .json_form import JsonForm, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from ._countermand import Operation
    from .errors import CountermandError
    from .lock_owner import LockOwner
    from .operation_name import OperationName
    from .outcome import Verdict
    from .progress import JobProgress

    _State: TypeAlias = Literal[
        "completed",
        "gone",
        "unverified",
        "pending",
        "error",
        "unsent",
        "failed",
        "expired",
        "cancelled",
    ]
    """The worst news first."""

    _Age: TypeAlias = Literal["under_10_min", "under_1_h", "under_1_d", "older", "unknown"]


@dataclass(frozen=True, slots=True)
class FoundOperation(JsonForm):
    """A pending operation that a search has found."""

    __module__ = "countermand"

    name: OperationName
    """Its name."""
    type: str | None = None
    """``WIPE``, ``LOCK`` ...: an open set of words."""
    create_time: datetime | None = None
    """Time at which the server created it, in UTC."""
    duration: float | None = None
    """Validity from then on, in seconds."""
    device_seen: datetime | None = None
    """Time of the device's last report, where the search went through its enterprise."""

    def to_dict(self) -> dict[str, Any]:
        """The found operation as plain values, by the schema ``countermand.operation/1``."""
        import json

        fields: dict[str, Any] = json.loads(_countermand.found_json(self))
        return fields


@dataclass(frozen=True, slots=True)
class JobRow(JsonForm):
    """An operation of a job and what has become of it."""

    __module__ = "countermand"

    position: int
    """Its place in the order of sending, from 1."""
    name: OperationName
    """Its name."""
    enterprise: str | None
    """The name of its enterprise; ``None`` of another service, as is ``device``."""
    device: str | None
    """The name of its device."""
    type: str | None
    """``WIPE``, ``LOCK`` ...: an open set of words."""
    create_time: datetime | None
    """Time at which the server created it, in UTC."""
    device_seen: datetime | None
    """Time of the device's last report, as of the search."""
    state: _State
    """State of the operation, in one word: its verdict, or ``error`` (which says what kept it from
    being known), ``unverified`` also without a verdict (a cancel was sent or may have been, and
    what became of it is not known), ``unsent``."""
    verdict: Verdict | None
    """Verdict of a run."""
    phase: Literal["unsent", "maybe_sent", "accepted"]
    """Progress of its cancel."""
    attempts: int
    """Requests for it that left or may have left, of every kind, over all runs."""
    cancel_sent_at: datetime | None
    """Time at which its first cancel left, as far as known: of a run that was killed, a cancel of
    its last second may be missing."""
    accepted_at: datetime | None
    """Time at which the server first accepted the cancellation."""
    resolved_at: datetime | None
    """Time of the answer that the row rests on; None with ``from_input``."""
    verified_at: datetime | None
    """The same time, if an answer of the server to this job settles the operation."""
    body_sha256: str | None
    """SHA-256 of the answer, or of the part of the input, that the verdict rests on."""
    done: bool | None
    """True if the server says that it is done."""
    code: int | None
    """The ``google.rpc.Code`` it ended with; 1 is CANCELLED."""
    message: str | None
    """The server's message to that code."""
    problem: str | None
    """The kind of ``error``."""
    problem_message: str | None
    """``error`` in a sentence."""
    parent_exists: bool | None
    """True if the device still has a record, where that was looked for."""
    from_input: bool
    """True if the input of the plan gave its end, and the server was not asked."""
    service: str
    """The id of its service, ``androidmanagement.v1``."""
    parent: str
    """The full name of what it belongs to: its device; of another service, for example, its
    location."""
    lane: str | None
    """The name of its lane; None in a job whose lanes have no names."""
    job: str | None
    """The job file, where several are reported together; a report in Python is of one."""
    operation: Operation | None
    """What was read from the server's last answer about it."""
    error: CountermandError | None = field(compare=False)
    """Error that kept more from being known. Rows that differ in nothing else are equal."""

    def to_dict(self) -> dict[str, Any]:
        """The row as plain values, by the schema ``countermand.row/1``."""
        fields = self.columns()
        for name, part_of in _countermand.report_columns():
            if part_of is not None:
                del fields[name]
            elif isinstance(fields[name], datetime):
                fields[name] = timestamp(fields[name])
        if self.parent_exists is None:
            del fields["parent_exists"]
        return {
            "schema": "countermand.row/1",
            **fields,
            "operation": None if self.operation is None else self.operation.to_dict(),
            "error": None if self.error is None else self.error.to_dict(),
        }

    def columns(self) -> dict[str, Any]:
        """The columns of a table, those that Arrow and the CSV have: plain values, names as text.

        ``operation`` and ``error`` are not among them; what they tell is.
        """
        values = ((name, getattr(self, name)) for name, _ in _countermand.report_columns())
        # Names and verdicts are texts of a class of their own.
        return {name: str(value) if isinstance(value, str) else value for name, value in values}


@dataclass(frozen=True, slots=True)
class Estimate(JsonForm):
    """Time that a job will take at best: every cancel works at once, and no other program uses its
    share of the quota."""

    __module__ = "countermand"

    last_cancel: float
    """Seconds until the last cancel is sent."""
    last_verdict: float
    """Seconds until the last verdict is known."""

    def to_dict(self) -> dict[str, Any]:
        """The estimate as plain values, by the schema ``countermand.estimate/1``."""
        return {
            "schema": "countermand.estimate/1",
            "last_cancel_s": self.last_cancel,
            "last_verdict_s": self.last_verdict,
        }


@dataclass(frozen=True, slots=True)
class JobStatus(JsonForm):
    """Status of a job."""

    __module__ = "countermand"

    kind: Literal["plan", "rescue", "feed"]
    """Source of its operations: planned before, or found while it runs."""
    operations: int
    """Operations of the job."""
    states: Mapping[_State, int]
    """Operations in each state, the worst news first; a state without any is absent."""
    open: int
    """Operations without a known end. Applying the job again goes on with them, but for those
    whose cancel was accepted and whose service has no method that shows them."""
    unverifiable: int
    """Number of those: their cancel was accepted, and no run tells more."""
    last_cancel: float | None
    """Seconds from the start of its first run until the last operation was first asked to cancel,
    so far. A run that repeats cancels does not move it."""
    last_verdict: float | None
    """Seconds from the same start until the last verdict was known, so far."""
    runs: int
    """Number of times that it was applied."""
    notes: tuple[str, ...]
    """Notes for an operator: lists that a search missed, failures that a run met."""
    holder: LockOwner | None
    """The process that has the file now."""
    activity: Literal["idle", "applied", "ended", "end_unknown"]
    """``applied``: a process has the file now. ``ended``: the latest run has recorded its end.
    ``end_unknown``: it has not, and no process has the file. ``idle``: no run has begun."""
    progress: JobProgress
    """Its progress: the search, the rate of requests, the time left, an outage."""
    _json: str = field(default="{}", kw_only=True, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The status as plain values, by the schema ``countermand.status/1``."""
        import json

        fields: dict[str, Any] = json.loads(self._json)
        return fields


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a job when it is planned or opened."""

    kind: Literal["plan", "rescue", "feed"]
    endpoint: str
    created: datetime
    digest: bytes | None
    operations: int
    duplicates: int
    unverifiable: int
    not_searched: tuple[str, ...]
    types: Mapping[str | None, int]
    enterprises: Mapping[str, int]
    ages: Mapping[_Age, int]
    lanes: tuple[str, ...]
