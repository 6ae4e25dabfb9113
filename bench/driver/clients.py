"""The clients: the command that starts each of them, its environment and its cost."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .places import BENCH, COMMAND, INSTALLED, PYTHON
from .servers import TOKEN

if TYPE_CHECKING:
    from .servers import Server

WORKS = ("serial", "bulk", "confirm-serial", "confirm-bulk", "scheduler")


@dataclass(frozen=True)
class Client:
    """A program that gets its task as arguments and prints the result."""

    key: str
    label: str
    command: tuple[str, ...]
    needs: tuple[Path | str, ...]
    """Files and programs without which the client is skipped."""
    cost: dict[str, float]
    """Approximate microseconds of CPU for one operation, by work."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def starts_slowly(self) -> bool:
        """True if starting takes longer than a round: as long as 1,000 operations or more."""
        return self.cost.get("serial", 0) >= 90

    def missing(self) -> str | None:
        """The reason why the client cannot run, or None."""
        for need in self.needs:
            there = need.exists() if isinstance(need, Path) else shutil.which(need)
            if not there:
                return f"{need.name if isinstance(need, Path) else need} is not there"
        return None

    def line(self, work: str, operations: int, server: Server) -> list[str]:
        """The command line."""
        return [*self.command, work, str(operations)]

    def surroundings(self, server: Server) -> dict[str, str]:
        """The environment; programs that trust the platform's authorities trust the server."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "BENCH_ROOT": server.root,
            "BENCH_CA": str(server.ca),
            "BENCH_TOKEN": TOKEN,
            "SSL_CERT_FILE": str(server.ca),
            "NODE_EXTRA_CA_CERTS": str(server.ca),
            "PYTHONPATH": str(BENCH / "python"),
            **self.environment,
        }

    def good(self, output: str, operations: int) -> tuple[int, int]:
        """Numbers of operations that succeeded and of operations that were refused."""
        good = re.search(r'"good":(\d+),"refused":(\d+)', output)
        return (int(good[1]), int(good[2])) if good else (0, 0)


class H2load(Client):
    """nghttp2's load generator: written in C, and not a client library."""

    def line(self, work: str, operations: int, server: Server) -> list[str]:
        name = "enterprises/LC01abcd89/devices/0000000000000000/operations/1786048723669"
        headers = [
            "-H",
            f"authorization: Bearer {TOKEN}",
            "-H",
            ":method: POST",
            "-H",
            "content-length: 0",
        ]
        url = f"{server.root}/v1/{name}:cancel"
        # No more streams than requests.
        streams = ["-m", str(min(100, operations))]
        return [*self.command, "-c1", *streams, f"-n{operations}", *headers, url]

    def good(self, output: str, operations: int) -> tuple[int, int]:
        good = re.search(r"status codes: (\d+) 2xx", output)
        return (int(good[1]), operations - int(good[1])) if good else (0, 0)


class Command(Client):
    """The command line: one operation, from a cold start."""

    def line(self, work: str, operations: int, server: Server) -> list[str]:
        name = "enterprises/LC01abcd89/devices/0000000000000000/operations/1786048723669"
        return [*self.command, "cancel", "--no-confirm", "--endpoint", server.root, name]

    def surroundings(self, server: Server) -> dict[str, str]:
        return {**super().surroundings(server), "COUNTERMAND_TOKEN": TOKEN}

    def good(self, output: str, operations: int) -> tuple[int, int]:
        return (1, 0) if "asked" in output or "unconfirmed" in output.lower() else (0, 1)


def _rust(key: str, label: str, *, program: str = "client", **cost: float) -> Client:
    path = INSTALLED / program
    return Client(key, label, (str(path),), (path,), _works(cost), {"BENCH_CLIENT": key})


def _python(
    key: str, label: str, script: str, environment: dict[str, str] | None = None, **cost: float
) -> Client:
    path = BENCH / "python" / script
    return Client(
        key, label, (str(PYTHON), str(path)), (PYTHON, path), _works(cost), environment or {}
    )


def _works(cost: dict[str, float]) -> dict[str, float]:
    return {key.replace("_", "-"): value for key, value in cost.items()}


CLIENTS = (
    _rust("raw", "R: raw hyper", serial=10, bulk=3.5, confirm_serial=20, confirm_bulk=8),
    _rust(
        "ours", "Countermand, Rust",
        serial=11, bulk=4, confirm_serial=21, confirm_bulk=9, scheduler=10,
    ),
    _rust(
        "google", "google-androidmanagement1", program="google",
        serial=12, bulk=6, confirm_serial=26, confirm_bulk=14,
    ),
    _rust("reqwest", "reqwest", program="reqwest", serial=14, bulk=8, confirm_serial=28, confirm_bulk=17),
    H2load("h2load", "h2load", ("h2load",), ("h2load",), {"bulk": 1.5}),
    _python("py", "Countermand, Python", "ours.py", serial=12, confirm_serial=22, scheduler=12),
    _python(
        "py-async", "Countermand, asyncio", "ours_async.py",
        bulk=15, confirm_bulk=25, scheduler=12,
    ),
    _python(
        "google-py", "google-api-python-client, resource cached", "google_client.py",
        serial=150, confirm_serial=300,
    ),
    _python(
        "google-py-samples", "google-api-python-client, as in its samples", "google_client.py",
        {"GOOGLE_AS_IN_SAMPLES": "1"}, serial=1000, confirm_serial=2000,
    ),
    _python("pycurl", "pycurl", "pycurl_client.py", serial=16, bulk=16),
    _python("aiohttp", "aiohttp", "aiohttp_client.py",
            serial=90, bulk=85, confirm_serial=180, confirm_bulk=170),
    _python("httpx", "httpx", "httpx_client.py",
            serial=260, bulk=450, confirm_serial=520, confirm_bulk=900),
    _python("requests", "requests", "requests_client.py", serial=500, confirm_serial=1000),
    Client(
        "go", "Go net/http", (str(INSTALLED / "go-client"),), (INSTALLED / "go-client",),
        _works({"serial": 18, "bulk": 16, "confirm_serial": 40, "confirm_bulk": 36}),
    ),
    Client(
        "node", "Node @googleapis/androidmanagement", ("node", str(BENCH / "node" / "client.js")),
        ("node", BENCH / "node" / "node_modules"),
        _works({"serial": 240, "bulk": 250, "confirm_serial": 480, "confirm_bulk": 500}),
    ),
    Command("cli", "Countermand, command", (str(COMMAND),), (COMMAND,), {}),
)  # fmt: skip

BY_KEY = {client.key: client for client in CLIENTS}
