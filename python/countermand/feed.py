"""Names and progress of a client's scheduler, in the thread or task that iterates."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping

from .progress import Line, Progress
from .waiting import Blocking
from .warn import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable
    from typing import Literal, Self, TypeAlias, TypeVar

    from typing_extensions import TypeIs

    from ._countermand import Feed, Operation
    from .rows import FoundOperation
    from .waiting import Waits

    _T = TypeVar("_T")
    _Named: TypeAlias = str | Operation | FoundOperation
    _Names: TypeAlias = Iterable[_Named] | AsyncIterable[_Named]


_ROOM = 1000
"""Names that come by themselves until the scheduler has to be hungry again."""
_COROUTINE = 0x80
"""``inspect.CO_COROUTINE``, whose import takes longer than that of this package."""
_IN_A_ROW = 64
"""Names that are taken before other tasks have their turn."""


class Watch:
    """Tells progress to the caller's function."""

    __slots__ = ("_line", "_watcher")

    def __init__(self, watcher: bool | Callable[[Progress], object] | None) -> None:
        self._line = Line() if watcher is True else None
        self._watcher = self._line if watcher is True else (watcher or None)

    def tell(self, progress: Progress) -> None:
        """Calls the watcher, if it has not failed before."""
        watcher = self._watcher
        if watcher is not None:
            self._guarded(lambda: watcher(progress))

    def close(self) -> None:
        """Ends the line, however the scheduler ended."""
        line, self._line = self._line, None
        if line is not None and self._watcher is not None:
            self._guarded(line.end)

    def _guarded(self, act: Callable[[], object]) -> None:
        """Calls a function whose failure must not end a rescue."""
        try:
            act()
        except Exception as error:
            self._watcher = None
            message = f"progress raised {error!r} and is not called again"
            warn(message, RuntimeWarning)


class Turns:
    """Feeds a scheduler with names and tells its progress, between two results."""

    __slots__ = ("_failure", "_feed", "_hungry", "_names", "_task", "_watch")

    def __init__(
        self,
        feed: Feed,
        names: _Names,
        watcher: bool | Callable[[Progress], object] | None,
        client: Waits,
    ) -> None:
        self._feed = feed
        self._names = names if is_awaited(names, client) else iter(several(names))
        self._failure: BaseException | None = None
        self._task: Task[None] | None = None
        self._watch = Watch(watcher)

    def take(self, item: Progress | Literal["hungry"]) -> None:
        """Does what the scheduler asks for."""
        if isinstance(item, Progress):
            self._watch.tell(item)
            return
        if isinstance(self._names, AsyncIterable):
            self._welcome(self._names)
            return
        try:
            self._feed.pull(self._names)
        except Exception as error:
            # What is under way comes out first.
            self._failure = error

    def _welcome(self, names: AsyncIterable[_Named]) -> None:
        """Lets names come: results come out while the next name does not."""
        import asyncio

        if self._task is None:
            self._hungry = asyncio.Semaphore(0)
            self._task = asyncio.create_task(self._come(names))
        else:
            self._hungry.release()

    async def _come(self, names: AsyncIterable[_Named]) -> None:
        from asyncio import sleep

        count = 0
        try:
            async for name in names:
                count += 1
                self._feed.push(name, count % _ROOM != 0)
                if count % _ROOM == 0:
                    await self._hungry.acquire()
                elif count % _IN_A_ROW == 0:
                    await sleep(0)
        except BaseException as error:
            # What is under way comes out first. A cut list must not look like all of it.
            self._failure = error
            if not isinstance(error, Exception):
                raise
        finally:
            self._feed.end()

    def end(self) -> None:
        """Raises what kept names from coming."""
        if self._failure is not None:
            raise self._failure

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends the line and the names, however the scheduler ended."""
        self._watch.close()
        if self._task is not None:
            from asyncio import wait

            self._task.cancel()
            await wait((self._task,))


def is_awaited(names: object, client: Waits) -> TypeIs[AsyncIterable[_Named]]:
    """True if the names come by ``async for``.

    :raises TypeError: they do, and the client blocks.
    """
    if isinstance(names, Iterable) or not isinstance(names, AsyncIterable):
        return False
    if isinstance(client, Blocking):
        message = "names is an async iterable, which only an AsyncClient takes"
        raise TypeError(message)
    return True


def several(names: _T) -> _T:
    """The names, unless they are one text: a text iterates as its characters.

    :raises TypeError: they are one, or something else that is no iterable.
    """
    if isinstance(names, (str, bytes)):
        message = "names is several names, not one: give [name], or use countermand(name)"
        raise TypeError(message)
    if isinstance(names, Mapping) and "name" in names:
        message = "names is a dict, which iterates its keys: give [d['name']]"
        raise TypeError(message)
    if hasattr(names, "columns"):
        message = "names is a table, which iterates its columns: give that of the names, df['name']"
        raise TypeError(message)
    if not isinstance(names, Iterable) and not hasattr(names, "__getitem__"):
        message = f"names is of type {type(names).__name__}, expected an iterable of names"
        raise TypeError(message)
    return names


def watches(progress: bool | Callable[[Progress], object] | None) -> bool:
    """True if the caller watches the progress."""
    if progress is None or isinstance(progress, bool):
        return progress is True
    if not callable(progress):
        message = f"progress is None, True or a function, not {type(progress).__name__}"
        raise TypeError(message)
    if getattr(getattr(progress, "__code__", None), "co_flags", 0) & _COROUTINE:
        message = "progress is a coroutine function, which would have to be awaited: give another"
        raise TypeError(message)
    return True
