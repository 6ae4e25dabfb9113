"""Interleaved rounds: the cost of an operation for each client, and the ratios within a round."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .process import run

if TYPE_CHECKING:
    from .clients import Client
    from .process import Run
    from .servers import Server


class Wrong(Exception):
    """A client did not get the answers that it should."""


@dataclass
class Series:
    """The cost of one client in each round, in microseconds of CPU for an operation."""

    client: Client
    operations: int
    cpu: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    refused: int = 0


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios within each round, with the quartiles, the smallest and the largest."""

    median: float
    lower: float
    upper: float
    least: float
    most: float

    @classmethod
    def of(cls, above: list[float], below: list[float]) -> Ratio:
        ratios = [a / b for a, b in zip(above, below, strict=True)]
        quarters = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
        return cls(statistics.median(ratios), quarters[0], quarters[2], min(ratios), max(ratios))

    @property
    def spread(self) -> float:
        """The width of the middle half of the rounds, as a fraction of the median."""
        return (self.upper - self.lower) / self.median

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lower:.2f} to {self.upper:.2f})"


def once(client: Client, work: str, operations: int, server: Server, **how: bool) -> Run:
    """Runs one process; a missing answer raises an exception."""
    line = client.line(work, operations, server)
    ended = run(line, client.surroundings(server), **how)
    good, refused = client.good(ended.output, operations)
    if ended.status != 0 or good + refused != operations:
        tail = (ended.output + ended.errors)[-600:]
        message = (
            f"{client.key} {work}: {good} of {operations} answers, status {ended.status}: {tail}"
        )
        raise Wrong(message)
    return ended


def rounds(
    work: str,
    entries: list[tuple[str, Client, Server]],
    *,
    count: int,
    seconds: float,
    starts: int = 3,
    refuses: bool = False,
) -> dict[str, Series | str]:
    """Runs ``entries`` (key, client, server) ``count`` times in turn, or tells why one is skipped.

    A run of a single operation measures the cost of starting and ending the process. The least of
    ``starts`` such runs is subtracted.
    """
    series: dict[str, Series | str] = {}
    start: dict[str, float] = {}
    for key, client, server in entries:
        missing = client.missing()
        if missing is None and work not in client.cost:
            continue
        if missing is None:
            try:
                start[key] = min(once(client, work, 1, server).cpu for _ in range(starts))
            except Wrong as wrong:
                missing = str(wrong)
        if missing is not None:
            series[key] = f"skipped: {missing}"
            continue
        # The start's time is known to some milliseconds, which must be a small part of a round.
        worth = 4 * seconds if client.starts_slowly else seconds
        operations = max(20, round(worth * 1e6 / client.cost[work] / 10) * 10)
        series[key] = Series(client, operations)
    for turn in range(count):
        # Back and forth, so that a slow change of the machine does not favour one client.
        for key, client, server in entries if turn % 2 else reversed(entries):
            what = series.get(key)
            if not isinstance(what, Series):
                continue
            try:
                ended = once(client, work, what.operations, server)
            except Wrong as wrong:
                series[key] = f"failed: {wrong}"
                continue
            good, what.refused = client.good(ended.output, what.operations)
            if good != what.operations and not refuses:
                series[key] = f"failed: {good} good answers of {what.operations}"
                continue
            cpu = ended.cpu - start[key]
            what.cpu.append(cpu * 1e6 / (what.operations - 1))
            what.per_second.append(what.operations / ended.elapsed)
        print(f"  {work}: round {turn + 1} of {count}", file=sys.stderr, flush=True)
    return series
