"""Figures that are not CPU for an operation: cold starts, counts, memory, the scheduler alone."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .clients import BY_KEY, CLIENTS, Client
from .counts import allocations, instructions, system_calls
from .places import PYTHON, RELEASE
from .process import run
from .rounds import Wrong, once

if TYPE_CHECKING:
    from .servers import Server

COLD = (
    "raw", "ours", "cli", "google", "reqwest", "go", "py", "pycurl", "aiohttp", "httpx",
    "requests", "google-py", "node",
)  # fmt: skip


def cold(server: Server, *, rounds: int) -> dict[str, Any]:
    """Milliseconds from exec to exit for one cancel over TLS, and for the bare interpreter."""
    bare = Client("bare", "Python, nothing", (str(PYTHON), "-c", "pass"), (PYTHON,), {})
    roots = replace(BY_KEY["cli"], key="cli-roots", label="Countermand, command, all the roots")
    taken: dict[str, Any] = {}
    clients = [*(BY_KEY[key] for key in COLD), roots]
    for client in clients:
        if (missing := client.missing()) is not None:
            taken[client.key] = f"skipped: {missing}"
    for _ in range(rounds):
        ended = run([*bare.command], bare.surroundings(server))
        taken.setdefault("bare", []).append(ended.elapsed * 1000)
        for client in clients:
            if isinstance(taken.get(client.key), str):
                continue
            try:
                elapsed = _cold(client, server)
            except Wrong as wrong:
                taken[client.key] = f"failed: {wrong}"
                continue
            taken.setdefault(client.key, []).append(elapsed * 1000)
    return taken


def _cold(client: Client, server: Server) -> float:
    if client.key != "cli-roots":
        return once(client, "serial", 1, server).elapsed
    # This client trusts the server in addition to the platform's authorities, not instead of them.
    environment = client.surroundings(server)
    del environment["SSL_CERT_FILE"]
    line = [*client.line("serial", 1, server), "--ca-file", str(server.ca)]
    ended = run(line, environment)
    if ended.status not in (0, 5):
        raise Wrong(ended.output + ended.errors)
    return ended.elapsed


def counts(server: Server, plain: Server, *, quick: bool) -> dict[str, Any]:
    """Instructions, allocations and system calls for an operation: of R and of Countermand, and,
    except for a quick look, of the other clients that can be counted; in series over ``plain``."""
    two = ("raw", "ours")
    native = (*two, "google", "reqwest", "py")
    every = tuple(client.key for client in CLIENTS if client.cost)
    table: dict[str, Any] = {}
    for name, count, works, keys in (
        (
            "instructions",
            partial(instructions, quick=quick),
            ("serial", "bulk", "confirm-bulk", "scheduler"),
            native,
        ),
        ("allocations", allocations, ("serial", "bulk", "confirm-serial", "confirm-bulk"), two),
        ("system_calls", system_calls, ("serial", "bulk"), every),
    ):
        for work in works:
            for key in two if quick else keys:
                client = BY_KEY[key]
                if work not in client.cost or client.missing():
                    continue
                try:
                    over = plain if work.endswith("serial") else server
                    value: float | str = round(count(key, work, over), 2)
                except Wrong as wrong:
                    value = f"skipped: {wrong}"
                table.setdefault(name, {}).setdefault(work, {})[key] = value
    return table


def memory(server: Server, *, quick: bool) -> dict[str, Any]:
    """VmHWM in KiB: of each client after some operations in series, and of some clients for few and
    for many operations, whose names are made as they are needed."""
    some = 100 if quick else 1000
    series: dict[str, Any] = {}
    for client in CLIENTS:
        if "serial" not in client.cost or client.missing():
            continue
        try:
            series[client.key] = once(client, "serial", some, server, watch=True).peak
        except Wrong as wrong:
            series[client.key] = f"failed: {wrong}"
    few, many = (2_000, 20_000) if quick else (10_000, 1_000_000)
    table: dict[str, Any] = {f"{some} in series": series, "operations": [few, many]}
    for key, work in (("raw", "bulk"), ("ours", "bulk"), ("ours", "scheduler"), ("py", "scheduler")):
        client = replace(BY_KEY[key], cost={work: 1})
        try:
            peaks = [once(client, work, count, server, watch=True).peak for count in (few, many)]
        except Wrong as wrong:
            table[f"{key} {work}"] = f"failed: {wrong}"
            continue
        table[f"{key} {work}"] = peaks
    return table


def simulated(*, quick: bool) -> dict[str, Any]:
    """The scheduler without a socket, by operations and by devices of an enterprise."""
    program = RELEASE / "parked"

    def one(operations: int, devices: int) -> dict[str, float]:
        runs = []
        for _ in range(3 if operations < 1_000_000 else 1):
            ended = run([str(program), str(operations), str(devices)], {})
            if ended.status:
                raise Wrong(ended.errors)
            runs.append(json.loads(ended.output))
        middle = statistics.median(each["nanoseconds"] for each in runs)
        return {**runs[0], "nanoseconds": middle}

    most = 4 if quick else 6
    return {
        "by_operations": {10**n: one(10**n, 1000) for n in range(3, most + 1)},
        "by_devices": {10**n: one(10 ** min(most, 5), 10**n) for n in range(min(most, 5) + 1)},
    }
