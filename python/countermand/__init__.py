"""Cancels long-running operations of Google's APIs, and proves it.

>>> from countermand import Client, Verdict
>>> with Client(token="ya29...") as client:  # doctest: +SKIP
...     outcome = client.countermand("enterprises/LC01/devices/3f/operations/17")
>>> outcome.verdict is Verdict.CANCELLED  # doctest: +SKIP
True

- :class:`Client` and :class:`AsyncClient` make the calls: to the Android Management API, or with
  ``service=`` to another one of :func:`services`;
- :class:`Job` is a file of thousands of operations that survives a crash, :class:`Report` what
  became of them;
- :mod:`countermand.lanes` has profiles, for operations of several quotas;
- :func:`simulate` tells how long a job takes under a quota, without a server;
- :mod:`countermand.sansio` drives the same machine with an HTTP client of yours;
- :mod:`countermand.errors` is what can go wrong, :mod:`countermand.job_errors` with a job;
- :mod:`countermand.testing` has an emulator of the API for tests.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import errors as errors
    from . import job_errors as job_errors
    from . import lanes as lanes
    from . import sansio as sansio
    from . import testing as testing
    from ._countermand import Operation, __version__
    from .client import AsyncClient, Client
    from .errors import CountermandError
    from .find import AsyncFind, Find
    from .job import AsyncJob, Job
    from .lock_owner import LockOwner
    from .operation_name import OperationName
    from .outcome import Outcome, State, Status, Verdict
    from .progress import JobProgress, Outage, Progress, SearchProgress
    from .report import Report
    from .rows import Estimate, FoundOperation, JobRow, JobStatus
    from .service import NamePattern, Service, services
    from .simulation import ScheduleRow, Simulation, simulate

# Imported when they are first asked for: a program that cancels one operation needs few of them,
# and pytest, which loads the plugin in the tests of other projects, none.
_LATER = {
    "_countermand": ("Operation", "__version__"),
    "client": ("AsyncClient", "Client"),
    "errors": ("CountermandError",),
    "find": ("AsyncFind", "Find"),
    "job": ("AsyncJob", "Job"),
    "lock_owner": ("LockOwner",),
    "operation_name": ("OperationName",),
    "outcome": ("Outcome", "State", "Status", "Verdict"),
    "progress": ("JobProgress", "Outage", "Progress", "SearchProgress"),
    "report": ("Report",),
    "rows": ("Estimate", "FoundOperation", "JobStatus", "JobRow"),
    "service": ("NamePattern", "Service", "services"),
    "simulation": ("ScheduleRow", "Simulation", "simulate"),
}
_MODULES = ("errors", "job_errors", "lanes", "sansio", "testing")

__all__ = [
    "AsyncClient",
    "AsyncFind",
    "AsyncJob",
    "Client",
    "CountermandError",
    "Estimate",
    "Find",
    "FoundOperation",
    "Job",
    "JobProgress",
    "JobRow",
    "JobStatus",
    "LockOwner",
    "NamePattern",
    "Operation",
    "OperationName",
    "Outage",
    "Outcome",
    "Progress",
    "Report",
    "ScheduleRow",
    "SearchProgress",
    "Service",
    "Simulation",
    "State",
    "Status",
    "Verdict",
    "__version__",
    "services",
    "simulate",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f".{name}", __name__)
    for module, names in _LATER.items():
        if name in names:
            value: object = getattr(import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    # What a notebook completes: not the modules that happen to be imported already.
    special = (name for name in globals() if name.startswith("__"))
    return sorted({*special, *_MODULES, *__all__})
