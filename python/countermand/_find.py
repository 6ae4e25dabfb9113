"""Searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._waiting import finish

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from ._countermand import Finder
    from ._rows import Item
    from .errors import CountermandError


class _Search:
    """What both kinds of search have."""

    __slots__ = ("_finder",)

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    @property
    def missed(self) -> tuple[CountermandError, ...]:
        """Why lists could not be read to their end, so far: operations in them are not found.

        The ``resource`` of each is the device, or the enterprise, whose list it is.
        """
        return (*self._finder.missed,)

    def raise_for_failures(self) -> None:
        """Raises if anything was missed, as of now.

        :raises ExceptionGroup: of :attr:`missed`.
        """
        if missed := self.missed:
            message = f"{len(missed)} lists could not be read to their end"
            raise ExceptionGroup(message, missed)


class Find(_Search):
    """A search for pending operations, which iterates what it finds.

    It begins when it is first iterated, or planned, and goes on meanwhile. It keeps what it finds:
    iterated again, it gives the same from the beginning. A list that cannot be read raises nothing
    and ends nothing; it is in :attr:`missed`.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[Item]:
        behind = 0
        while items := self._finder.next(behind).wait():
            behind += len(items)
            yield from items


class AsyncFind(_Search):
    """A :class:`Find` for ``async for``."""

    __slots__ = ()

    async def __aiter__(self) -> AsyncGenerator[Item, None]:
        behind = 0
        while items := await finish(self._finder.next(behind)):
            behind += len(items)
            for item in items:
                yield item
