"""Growth of a job with its lanes, a part of ``make growth``: plots and numbers in ``docs``.

The same operations in one lane and in many, each with its quota, on a virtual clock and without a
socket: what is measured is the scheduler, the job file and the run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime

from driver import chart, prepare
from driver.places import PROJECT

PLOTS = PROJECT / "docs" / "performance"
PROGRAM = PROJECT / "target" / "release" / "examples" / "lanes"
LINE = re.compile(r": ([\d.]+) us of CPU an operation, (\d+) MiB")
ROUNDS = 3


def main() -> None:
    operations = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    build = [
        "cargo",
        "build",
        "--release",
        "--quiet",
        "-p",
        "countermand-fleet",
        "--example",
        "lanes",
    ]
    subprocess.run(build, check=True, cwd=PROJECT)
    lanes = [1, 10, 100, 1000]
    # Round by round, so that what else the machine does meets all of them.
    rounds = [[measure(count, operations // count) for count in lanes] for _ in range(ROUNDS)]
    best = {count: [min(column) for column in zip(*runs, strict=True)]
            for count, runs in zip(lanes, zip(*rounds, strict=True), strict=True)}  # fmt: skip
    numbers = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": prepare.machine(),
        "operations": operations,
        "by_lanes": {count: {"cpu_us": cpu, "mib": mib} for count, (cpu, mib) in best.items()},
    }
    (PLOTS / "lanes.json").write_text(json.dumps(numbers, indent=1) + "\n")
    title = f"A job of {operations:,} operations, by lanes"
    for nth, (name, up) in enumerate(
        (("cpu", "µs of CPU an operation"), ("mib", "MiB at the peak"))
    ):
        series = {"apply": [(count, figures[nth]) for count, figures in best.items()]}
        chart.lines(PLOTS / f"lanes-{name}.svg", title, "lanes", up, series)


def measure(lanes: int, each: int) -> tuple[float, float]:
    """Microseconds of CPU for an operation, and the peak of memory in MiB."""
    done = subprocess.run(
        [PROGRAM, str(lanes), str(each)], check=True, capture_output=True, text=True
    )
    found = LINE.search(done.stdout)
    if not found:
        sys.exit(f"{PROGRAM.name} says {done.stdout!r}")
    return float(found[1]), float(found[2])


if __name__ == "__main__":
    main()
