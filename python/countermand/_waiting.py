"""Awaiting a native call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from ._countermand import Call

    _T = TypeVar("_T")


async def finish(call: Call[_T]) -> _T:
    """Awaits a call. However this ends, the request does not outlive it."""
    # Whoever awaits has it already; whoever does not need not wait for it.
    from asyncio import get_running_loop

    loop = get_running_loop()
    done = loop.create_future()

    def settle() -> None:
        if not done.done():
            done.set_result(None)

    running = call.start(lambda: loop.call_soon_threadsafe(settle))
    try:
        await done
        return running.result()
    finally:
        running.cancel()
