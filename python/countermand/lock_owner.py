"""The process that has a job file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .json_form import JsonForm, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self


@dataclass(frozen=True, slots=True)
class LockOwner(JsonForm):
    """A process that has a job file open for applying."""

    __module__ = "countermand"

    pid: int
    """Its process id."""
    host: str
    """The name of its machine."""
    since: datetime
    """Time at which it took the lock."""

    def to_dict(self) -> dict[str, Any]:
        """The process as plain values."""
        return {"pid": self.pid, "host": self.host, "since": timestamp(self.since)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The process of its plain values."""
        return cls(fields["pid"], fields["host"], datetime.fromisoformat(fields["since"]))
