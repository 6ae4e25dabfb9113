"""A limit on the whole of an exchange."""

from __future__ import annotations

import threading
from contextvars import copy_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")


def within(seconds: float, exchange: Callable[[], _T], /) -> _T:
    """Calls a function in a thread of its own and waits for its result so many seconds at most.

    The timeout of most HTTP clients limits each read: a server that sends a byte every second keeps
    a request open for ever. This limits the whole exchange, whatever the client::

        response = within(request.timeout, lambda: session.request(...))

    A thread cannot be stopped: after a timeout it goes on until the function returns. It does not
    keep the process from ending. What the function raises is raised here.

    :raises TimeoutError: the function has not returned in time.
    :raises ValueError: ``seconds`` is not a number.
    """
    # A negative time is over. Threads cannot wait longer than the greatest.
    wait = min(max(0.0, seconds), threading.TIMEOUT_MAX)
    if seconds != seconds:
        message = "seconds is nan, expected a number"
        raise ValueError(message)
    ended: list[tuple[bool, object]] = []

    def run() -> None:
        try:
            ended.append((True, exchange()))
        except BaseException as error:
            ended.append((False, error))

    thread = threading.Thread(
        target=copy_context().run, args=(run,), name="countermand-exchange", daemon=True
    )
    thread.start()
    thread.join(wait)
    if not ended:
        message = f"no complete answer within {seconds:g} s"
        raise TimeoutError(message)
    returned, result = ended[0]
    if returned:
        return result  # type: ignore[return-value]
    assert isinstance(result, BaseException)
    raise result


within.__module__ = "countermand.sansio"
