"""JSON in the schemas of the command ``countermand``, which docs/schemas has."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


class JsonForm:
    """Base of what has such a form."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The object as plain values, which ``json.dumps`` takes."""
        raise NotImplementedError

    def to_json(self) -> str:
        """:meth:`to_dict` as one line of JSON, in ASCII."""
        import json

        return json.dumps(self.to_dict())


def timestamp(time: datetime | None) -> str | None:
    """A time in UTC by RFC 3339, with milliseconds."""
    if time is None:
        return None
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
