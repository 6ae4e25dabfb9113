"""The machine without a transport: drive it with the HTTP client that you have.

A step says what to do, doing it gives the next one::

    step = Cancellation(name).start(time.monotonic(), seed=random.getrandbits(64))
    while not isinstance(step, Done):
        if isinstance(step, Wait):
            time.sleep(max(0.0, step.until - time.monotonic()))
            step = step.resume(time.monotonic())
            continue
        request = step.transmit(time.monotonic())
        try:
            # yours: sends method, url, headers and body, adds the token, follows no redirect
            response = within(request.timeout, lambda: send(request))
        except OSError as error:
            step = step.failed(time.monotonic(), "connection_lost", str(error))
        else:
            step = step.response(
                time.monotonic(), response.status, response.headers, response.body
            )
    outcome = step.result()

:func:`within` ends an exchange in time also where the client's own timeout limits each read alone.

``now`` is a reading of any clock that counts seconds and does not go back; only differences
matter. What a server does wrong is a :class:`~countermand.CountermandError`; what the driver does
wrong, such as doing a step twice, is a ``RuntimeError`` or a ``ValueError``.

:class:`Scheduler` is many of these under one quota, with many requests in flight. It hands out
tickets, and each ticket takes the answer of its request::

    scheduler = Scheduler(seed=random.getrandbits(64))
    for name in names:
        scheduler.push(name)
    scheduler.close()
    while not scheduler.done:
        step = scheduler.next_step(time.monotonic())
        if isinstance(step, Ticket):
            start(step)  # yours: sends step.request, then calls step.answer or step.failed
        elif not scheduler.done:
            wait(step)  # yours: until that time at the latest, or until a ticket was answered
        for event in scheduler.events():
            if isinstance(event, Finished):
                print(event.name, event.result)

``python/examples`` has it over httpx and over aiohttp, and with a journal that a crash does not
lose. :class:`RateLimiter` is the log of what was sent; it can be saved and restored.

:class:`Pages` turns the pages of a list, each with the steps of the loop above.

``build_...`` and ``parse_...`` are the codec alone, for those who have retries of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ._countermand import (
    Cancellation,
    Done,
    Pages,
    RateLimiter,
    Request,
    Scheduler,
    Send,
    Ticket,
    Wait,
    build_cancel,
    build_get,
    build_get_device,
    build_list_operations,
    parse_cancel,
    parse_device,
    parse_operation,
    parse_operations,
)
from .events import (
    Accepted,
    CircuitClosed,
    CircuitOpened,
    Event,
    Failing,
    Finished,
    NotSent,
    Paused,
    ResourceClosed,
    Sending,
    Sent,
    Stopped,
)
from .within import within

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Accepted",
    "Cancellation",
    "CircuitClosed",
    "CircuitOpened",
    "Device",
    "Done",
    "Event",
    "Failing",
    "Finished",
    "NotSent",
    "Pages",
    "PastCall",
    "Paused",
    "RateLimiter",
    "Request",
    "ResourceClosed",
    "Scheduler",
    "Send",
    "Sending",
    "Sent",
    "Stopped",
    "Ticket",
    "Wait",
    "build_cancel",
    "build_get",
    "build_get_device",
    "build_list_operations",
    "parse_cancel",
    "parse_device",
    "parse_operation",
    "parse_operations",
    "within",
]


class Device(NamedTuple):
    """A device as a list tells it."""

    name: str
    """Its name, ``enterprises/{enterprise}/devices/{device}``."""
    last_status_report_time: datetime | None
    """Time of its last status report, by the server's clock, in UTC."""


class PastCall(NamedTuple):
    """A call that left before a restart, for :meth:`RateLimiter.restore`."""

    age: float
    """Seconds since it left."""
    call: str
    """The method: ``cancel``, ``get``, ``list_operations``, ``get_parent`` or ``list_parents``."""
    resource: str
    """Name of the device, or of the enterprise."""
