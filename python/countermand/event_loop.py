"""A native call, awaited in an event loop of asyncio."""

from __future__ import annotations

import threading
import weakref

from . import _countermand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import TypeVar

    from ._countermand import Call

    _T = TypeVar("_T")


class _Inbox:
    """Ended calls of an event loop: one call of the loop for all that have ended."""

    __slots__ = ("loop", "native")

    def __init__(self, loop: AbstractEventLoop) -> None:
        # What is under way holds the inbox, and must not hold the loop.
        self.loop = here = weakref.ref(loop)

        def settle() -> None:
            for done in native.take():
                if not done.done():
                    done.set_result(None)

        def wake() -> None:
            if (loop := here()) is not None:
                loop.call_soon_threadsafe(settle)

        self.native = native = _countermand.Inbox(wake)


class _Here(threading.local):
    inbox: _Inbox | None = None


_here = _Here()
"""The inbox of the loop that ran last in this thread."""


async def finish(call: Call[_T]) -> _T:
    """Awaits a call. However this ends, the request does not outlive it."""
    # A program that awaits has it already; the others need not import it.
    from asyncio import get_running_loop

    try:
        loop = get_running_loop()
    except RuntimeError:
        message = (
            "an AsyncClient needs a running event loop of asyncio; under trio use a Client in a "
            "thread, as in trio.to_thread.run_sync(client.cancel, name), or sansio with an HTTP "
            "client of trio's"
        )
        raise RuntimeError(message) from None
    inbox = _here.inbox
    if inbox is None or inbox.loop() is not loop:
        inbox = _here.inbox = _Inbox(loop)
    done = loop.create_future()
    running = call.start(inbox.native, done)
    try:
        await done
        return running.result()
    finally:
        running.cancel()
