"""Names of operations."""

from __future__ import annotations

from . import _countermand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from .service import Service

_ANDROID = "androidmanagement.v1"


class OperationName(str):
    """The name of an operation: of the Android Management API
    ``enterprises/{enterprise}/devices/{device}/operations/{operation}``, of any other service the
    full resource name,
    ``//documentai.googleapis.com/projects/{project}/locations/{location}/operations/{operation}``.

    A ``str`` that was checked when it was made. It is equal to its text and has the same hash: a
    key beside texts, a value in JSON, a parameter of a database. String methods return a plain
    ``str``, which is not checked.
    """

    __module__ = "countermand"

    __slots__ = ("_service",)

    _service: str
    """The service, if it is not the Android Management API: versions have the same names."""

    def __new__(cls, name: str, /, *, service: str | Service | None = None) -> Self:
        """Checks a name.

        :param service: ``documentai.v1``, or ``documentai`` for its newest version: ``name`` may
            then be the relative name, ``projects/…``. ``None``: the service that the host of a full
            resource name tells, else the Android Management API.
        :raises InvalidName: what is wrong with it, where, and what was expected.
        :raises ValueError: there is no such service.
        """
        text, own = _countermand.check_name(name, service)
        self = str.__new__(cls, text)
        if own is not None:
            self._service = own
        return self

    @property
    def service(self) -> str:
        """The id of its service, ``androidmanagement.v1``."""
        return getattr(self, "_service", _ANDROID)

    @property
    def relative(self) -> str:
        """The name as the API writes it, without a host."""
        return _countermand.name_parts(self)[1]

    @property
    def parent(self) -> str:
        """The resource that it belongs to, whose operations
        :meth:`~countermand.Client.list_operations` lists."""
        return _countermand.name_parts(self)[2]

    @property
    def id(self) -> str:
        """Its id: what follows ``operations/``."""
        return _countermand.name_parts(self)[4]

    @property
    def enterprise(self) -> str:
        """The name of the enterprise, ``enterprises/{enterprise}``.

        :raises AttributeError: it is a name of another service than the Android Management API.
        """
        return self._of_android("enterprise", 3)

    @property
    def device(self) -> str:
        """The name of the device, ``enterprises/{enterprise}/devices/{device}``.

        :raises AttributeError: it is a name of another service than the Android Management API.
        """
        return self._of_android("device", 2)

    @property
    def operation(self) -> str:
        """The same as :attr:`id`."""
        return self.id

    def _of_android(self, what: str, part: int) -> str:
        if self.service != _ANDROID:
            message = f"an operation of {self.service} has no {what}; it has a parent and an id"
            raise AttributeError(message, name=what, obj=self)
        return _countermand.name_parts(self)[part]

    def __reduce__(self) -> tuple[object, ...]:
        if self.service == _ANDROID:
            return type(self), (str(self),)
        described = _countermand.service_json(self.service)
        return _restore, (type(self), str(self), self.service, described)

    def __repr__(self) -> str:
        return f"OperationName({_countermand.quoted(self)})"


def _restore(
    kind: type[OperationName], text: str, service: str, described: str | None
) -> OperationName:
    """The name of a pickle, which holds the description of a service that is not built in."""
    know(described)
    return kind(text, service=service)


def know(described: str | None) -> None:
    """Makes the service known that this JSON describes, if any."""
    if described is not None:
        _countermand.described_service(described.encode())
