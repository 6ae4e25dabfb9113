"""Events of a scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from .errors import CountermandError
    from .operation_name import OperationName
    from .outcome import Outcome


@dataclass(frozen=True, slots=True)
class Sending:
    """A request is about to leave: an intent. A journal has to hold it before the request goes."""

    name: OperationName
    call: Literal["cancel", "get", "get_parent"]


@dataclass(frozen=True, slots=True)
class Sent:
    """A request has left, or may have: a fact."""

    name: OperationName
    call: Literal["cancel", "get", "get_parent"]
    at: float
    """Time at which it left, on the clock that gave every ``now``; in a client's journal, seconds
    since the run began. Where ``Ticket.sent`` was not called: the time at which its answer or its
    loss was known."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """A request was not sent: no connection, no token. The intent is void."""

    name: OperationName
    call: Literal["cancel", "get", "get_parent"]
    phase: Literal["unsent", "maybe_sent", "accepted"]
    """Progress of the operation's cancel without this request."""
    cause: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server accepted the cancellation of an operation."""

    name: OperationName


@dataclass(frozen=True, slots=True)
class Finished:
    """An operation has come out, with its outcome or with the error that was not raised."""

    name: OperationName
    result: Outcome | CountermandError


@dataclass(frozen=True, slots=True)
class Paused:
    """All requests wait: the quota is used up."""

    until: float
    """End of the pause, on the same clock as :attr:`Sent.at`."""
    limit: int | None
    """The limit that the server named."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A passing failure of a kind that was not met before; it is retried."""

    key: str
    """The key of its row in docs/errors.md."""
    cause: str


@dataclass(frozen=True, slots=True)
class CircuitOpened:
    """The server fails: from now on there are only probes."""


@dataclass(frozen=True, slots=True)
class CircuitClosed:
    """The server is back."""


@dataclass(frozen=True, slots=True)
class ResourceClosed:
    """The rest of an enterprise was denied too often in a row and is left alone."""

    resource: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The scheduler has stopped: requests that were not sent stay unsent."""

    cause: str


Event: TypeAlias = (
    Sending
    | Sent
    | NotSent
    | Accepted
    | Finished
    | Paused
    | Failing
    | CircuitOpened
    | CircuitClosed
    | ResourceClosed
    | Stopped
)

# Where users import them from, in tracebacks and in pickles.
for _event in get_args(Event):
    _event.__module__ = "countermand.sansio"
