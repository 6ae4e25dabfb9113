"""The process that has a job file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class LockOwner:
    """A process that has a job file open for applying."""

    __module__ = "countermand"

    pid: int
    """Its process id."""
    host: str
    """The name of its machine."""
    since: datetime
    """Time at which it took the lock."""
