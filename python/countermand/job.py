"""Jobs: files with the operations to cancel, and with the result of each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import _countermand
from .feed import watches
from .report import Report, applied
from .waiting import Awaited, Blocking, Waits, dual
from .warn import warn_exposed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any, Literal

    from .errors import CountermandError
    from .fleet import Fleet
    from .progress import Progress
    from .rows import Estimate, Facts, JobStatus, _Age


class JobFile(Waits):
    """Base of both kinds of job."""

    __slots__ = ("_client", "_facts", "_missed", "_path")

    _client: Fleet[Any, Any]

    def __init__(
        self,
        client: Fleet[Any, Any],
        path: str | os.PathLike[str],
        facts: Facts,
        missed: tuple[CountermandError, ...] = (),
    ) -> None:
        self._client = client
        self._path = Path(path)
        self._facts = facts
        self._missed = missed

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def kind(self) -> Literal["plan", "rescue", "feed"]:
        """Source of its operations: planned before, found while it runs, or given while it runs
        (:func:`countermand.lanes.countermand_all`)."""
        return self._facts.kind

    @property
    def endpoint(self) -> str:
        """Root and version of the API that it is for."""
        return self._facts.endpoint

    @property
    def created(self) -> datetime:
        """Time at which it was planned."""
        return self._facts.created

    @property
    def digest(self) -> str | None:
        """SHA-256 over what a plan cancels, in order, and how; ``None`` for a rescue."""
        digest = self._facts.digest
        return None if digest is None else digest.hex()

    @property
    def operations(self) -> int:
        """Number of operations."""
        return self._facts.operations

    @property
    def duplicates(self) -> int:
        """Number of names that came again."""
        return self._facts.duplicates

    @property
    def unverifiable(self) -> int:
        """Number of operations, of those that the next run takes up, whose service has no method
        that shows them: what becomes of them cannot be proven."""
        return self._facts.unverifiable

    @property
    def types(self) -> Mapping[str | None, int]:
        """Operations of each type; ``None`` where it is not known."""
        return self._facts.types

    @property
    def enterprises(self) -> Mapping[str, int]:
        """Operations of each enterprise: the counts that ``apply`` wants to see confirmed.

        Of another service those of each resource two levels above its operations, such as
        ``//documentai.googleapis.com/projects/p``, or its host alone where names are shorter.
        """
        return self._facts.enterprises

    @property
    def lanes(self) -> tuple[str, ...]:
        """Names of its lanes, of a job that was planned with a profile that has lanes. The client
        that applies it needs lanes of the same names, owners and endpoints."""
        return self._facts.lanes

    @property
    def ages(self) -> Mapping[_Age, int]:
        """Operations of each age when it was planned."""
        return self._facts.ages

    @property
    def missed(self) -> tuple[CountermandError, ...]:
        """Errors of lists that could not be read to their end when this was planned: operations in
        them are not in the job. Of a job that was opened, :attr:`Report.missed` has them."""
        return self._missed

    @property
    def not_searched(self) -> tuple[str, ...]:
        """Patterns of operations at or below the searched names that no list of the search has, as
        of :attr:`Find.not_searched`."""
        return self._facts.not_searched

    def __len__(self) -> int:
        return self.operations

    def __repr__(self) -> str:
        text = f"{type(self).__name__}({str(self.path)!r}, kind={self.kind!r}"
        text += f", operations={self.operations}"
        if self.digest is not None:
            text += f", digest='{self.digest[:12]}…'"
        if self.missed:
            text += f", missed={len(self.missed)}"
        return text + ")"

    def __reduce__(self) -> tuple[object, ...]:
        # Not what was missed: an exception does not say the same elsewhere.
        return type(self), (self._client, self._path, self._facts)

    @dual
    async def apply(
        self,
        *,
        confirm: Mapping[str, int | None] | None = None,
        progress: bool | Callable[[Progress], object] | None = None,
        in_flight: int | None = None,
        recheck: bool = False,
    ) -> Report:
        """Cancels what is in the job and finds out what became of it; again, goes on with it.

        The file holds each cancel before it leaves and each verdict before it is told, so whatever
        ends this, also ``kill -9``, applying again goes on from there: what is settled is left
        alone, what was accepted is only looked at. One process at a time applies a job.

        Ctrl-C raises ``KeyboardInterrupt`` at once; nothing more is sent, and of what is in flight
        the file says that it may have been delivered.

        While nothing answers, or the server fails, it goes on probing until something answers or
        the caller interrupts it; without ``progress`` it does so in silence.

        A single operation never raises. See :meth:`Report.raise_for_failures`. The search of a
        rescue that was refused does, as in :meth:`Client.rescue`.

        :param confirm: how many operations of which enterprises this will cancel, in numbers that
            a person has read: ``{"enterprises/LC01": 2000}``. Of another service
            ``{"projects/p": 2000}``, or ``{"vision.v1": 2000}`` by its id where
            :attr:`enterprises` has its host alone. A mistaken filter would otherwise
            cancel what protects a lost device. A program that decides by itself says
            ``job.enterprises``. A rescue cancels all that it finds, so that it is confirmed without
            a number, ``{"enterprises/LC01": None}``, or with what ``job.enterprises`` says: another
            number would look like a limit. Looking again (``recheck``) needs none.
        :param progress: as for :meth:`Client.countermand_all`.
        :param in_flight: how many requests are in flight, instead of the client's; at least 1.
        :param recheck: only look again at what was asked and is not settled; cancel nothing. Of a
            service without a method that shows an operation, nothing is sent.
        :raises NotConfirmed: ``confirm`` is not what the plan holds. Nothing was sent.
        :raises PlanStale: it was planned too long ago. Nothing was sent.
        :raises OtherPlan: the file holds another plan than this job. Nothing was sent.
        :raises OtherEndpoint: the client is for another server or service: a job file alone does
            not decide where a token goes. Nothing was sent.
        :raises OtherLane: the client has other lanes than the job. Nothing was sent.
        :raises JobLocked: another process applies it; ``holder`` says which. Nothing was sent.
        :raises JobEdited: another program has changed the file. Nothing was sent.
        :raises JobDamaged: bytes of it were lost or changed. Nothing was sent.
        :raises JobUnreadable: the disk did not take what was found out; apply it again.
        :raises CountermandError: the search of a rescue was refused.
        """
        if confirm is not None and not isinstance(confirm, Mapping):
            message = (
                f"confirm is of type {type(confirm).__name__}, expected the number of operations "
                "of each enterprise, as in job.enterprises"
            )
            raise TypeError(message)
        await self._warn_exposed()
        results = _countermand.apply(
            self._client._native,
            self._path,
            self._facts.digest,
            None if confirm is None else {**confirm},
            in_flight,
            recheck,
            watches(progress),
        )
        return await applied(self, results, progress)

    @dual
    async def status(self, *, check: bool = False) -> JobStatus:
        """Its status, also while another process applies it.

        The file keeps its counts, so that the answer comes at once.

        :param check: reads all of the file and compares its checksums and counts.
        :raises JobError: the file is gone or damaged, or was edited.
        """
        await self._warn_exposed()
        return await self._finish(_countermand.job_status(self._path, check=check))

    @dual
    async def report(self) -> Report:
        """Its report so far, also while another process applies it.

        :raises JobError: the file is gone or damaged, or was edited.
        """
        await self._warn_exposed()
        return Report(await self._finish(_countermand.job_report(self._path)))

    @dual
    async def estimate(self, *, in_flight: int | None = None) -> Estimate:
        """Time that all of it will take at best, with the quota as it is now.

        :raises JobError: the file is gone or damaged, or was edited.
        """
        await self._warn_exposed()
        native = self._client._native
        return await self._finish(_countermand.job_estimate(native, self._path, in_flight))

    async def _warn_exposed(self) -> None:
        warn_exposed(await self._finish(_countermand.job_exposure(self._path)))


class Job(Blocking, JobFile):
    """A job file, and the client that applies it.

    What it tells of itself is as of when it was planned or opened. It keeps nothing open and holds
    no lock, except while it is applied; threads may share it. It pickles if its client does.
    """

    __module__ = "countermand"


class AsyncJob(Awaited, JobFile):
    """A :class:`Job` for asyncio, with the same methods. Cancelling the task of :meth:`apply` is as
    Ctrl-C there."""

    __module__ = "countermand"
