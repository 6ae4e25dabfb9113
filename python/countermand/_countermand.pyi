"""The native half. Import these names from ``countermand`` and ``countermand.sansio``."""

import os
from asyncio import Future
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import GenericAlias, TracebackType
from typing import Any, Final, Generic, Literal, Protocol, Self, TypeAlias, final, overload

from typing_extensions import TypeVar

from .errors import CountermandError
from .events import Event
from .feed import _Named
from .operation_name import OperationName
from .outcome import Outcome, State, Status, Verdict
from .progress import Progress
from .rows import Estimate, Facts, FoundOperation, JobRow, JobStatus, _State
from .sansio import Device, PastCall
from .selection import Selection, _Length
from .service import Service

_T_co = TypeVar("_T_co", covariant=True)
_Result_co = TypeVar("_Result_co", covariant=True, default=Outcome)

class _Items(Protocol):
    """Headers as HTTP libraries have them; a mapping is one."""

    def items(self) -> Iterable[tuple[str, str]]: ...

_Headers: TypeAlias = (
    _Items
    | Mapping[str, str]
    | Mapping[bytes, bytes]
    | Iterable[tuple[str, str]]
    | Iterable[tuple[bytes, bytes]]
)
_Call: TypeAlias = Literal["cancel", "get", "list_operations", "get_parent", "list_parents"]
_Fields: TypeAlias = tuple[
    str, str, str, str, list[tuple[str, bool, bool, bool]], list[str], list[str]
]
_Failure: TypeAlias = Literal[
    "connect",
    "proxy",
    "tls",
    "unprocessed",
    "enhance_your_calm",
    "connection_lost",
    "timed_out",
    "too_large",
    "token_unavailable",
    "credentials_rejected",
    "login_expired",
    "not_allowed",
]

__all__ = [
    "AT_MOST",
    "Call",
    "Cancellation",
    "Client",
    "Done",
    "Emulator",
    "Feed",
    "Finder",
    "Inbox",
    "LaneRow",
    "LaneRows",
    "Operation",
    "Pages",
    "Profile",
    "RateLimiter",
    "Report",
    "Request",
    "Running",
    "Scheduler",
    "Send",
    "Stream",
    "Ticket",
    "Wait",
    "__version__",
    "apply",
    "build_cancel",
    "build_get",
    "build_get_device",
    "build_list_operations",
    "check_name",
    "described_service",
    "find",
    "found_json",
    "job_estimate",
    "job_exposure",
    "job_facts",
    "job_report",
    "job_status",
    "lane_feed",
    "name_parts",
    "parse_cancel",
    "parse_device",
    "parse_operation",
    "parse_operations",
    "plan",
    "printable",
    "quoted",
    "report_columns",
    "rescue",
    "run",
    "scope",
    "service_json",
    "services",
    "simulate",
]

AT_MOST: Final[int]
__version__: Final[str]

@final
class Operation:
    """A long-running operation as the server tells it; of the Android Management API, one command
    sent to one device.

    Holds nothing that could be a secret: a command's parameters are neither asked for nor kept.
    """

    @staticmethod
    def from_json(data: str | bytes, /, *, service: str | Service | None = None) -> Operation:
        """Reads an operation from the API's JSON, as a Pub/Sub notification carries it.

        :param service: the service of its name; ``None`` is the Android Management API.
        :raises ValueError: it is not JSON, or has no valid name.
        :raises Malformed: it is not an operation.
        """
    @property
    def name(self) -> OperationName:
        """Its name."""
    @property
    def done(self) -> bool:
        """True if the server considers it finished."""
    @property
    def error(self) -> Status | None:
        """Error that it ended with. Code 1, once it is done, proves a cancellation."""
    @property
    def has_response(self) -> bool:
        """True if it also carried a ``response``. With ``error``, the error wins."""
    @property
    def state(self) -> State | None:
        """The state that it told, of a resource that is read by its state, such as a job of Batch;
        ``None`` for an operation. ``done``, ``error`` and ``has_response`` then say no more than
        its meaning."""
    @property
    def verdict(self) -> Verdict | None:
        """The verdict that it proves; ``None`` while it is not done."""
    @property
    def command_type(self) -> str | None:
        """``WIPE``, ``LOCK`` ..., or the verb of another service: an open set of words."""
    @property
    def create_time(self) -> datetime | None:
        """Time at which the server created it, in UTC."""
    @property
    def duration(self) -> float | None:
        """Validity from then on, in seconds."""
    @property
    def error_code(self) -> str | None:
        """Reason why the device did not do it: an open set of words. Not set by a cancellation."""
    @property
    def cancel_asked(self) -> bool:
        """True if its metadata says that a cancel was asked: evidence that the server took one, and
        none of its effect."""
    def to_dict(self) -> dict[str, Any]:
        """What was read from the server's answer, in one form for all services: the name in full,
        ``done``, ``error``, ``state``, and in ``metadata`` the facts that the attributes have."""
    def to_json(self) -> str:
        """:meth:`to_dict` as one line of JSON."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[str, str]]: ...

@final
class Cancellation:
    """A countermand that has not begun: the operation, where the API is and how patient to be."""

    def __new__(
        cls,
        name: str,
        *,
        service: str | Service | None = None,
        endpoint: str | None = None,
        deadline: _Length | None = None,
        attempt_timeout: _Length | None = None,
        max_attempts: int | None = None,
        backoff: tuple[_Length, _Length] | None = None,
        poll_interval: tuple[_Length, _Length] | None = None,
        verify: bool = True,
    ) -> Self:
        """Describes a countermand. Times are in seconds; what is out of range is clamped.

        :param service: ``documentai.v1`` or ``documentai``: ``name`` may then be relative.
            ``None``: the service that a full resource name tells, else the Android Management API.
        :param endpoint: root of the API; ``None`` is Google's.
        :param deadline: no request starts after it. ``None``: 120.
        :param attempt_timeout: time for one request with its answer. ``None``: 10.
        :param max_attempts: how often a failing request is sent before it is given up; 1 to 100.
            ``None``: 5.
        :param backoff: the longest first pause of a retry, and the longest of all. ``None``: 1, 32.
        :param poll_interval: time between looks at a pending operation, at first and at most.
            ``None``: 1, 30.
        :param verify: finds out what became of it. ``False`` only asks.
        :raises InvalidName: what is wrong with the name.
        :raises InvalidEndpoint: what is wrong with the endpoint.
        :raises ValueError: a time is negative, or not a number.
        """
    def start(self, now: float, seed: int) -> Send | Wait | Done:
        """Begins at ``now``, any number of times.

        :param seed: 0 to 2**64 - 1. Same seed and same answers, same schedule.
        :raises ValueError: ``now`` is negative, or not a number.
        """

@final
class Send(Generic[_Result_co]):
    """Send a request and bring its answer."""

    @classmethod
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @property
    def call(self) -> _Call:
        """The method it calls."""
    @property
    def number(self) -> int:
        """Number of the request, from 1."""
    @property
    def name(self) -> str:
        """The name of the resource it is about."""
    def transmit(self, now: float) -> Request:
        """The request to be sent now.

        :raises RuntimeError: this step was done already.
        """
    def response(
        self, now: float, status: int, headers: _Headers, body: bytes | bytearray
    ) -> Send[_Result_co] | Wait[_Result_co] | Done[_Result_co]:
        """Goes on with the server's answer, whatever its status, complete with its body.

        :param headers: a mapping, or pairs. What no header can hold is left out.
        :raises RuntimeError: this step was done already.
        :raises ValueError: ``status`` or ``now`` cannot be one. The step can still be done.
        """
    def failed(
        self, now: float, kind: _Failure, message: str
    ) -> Send[_Result_co] | Wait[_Result_co] | Done[_Result_co]:
        """Goes on without an answer.

        :param kind: ``connect``, ``proxy``, ``tls``, ``token_unavailable``,
            ``credentials_rejected``, ``not_allowed``: nothing was sent; ``unprocessed``: the
            server says that it did not process it; ``enhance_your_calm``, ``connection_lost``,
            ``timed_out``, ``too_large``: it may have arrived.
        :raises RuntimeError: this step was done already.
        :raises ValueError: ``kind`` is none of these. The step can still be done.
        """

@final
class Request:
    """A request without credentials."""

    @property
    def method(self) -> str:
        """``POST``, ``GET`` or ``PUT``."""
    @property
    def url(self) -> str:
        """The whole URL, percent-encoded. An HTTP client must not encode it again."""
    @property
    def headers(self) -> list[tuple[str, str]]:
        """Send these, and ``authorization``."""
    @property
    def body(self) -> bytes:
        """Send this as well: empty, unless the service cancels by an update."""
    @property
    def timeout(self) -> float | None:
        """Seconds for the whole exchange, the last byte of the body included; ``None`` where the
        codec was used alone."""
    @property
    def reauthorize(self) -> bool:
        """True if the last token was refused, so that a fresh one is needed."""

@final
class Wait(Generic[_Result_co]):
    """Wait until a point in time."""

    @classmethod
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @property
    def until(self) -> float:
        """Time to resume at, on the clock that gave every ``now``."""
    @property
    def error(self) -> CountermandError | None:
        """Error that is waited for; ``None`` between two looks at a pending operation."""
    def resume(self, now: float) -> Send[_Result_co] | Wait[_Result_co] | Done[_Result_co]:
        """Goes on; too early, it gives the same wait again.

        :raises RuntimeError: this step was done already.
        """

@final
class Done(Generic[_Result_co]):
    """The end of a machine."""

    @classmethod
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    def result(self) -> _Result_co:
        """The outcome of a :class:`Cancellation`, or the entries of a page of :class:`Pages`.

        :raises CountermandError: the server neither accepted the cancellation nor told the
            operation's fate; or it did not give the page.
        """

@final
class Pages(Generic[_T_co]):
    """Turns the pages of a list, to the last one: the operations of a device or of another
    service's resource, or an enterprise's devices.

    Each page is a machine of its own, with the same steps and the same retries as a
    :class:`Cancellation`::

        pages = Pages("operations", "enterprises/LC01/devices/3f")
        while not pages.done:
            step = pages.start(time.monotonic(), seed=random.getrandbits(64))
            ...  # the loop above
            for operation in step.result():
                print(operation.name, operation.done)

    Operations come oldest first: stopping early misses the pending ones. A list that does not end
    (it repeats a page, has 20 empty pages in a row, or more than 10,000 pages) is an error.
    """

    @classmethod
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @overload
    def __new__(
        cls,
        of: Literal["operations"],
        parent: str,
        *,
        service: str | Service | None = None,
        endpoint: str | None = None,
        deadline: _Length | None = None,
        attempt_timeout: _Length | None = None,
        max_attempts: int | None = None,
        backoff: tuple[_Length, _Length] | None = None,
    ) -> Pages[list[Operation]]: ...
    @overload
    def __new__(
        cls,
        of: Literal["devices"],
        parent: str,
        *,
        service: str | Service | None = None,
        endpoint: str | None = None,
        deadline: _Length | None = None,
        attempt_timeout: _Length | None = None,
        max_attempts: int | None = None,
        backoff: tuple[_Length, _Length] | None = None,
    ) -> Pages[list[Device]]:
        """Describes a list. Times are in seconds; what is out of range is clamped.

        :param of: ``operations`` of a parent, or ``devices`` of an enterprise.
        :param parent: name of the device or of another service's resource, or of the enterprise.
        :param service: ``documentai.v1`` or ``documentai``: ``parent`` may then be relative.
            ``None``: the service that a full resource name tells, else the Android Management API.
        :param endpoint: root of the API; ``None`` is Google's.
        :param deadline: no request for a page starts so many seconds after its begin.
            ``None``: 120.
        :param attempt_timeout: time for one request with its answer. ``None``: 10.
        :param max_attempts: how often a failing request is sent before it is given up; 1 to 100.
            ``None``: 5.
        :param backoff: the longest first pause of a retry, and the longest of all. ``None``: 1, 32.
        :raises InvalidName: what is wrong with ``parent``.
        :raises InvalidEndpoint: what is wrong with the endpoint.
        :raises ValueError: ``of`` is no list; a time is negative, or not a number.
        """
    @property
    def done(self) -> bool:
        """True if there is no page left: the last one was read, or the list does not end."""
    @property
    def missed(self) -> list[CountermandError]:
        """Errors of pages with entries that cannot be read, while their others can."""
    def start(self, now: float, seed: int) -> Send[_T_co] | Wait[_T_co] | Done[_T_co]:
        """Begins the next page at ``now``. A page that failed is the next one once more.

        :param seed: 0 to 2**64 - 1. Same seed and same answers, same schedule.
        :raises RuntimeError: :attr:`done`.
        :raises ValueError: ``now`` is negative, or not a number.
        """

@final
class LaneRow:
    def json(self) -> str: ...

@final
class LaneRows:
    def __new__(cls, rows: list[LaneRow], refused: list[tuple[str, str, str]]) -> Self: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

@final
class Profile:
    @staticmethod
    def load(word: str | None, file: bool) -> Profile: ...
    @staticmethod
    def parse(text: str, path: str | os.PathLike[str]) -> Profile: ...
    @property
    def text(self) -> str: ...
    @property
    def path(self) -> Path: ...
    def lanes(self) -> list[dict[str, Any]]: ...
    def only(self, name: str) -> Profile | None: ...
    def begin(self, path: str | os.PathLike[str]) -> Call[None]: ...
    def lane_of(self, name: _Named) -> str: ...

@final
class RateLimiter:
    """An exact log of the calls that count against a quota.

    :attr:`Scheduler.rate_limiter` is that of a scheduler. One that is made is for a program that
    sends its requests by itself: ask :meth:`allowed`, wait, and :meth:`record_call`.

    A restart must not spend a window again: give what :meth:`save` told, or a journal of every
    call, to :meth:`restore`::

        text = json.dumps([time.time(), scheduler.rate_limiter.save(time.monotonic())])
        # after a restart
        saved, calls = json.loads(text)
        past = time.time() - saved
        calls = [(age + past, call, resource) for age, call, resource in calls]
        scheduler.rate_limiter.restore(time.monotonic(), calls)

    Every ``now`` is a reading of one clock, in seconds; that of a scheduler is the scheduler's.
    """

    def __new__(
        cls,
        *,
        quota: str | None = None,
        share: float | None = None,
        service: str | Service | None = None,
    ) -> Self:
        """Describes a rate limiter that has spent nothing.

        :param quota: calls and seconds that the project has, all of them at once. ``None``: what
            Google documents, ``600/60s,1000/100s`` for the Android Management API; ``"none"``
            limits nothing.
        :param share: the part of the quota that is for this program, above 0 and up to 1.
            ``None``: 0.8.
        :param service: the service whose quota it is; ``None`` is the Android Management API.
        :raises ValueError: ``quota`` or ``share`` cannot be one.
        """
    def allowed(self, now: float, call: _Call, resource: str) -> float:
        """The earliest time, ``now`` at the soonest, at which every window allows a call.

        :param call: the method.
        :param resource: name of the device, or of the enterprise, whose own quota counts as well.
        :raises ValueError: ``now`` is negative, or not a number; ``call`` is none.
        """
    def record_call(self, now: float, call: _Call, resource: str) -> None:
        """Records a call that leaves at ``now``, whatever the windows say of it.

        :raises ValueError: as of :meth:`allowed`.
        """
    def pause_until(self, until: float) -> None:
        """Lets no call leave before a time: the server refused one for its quota."""
    def paused_until(self, now: float) -> float | None:
        """The end of a pause, if that is after ``now``."""
    def lower(self, limit: int, span: _Length) -> None:
        """Adopts a limit that the server names for a window of so many seconds; a higher one than
        ours changes nothing."""
    @property
    def windows(self) -> list[tuple[int, float]]:
        """Windows of the project, as calls and seconds, with the limits that were lowered."""
    def remaining(self, now: float) -> int | None:
        """Calls that the project's windows allow without waiting; ``None`` without a quota."""
    @property
    def horizon(self) -> float:
        """Seconds for which a call counts. A journal has to hold what left since then."""
    def save(self, now: float) -> list[PastCall]:
        """The calls that still count, oldest first. One that was handed out and has not left counts
        as if it left now."""
    def restore(self, now: float, calls: Iterable[tuple[float, str, str] | Sequence[Any]]) -> None:
        """Takes over calls that left before a restart, besides those since: a window that was spent
        stays spent.

        :param calls: a :class:`PastCall` each, or a tuple or list like it, as of ``now`` and in any
            order; those too old to count are left out.
        :raises ValueError: an age is not a number; a call is none.
        """

@final
class Scheduler:
    """Many countermands under one quota and one limit of requests in flight.

    Cancels go before looks, in every window no more is sent than the share of the quota, a refusal
    for the quota pauses all of them, and every name comes out once. Threads may share it.
    """

    def __new__(
        cls,
        *,
        seed: int,
        service: str | Service | None = None,
        endpoint: str | None = None,
        deadline: _Length | None = None,
        attempt_timeout: _Length | None = None,
        max_attempts: int | None = None,
        backoff: tuple[_Length, _Length] | None = None,
        poll_interval: tuple[_Length, _Length] | None = None,
        verify: bool = True,
        quota: str | None = None,
        share: float | None = None,
        in_flight: int | None = None,
    ) -> Self:
        """Describes a scheduler. Times are in seconds; what is out of range is clamped.

        The settings that :class:`Cancellation` has are those of each operation; its deadline counts
        twice, for asking and for looking, and not while the operation waits for its turn.

        :param seed: 0 to 2**64 - 1. Same seed, same names and same answers, same schedule.
        :param service: ``documentai.v1`` or ``documentai``: the service of all names. ``None`` is
            the Android Management API.
        :param max_attempts: as for a :class:`Cancellation`. ``None``: 10.
        :param quota: calls and seconds that the project has, all of them at once. ``None``: what
            Google documents, ``600/60s,1000/100s`` for the Android Management API; ``"none"``
            obeys the server alone.
        :param share: the part of the quota that is for this scheduler, above 0 and up to 1.
            ``None``: 0.8.
        :param in_flight: how many requests are in flight; at least 1. ``None``: 100.
        :raises InvalidEndpoint: what is wrong with the endpoint.
        :raises ValueError: ``quota`` or ``share`` cannot be one; a time is negative, or not a
            number.
        """
    def push(
        self,
        name: str,
        phase: Literal["unsent", "maybe_sent", "accepted"] = "unsent",
    ) -> bool:
        """Takes a name; ``False`` if it was pushed before.

        :param phase: how far it had come: nothing was sent for it; a cancel was, and its answer
            is not known; the server accepted the cancellation, and only its effect is to be seen.
        :raises InvalidName: what is wrong with the name.
        :raises ValueError: ``phase`` is none of these.
        """
    def close(self) -> None:
        """No more names will come."""
    def stop(self, cause: str) -> None:
        """Sends nothing new: what is under way is awaited, the rest comes out with what is
        known."""
    def next_step(self, now: float) -> Ticket | float | None:
        """The next step: a ticket whose request is to be sent now; or the time before which
        there is nothing to send, unless an answer or a name comes; or ``None``: nothing to send
        before one of these comes, or, if :attr:`done`, ever.

        After a ticket call it again at once: there may be more.

        :raises ValueError: ``now`` is negative, or not a number.
        """
    @property
    def done(self) -> bool:
        """True if every name is finished and none will come, as of the last :meth:`next_step`."""
    @property
    def rate_limiter(self) -> RateLimiter:
        """Its rate limiter: to be saved, or restored and paused before the first request."""
    def events(self) -> list[Event]:
        """Events since the last call, oldest first.

        They are a journal. :class:`Sending` is an intent: store it before the request of its ticket
        leaves. :class:`Sent` and :class:`NotSent` are facts. ``python/examples/journal.py`` goes on
        from such a journal after a crash.
        """
    def progress(self, now: float) -> Progress:
        """Its progress.

        :raises ValueError: ``now`` is negative, or not a number.
        """

@final
class Ticket:
    """One request to be sent, spent by its answer or its failure.

    One that is never spent keeps its place among the requests in flight, and its scheduler open.
    """

    @property
    def request(self) -> Request:
        """The request to be sent now."""
    @property
    def name(self) -> OperationName:
        """The operation it is for."""
    @property
    def call(self) -> Literal["cancel", "get", "get_parent"]:
        """The method it calls."""
    def sent(self, now: float) -> None:
        """Takes note that the request leaves at ``now``: a window of the quota counts from then.

        Call it when a connection is there and the first byte is about to be written. Where it is
        not called, the request counts as sent with its answer, which loses the time of one exchange
        in each window. :meth:`failed` with a kind that means nothing was sent (``connect``,
        ``token_unavailable``) voids it.
        """
    def answer(self, now: float, status: int, headers: _Headers, body: bytes | bytearray) -> None:
        """Brings the server's answer, whatever its status, complete with its body.

        :param headers: a mapping, or pairs. What no header can hold is left out.
        :raises RuntimeError: this ticket was spent already.
        :raises ValueError: ``status`` or ``now`` cannot be one. The ticket is not spent.
        """
    def failed(self, now: float, kind: _Failure, message: str) -> None:
        """Brings no answer.

        :param kind: as for :meth:`Send.failed`.
        :raises RuntimeError: this ticket was spent already.
        :raises ValueError: ``kind`` is none of these. The ticket is not spent.
        """

def build_cancel(
    name: str, endpoint: str | None = None, *, service: str | Service | None = None
) -> Request:
    """``POST {name}:cancel``: asks the server to cancel. Success says only that it was asked.

    :param service: as for a :class:`Cancellation`, here and in the functions below.
    """

def build_get(
    name: str, endpoint: str | None = None, *, service: str | Service | None = None
) -> Request:
    """``GET {name}``: the operation, without its secrets.

    :raises InvalidName: it is no name, or the service has no such method for it.
    """

def build_list_operations(
    parent: str,
    endpoint: str | None = None,
    *,
    page_size: int = 100,
    page_token: str | None = None,
    filter: str | None = None,
    service: str | Service | None = None,
) -> Request:
    """``GET {parent}/operations``: one page of a parent's operations; those of a device come oldest
    first.

    :param page_size: clamped to 1 to 100.
    :param page_token: what :func:`parse_operations` gave for the page before.
    :param filter: the server's filter of the list, in the language of the service.
    :raises InvalidName: it is no name, or the service has no such method for it, or its list takes
        no filter.
    :raises ValueError: the token is empty or longer than 4 KiB, the filter empty, longer than 1 KiB
        or of characters that cannot be seen.
    """

def build_get_device(device: str, endpoint: str | None = None) -> Request:
    """``GET {device}``: whether the device still has a record. Other services have none."""

def parse_cancel(
    name: str,
    status: int,
    headers: _Headers,
    body: bytes | bytearray,
    *,
    service: str | Service | None = None,
) -> None:
    """Reads the answer to :func:`build_cancel` of ``name``: returns if the cancel was taken. A 2xx
    with ``{}`` or nothing says so, and of a resource with a state also what its method answers: the
    resource, an operation, or an object.

    :raises Misattributed: it tells of another resource.
    :raises FailedPrecondition: it tells an operation that cancels and has failed.
    :raises CountermandError: everything else, also what other clients take for success.
    """

def parse_operation(
    name: str,
    status: int,
    headers: _Headers,
    body: bytes | bytearray,
    *,
    service: str | Service | None = None,
) -> Operation:
    """Reads the answer to :func:`build_get` of ``name``.

    :raises Misattributed: it tells of another operation.
    :raises CountermandError: everything but a 2xx with that operation.
    """

def parse_operations(
    parent: str,
    status: int,
    headers: _Headers,
    body: bytes | bytearray,
    *,
    service: str | Service | None = None,
) -> tuple[list[Operation], str | None]:
    """Reads the answer to :func:`build_list_operations` of ``parent``: a page, and the token of the
    next one.

    An empty page may have a next one; the end is only where the token is ``None``.

    :raises Misattributed: it tells of an operation of another parent.
    :raises CountermandError: everything but a 2xx with a page of operations.
    """

def parse_device(device: str, status: int, headers: _Headers, body: bytes | bytearray) -> None:
    """Reads the answer to :func:`build_get_device` of ``device``: returns if it has a record.

    :raises NotFound: it has none.
    :raises CountermandError: everything else.
    """

@final
class Client:
    def __new__(
        cls,
        *,
        service: str | Service | None,
        scope: str | None,
        endpoint: str | None,
        token: str | Callable[[], str | tuple[str, float | None]] | os.PathLike[str] | None,
        source: Callable[[bool], tuple[str, float | None]] | None,
        quota_project: str | None,
        ca_file: str | os.PathLike[str] | None,
        deadline: _Length | None,
        attempt_timeout: _Length | None,
        max_attempts: int | None,
        in_flight: int | None,
        allow_plaintext: bool,
        proxy_from_env: bool,
        user_agent: str | None,
        profile: Profile | None,
    ) -> Self: ...
    def with_options(
        self,
        deadline: _Length | None,
        attempt_timeout: _Length | None,
        max_attempts: int | None,
        in_flight: int | None,
    ) -> Self: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def service(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    def cancel(self, name: _Named) -> Call[None]: ...
    def get(self, name: _Named) -> Call[Operation]: ...
    def list_operations(self, parent: str, filter: str | None) -> Stream[Operation]: ...
    def countermand(self, name: _Named, deadline: _Length | None) -> Call[Outcome]: ...
    def countermand_all(
        self,
        quota: str | None,
        share: float | None,
        in_flight: int | None,
        watched: bool,
        journal: Callable[[list[Event]], object] | None,
        deadline: _Length | None,
    ) -> tuple[
        Stream[
            tuple[OperationName | str, Outcome | CountermandError] | Progress | Literal["hungry"]
        ],
        Feed,
    ]: ...
    def close(self) -> None: ...

@final
class Call(Generic[_T_co]):
    def wait(self) -> _T_co: ...
    def start(self, inbox: Inbox, done: Future[None]) -> Running[_T_co]: ...

@final
class Running(Generic[_T_co]):
    def result(self) -> _T_co: ...
    def cancel(self) -> None: ...

@final
class Inbox:
    def __new__(cls, wake: Callable[[], object]) -> Self: ...
    def take(self) -> list[Future[None]]: ...

@final
class Stream(Generic[_T_co]):
    def ready(self) -> _T_co | None: ...
    def next(self) -> Call[_T_co | None]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Feed:
    def pull(self, names: Iterator[str | Operation | FoundOperation]) -> bool: ...
    def push(self, name: str | Operation | FoundOperation, more: bool) -> None: ...
    def end(self) -> None: ...

@final
class Finder:
    @property
    def missed(self) -> list[CountermandError]: ...
    @property
    def vanished(self) -> list[str]: ...
    @property
    def left_out(self) -> str | None: ...
    @property
    def not_attempted(self) -> int: ...
    @property
    def not_searched(self) -> tuple[str, ...]: ...
    @property
    def standing(self) -> tuple[int, str]: ...
    def next(self, behind: int) -> Call[list[FoundOperation]]: ...
    def close(self) -> None: ...

@final
class Report:
    @property
    def path(self) -> Path: ...
    def __len__(self) -> int: ...
    def rows(self, after: int, count: int) -> list[JobRow]: ...
    def states(self) -> Call[dict[_State, int]]: ...
    def unverifiable(self) -> Call[int]: ...
    def worst(self, most: int) -> Call[list[JobRow]]: ...
    def failures(self, most: int) -> Call[tuple[int, list[CountermandError]]]: ...
    def missed(self) -> Call[tuple[CountermandError, ...]]: ...
    def vanished(self) -> Call[tuple[str, ...]]: ...
    def save(self, path: str | os.PathLike[str], kind: str | None, /) -> Call[None]: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

@final
class Emulator:
    def __new__(
        cls,
        *,
        service: str | Service,
        devices: int,
        pending: int,
        history: int,
        seed: int,
        token: str,
        faults: str,
        quirks: str,
    ) -> Self: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def enterprise(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def collection(self) -> str: ...
    @property
    def before_names(self) -> str: ...
    def admin(self, method: str, endpoint: str, body: str, root: str = "") -> str: ...
    def close(self) -> None: ...

def find(
    client: Client,
    selection: Selection,
    quota: str | None,
    share: float | None,
    in_flight: int | None,
) -> Finder: ...
def plan(
    client: Client,
    path: str | os.PathLike[str],
    names: Finder | Iterable[str | Operation | FoundOperation],
    selection: Selection | None,
    by_harm: bool,
    max_age: _Length | None,
    deadline: _Length | None,
    quota: str | None,
    share: float | None,
) -> Call[Facts]: ...
def rescue(
    client: Client,
    path: str | os.PathLike[str],
    selection: Selection,
    at_most: int | None,
    deadline: _Length | None,
    quota: str | None,
    share: float | None,
    in_flight: int | None,
    watched: bool,
) -> Stream[Progress | Report]: ...
def apply(
    client: Client,
    path: str | os.PathLike[str],
    digest: bytes | None,
    confirm: dict[str, int | None] | None,
    in_flight: int | None,
    recheck: bool,
    watched: bool,
) -> Stream[Progress | Report]: ...
def job_exposure(path: str | os.PathLike[str]) -> Call[tuple[str, ...]]: ...
def job_facts(path: str | os.PathLike[str]) -> Call[Facts]: ...
def lane_feed(
    client: Client,
    path: str | os.PathLike[str],
    deadline: _Length | None,
    in_flight: int | None,
    patience: _Length,
) -> tuple[Stream[LaneRow | str | tuple[object, CountermandError]], Feed]: ...
def job_status(path: str | os.PathLike[str], *, check: bool = ...) -> Call[JobStatus]: ...
def job_estimate(
    client: Client, path: str | os.PathLike[str], in_flight: int | None
) -> Call[Estimate]: ...
def job_report(path: str | os.PathLike[str]) -> Call[Report]: ...
def found_json(found: FoundOperation) -> str:
    """JSON of what an operation that was found tells, as the command prints it."""

def check_name(name: str, service: str | Service | None, /) -> tuple[str, str | None]:
    """The text of a name, and the id of its service, if that is not the default one.

    :raises InvalidName: what is wrong with it.
    """

def name_parts(name: str, /) -> tuple[str, str, str, str, str]:
    """The id of the service, the relative name, the parent, the name of the first level, and the id
    of the operation."""

def services() -> list[_Fields]:
    """The services that are built in, as the fields of :class:`~countermand.Service`."""

def service_json(service: str, /) -> str | None:
    """The JSON text that describes a service, if it is not built in."""

def described_service(text: bytes, /) -> _Fields:
    """The service that a JSON text describes, likewise."""

def simulate(
    operations: int,
    service: str | Service | None,
    pattern: str | None,
    per_device: int,
    quota: str | None,
    per_resource: str | None,
    share: float | None,
    server_quota: str | None,
    window: str,
    phase: _Length | None,
    in_flight: int | None,
    fail: str | None,
    fates: str,
    seed: int,
) -> str:
    """The JSON of a simulated run."""

def scope(service: str | Service | None, /) -> str:
    """The OAuth scope of a service; empty where none is known."""

def report_columns() -> list[tuple[str, Literal["operation", "error"] | None]]: ...
def quoted(text: str, /) -> str:
    """The literal of a text, in which nothing is invisible."""

def printable(text: str, /) -> str:
    """A text of a stranger with every control and invisible character spelled out."""

def run(arguments: list[str]) -> int:
    """Runs the command ``countermand``, the program's name first, and returns its exit code."""
