"""Jobs: files that say what is to be cancelled and what has become of it."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from . import _countermand
from .feed import Watch, watches
from .find import warn_of
from .progress import Progress
from .report import Report
from .waiting import finish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Literal

    from ._countermand import Applying
    from ._countermand import Report as NativeReport
    from .errors import CountermandError
    from .fleet import FleetBase
    from .rows import Estimate, Facts, JobStatus, _Age


class _JobFile:
    """What both kinds of job have."""

    __slots__ = ("_client", "_facts", "_missed", "_path")

    _client: FleetBase

    def __init__(
        self,
        client: FleetBase,
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
    def kind(self) -> Literal["plan", "rescue"]:
        """How it comes by its operations: planned before, or found while it runs."""
        return self._facts.kind

    @property
    def endpoint(self) -> str:
        """Root and version of the API that it is for."""
        return self._facts.endpoint

    @property
    def created(self) -> datetime:
        """When it was planned."""
        return self._facts.created

    @property
    def digest(self) -> str | None:
        """SHA-256 over what a plan cancels, in order, and how; ``None`` for a rescue."""
        digest = self._facts.digest
        return None if digest is None else digest.hex()

    @property
    def operations(self) -> int:
        """How many there are."""
        return self._facts.operations

    @property
    def duplicates(self) -> int:
        """How many names came again."""
        return self._facts.duplicates

    @property
    def types(self) -> Mapping[str | None, int]:
        """How many operations of which type; ``None`` where it is not known."""
        return self._facts.types

    @property
    def enterprises(self) -> Mapping[str, int]:
        """How many operations of which enterprise: what ``apply`` wants to see confirmed."""
        return self._facts.enterprises

    @property
    def ages(self) -> Mapping[_Age, int]:
        """How many operations of which age when it was planned."""
        return self._facts.ages

    @property
    def missed(self) -> tuple[CountermandError, ...]:
        """Why lists could not be read to their end when this was planned: operations in them are
        not in the job. Of a job that was opened, :attr:`Report.missed` says it."""
        return self._missed

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

    def _apply(
        self,
        confirm: Mapping[str, int] | None,
        progress: bool | Callable[[Progress], object] | None,
        in_flight: int | None,
        recheck: bool,
    ) -> Applying:
        return _countermand.apply(
            self._client._native,
            self._path,
            self._facts.digest,
            None if confirm is None else {**confirm},
            in_flight,
            recheck,
            watches(progress),
        )

    def _in_flight(self, in_flight: int | None) -> int:
        default: int = self._client._settings["in_flight"]
        return default if in_flight is None else in_flight


class Job(_JobFile):
    """A job file, and the client that applies it.

    What it tells of itself is as of when it was planned or opened. It keeps nothing open and holds
    no lock, except while it is applied; threads may share it. It pickles if its client does.
    """

    __module__ = "countermand"

    __slots__ = ()

    def apply(
        self,
        *,
        confirm: Mapping[str, int] | None = None,
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
            somebody has read: ``{"enterprises/LC01": 2000}``. A mistaken filter would otherwise
            cancel what protects a lost device. A program that decides by itself says
            ``job.enterprises``. Of a rescue the enterprises count, and not the numbers. Looking
            again (``recheck``) needs none.
        :param progress: as for :meth:`Client.countermand_all`.
        :param in_flight: how many requests are in flight, instead of the client's; at least 1.
        :param recheck: only look again at what was asked and is not settled; cancel nothing.
        :raises NotConfirmed: ``confirm`` is not what the plan holds. Nothing was sent.
        :raises PlanStale: it was planned too long ago. Nothing was sent.
        :raises OtherPlan: the file holds another plan than this job. Nothing was sent.
        :raises OtherEndpoint: the client is for another server: a job file alone does not decide
            where a token goes. Nothing was sent.
        :raises JobLocked: another process applies it; ``holder`` says which. Nothing was sent.
        :raises JobEdited: another program has changed the file. Nothing was sent.
        :raises JobDamaged: bytes of it were lost or changed. Nothing was sent.
        :raises JobUnreadable: the disk did not take what was found out; apply it again.
        :raises CountermandError: the search of a rescue was refused.
        """
        warn_exposed(_countermand.job_exposure(self._path).wait())
        return applied(self._apply(confirm, progress, in_flight, recheck), progress)

    def status(self) -> JobStatus:
        """Where it stands, also while another process applies it.

        :raises JobError: the file is gone or damaged, or was edited.
        """
        warn_exposed(_countermand.job_exposure(self._path).wait())
        return _countermand.job_status(self._path).wait()

    def report(self) -> Report:
        """What became of each operation so far, also while another process applies it.

        :raises JobError: the file is gone or damaged, or was edited.
        """
        warn_exposed(_countermand.job_exposure(self._path).wait())
        return Report(_countermand.job_report(self._path).wait())

    def estimate(self, *, in_flight: int | None = None) -> Estimate:
        """How long all of it will take at best, with the quota as it is now.

        :raises JobError: the file is gone or damaged, or was edited.
        """
        warn_exposed(_countermand.job_exposure(self._path).wait())
        return _countermand.job_estimate(self._path, self._in_flight(in_flight)).wait()


class AsyncJob(_JobFile):
    """A :class:`Job` for asyncio, with the same methods."""

    __module__ = "countermand"

    __slots__ = ()

    async def apply(
        self,
        *,
        confirm: Mapping[str, int] | None = None,
        progress: bool | Callable[[Progress], object] | None = None,
        in_flight: int | None = None,
        recheck: bool = False,
    ) -> Report:
        """As :meth:`Job.apply`. Cancelling the task is as Ctrl-C there."""
        warn_exposed(await finish(_countermand.job_exposure(self._path)))
        return await async_applied(self._apply(confirm, progress, in_flight, recheck), progress)

    async def status(self) -> JobStatus:
        """As :meth:`Job.status`."""
        warn_exposed(await finish(_countermand.job_exposure(self._path)))
        return await finish(_countermand.job_status(self._path))

    async def report(self) -> Report:
        """As :meth:`Job.report`. Reading it is quick and does not wait for a network."""
        warn_exposed(await finish(_countermand.job_exposure(self._path)))
        return Report(await finish(_countermand.job_report(self._path)))

    async def estimate(self, *, in_flight: int | None = None) -> Estimate:
        """As :meth:`Job.estimate`."""
        warn_exposed(await finish(_countermand.job_exposure(self._path)))
        return await finish(_countermand.job_estimate(self._path, self._in_flight(in_flight)))


def warn_exposed(warnings: Sequence[str]) -> None:
    """Warns the caller of the method that calls this of other accounts."""
    if warnings:
        import warnings as module

        from .errors import JobExposed

        for warning in warnings:
            module.warn(warning, JobExposed, stacklevel=3)


def applied(
    applying: Applying, progress: bool | Callable[[Progress], object] | None, frames: int = 5
) -> Report:
    """The report at the end; ``frames`` is how deep the caller is below a watcher that fails."""
    with applying, closing(Watch(progress, frames)) as watch:
        while isinstance(item := applying.next().wait(), Progress):
            watch.tell(item)
    return _told(item)


async def async_applied(
    applying: Applying, progress: bool | Callable[[Progress], object] | None, frames: int = 5
) -> Report:
    """As :func:`applied`."""
    with applying, closing(Watch(progress, frames)) as watch:
        while isinstance(item := await finish(applying.next()), Progress):
            watch.tell(item)
    return _told(item)


def _told(native: NativeReport) -> Report:
    """The report, with a warning if it is not complete."""
    report = Report(native)
    # Through the frames of `applied` and of the method to its caller.
    warn_of(report.missed, "the report", frames=4)
    return report
