"""Fleets: what a client finds, plans, opens and rescues."""

from __future__ import annotations

from . import _countermand

# What one method needs is imported there: most programs start to cancel one operation.
from .waiting import Generic, Waits, dual

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from typing import Any, Literal, TypeVar

    from .errors import CountermandError
    from .feed import _Named, _Names
    from .find import Search
    from .progress import Progress
    from .report import Report
    from .rows import Facts
    from .selection import Selection, _Left, _Length, _Texts

    _FindT = TypeVar("_FindT", bound="Search")
    _JobT = TypeVar("_JobT")


class Fleet(Waits, Generic["_FindT", "_JobT"]):
    """Finds pending operations, plans and opens jobs, and rescues."""

    __slots__ = ()

    _native: _countermand.Client
    _settings: dict[str, Any]

    def _search(self, finder: _countermand.Finder) -> _FindT:
        """The search, in the class of this client."""
        raise NotImplementedError

    def _job(
        self, path: str | os.PathLike[str], facts: Facts, missed: tuple[CountermandError, ...]
    ) -> _JobT:
        """The job, in the class of this client."""
        raise NotImplementedError

    def find(
        self,
        *,
        enterprises: _Texts = (),
        devices: _Texts = (),
        parents: _Texts = (),
        types: _Texts = (),
        newer_than: _Length | None = None,
        older_than: _Length | None = None,
        exclude: _Left = (),
        filter: str | None = None,
        quota: str | None = None,
        share: float | None = None,
        in_flight: int | None = None,
    ) -> _FindT:
        """Finds pending operations: every device of the enterprises, and these devices, each to the
        last page of its operations; of another service every operation of its resources.

        Nothing happens before it is iterated or planned. What the server does not tell of an
        operation never excludes it. Names that are known cost no search: give them to
        :meth:`plan`.

        :param enterprises: ``enterprises/LC01`` or ``LC01``; one text or several. Like every name
            here, also with blanks around it, or as its URL at the client's endpoint.
        :param devices: ``enterprises/LC01/devices/3f``; one text or several.
        :param parents: the same of any service: resources whose operations are listed, such as
            ``projects/p/locations/us``; one text or several. The id of the service, ``vision.v1``,
            stands for the resource above operations that are named ``operations/…`` alone.
        :param types: ``WIPE``, ``LOCK`` ...; none for all. A misspelt one is a :class:`ValueError`;
            one that this version does not know is written ``unknown:TYPE``. Of another service
            as its operations tell them.
        :param newer_than: no older than so many seconds, or ``timedelta``, or ``"2h"``.
        :param older_than: at least so many seconds old.
        :param exclude: operations, devices and enterprises to leave alone, by their names or as a
            search has found them; of another service what lists operations and what is above it. A
            project is spelled as it is in the search.
        :param filter: a filter that the server applies to its lists of operations, in the language
            of the service, such as ``done = false``: it saves pages, and what it leaves out is not
            seen. Which of the others are pending is decided here.
        :param quota: as for :meth:`Client.countermand_all`, as are ``share`` and ``in_flight``.
        :raises InvalidName: one of the names is none, or the service has no such list. Nothing was
            sent.
        :raises ValueError: there is nowhere to search; a type, an age, ``quota`` or ``share`` is
            none; operations there do not tell their age or type, or their list takes no filter;
            ``exclude`` names a project by its number, and the search by an id.
        """
        from .selection import Selection

        selection = Selection.of(
            enterprises=enterprises,
            devices=devices,
            parents=parents,
            types=types,
            newer_than=newer_than,
            older_than=older_than,
            exclude=exclude,
            filter=filter,
        )
        return self._search(self._finder(selection, quota, share, in_flight))

    @dual
    async def plan(
        self,
        path: str | os.PathLike[str],
        names: _FindT | _Names | None = None,
        *,
        enterprises: _Texts = (),
        devices: _Texts = (),
        parents: _Texts = (),
        types: _Texts = (),
        newer_than: _Length | None = None,
        older_than: _Length | None = None,
        exclude: _Left = (),
        filter: str | None = None,
        order: Literal["harm", "input"] = "harm",
        max_age: _Length | None = None,
        deadline: _Length | None = None,
        quota: str | None = None,
        share: float | None = None,
        in_flight: int | None = None,
    ) -> _JobT:
        """Writes a job file that says what :meth:`Job.apply` will cancel. Cancels nothing.

        A search that was refused raises, as that of :meth:`find` does. Lists that could not be read
        while others could raise nothing: they are in :attr:`Job.missed`, in :attr:`Report.missed`,
        and a :class:`~countermand.errors.SearchIncomplete` warning.

        :param path: a new file. It holds no secrets, and only its owner may read it.
        :param names: what to cancel: names, operations, items of a search (filtered, perhaps), or
            a search itself; of these, only what ``types``, ``newer_than``, ``older_than`` and
            ``exclude`` mean. An :class:`AsyncClient` takes an async iterable as well. ``None``
            searches by ``enterprises`` and what else :meth:`find` takes.
        :param order: ``harm``: WIPE and what else cannot be undone first, then the device seen
            last first; ``input``: as they came.
        :param max_age: seconds for which the plan is good: what it found changes. ``None``: 3600.
        :param deadline: seconds for which an operation is followed; waiting for the quota is not
            counted. ``None``: 120.
        :param quota: as for :meth:`Client.countermand_all`, as is ``share``: for the search, and
            for the job whenever it is applied. What the search has spent is not spent again.
        :param in_flight: how many requests the search has in flight.
        :raises InvalidName: one of the names is none; its ``position`` says which. There is no
            file, and nothing was sent.
        :raises JobExists: there is a file of this name. Nothing was sent.
        :raises JobError: the disk does not take it.
        :raises CountermandError: the search was refused. There is no file.
        :raises NothingToPlan: no operation was given or found that is meant. There is no file.
        :raises SameProject: two operations may be one, named by the number of a project and by an
            id. There is no file.
        :raises ValueError: a time, ``quota`` or ``share`` is none; what is given does not tell its
            age or type, or ``filter`` is given and nothing is searched; ``exclude`` names a project
            by its number, and what it may exclude by an id.
        """
        from .feed import is_awaited
        from .find import Search, interruptible
        from .selection import Selection
        from .warn import warn_missed

        selection = Selection.of(
            enterprises=enterprises,
            devices=devices,
            parents=parents,
            types=types,
            newer_than=newer_than,
            older_than=older_than,
            exclude=exclude,
            filter=filter,
        )
        if order not in ("harm", "input"):
            message = f"{order!r} is no order; expected harm or input"
            raise ValueError(message)
        if not isinstance(names, Search) and is_awaited(names, self):
            names = [name async for name in names]
        source = self._source(names, selection, quota, share, in_flight)
        # A search has its filter already, and what it found a while ago is older now.
        meant = selection if names is not None and selection.filters else None
        by_harm = order == "harm"
        call = _countermand.plan(
            self._native, path, source, meant, by_harm, max_age, deadline, quota, share
        )
        with interruptible(source):
            facts = await self._finish(call)
        missed: tuple[CountermandError, ...] = ()
        if isinstance(source, _countermand.Finder):
            missed = (*source.missed,)
            warn_missed(missed, "the plan", not_attempted=source.not_attempted)
        return self._job(path, facts, missed)

    @dual
    async def open(self, path: str | os.PathLike[str]) -> _JobT:
        """Opens a job file that is there, to be looked at, or to go on with.

        Other accounts that can change the file are a :class:`~countermand.job_errors.JobExposed`
        warning, here and in every method of the job.

        :raises JobNotFound: there is no such file.
        :raises JobError: it is no job file, or damaged, or was edited.
        """
        from .warn import warn_exposed

        warn_exposed(await self._finish(_countermand.job_exposure(path)))
        return self._job(path, await self._finish(_countermand.job_facts(path)), ())

    @dual
    async def rescue(
        self,
        path: str | os.PathLike[str],
        enterprises: _Texts = (),
        *,
        parents: _Texts = (),
        types: _Texts = (),
        newer_than: _Length | None = None,
        older_than: _Length | None = None,
        exclude: _Left = (),
        filter: str | None = None,
        at_most: int | None = _countermand.AT_MOST,
        deadline: _Length | None = None,
        quota: str | None = None,
        share: float | None = None,
        in_flight: int | None = None,
        progress: bool | Callable[[Progress], object] | None = None,
    ) -> Report:
        """Searches and cancels at once, for when every minute counts: an operation that is found is
        cancelled before the next device is listed, the device seen last first.

        While nothing answers, or the server fails, it goes on probing until something answers or
        the caller interrupts it; without ``progress`` it does so in silence.

        This call names what is searched, and needs no confirmation. Whatever ends it, also
        ``kill -9``, ``client.open(path).apply(confirm=...)`` goes on with it.

        A search that was refused raises the error that refused it: nothing at all could be
        searched, or a failure that concerns everything (an expired token) came before its end.
        Lists that could not be read while others could are in :attr:`Report.missed`, and a
        :class:`~countermand.errors.SearchIncomplete` warning.

        :param path: a new file. It holds no secrets, and only its owner may read it.
        :param enterprises: ``enterprises/LC01`` or ``LC01``; one text or several.
        :param parents: as for :meth:`find`.
        :param at_most: how many operations to cancel, 10,000 unless given; what is found beyond is
            left alone, and the report has it as ``unsent``. ``None`` for all.
        :param progress: as for :meth:`Client.countermand_all`, as are ``quota``, ``share`` and
            ``in_flight``. The other settings are those of :meth:`find` and :meth:`plan`.
        :raises InvalidName: one of the names is none. There is no file, and nothing was sent.
        :raises JobExists: there is a file of this name. Nothing was sent.
        :raises JobError: the disk does not take it.
        :raises CountermandError: the search was refused.
        :raises ValueError: there is nowhere to search; a time, ``quota`` or ``share`` is none.
        """
        from .feed import watches
        from .report import applied
        from .selection import Selection

        selection = Selection.of(
            enterprises=enterprises,
            parents=parents,
            types=types,
            newer_than=newer_than,
            older_than=older_than,
            exclude=exclude,
            filter=filter,
        )
        if not selection.searches:
            message = "say which enterprises, or which parents"
            raise ValueError(message)
        settings = (at_most, deadline, quota, share, in_flight, watches(progress))
        results = _countermand.rescue(self._native, path, selection, *settings)
        return await applied(self, results, progress)

    def _finder(
        self, selection: Selection, quota: str | None, share: float | None, in_flight: int | None
    ) -> _countermand.Finder:
        if not selection.searches:
            message = "say where to search: enterprises=..., devices=..., parents=..."
            raise ValueError(message)
        return _countermand.find(self._native, selection, quota, share, in_flight)

    def _source(
        self,
        names: _FindT | Iterable[_Named] | None,
        selection: Selection,
        quota: str | None,
        share: float | None,
        in_flight: int | None,
    ) -> _countermand.Finder | Iterable[_Named]:
        """Source of the operations of a plan."""
        from .feed import several
        from .find import Search

        if names is None:
            return self._finder(selection, quota, share, in_flight)
        if selection.searches:
            message = "give names, or say where to search, not both"
            raise ValueError(message)
        if selection.filter is not None:
            message = "filter is for the lists of a search: give it to find()"
            raise ValueError(message)
        if isinstance(names, Search):
            return names._finder
        return several(names)
