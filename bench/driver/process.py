"""Runs a process on one core and measures its cost."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

CORE = max(os.sched_getaffinity(0))


def pin() -> None:
    """Pins this process, and every server and client that it starts, to one core."""
    os.sched_setaffinity(0, {CORE})


@dataclass(frozen=True)
class Run:
    """One process, from exec to exit. Times are in seconds, memory in KiB."""

    status: int
    output: str
    errors: str
    cpu: float
    elapsed: float
    peak: int | None


class Pipe:
    """A pipe's reading end, with a writing end for a child."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def text(self) -> str:
        """The output of the child, to its end. It is too short to fill the pipe."""
        os.close(self.writer)
        with os.fdopen(self.reader, "rb") as reader:
            return reader.read().decode(errors="replace")


def run(command: list[str], environment: dict[str, str], *, watch: bool = False) -> Run:
    """Runs it to its end. ``watch`` reads its peak of memory all the time, which costs time.

    The peak is VmHWM: the figure of wait4 starts with the memory of this process.
    """
    out, err = Pipe(), Pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, out.writer, 1),
        (os.POSIX_SPAWN_DUP2, err.writer, 2),
    ]
    begun = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    peak = None
    options = os.WNOHANG if watch else 0
    while True:
        ended, status, usage = os.wait4(pid, options)
        if ended:
            break
        peak = _peak(pid) or peak
        time.sleep(0.001)
    elapsed = time.perf_counter() - begun
    return Run(
        os.waitstatus_to_exitcode(status),
        out.text(),
        err.text(),
        usage.ru_utime + usage.ru_stime,
        elapsed,
        peak,
    )


def _peak(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) for line in lines if line[:1] == ["VmHWM:"]), None)
