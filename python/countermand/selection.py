"""The search that a caller wants, and its filter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Self, TypeAlias, TypeVar

    from .feed import _Named

    _T = TypeVar("_T")

    _Length: TypeAlias = float | str | timedelta
    """Seconds, or a text such as ``2h``."""
    _Texts: TypeAlias = str | Iterable[str]
    _Left: TypeAlias = str | Iterable[_Named]


@dataclass(frozen=True, slots=True)
class Selection:
    """Places to search and a filter; the native half checks them."""

    enterprises: tuple[str, ...]
    devices: tuple[str, ...]
    parents: tuple[str, ...]
    types: tuple[str, ...]
    newer_than: _Length | None
    older_than: _Length | None
    exclude: tuple[_Named, ...]
    filter: str | None

    @classmethod
    def of(
        cls,
        *,
        enterprises: _Texts = (),
        devices: _Texts = (),
        parents: _Texts = (),
        types: _Texts = (),
        newer_than: _Length | None = None,
        older_than: _Length | None = None,
        exclude: _Left = (),
        filter: str | None = None,
    ) -> Self:
        """One text is as good as a list of one."""
        return cls(
            _several("enterprises", enterprises),
            _several("devices", devices),
            _several("parents", parents),
            _several("types", types),
            newer_than,
            older_than,
            _several("exclude", exclude),
            filter,
        )

    @property
    def searches(self) -> bool:
        """True if it names a place to search."""
        return bool(self.enterprises or self.devices or self.parents)

    @property
    def filters(self) -> bool:
        """True if it has a filter."""
        return self != Selection.of(
            enterprises=self.enterprises, devices=self.devices, parents=self.parents
        )


def _several(what: str, given: str | Iterable[_T]) -> tuple[str | _T, ...]:
    """The texts: one is as good as a list of one.

    :raises TypeError: there is something else in their place.
    """
    if isinstance(given, str):
        return (given,)
    # Bytes would iterate as numbers.
    if isinstance(given, (bytes, bytearray)) or not isinstance(given, Iterable):
        message = f"{what} is of type {type(given).__name__}, expected a str or several"
        if hasattr(given, "__aiter__"):
            message += "; of an async iterable [text async for text in ...]"
        raise TypeError(message)
    return (*given,)
