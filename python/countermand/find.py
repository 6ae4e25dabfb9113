"""Searches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._countermand import Finder
from .waiting import Awaited, Blocking, Waits, iterate
from .warn import warn_missed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from .errors import CountermandError
    from .rows import FoundOperation


@contextmanager
def interruptible(source: Finder | object) -> Iterator[None]:
    """Gives a search up when the caller is interrupted while it waits."""
    try:
        yield
    except Exception:
        raise
    except BaseException:
        if isinstance(source, Finder):
            source.close()
        raise


class Search(Waits):
    """Base of both kinds of search."""

    __slots__ = ("_finder",)

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    @property
    def missed(self) -> tuple[CountermandError, ...]:
        """Errors of lists that could not be read to their end, so far: operations are missing.

        The ``resource`` of each is the device, or the enterprise, whose list it is.
        """
        return (*self._finder.missed,)

    @property
    def not_attempted(self) -> int:
        """Lists that were not asked for, because an earlier failure concerns all of them; known at
        the end of the search."""
        return self._finder.not_attempted

    @property
    def not_searched(self) -> tuple[str, ...]:
        """Patterns of operations at or below the searched names that none of its lists has, known
        from the start: of a Spanner instance those of its databases and backups. A list of them is
        searched by its own name."""
        return self._finder.not_searched

    @property
    def left_out(self) -> str | None:
        """Operations that were seen and are not meant, by number and reason, such as ``3 operations
        were seen and left out: 3 of type REBOOT``; known at the end of the search. ``None``
        without any."""
        return self._finder.left_out

    @property
    def vanished(self) -> tuple[str, ...]:
        """Names of devices that a list showed and that were gone when they were searched, so far.

        A device's record is deleted after a wipe was confirmed, so they were probably wiped.
        """
        return (*self._finder.vanished,)

    def __repr__(self) -> str:
        count, state = self._finder.standing
        found = "1 operation" if count == 1 else f"{count:,} operations"
        return f"<{type(self).__name__}: {found} found, {state}>"

    async def _items(self) -> AsyncGenerator[FoundOperation, None]:
        behind = 0
        while items := await self._next(behind):
            behind += len(items)
            for item in items:
                yield item
        warn_missed(self.missed, "what was found", not_attempted=self.not_attempted)

    async def _next(self, behind: int) -> list[FoundOperation]:
        with interruptible(self._finder):
            return await self._finish(self._finder.next(behind))

    def raise_for_failures(self) -> None:
        """Raises if anything was missed, as of now.

        :raises ExceptionGroup: of :attr:`missed`.
        """
        if missed := self.missed:
            message = f"{len(missed)} lists could not be read to their end"
            raise ExceptionGroup(message, missed)


class Find(Blocking, Search):
    """A search for pending operations, which iterates what it finds.

    It begins when it is first iterated, or planned, and goes on meanwhile. It keeps what it finds:
    iterated again, it gives the same from the beginning. Ctrl-C gives it up, and who goes on with
    it is told.

    A list that cannot be read while others can ends nothing: it is in :attr:`missed`, and at the
    end a :class:`~countermand.errors.SearchIncomplete` warning. If nothing at all could be
    searched, or a failure that concerns everything (an expired token) came, iterating raises that
    error after what was found before.
    """

    __module__ = "countermand"

    def __iter__(self) -> Iterator[FoundOperation]:
        return iterate(self._items())


class AsyncFind(Awaited, Search):
    """A :class:`Find` for ``async for``."""

    __module__ = "countermand"

    def __aiter__(self) -> AsyncIterator[FoundOperation]:
        return self._items()
