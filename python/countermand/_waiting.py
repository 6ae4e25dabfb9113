"""Awaiting a native call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ._countermand import Call

_T = TypeVar("_T")


async def finish(call: Call[_T]) -> _T:
    """Awaits a call. However this ends, the request does not outlive it."""
    loop = asyncio.get_running_loop()
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
