"""The servers: a lean one, which can delay or refuse; nginx; the emulator."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .places import BENCH, COMMAND, RELEASE, SCRATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "ya29." + "x" * 198  # With "Bearer ", 210 bytes.


@dataclass
class Server:
    """A server that listens."""

    root: str
    ca: Path
    process: subprocess.Popen[str]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def peak(self) -> str:
        return (Path("/proc") / str(self.process.pid) / "status").read_text()


def lean(name: str, **settings: int) -> Server:
    """The lean server, with keys of its own in a directory of its own."""
    directory = SCRATCH / name
    directory.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {key: str(value) for key, value in settings.items()}
    process = subprocess.Popen(
        [RELEASE / "bench-server", directory], stdout=subprocess.PIPE, text=True, env=environment
    )
    port = process.stdout.readline().strip()
    return Server(f"https://localhost:{port}", directory / "ca.pem", process)


def nginx(keys: Path) -> Server | str:
    """nginx with the keys of a lean server, or the reason why there is none."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        return "nginx is not installed"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = (BENCH / "nginx.conf").read_text()
    text = text.replace("{DIR}", str(keys)).replace("{PORT}", str(port))
    (keys / "nginx.conf").write_text(text)
    process = subprocess.Popen([program, "-p", keys, "-c", keys / "nginx.conf"], text=True)
    server = Server(f"https://localhost:{port}", keys / "ca.pem", process)
    _await(port)
    return server


def emulator(operations: int) -> Server:
    """The emulator, with the operations that the clients cancel."""
    directory = SCRATCH / "emulator"
    directory.mkdir(parents=True, exist_ok=True)
    command = [COMMAND, "emulator", "--listen", "127.0.0.1:0", "--devices", "0"]
    command += ["--tls", directory, "--token", TOKEN]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    ready = json.loads(process.stdout.readline())
    server = Server(
        ready["endpoint"].replace("127.0.0.1", "localhost"), directory / "ca.pem", process
    )
    context = ssl.create_default_context(cafile=server.ca)
    for chunk in _chunks(operations, 500):
        devices = [
            {
                "name": f"enterprises/LC01abcd89/devices/{index:016x}",
                "operations": [{"id": "1786048723669", "duration_s": 86400}],
            }
            for index in chunk
        ]
        request = urllib.request.Request(
            f"{server.root}/_emulator/devices", json.dumps({"devices": devices}).encode()
        )
        with urllib.request.urlopen(request, context=context) as answer:
            answer.read()
    return server


def _chunks(count: int, size: int) -> Iterator[range]:
    return (range(at, min(at + size, count)) for at in range(0, count, size))


def _await(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
