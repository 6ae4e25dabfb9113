"""Cancels Android Management API operations, and proves it.

>>> from countermand import Client, Verdict
>>> with Client(token="ya29...") as client:  # doctest: +SKIP
...     outcome = client.countermand("enterprises/LC01/devices/3f/operations/17")
>>> outcome.verdict is Verdict.CANCELLED  # doctest: +SKIP
True

- :class:`Client` and :class:`AsyncClient` make the calls;
- :mod:`countermand.sansio` drives the same machine with an HTTP client of yours;
- :mod:`countermand.errors` is what can go wrong;
- :mod:`countermand.testing` has an emulator of the API for tests.
"""

from ._client import AsyncClient, Client
from ._countermand import Operation, OperationName, __version__
from ._outcome import Outcome, Status, Verdict
from ._progress import Progress
from .errors import CountermandError

__all__ = [
    "AsyncClient",
    "Client",
    "CountermandError",
    "Operation",
    "OperationName",
    "Outcome",
    "Progress",
    "Status",
    "Verdict",
    "__version__",
]
