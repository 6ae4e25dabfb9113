"""Names of operations."""

from __future__ import annotations

from . import _countermand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class OperationName(str):
    """The name of an operation,
    ``enterprises/{enterprise}/devices/{device}/operations/{operation}``.

    A ``str`` that was checked when it was made. It is equal to its text and has the same hash: a
    key beside texts, a value in JSON, a parameter of a database. String methods return a plain
    ``str``, which is not checked.
    """

    __module__ = "countermand"

    __slots__ = ()

    def __new__(cls, name: str, /) -> Self:
        """Checks a name.

        :raises InvalidName: what is wrong with it, where, and what was expected.
        """
        return str.__new__(cls, _countermand.check_name(name))

    @property
    def enterprise(self) -> str:
        """The name of the enterprise, ``enterprises/{enterprise}``."""
        return _countermand.name_parts(self)[0]

    @property
    def device(self) -> str:
        """The name of the device, ``enterprises/{enterprise}/devices/{device}``."""
        return _countermand.name_parts(self)[1]

    @property
    def operation(self) -> str:
        """The operation's id: the last segment."""
        return _countermand.name_parts(self)[2]

    def __repr__(self) -> str:
        return f"OperationName({_countermand.quoted(self)})"
