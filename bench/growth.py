"""Growth of CPU and memory: ``make growth``. Plots and numbers go to ``docs/performance``.

It varies the number of operations and the requests in flight with a server, and the devices of an
enterprise with the scheduler alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime

from driver import chart, figures, prepare, process, servers
from driver.clients import BY_KEY
from driver.places import PROJECT, SCRATCH
from driver.rounds import once

PLOTS = PROJECT / "docs" / "performance"
SERIES = (
    ("Rust, cancel", "ours", "bulk"),
    ("Rust, scheduler", "ours", "scheduler"),
    ("Python, scheduler", "py", "scheduler"),
)


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    prepare.locks_agree()
    prepare.install()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    PLOTS.mkdir(parents=True, exist_ok=True)
    process.pin()
    server = servers.lean("growth", BENCH_STREAMS=1000)
    try:
        by_count = by_operations(server, most)
        by_flight = in_flight(server)
    finally:
        server.stop()
    alone = figures.simulated(quick=most < 6)
    numbers = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": prepare.machine(),
        "by_operations": by_count,
        "by_requests_in_flight": by_flight,
        "scheduler_alone": alone,
    }
    (PLOTS / "growth.json").write_text(json.dumps(numbers, indent=1) + "\n")
    plot("operations", "operations", by_count)
    plot("in-flight", "requests in flight", by_flight)
    scheduler(alone)


def cost(key: str, work: str, count: int, server: servers.Server, flight: int) -> dict[str, float]:
    """Microseconds of CPU and bytes of growth for an operation, relative to a run of ten."""
    client = BY_KEY[key]
    client = replace(client, environment={**client.environment, "BENCH_IN_FLIGHT": str(flight)})
    small = once(client, work, 10, server)
    cpu = min(once(client, work, count, server).cpu for _ in range(3 if count < 100_000 else 1))
    peaks = [once(client, work, each, server, watch=True).peak or 0 for each in (10, count)]
    return {
        "cpu_us": round((cpu - small.cpu) * 1e6 / (count - 10), 3),
        "bytes": round((peaks[1] - peaks[0]) * 1024 / count, 1),
    }


def by_operations(server: servers.Server, most: int) -> dict[str, dict[int, dict[str, float]]]:
    counts = [10**n for n in range(3, most + 1)]
    return {
        label: {count: cost(key, work, count, server, 100) for count in counts}
        for label, key, work in SERIES
    }


def in_flight(server: servers.Server) -> dict[str, dict[int, dict[str, float]]]:
    flights = [1, 3, 10, 30, 100, 300, 1000]
    return {
        label: {flight: cost(key, work, 20_000, server, flight) for flight in flights}
        for label, key, work in SERIES
    }


def plot(name: str, across: str, numbers: dict[str, dict[int, dict[str, float]]]) -> None:
    for what, up in (
        ("cpu_us", "µs of CPU an operation"),
        ("bytes", "bytes of memory an operation"),
    ):
        series = {
            label: [(at, each[what]) for at, each in points.items()]
            for label, points in numbers.items()
        }
        title = f"{up.removeprefix('µs of ')}, by {across}"
        title = title[0].upper() + title[1:]
        chart.lines(PLOTS / f"{name}-{what.split('_')[0]}.svg", title, across, up, series)


def scheduler(alone: dict[str, dict[int, dict[str, float]]]) -> None:
    for name, across in (
        ("by_operations", "operations"),
        ("by_devices", "devices of an enterprise"),
    ):
        points = alone[name]
        kind = name.removeprefix("by_")
        chart.lines(
            PLOTS / f"scheduler-{kind}-cpu.svg", f"The scheduler alone, by {across}",
            across, "ns of CPU a request",
            {"a request": [(at, each["nanoseconds"]) for at, each in points.items()]},
        )  # fmt: skip
        chart.lines(
            PLOTS / f"scheduler-{kind}-bytes.svg", f"The scheduler alone, by {across}",
            across, "bytes an operation",
            {
                "before its cancel": [(at, each["waiting_bytes"]) for at, each in points.items()],
                "parked": [(at, each["parked_bytes"]) for at, each in points.items()],
            },
        )  # fmt: skip


if __name__ == "__main__":
    main()
