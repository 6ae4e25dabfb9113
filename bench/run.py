"""The benchmark: ``make bench`` and ``make bench-quick``.

Everything runs on one core, in interleaved rounds. Results go to
``bench/results/`` as JSON, Markdown and SVG.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

from driver import figures, prepare, process, report, servers
from driver.clients import BY_KEY, CLIENTS
from driver.places import BENCH, SCRATCH
from driver.rounds import rounds


def main() -> None:
    options = arguments()
    if not options.no_build:
        prepare.everything()
    prepare.install()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    process.pin()
    count, seconds = (3, 0.01) if options.quick else (options.rounds, options.seconds)
    begun = time.monotonic()
    lean = servers.lean("lean")
    plain = servers.lean("plain", BENCH_HTTP1=1)
    late = servers.lean("late", BENCH_DELAY_MS=20)
    refusing = servers.lean("refusing", BENCH_ERRORS=100)
    neutral = servers.nginx(SCRATCH / "lean")
    running = [lean, plain, late, refusing]
    if not isinstance(neutral, str):
        running.append(neutral)
    measured = {}
    try:
        # Starting is most of the time of a slow client in a quick look.
        how = {"count": count, "seconds": seconds, "starts": 1 if options.quick else 3}
        wanted = options.only.split(",") if options.only else None

        def want(name: str) -> bool:
            return wanted is None or name in wanted

        for work in ("serial", "bulk", "confirm-serial", "confirm-bulk", "scheduler"):
            if want(work):
                server = plain if work.endswith("serial") else lean
                entries = [(client.key, client, server) for client in CLIENTS]
                entries = entries if work != "scheduler" else scheduler(lean)
                measured[work] = rounds(work, entries, **how)
        few = ("raw", "ours", "google", "reqwest")
        for name, work, keys in (
            ("errors", "bulk", few[1:]),
            ("errors-scheduler", "scheduler", ("ours",)),
        ):
            if not want(name):
                continue
            # Each client against both servers in the same round.
            entries = [
                (f"{key}{suffix}", BY_KEY[key], server)
                for key in keys
                for suffix, server in (("", lean), ("+errors", refusing))
            ]
            measured[name] = rounds(work, entries, refuses=True, **how)
        if want("late"):
            entries = [(key, BY_KEY[key], late) for key in (*few, "aiohttp", "go")]
            measured["late"] = rounds("bulk", entries, **how)
        if want("nginx") and not isinstance(neutral, str):
            entries = [(client.key, client, neutral) for client in CLIENTS]
            measured["nginx"] = rounds("serial", entries, **how)
        if want("emulator"):
            emulator = servers.emulator(2000 if options.quick else 20_000)
            running.append(emulator)
            entries = [(key, BY_KEY[key], emulator) for key in (*few, "py")]
            most = {**how, "seconds": 0.02 if options.quick else 0.2}
            measured["emulator"] = rounds("serial", entries, **most)
        extra = {}
        if want("cold"):
            extra["cold"] = figures.cold(lean, rounds=9 if not options.quick else 3)
        if want("counts"):
            extra["counts"] = figures.counts(lean, plain, quick=options.quick)
        if want("memory"):
            extra["memory"] = figures.memory(lean, quick=options.quick)
        if want("simulated"):
            extra["simulated"] = figures.simulated(quick=options.quick)
    finally:
        for server in running:
            server.stop()
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": prepare.machine(),
        "quick": options.quick,
        "rounds": count,
        "seconds_of_cpu_in_a_round": seconds,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "skipped": {} if not isinstance(neutral, str) else {"nginx": neutral},
    }
    directory = BENCH / "results" / ("quick" if options.quick else "full")
    report.write(directory, result, measured, extra)
    print((directory / "table.md").read_text())


def scheduler(server: servers.Server) -> list:
    """Schedulers, compared with R, which sends the same two requests."""
    raw = BY_KEY["raw"]
    raw = replace(raw, cost={"scheduler": raw.cost["confirm-bulk"]})
    return [
        ("raw", raw, server),
        *((key, BY_KEY[key], server) for key in ("ours", "py", "py-async")),
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the whole table in 3 minutes")
    parser.add_argument("--no-build", action="store_true", help="everything is built already")
    parser.add_argument("--only", help="parts, separated by commas")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--seconds", type=float, default=0.05, help="of CPU, about, for a client in a round"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
