"""Errors of calls: one class for each thing that can happen; :mod:`countermand.job_errors` has
those of jobs.

Every class is a :class:`CountermandError` and also the built-in exception that a caller who has
never heard of this package would catch: ``ValueError``, ``PermissionError``, ``LookupError``,
``ConnectionError``, ``TimeoutError``, ``FileNotFoundError``, ``OSError``.

No message, attribute, ``repr`` or pickle holds a token or a parameter of a command.
"""

from __future__ import annotations

from .json_form import JsonForm
from .operation_name import OperationName

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "CountermandError",
    "CredentialsError",
    "FailedPrecondition",
    "InvalidArgument",
    "InvalidEndpoint",
    "InvalidName",
    "Malformed",
    "Misattributed",
    "NotAttempted",
    "NotFound",
    "NotTheApi",
    "PermissionDenied",
    "Redirected",
    "ResourceExhausted",
    "SearchIncomplete",
    "TimedOut",
    "TlsError",
    "TransportError",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
]


_OF_ALL = ("kind", "key", "message", "maybe_delivered", "attempts", "advice")
"""The fields that the JSON of every error has, unless they are empty."""

_BESIDE = ("operation", "resource", "failure_scope")
"""Attributes that its JSON does not have: the object around it names the operation."""


class CountermandError(JsonForm, Exception):
    """A call that ended without telling the operation's fate; the base of all others.

    ``str()`` of it is one line for people; the attributes are for programs. ``args`` holds the line
    and the attributes as plain values, so that an error made of its ``args`` is the same error,
    also where they have gone through JSON, as in a result of Celery.
    """

    message: str
    """The error, on one line."""
    operation: OperationName | None = None
    """The operation it happened to."""
    kind: str = ""
    """Word of its family: ``not_found``, ``transport`` …"""
    key: str = ""
    """Word of its row in docs/errors.md: ``parent_not_found``, ``tls`` …"""
    maybe_delivered: bool = False
    """True if a cancel may have reached the server and taken effect all the same."""
    attempts: int = 0
    """Requests sent for the operation until then."""
    advice: str = ""
    """Action that helps, in a sentence for an operator."""
    http_status: int | None = None
    """The HTTP status of the answer; ``None`` where there was no answer."""
    status: str | None = None
    """The answer's ``google.rpc.Code`` as a word, ``PERMISSION_DENIED``."""
    reason: str | None = None
    """The answer's ``google.rpc.ErrorInfo`` reason, or an older equivalent."""
    failure_scope: str = "operation"
    """Scope of the failure: this ``operation``, its ``enterprise``, or ``everything``."""
    resource: str | None = None
    """The device, or the enterprise, whose list was asked for, if it happened to that."""
    parent_exists: bool | None = None
    """True if the device still has a record, where that was looked for. ``False``: the command may
    have executed."""
    verdict: None = None
    """Always ``None``, where an :class:`~countermand.Outcome` has its verdict: an error proves
    nothing about the operation."""

    def __init__(
        self, message: str = "", facts: Mapping[str, object] | None = None, /, **attributes: object
    ) -> None:
        super().__init__(message)
        given = {**(facts or {}), **attributes}
        if given:
            self.args = (message, {name: _plain(value) for name, value in given.items()})
        self.message = message
        vars(self).update({name: self._attribute(name, value) for name, value in given.items()})

    @staticmethod
    def _attribute(name: str, value: object) -> object:
        """The value of an attribute, which may have been made plain for ``args``."""
        if name in ("operation", "found") and type(value) is str:
            return OperationName(value)
        return value

    def __reduce__(self) -> tuple[object, ...]:
        # The name comes first: it knows its service, also where that is not built in.
        return _restore, (self.operation, type(self), self.args), vars(self)

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values: the object ``error`` of the command's JSON."""
        fields = {name: getattr(self, name) for name in _OF_ALL}
        said = self.args[1] if len(self.args) > 1 else {}
        beside = {name: value for name, value in said.items() if name not in _BESIDE}
        return {**{name: value for name, value in fields.items() if value != ""}, **beside}

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


def _restore(
    _: OperationName | None, kind: type[CountermandError], args: tuple[Any, ...]
) -> CountermandError:
    return kind(*args)


class InvalidName(CountermandError, ValueError):
    """A text that is not the name it should be, or one of many names that is no text. Nothing was
    sent for it."""

    key: str = "invalid_name"
    advice: str = (
        "nothing was sent for it; give the name as an answer of the API or a notification has it"
    )
    kind: str = "empty"
    """Kind of the fault, as a word: ``dot_segment``, ``control``, ``extra_segments``, ``not_text``
    …"""
    input: str = ""
    """The refused text, escaped and cut to about 80 characters; a missing value or a number as
    Python writes it, of any other value the type."""
    position: int | None = None
    """Its place among the names that were given, from 1; ``None`` for a single name."""
    at: int = 0
    """Position of the fault: an offset into the text's UTF-8, in bytes."""
    expected: str = ""
    """The pattern that was expected."""

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values. ``kind`` is ``invalid_name``, ``fault`` is :attr:`kind`."""
        return {**super().to_dict(), "kind": "invalid_name", "fault": self.kind}


class InvalidEndpoint(CountermandError, ValueError):
    """A text that is not the URL of an API. Nothing was sent."""

    key: str = "invalid_endpoint"
    advice: str = (
        "nothing was sent; give the root of the API as a URL, or no endpoint for that of Google"
    )
    kind: str = "invalid_endpoint"


class InvalidArgument(CountermandError, ValueError):
    """HTTP 400 and what else blames the request. The cancel had no effect."""


class Unauthenticated(CountermandError, PermissionError):
    """HTTP 401, also after the token was refreshed once. The cancel had no effect."""


class PermissionDenied(CountermandError, PermissionError):
    """HTTP 403: the enterprise, or everything, is out of the token's reach. No effect."""


class NotFound(CountermandError, LookupError):
    """HTTP 404: finished and dropped, or the device is gone. Never a proof of anything."""


class FailedPrecondition(CountermandError):
    """HTTP 409 or FAILED_PRECONDITION: perhaps already finished."""


class ResourceExhausted(CountermandError):
    """HTTP 429, or a 403 that means the same: the quota is used up. No effect."""


class Unimplemented(CountermandError):
    """HTTP 501: this server cannot cancel, or the service has no such method. No effect."""


class Unavailable(CountermandError, ConnectionError):
    """HTTP 408 or 5xx to the last attempt. The cancel may have been delivered."""


class NotTheApi(CountermandError, ConnectionError):
    """Something other than the API answered: a front end, a captive portal, a web filter.

    The answer is evidence of nothing.
    """


class Redirected(CountermandError, ConnectionError):
    """A redirect, which is never followed. Something between here and the API answered."""


class Malformed(CountermandError):
    """A 2xx with JSON that is not what the method answers. It may have been delivered."""


class Misattributed(CountermandError):
    """The answer tells of another operation; it was not attributed to this one."""

    found: OperationName | None = None
    """The name in the answer."""


class TransportError(CountermandError, ConnectionError):
    """No usable answer came. ``maybe_delivered`` says whether the request may have arrived."""

    transport: str = ""
    """Kind of the failure: ``connect``, ``tls``, ``unprocessed``,
    ``enhance_your_calm``, ``connection_lost``, ``timed_out``, ``too_large``, ``proxy``,
    ``token_unavailable``, ``credentials_rejected``, ``login_expired`` or ``not_allowed``."""


class TimedOut(TransportError, TimeoutError):
    """No complete answer came in the time allowed. It may have been delivered."""


class TlsError(TransportError):
    """The server could not prove who it is. Nothing was sent; never retried."""


class CredentialsError(CountermandError, PermissionError):
    """No token could be had; what the token callback raised is ``__cause__``. Nothing was sent."""

    transport: str = "credentials_rejected"
    """``token_unavailable``: not for now; ``credentials_rejected``: not at all;
    ``login_expired``: not until a person logs in again."""


class SearchIncomplete(RuntimeWarning):
    """A warning: lists could not be read to their end, so operations in them may be missing."""


class NotAttempted(CountermandError):
    """Nothing more was sent for this operation, because an earlier failure concerns every one."""

    cause: str = ""
    """That failure, as the word of its row in docs/errors.md; ``stopped``: the caller stopped."""


def _plain(value: object) -> object:
    """The value of an attribute as JSON has it."""
    if isinstance(value, JsonForm):
        return value.to_dict()
    if hasattr(value, "__fspath__"):
        return str(value)
    return value
