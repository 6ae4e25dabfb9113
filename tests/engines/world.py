"""A world for engines: a server and a quota for each lane, and what must be so afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from countermand import Client, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SEED = int(os.environ.get("COUNTERMAND_ENGINES_SEED", "17"))
WINDOWS, SHARE = ((100, 20), (50, 5)), 0.8
"""Calls and seconds. The long window is longer than a killed process takes to begin again, so that
one that forgot it is refused; the short one spares the machine of the test.
"""
QUOTA = ",".join(f"{calls}/{span}s" for calls, span in WINDOWS)
ON_THE_WAY = 1.0
"""Seconds that a request may take to a server on a busy machine, which sees shorter windows."""
SERVER_QUOTA = ",".join(f"{calls}/{span - ON_THE_WAY:g}s" for calls, span in WINDOWS)
LATE = 1.05
"""Time to the last cancel against the best one."""
FATES = ("cancellable",) * 18 + ("completes", "fails")


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Waits for a condition, and returns what it gives."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


@dataclass
class Server:
    """An emulator in a process of its own, with the quota of one lane."""

    lane: str
    process: subprocess.Popen[str]
    endpoint: str
    enterprise: str
    token: str
    names: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, lane: str, operations: int) -> Self:
        token = f"token-of-{lane}"
        options = ["--devices", "0", "--quota", SERVER_QUOTA, "--window", "sliding"]
        options += ["--token", token, "--seed", lane.removeprefix("lane-")]
        process = subprocess.Popen(
            [sys.executable, "-m", "countermand", "emulator", *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        server = cls(lane, process, ready["endpoint"], ready["enterprise"], token)
        fates = [{"fate": FATES[n % len(FATES)]} for n in range(operations)]
        devices = [
            {"name": f"{server.enterprise}/devices/d{n}", "operations": fates[n::20]}
            for n in range(20)
        ]
        answer = server.call("POST", "devices", {"devices": devices})
        server.names = [
            name for device in json.loads(answer)["devices"] for name in device["operations"]
        ]
        return server

    def call(self, method: str, path: str, body: object = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.endpoint}/_emulator/{path}", data=data, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            text: str = response.read().decode()
        return text

    def rows(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.call("GET", path).splitlines()]

    def allowed(self) -> int:
        """Calls that the server has answered."""
        allowed: int = json.loads(self.call("GET", "quota"))["allowed"]
        return allowed


class World:
    """Lanes by their names, each with its server."""

    def __init__(self, folder: Path, lanes: int, operations: int) -> None:
        self._stack = ExitStack()
        self.servers: dict[str, Server] = {}
        self.journal = folder / "journal"
        self.profile = folder / "lanes.toml"
        self.maybe_sent: Counter[str] = Counter()
        """By lane, the cancels that were in flight when a process was killed."""
        self.struck: set[str] = set()
        """The lanes of killed processes."""
        self.kills = 0
        try:
            for number in range(lanes):
                server = Server.start(f"lane-{number}", operations)
                self._stack.callback(_end, server.process)
                self.servers[server.lane] = server
        except BaseException:
            self.close()
            raise
        text = ['schema = "countermand.profile/1"']
        for lane, server in self.servers.items():
            (folder / f"{lane}.token").write_text(server.token, "utf-8")
            (folder / f"{lane}.token").chmod(0o600)
            text += [
                f"[lanes.{lane}]",
                f'project = "project-of-{lane}"',
                f'parents = ["{server.enterprise}"]',
                f'endpoint = "{server.endpoint}"',
                f'quota = "{QUOTA}"',
                f"share = {SHARE}",
                f'credentials = {{ token_file = "{lane}.token" }}',
            ]
        self.profile.write_text("\n".join(text) + "\n", "utf-8")

    def names(self, lanes: Iterable[str]) -> list[str]:
        """The names of some lanes, those of one lane never in a row."""
        several = [self.servers[lane].names for lane in lanes]
        return [name for names in zip(*several, strict=True) for name in names]

    def answered(self, lanes: Iterable[str]) -> int:
        """Calls of some lanes that their servers have answered."""
        return sum(self.servers[lane].allowed() for lane in lanes)

    def kill(self, process: int, lanes: Iterable[str]) -> None:
        """Kills the process that owns some lanes, and notes the cancels that it had in flight."""
        os.kill(process, signal.SIGSTOP)
        for lane in lanes:
            path = self.journal / f"{lane}.job"
            if path.exists():
                with Client(token="none") as client:
                    rows = client.open(path).report()
                    self.maybe_sent[lane] += sum(row.phase == "maybe_sent" for row in rows)
            self.struck.add(lane)
        os.kill(process, signal.SIGKILL)
        self.kills += 1

    def check(self, rows: list[dict[str, Any]], kills: int) -> None:
        """Compares the rows with the truth, and what the servers got with the quotas."""
        assert self.kills == kills, f"seed {SEED}"
        assert len(self.struck) < len(self.servers), f"seed {SEED}: all lanes were struck"
        assert Counter(row["name"] for row in rows) == Counter(self.names(self.servers)), "one each"
        states = {row["name"]: row["state"] for row in rows}
        best = simulate(
            len(next(iter(self.servers.values())).names), quota=QUOTA, share=SHARE
        ).last_cancel
        for lane, server in self.servers.items():
            assert {row["name"]: row["state"] for row in server.rows("truth")} == {
                name: states[name] for name in server.names
            }
            audit = server.rows("audit")
            self.profile.with_name(f"{lane}.audit").write_text(json.dumps(audit), "utf-8")
            answers = Counter(row["status"] for row in audit)
            assert answers.keys() <= {200, 400, None}, f"{lane}: {answers}"
            times = [row["time"] / 1000 for row in audit]
            for calls, span in WINDOWS:
                share = int(calls * SHARE)
                pairs = zip(times, times[share:], strict=False)
                took = min((last - first for first, last in pairs), default=span)
                assert took >= span - ON_THE_WAY, f"{lane}: {share + 1} calls in {took} of {span} s"
            cancels = [row for row in audit if row["path"].endswith(":cancel")]
            repeats = len(cancels) - len({row["path"] for row in cancels})
            assert repeats <= self.maybe_sent[lane], f"{lane}: {repeats} cancels were repeated"
            if lane not in self.struck:
                took = (cancels[-1]["time"] - cancels[0]["time"]) / 1000
                bound = max(LATE * best, best + ON_THE_WAY)
                assert took <= bound, f"{lane}: last cancel after {took} s of {best} s"

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
