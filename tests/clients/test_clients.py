"""Other clients against the emulator, each with every kind of credentials file.

``COUNTERMAND_CLIENTS`` says which of them run, ``python node`` by default; the Makefile builds
them. A proxy takes every request to another host, so that nothing leaves this machine.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "target/clients"
COMMANDS = {
    "python": [sys.executable, str(ROOT / "tests/clients/client.py")],
    "node": [os.environ.get("NODE", "node"), str(BUILT / "node/client.js")],
    "go": [str(BUILT / "go/client")],
    "rust": [str(BUILT / "rust/debug/client")],
    "java": ["java", "-cp", f"{BUILT}/java/classes:{BUILT}/java/lib/*", "Client"],
}
CLIENTS = os.environ.get("COUNTERMAND_CLIENTS", "python node").split()
KINDS = (
    "token",
    "service_account",
    "authorized_user",
    "external_account",
    "impersonated_service_account",
)
TOKEN = "emulator-token"


def manual() -> dict[tuple[str, str], str]:
    """The table of docs/emulator.md by client and kind: ``works``, or the contacted host."""
    text = (ROOT / "docs/emulator.md").read_text("utf-8")
    table = text.split("### Clients and credentials files")[1].split("\n\n")[2]
    head, _, *rows = table.splitlines()
    kinds = [cell.strip().strip("`") for cell in head.split("|")[2:-1]]
    said = {}
    for row in rows:
        client, *cells = [cell.strip() for cell in row.split("|")[1:-1]]
        for kind, cell in zip(kinds, cells, strict=True):
            said[client.split(",")[0].lower(), kind] = cell.strip("`")
    return said


class Outside:
    """A proxy that lets nothing through and records the requested hosts."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                line = connection.recv(65536).split(b"\r\n")[0].decode("latin-1")
                self.hosts.append(line.split(" ")[1].partition(":")[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    def close(self) -> None:
        self._listener.close()


class Api:
    """An emulator with one device and two operations, the first of which is cancelled."""

    def __init__(self) -> None:
        command = [str(ROOT / "target/debug/countermand"), "emulator", "--devices", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.root = json.loads(self._process.stdout.readline())["endpoint"].removesuffix("/v1")
        operations = [{"fate": "cancellable"}, {"fate": "cancellable"}]
        added = self.ask("devices", {"devices": [{"operations": operations}]})
        self.names: list[str] = added["devices"][0]["operations"]

    def text(self, endpoint: str, body: object = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.root}/_emulator/{endpoint}", data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            text: str = answer.read().decode()
        return text

    def ask(self, endpoint: str, body: object = None) -> Any:
        return json.loads(self.text(endpoint, body))

    def rows(self, endpoint: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text(endpoint).splitlines()]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.close()


@pytest.fixture
def outside() -> Iterator[Outside]:
    outside = Outside()
    yield outside
    outside.close()


def run(
    client: str, kind: str, api: Api, outside: Outside, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs a client, which can reach the emulator and no other host."""
    proxy = f"http://127.0.0.1:{outside.port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "CLIENT_ROOT": api.root,
        "CLIENT_OPERATION": api.names[0],
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "NO_GCE_CHECK": "true",
        "JAVA_TOOL_OPTIONS": f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={outside.port}",
    }
    if kind == "token":
        environment["CLIENT_TOKEN"] = TOKEN
    else:
        file = folder / "credentials.json"
        file.write_text(api.text(f"credentials/{kind}"))
        environment["CLIENT_CREDENTIALS"] = str(file)
    return subprocess.run(
        COMMANDS[client],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
def test_fault_68_a_client_does_what_the_manual_says(
    client: str, kind: str, api: Api, outside: Outside, tmp_path: Path
) -> None:
    done = run(client, kind, api, outside, tmp_path)
    expected = manual()[client, kind]
    state = {row["name"]: row["state"] for row in api.rows("truth")}
    audit = api.rows("audit")
    if expected != "works":
        assert done.returncode != 0, done.stdout
        assert state == dict.fromkeys(api.names, "pending")
        # A request that bypasses the proxy shows in the error: a host name that was not found.
        named = r"[a-z0-9]+\.googleapis\.com|[a-z0-9.]+(?= is not asked for in a test)"
        hosts = {*outside.hosts, *re.findall(named, done.stderr)}
        seen = ", ".join(sorted(hosts)) or "refuses the file"
        assert seen == expected, (done.stderr, audit)
        return
    assert done.returncode == 0, (done.stderr, outside.hosts, audit)
    assert outside.hosts == []
    assert state == {api.names[0]: "cancelled", api.names[1]: "pending"}
    said = json.loads(done.stdout)
    assert said["cancel"] == {}
    assert (said["get"]["name"], said["get"]["done"]) == (api.names[0], True)
    assert said["get"]["error"]["code"] == 1
    assert said["list"] == api.names
    assert said["unknown"]["status"] == 404
    assert "Requested entity was not found." in said["unknown"]["message"]
    if said["batch"] is not None:
        assert said["batch"] == {"get": {"name": api.names[0]}, "unknown": 404}
        assert [row["status"] for row in audit if row["path"] == "/batch"] == [200]


def test_fault_68_the_manual_tells_of_every_client_and_kind() -> None:
    assert set(manual()) == {(client, kind) for client in COMMANDS for kind in KINDS}
    assert set(CLIENTS) <= set(COMMANDS)
