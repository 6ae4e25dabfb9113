"""Outcomes of operations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from .json_form import JsonForm

if TYPE_CHECKING:
    from typing import Any, Literal, TypeAlias

    from ._countermand import Operation
    from .errors import CountermandError
    from .operation_name import OperationName

    _Meaning: TypeAlias = Literal["pending", "cancelling", "cancelled", "completed", "failed"]


class Verdict(StrEnum):
    """Verdict on an operation. Only ``CANCELLED`` is proof that it will not happen."""

    __module__ = "countermand"

    CANCELLED = "cancelled"
    """The server says so: done, with error code 1."""
    COMPLETED = "completed"
    """The server says that it completed, despite the cancellation or before it."""
    FAILED = "failed"
    """It ended with another error; the device did not do it, or not all of it."""
    EXPIRED = "expired"
    """Its time of validity passed and it was still not done."""
    PENDING = "pending"
    """Not done by the deadline. The device may still act: countermand it again."""
    GONE = "gone"
    """The server no longer knows it (HTTP 404). It may have executed."""
    UNVERIFIED = "unverified"
    """The cancellation was accepted; what became of it was not asked or not answered."""


class Status(NamedTuple):
    """A ``google.rpc.Status``."""

    code: int
    """A ``google.rpc.Code``; 1 is CANCELLED."""
    message: str
    """For developers, in English. Never compare it."""


Status.__module__ = "countermand"


class State(NamedTuple):
    """The state of a resource as its server tells it: of a job, a build, an execution."""

    word: str
    """The word of the service, ``CANCELLED``, or its state and reason, ``DONE/stopped``: an open
    set."""
    meaning: _Meaning
    """Its meaning: ``cancelled``, ``completed`` and ``failed`` are verdicts; ``cancelling`` says
    that a cancel was taken; ``pending`` is that of every word that is not known."""


State.__module__ = "countermand"


# The native half sets the fields of a new one by itself: `__init__` and `__post_init__` are not
# called.
@dataclass(frozen=True, slots=True)
class Outcome(JsonForm):
    """The result of a countermand: the verdict and what it rests on."""

    __module__ = "countermand"

    name: OperationName
    """The name of the operation."""
    verdict: Verdict
    """The verdict."""
    attempts: int
    """Requests sent for it, of every kind."""
    operation: Operation | None
    """What was read from the server's last answer about it."""
    error: CountermandError | None
    """Error that kept more from being known; ``None`` for a verdict that is final."""
    parent_exists: bool | None
    """True if the device still has a record, where that was looked for because the operation had
    none. ``False``: a wipe may have executed."""

    @property
    def cancelled(self) -> bool:
        """True if it is proved that the operation will not happen."""
        return self.verdict is Verdict.CANCELLED

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain values, by the schema ``countermand.outcome/1``."""
        fields: dict[str, Any] = {
            "schema": "countermand.outcome/1",
            "name": str(self.name),
            "verdict": str(self.verdict),
            "attempts": self.attempts,
            "operation": None if self.operation is None else self.operation.to_dict(),
            "error": None if self.error is None else self.error.to_dict(),
        }
        if self.parent_exists is not None:
            fields["parent_exists"] = self.parent_exists
        return fields
