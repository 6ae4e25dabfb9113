"""Errors of jobs: one class for each thing that can be wrong with a job file, or keep it from being
applied.

Every class is a :class:`~countermand.CountermandError`.
"""

from __future__ import annotations

from pathlib import Path

from .errors import CountermandError
from .lock_owner import LockOwner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "JobDamaged",
    "JobEdited",
    "JobError",
    "JobExists",
    "JobExposed",
    "JobIncomplete",
    "JobLocked",
    "JobNotFound",
    "JobUnreadable",
    "JobVersion",
    "NotAJob",
    "NotCancelled",
    "NotConfirmed",
    "NothingToPlan",
    "OtherEndpoint",
    "OtherLane",
    "OtherPlan",
    "PlanStale",
    "SameProject",
]


class JobError(CountermandError):
    """Something is wrong with a job file. Nothing was sent because of it."""

    kind: str = "job"
    path: Path
    """The file."""

    @staticmethod
    def _attribute(name: str, value: object) -> object:
        if name == "path" and isinstance(value, str):
            return Path(value)
        if name == "holder" and isinstance(value, dict):
            return LockOwner.from_dict(value)
        return CountermandError._attribute(name, value)


class JobExists(JobError, FileExistsError):
    """There is a file of this name already; it was left alone."""

    kind: str = "job_exists"
    advice: str = "choose another name, or open the job that is there"


class JobNotFound(JobError, FileNotFoundError):
    """There is no such file, or no such folder."""

    kind: str = "job_not_found"
    advice: str = "check the path"


class NotAJob(JobError, ValueError):
    """The file is something else."""

    kind: str = "not_a_job"
    advice: str = "check the path"


class JobVersion(JobError, ValueError):
    """Another version of this package made the file, earlier or later."""

    kind: str = "job_version"
    advice: str = "use that version for this job, or plan again with this one"
    version: int = 0
    """The version of its schema."""


class JobDamaged(JobError, ValueError):
    """Bytes of the file were lost or changed."""

    kind: str = "job_damaged"
    advice: str = "plan again; what was cancelled stays cancelled"


class JobEdited(JobError, ValueError):
    """Another program has changed the file."""

    kind: str = "job_edited"
    advice: str = "plan again; what was cancelled stays cancelled"


class JobIncomplete(JobError, ValueError):
    """The plan was never finished: the process that wrote it was stopped."""

    kind: str = "job_incomplete"
    advice: str = "delete the file and plan again"


class NothingToPlan(JobError, ValueError):
    """No operation was given or found that is meant: there is no file. The message says what was
    seen and left out, and which lists could not be read."""

    kind: str = "nothing_to_plan"
    advice: str = "check the names, types and ages that were asked for"


class SameProject(JobError, ValueError):
    """Two operations of a plan may be one: one name has the number of a project, and the other an
    id. There is no file."""

    kind: str = "same_project"
    advice: str = "name the project in one way"


class JobLocked(JobError, BlockingIOError):
    """Another process, or another call of this one, applies the job."""

    kind: str = "job_locked"
    advice: str = "wait until it has finished"
    holder: LockOwner | None = None
    """The process that applies it, if the file names it."""


class JobUnreadable(JobError, OSError):
    """The file cannot be opened, read or written: the disk is full, read-only or broken.

    After a job was applied: what it found out last is not in the file.
    """

    kind: str = "job_unreadable"
    advice: str = "see to the disk, then apply the job again"


class NotConfirmed(CountermandError, PermissionError):
    """The counts of a plan were not confirmed, or other counts were. Nothing was sent."""

    kind: str = "not_confirmed"
    advice: str = "look at the plan and confirm its counts"
    planned: Mapping[str, int]
    """Operations of each enterprise."""

    def __init__(
        self, message: str = "", facts: Mapping[str, object] | None = None, /, **attributes: object
    ) -> None:
        super().__init__(message, {"planned": {}, **(facts or {})}, **attributes)


class PlanStale(CountermandError, ValueError):
    """The plan is too old: what it found may have changed. Nothing was sent."""

    kind: str = "plan_stale"
    advice: str = "plan again"
    age: float = 0.0
    """Age of the plan, in seconds."""


class OtherPlan(CountermandError, ValueError):
    """The file holds another plan than the one that was seen. Nothing was sent."""

    kind: str = "other_plan"
    advice: str = "open the job again and look at it"


class OtherEndpoint(CountermandError, ValueError):
    """The job is for another server or service than the client. Nothing was sent."""

    kind: str = "other_endpoint"
    advice: str = "if that server is meant, make the client for it: Client(endpoint=job.endpoint)"


class OtherLane(CountermandError, ValueError):
    """A lane of the job is none of the client's, or has another owner or other names there. Nothing
    was sent."""

    kind: str = "other_lane"
    advice: str = "make the client with the profile of the plan: Client(profile=...)"
    lane: str = ""
    """The name of the lane; empty for a job that was made without lanes."""


class NotCancelled(CountermandError):
    """State of an operation of a job that is not known to be cancelled: it completed, is gone, or
    its end is not known. Never raised by itself.

    Without an ``operation``: ``resource`` is a device that was gone when it was searched.
    """

    kind: str = "not_cancelled"
    state: str = ""
    """State of the operation, in the words of :attr:`JobRow.state`."""


class JobExposed(UserWarning):
    """A warning: other accounts can change a job file, and so what it cancels."""
