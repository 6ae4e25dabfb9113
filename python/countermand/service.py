"""Services whose operations can be cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from . import _countermand


class NamePattern(NamedTuple):
    """A pattern of names of operations, and the methods beside ``cancel`` that these have."""

    pattern: str
    """``projects/{project}/locations/{location}/operations/{operation}``"""
    has_get: bool
    """True if such an operation can be looked at; without it, a countermand ends ``unverified``."""
    has_list: bool
    """True if the operations of its parent can be listed."""


NamePattern.__module__ = "countermand"


@dataclass(frozen=True, slots=True)
class Service:
    """A service with long-running operations, as Google's discovery describes it."""

    __module__ = "countermand"

    id: str
    """Name and version in discovery, ``documentai.v1``: a value of ``service=``."""
    title: str
    """Name for people."""
    host: str
    """Host of the root endpoint."""
    scope: str
    """OAuth scope that is enough to get, list and cancel; empty where discovery names none."""
    patterns: tuple[NamePattern, ...]
    """Patterns of the names of operations, the usual one first."""
    create_time_paths: tuple[str, ...]
    """Paths in the metadata of operations of the time at which one was created."""
    cancel_asked_paths: tuple[str, ...]
    """Paths there that are true after a cancel was asked."""

    @property
    def has_get(self) -> bool:
        """True if all operations can be looked at."""
        return all(pattern.has_get for pattern in self.patterns)

    @property
    def has_list(self) -> bool:
        """True if all operations can be listed."""
        return all(pattern.has_list for pattern in self.patterns)


def services() -> list[Service]:
    """The services that are built in, sorted by their ids."""
    return [
        Service(
            id=id_,
            title=title,
            host=host,
            scope=scope,
            patterns=tuple(NamePattern(*pattern) for pattern in patterns),
            create_time_paths=tuple(created),
            cancel_asked_paths=tuple(asked),
        )
        for id_, title, host, scope, patterns, created, asked in _countermand.services()
    ]


services.__module__ = "countermand"
