"""Where to search, and which of what is found is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._countermand import OperationName

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self, TypeAlias

    _Texts: TypeAlias = str | Iterable[str]
    _Names: TypeAlias = str | OperationName | Iterable[str | OperationName]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a search is told; the native half checks it."""

    enterprises: tuple[str, ...]
    devices: tuple[str, ...]
    types: tuple[str, ...]
    newer_than: float | None
    older_than: float | None
    exclude: tuple[str | OperationName, ...]

    @classmethod
    def of(
        cls,
        *,
        enterprises: _Texts = (),
        devices: _Texts = (),
        types: _Texts = (),
        newer_than: float | None = None,
        older_than: float | None = None,
        exclude: _Names = (),
    ) -> Self:
        """One text is as good as a list of one."""
        return cls(
            _several(enterprises),
            _several(devices),
            _several(types),
            newer_than,
            older_than,
            (exclude,) if isinstance(exclude, (str, OperationName)) else (*exclude,),
        )

    @property
    def searches(self) -> bool:
        """Whether it says where to search."""
        return bool(self.enterprises or self.devices)

    @property
    def filters(self) -> bool:
        """Whether not everything is meant."""
        return self != Selection.of(enterprises=self.enterprises, devices=self.devices)


def _several(texts: _Texts) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else (*texts,)
