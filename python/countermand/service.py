"""Services whose operations can be cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import _countermand

if TYPE_CHECKING:
    from os import PathLike


class NamePattern(NamedTuple):
    """A pattern of names of operations, and the methods beside ``cancel`` that these have."""

    pattern: str
    """``projects/{project}/locations/{location}/operations/{operation}``"""
    has_get: bool
    """True if such an operation can be looked at; without it, a countermand ends ``unverified``."""
    has_list: bool
    """True if the operations of its parent can be listed."""
    has_filter: bool
    """True if that list takes a filter of the server's."""


NamePattern.__module__ = "countermand"


@dataclass(frozen=True, slots=True)
class Service:
    """A service with long-running operations, as Google's discovery or a file describes it.

    A service outside discovery is described by a JSON file; ``docs/services.md`` has its fields::

        earth_engine = Service.from_file("earthengine.json")
        client = Client(service=earth_engine)

    From then on this process knows its id. A pickle of it, or of a client, a name, an operation or
    a result of it, holds the description, so that a process that reads the pickle knows it as well.
    """

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

    @staticmethod
    def from_file(path: str | PathLike[str]) -> Service:
        """The service that a file describes.

        :raises OSError: the file cannot be read.
        :raises ValueError: it describes no service, one that is built in, one of which this
            process has read another description, or one at the host of another API. The message
            names the field and the reason.
        """
        return Service.from_json(Path(path).read_bytes())

    @staticmethod
    def from_json(text: str | bytes) -> Service:
        """The service that a JSON text describes, as :meth:`from_file` reads it.

        :raises TypeError: ``text`` is something else, such as a dict: give ``json.dumps(text)``.
        """
        if not isinstance(text, (str, bytes)):
            message = f"text is of type {type(text).__name__}, expected a str or bytes"
            if isinstance(text, Mapping):
                message += ": give json.dumps(text)"
            raise TypeError(message)
        return _service(
            _countermand.described_service(text.encode() if isinstance(text, str) else text)
        )

    def __reduce__(self) -> tuple[object, ...]:
        described = _countermand.service_json(self.id)
        if described is not None:
            # Another process has not read the file.
            return Service.from_json, (described,)
        return type(self), tuple(getattr(self, field) for field in self.__slots__)

    @property
    def has_get(self) -> bool:
        """True if all operations can be looked at."""
        return all(pattern.has_get for pattern in self.patterns)

    @property
    def has_list(self) -> bool:
        """True if all operations can be listed."""
        return all(pattern.has_list for pattern in self.patterns)


def _service(fields: _countermand._Fields) -> Service:
    id_, title, host, scope, patterns, created, asked = fields
    return Service(
        id=id_,
        title=title,
        host=host,
        scope=scope,
        patterns=tuple(NamePattern(*pattern) for pattern in patterns),
        create_time_paths=tuple(created),
        cancel_asked_paths=tuple(asked),
    )


def services() -> list[Service]:
    """The services that are built in, sorted by their ids."""
    return [_service(fields) for fields in _countermand.services()]


services.__module__ = "countermand"
