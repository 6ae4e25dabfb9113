"""Simulated runs: how long many cancels take under a quota, without a server or waiting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from . import _countermand
from .json_form import JsonForm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from typing import Any, Literal

    from .service import Service


class ScheduleRow(NamedTuple):
    """Requests that were sent from a time on, until the next row."""

    start: float
    """Seconds since the start of the run."""
    cancels: int
    """Number of cancels."""
    looks: int
    """Number of gets."""


ScheduleRow.__module__ = "countermand"


@dataclass(frozen=True, slots=True)
class Simulation(JsonForm):
    """A simulated run, as :func:`simulate` gives it. Times are in seconds since its start."""

    __module__ = "countermand"

    service: str
    """The id of the service."""
    pattern: str
    """The pattern of the names that were cancelled."""
    operations: int
    """Number of operations."""
    last_cancel: float
    """Time of the last cancel."""
    last_verdict: float
    """Time of the last verdict."""
    requests: int
    """Number of requests."""
    refused: int
    """Of the requests, those refused for the quota."""
    failed: int
    """Of the requests, those that failed as was asked for."""
    verdicts: Mapping[str, int]
    """Number of operations by verdict."""
    errors: int
    """Number of operations without a verdict."""
    schedule: tuple[ScheduleRow, ...]
    """Requests over time, in rows of equal length."""
    _json: str = field(default="{}", kw_only=True, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The run as plain values, by the schema ``countermand.simulation/1``."""
        import json

        fields: dict[str, Any] = json.loads(self._json)
        return fields


def simulate(
    operations: int,
    *,
    service: str | Service | None = None,
    pattern: str | None = None,
    per_device: int = 1,
    quota: str | None = None,
    per_resource: str | None = None,
    share: float | None = None,
    server_quota: str | None = None,
    window: Literal["sliding", "fixed"] = "sliding",
    phase: float | str | timedelta | None = None,
    in_flight: int | None = None,
    fail: str | None = None,
    fates: str = "cancellable:1",
    seed: int = 1,
) -> Simulation:
    """Runs the scheduler on a virtual clock against a simulated server, which refuses calls beyond
    the quota. Nothing is sent. It is the command ``countermand simulate``, with the same result for
    the same settings and seed.

    >>> from countermand import simulate
    >>> simulate(100).verdicts
    {'cancelled': 100}

    :param operations: number of operations, up to a million.
    :param service: as for :class:`Client`.
    :param pattern: one of ``Service.patterns``, or its collection, such as ``jobs``. ``None``: the
        first pattern of resources with a state, else the first of all.
    :param per_device: number of operations of each device, or of another parent.
    :param quota: as for :meth:`Client.countermand_all`, as are ``share`` and ``in_flight``.
    :param per_resource: quota of one method on one device, ``60/60s`` or ``none``.
    :param server_quota: the quota that the server has in truth, if it is another one.
    :param window: how the windows of the server's quota run: each call counts until it is a window
        old, or one window after the other.
    :param phase: time at which the first fixed window ends, in seconds, or ``"37s"``.
    :param fail: a status and the part of all answers that fails with it, ``503:20%``.
    :param fates: parts of the operations that are ``cancellable``, that complete too late to be
        cancelled (``completes``), or that stay pending (``stuck``):
        ``cancellable:90,completes:5,stuck:5``.
    :param seed: seed of all random choices.
    :raises ValueError: one of these is none, or the service has no such pattern.
    """
    import json

    text = _countermand.simulate(
        operations,
        service,
        pattern,
        per_device,
        quota,
        per_resource,
        share,
        server_quota,
        window,
        phase,
        in_flight,
        fail,
        fates,
        seed,
    )
    fields = json.loads(text)
    del fields["schema"]
    rows = fields.pop("schedule")
    return Simulation(
        last_cancel=fields.pop("last_cancel_s"),
        last_verdict=fields.pop("last_verdict_s"),
        schedule=tuple(ScheduleRow(row["from_s"], row["cancels"], row["looks"]) for row in rows),
        _json=text,
        **fields,
    )


simulate.__module__ = "countermand"
