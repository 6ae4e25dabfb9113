"""The client that is awaited: the same native calls."""

from __future__ import annotations

import itertools

from .async_fleet import AsyncFleet
from .client import Base
from .waiting import finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable
    from types import TracebackType
    from typing import Self

    from ._countermand import Operation, OperationName
    from .errors import CountermandError
    from .outcome import Outcome
    from .progress import Progress
    from .rows import FoundOperation

_IN_A_ROW = 64
"""So many results are handed out before other tasks have their turn."""


class AsyncClient(AsyncFleet, Base):
    """A :class:`Client` for asyncio, with the same methods.

    Any number of tasks and event loops may share one. Cancelling a task drops its request.

    Under trio use a :class:`Client` in a thread: ``trio.to_thread.run_sync(client.cancel, name)``.
    """

    __module__ = "countermand"

    __slots__ = ()

    async def cancel(self, name: str | OperationName) -> None:
        """As :meth:`Client.cancel`."""
        await finish(self._native.cancel(name))

    async def get(self, name: str | OperationName) -> Operation:
        """As :meth:`Client.get`."""
        return await finish(self._native.get(name))

    async def list_operations(self, device: str) -> AsyncGenerator[Operation, None]:
        """As :meth:`Client.list_operations`."""
        results = self._native.list_operations(device)
        while (operation := await finish(results.next())) is not None:
            yield operation

    async def countermand(
        self, name: str | OperationName, *, deadline: float | None = None
    ) -> Outcome:
        """As :meth:`Client.countermand`."""
        return await finish(self._native.countermand(name, deadline))

    async def countermand_all(
        self,
        names: Iterable[str | OperationName | Operation | FoundOperation],
        *,
        quota: str | None = "600/60s,1000/100s",
        share: float = 0.8,
        in_flight: int | None = None,
        progress: bool | Callable[[Progress], object] | None = None,
        deadline: float | None = None,
    ) -> AsyncGenerator[tuple[OperationName | str, Outcome | CountermandError], None]:
        """As :meth:`Client.countermand_all`. To leave the loop early, use ``aclosing``.

        ``names`` and ``progress`` run in the event loop's thread, a few milliseconds at a time.
        """
        from .feed import Turns, watches

        watched = watches(progress)
        native = self._native.countermand_all(quota, share, in_flight, watched, deadline)
        with native as bulk, Turns(bulk, names, progress) as turns:
            for turn in itertools.count():
                # What is there already needs no waiting; now and then it is the event loop's turn.
                item = (bulk.ready() if turn % _IN_A_ROW else None) or await finish(bulk.next())
                if item is None:
                    break
                if isinstance(item, tuple):
                    yield item
                else:
                    turns.take(item)
            turns.end()

    async def close(self) -> None:
        """As :meth:`Client.close`."""
        self._native.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._native.close()
