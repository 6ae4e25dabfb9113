"""What a client for asyncio does for fleets."""

from __future__ import annotations

from . import _countermand
from .fleet import FleetBase, by_harm
from .waiting import finish

# As in fleet.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from typing import Literal

    from ._countermand import Operation, OperationName
    from .find import AsyncFind
    from .job import AsyncJob
    from .progress import Progress
    from .report import Report
    from .rows import FoundOperation
    from .selection import _Names, _Texts


class AsyncFleet(FleetBase):
    """A :class:`Fleet` for asyncio."""

    __slots__ = ()

    def find(
        self,
        *,
        enterprises: _Texts = (),
        devices: _Texts = (),
        types: _Texts = (),
        newer_than: float | None = None,
        older_than: float | None = None,
        exclude: _Names = (),
        quota: str | None = "600/60s,1000/100s",
        share: float = 0.8,
        in_flight: int | None = None,
    ) -> AsyncFind:
        """As :meth:`Client.find`."""
        from .find import AsyncFind
        from .selection import Selection

        selection = Selection.of(
            enterprises=enterprises,
            devices=devices,
            types=types,
            newer_than=newer_than,
            older_than=older_than,
            exclude=exclude,
        )
        return AsyncFind(self._finder(selection, quota, share, in_flight))

    async def plan(
        self,
        path: str | os.PathLike[str],
        names: AsyncFind | Iterable[str | OperationName | Operation | FoundOperation] | None = None,
        *,
        enterprises: _Texts = (),
        devices: _Texts = (),
        types: _Texts = (),
        newer_than: float | None = None,
        older_than: float | None = None,
        exclude: _Names = (),
        order: Literal["harm", "input"] = "harm",
        max_age: float = 3600.0,
        deadline: float = 120.0,
        quota: str | None = "600/60s,1000/100s",
        share: float = 0.8,
        in_flight: int | None = None,
    ) -> AsyncJob:
        """As :meth:`Client.plan`."""
        from .find import interruptible
        from .job import AsyncJob
        from .selection import Selection

        selection = Selection.of(
            enterprises=enterprises,
            devices=devices,
            types=types,
            newer_than=newer_than,
            older_than=older_than,
            exclude=exclude,
        )
        source = self._source(names, selection, quota, share, in_flight)
        harm_first = by_harm(order)
        # A search has its filter already, and what it found a while ago is older now.
        meant = selection if names is not None and selection.filters else None
        call = _countermand.plan(
            self._native, path, source, meant, harm_first, max_age, deadline, quota, share
        )
        with interruptible(source):
            facts = await finish(call)
        return AsyncJob(self, path, facts, self._missed(source))

    async def open(self, path: str | os.PathLike[str]) -> AsyncJob:
        """As :meth:`Client.open`."""
        from .job import AsyncJob, warn_exposed

        warn_exposed(await finish(_countermand.job_exposure(path)))
        facts = await finish(_countermand.job_facts(path))
        return AsyncJob(self, path, facts)

    async def rescue(
        self,
        path: str | os.PathLike[str],
        enterprises: _Texts,
        *,
        types: _Texts = (),
        newer_than: float | None = None,
        older_than: float | None = None,
        exclude: _Names = (),
        at_most: int | None = 10_000,
        deadline: float = 120.0,
        quota: str | None = "600/60s,1000/100s",
        share: float = 0.8,
        in_flight: int | None = None,
        progress: bool | Callable[[Progress], object] | None = None,
    ) -> Report:
        """As :meth:`Client.rescue`."""
        from .job import async_applied
        from .selection import Selection

        selection = Selection.of(
            enterprises=enterprises,
            types=types,
            newer_than=newer_than,
            older_than=older_than,
            exclude=exclude,
        )
        settings = (at_most, deadline, quota, share, in_flight, progress)
        return await async_applied(self._rescue(path, selection, *settings), progress)
