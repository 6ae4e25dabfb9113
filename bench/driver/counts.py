"""Figures that do not depend on the machine's load: instructions, allocations, system calls."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

from .clients import BY_KEY
from .places import RELEASE, SCRATCH
from .process import run
from .rounds import Wrong

if TYPE_CHECKING:
    from .servers import Server

LENGTHS = {"serial": (300, 1300), "bulk": (500, 4500), "confirm-bulk": (500, 2500)}


def instructions(key: str, work: str, server: Server, *, quick: bool = False) -> float:
    """User instructions for one operation by callgrind: the difference of two run lengths, which
    are closer together for a quick look."""
    if shutil.which("valgrind") is None:
        raise Wrong("valgrind is not there")
    client = BY_KEY[key]
    counted = []
    few, many = LENGTHS[work if work != "scheduler" else "confirm-bulk"]
    for operations in (few, few + (many - few) // (4 if quick else 1)):
        out = SCRATCH / f"callgrind.{key}.{work}.{operations}"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        line = client.line(work, operations, server)
        ended = run([*valgrind, *line], client.surroundings(server))
        total = re.search(r"Collected : (\d+)", ended.errors)
        if total is None or client.good(ended.output, operations)[0] != operations:
            raise Wrong(f"{key} {work} under valgrind: {ended.output}{ended.errors[-300:]}")
        counted.append((operations, int(total[1])))
    (few, less), (many, more) = counted
    return (more - less) / (many - few)


def allocations(key: str, work: str, server: Server) -> float:
    """Allocations and reallocations for one operation, of a program that counts them."""
    client = BY_KEY[key]
    counted = []
    for operations in (1000, 5000):
        ended = run([str(RELEASE / "counted"), work, str(operations)], client.surroundings(server))
        answer = json.loads(ended.output)
        if answer["good"] != operations:
            raise Wrong(f"{key} {work}: {ended.output}")
        counted.append(answer["allocations"])
    return (counted[1] - counted[0]) / 4000


def system_calls(key: str, work: str, server: Server) -> float:
    """System calls for one operation, by strace."""
    if shutil.which("strace") is None:
        raise Wrong("strace is not there")
    client = BY_KEY[key]
    counted = []
    for operations in (100, 1100):
        out = SCRATCH / "strace"
        line = ["strace", "-f", "-c", "-o", str(out), *client.line(work, operations, server)]
        ended = run(line, client.surroundings(server))
        if client.good(ended.output, operations)[0] != operations:
            raise Wrong(f"{key} {work} under strace: {ended.output}{ended.errors[-300:]}")
        total = re.search(r"^100\.00\s.*?\s(\d+)(?:\s+\d+)?\s+total$", out.read_text(), re.M)
        if total is None:
            raise Wrong("strace tells no total")
        counted.append(int(total[1]))
    return (counted[1] - counted[0]) / 1000
