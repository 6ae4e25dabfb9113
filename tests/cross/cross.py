"""The command on other systems: a job from its plan to its report.

``python3 tests/cross/cross.py [windows] [aarch64] [musl] [wasm]``; all without a name. Runs what
``make archives`` has built. Windows is wine, aarch64 is qemu, and the command of musl runs in a
folder that is its whole file system (needs root). Everything is checked with the emulator's audit
and truth. WebAssembly has no command: the core alone cancels operations under Node
(``tests/wasm``). The first check that fails ends the script.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "target"
# For one command, on systems that are emulated.
PATIENCE = 600.0
# Enough for a run to be killed in the middle: at 80 % of the quota the cancels take 12 s.
CANCELLABLE, VANISHING = 96, 4
QUOTA = "10/1s"


class System(NamedTuple):
    """A system: environment of its command, what runs that in a folder, and the tools it needs."""

    environment: dict[str, str]
    command: Callable[[Path], list[str]]
    needs: tuple[str, ...]


def in_wine(folder: Path) -> list[str]:
    """Copies the command and the library that wine lacks into the folder."""
    shutil.copy(TARGET / "x86_64-pc-windows-gnu/dist/countermand.exe", folder)
    source = Path(__file__).with_name("bcryptprimitives.c")
    library = folder / "bcryptprimitives.dll"
    compiler = "x86_64-w64-mingw32-gcc"
    subprocess.run([compiler, "-shared", "-o", library, source, "-ladvapi32"], check=True)
    return ["/usr/lib/wine/wine64", str(folder / "countermand.exe")]


def in_qemu(_: Path) -> list[str]:
    """Runs the command, which needs no library."""
    return ["qemu-aarch64", str(TARGET / "aarch64-unknown-linux-musl/dist/countermand")]


def in_chroot(folder: Path) -> list[str]:
    """Makes the folder a file system with nothing but the command and an empty ``tmp``."""
    shutil.copy(TARGET / "x86_64-unknown-linux-musl/dist/countermand", folder)
    (folder / "tmp").mkdir()
    return ["chroot", str(folder), "/countermand"]


SYSTEMS = {
    "windows": System(
        {"WINEDEBUG": "-all"}, in_wine, ("x86_64-w64-mingw32-gcc", "/usr/lib/wine/wine64")
    ),
    "aarch64": System({}, in_qemu, ("qemu-aarch64",)),
    "musl": System({}, in_chroot, ("chroot",)),
}


def check(true: object, *what: object) -> None:
    """Ends the script with the facts unless something is true."""
    if not true:
        raise SystemExit("cross: failed: " + "\n".join(map(str, what)))


def until(what: str, come: Callable[[], bool]) -> None:
    """Waits for something to come."""
    end = time.monotonic() + PATIENCE
    while not come():
        check(time.monotonic() < end, f"{what} did not come within {PATIENCE} s")
        time.sleep(0.05)


class Fleet:
    """The command of a system, in a folder, with an emulator that is the same command."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.command = command
        self.folder = folder
        self.environment = os.environ | environment
        self.root = ""

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts the command."""
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, expect: int = 0) -> tuple[str, str]:
        """Runs the command; returns what it printed."""
        code, stdout, stderr = self.end(self.start(*arguments))
        check(code == expect, arguments, code, stdout, stderr)
        return stdout, stderr

    @staticmethod
    def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Waits for the end of the command; returns its exit code and what it printed."""
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            check(False, f"no end within {PATIENCE} s", process.args, stdout, stderr)
        return process.returncode, stdout, stderr

    def json(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """Runs the command; returns the last object that it printed."""
        stdout, _ = self.run(*arguments, "--json", expect=expect)
        line: dict[str, Any] = json.loads(stdout.splitlines()[-1])
        return line

    def ask(self, path: str, body: object = None) -> list[dict[str, Any]]:
        """Asks the emulator."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def cancels(self) -> list[str]:
        """The paths of the cancels that the emulator has carried out."""
        audit = self.ask("/_emulator/audit")
        return [row["path"] for row in audit if ":cancel" in row["path"] and row["effect"]]

    @contextmanager
    def emulator(self) -> Iterator[str]:
        """Runs an emulator; gives the name of its enterprise."""
        process = self.start("emulator", "--devices", "0")
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            self.root = ready["endpoint"]
            self.environment["COUNTERMAND_ENDPOINT"] = ready["endpoint"]
            self.environment["COUNTERMAND_TOKEN"] = ready["token"]
            yield ready["enterprise"]
        finally:
            process.kill()
            process.communicate()


def demo(fleet: Fleet) -> str:
    """Runs the demo: no verdict is false. Its deadlines are short, so that a slow machine leaves
    operations without a verdict, or unverified."""
    _, stdout, stderr = fleet.end(fleet.start("demo", "--json"))
    lines = stdout.splitlines()
    check(lines, stdout, stderr)
    wrong = [line for line in lines if line.startswith("WRONG")]
    false = [line for line in wrong if not line.endswith((", not Some(Unverified)", ", not None"))]
    check(not false, *false)
    told = json.loads(lines[-1])
    rows, true = told["counts"]["rows"], told["true_verdicts"]
    check(rows > 1500 and rows // 2 < true == rows - len(wrong), told, stderr)
    return f"demo: {true} verdicts are true, none is false, {len(wrong)} are without proof"


def job(fleet: Fleet, enterprise: str) -> str:
    """Plans, applies, refuses a second apply, kills the first, resumes it, and reports."""
    fates = ["cancellable"] * CANCELLABLE + ["vanishes"] * VANISHING
    for fate in fates:
        operation = {"type": "WIPE", "fate": fate, "duration_s": 3600}
        fleet.ask("/_emulator/devices", {"devices": [{"operations": [operation]}]})
    name = "w 1.job"
    plan = fleet.json("plan", enterprise, "--type", "WIPE", "--quota", QUOTA, "-o", name)
    planned = plan["operations"]
    check(planned == len(fates), plan)
    confirm = f"--confirm={enterprise.removeprefix('enterprises/')}:{planned}"
    fleet.run("apply", name, confirm + "0", expect=8)
    check(fleet.cancels() == [], "a wrong confirmation sends nothing")

    first = fleet.start("apply", name, confirm)
    until("the first cancels", lambda: len(fleet.cancels()) >= 10)
    before = fleet.json("status", name)
    check(before["holder"] and before["activity"] != "idle", before)
    _, stderr = fleet.run("apply", name, confirm, expect=9)
    check("process " in stderr and "`status`" in stderr, stderr)
    first.kill()
    _, stderr = first.communicate()
    sent = fleet.cancels()
    check(10 <= len(sent) < planned, f"killed with {len(sent)} cancels", stderr)

    fleet.run("apply", name, confirm, expect=3)
    rows = [json.loads(line) for line in fleet.run("report", name)[0].splitlines()][:-1]
    truth = {row["name"]: row["state"] for row in fleet.ask("/_emulator/truth")}
    check(len(rows) == planned, f"{len(rows)} rows of {planned}")
    check(all(truth[row["name"]] == row["verdict"] for row in rows), rows, truth)
    proven = [row for row in rows if row["body_sha256"] and row["verified_at"]]
    check({row["verdict"] for row in proven} == {"cancelled"}, proven)
    check(len(proven) == CANCELLABLE, len(proven))
    verdicts = Counter(row["verdict"] for row in rows)
    check(verdicts == {"cancelled": CANCELLABLE, "gone": VANISHING}, verdicts)

    sent = fleet.cancels()
    names = {row["name"] for row in rows}
    cancelled = {path.split("/v1/")[1].split(":cancel")[0] for path in sent}
    check(cancelled <= names, cancelled - names)
    again = fleet.run("apply", name, confirm, expect=3)
    check(fleet.cancels() == sent, "a finished job sends nothing", *again)
    fleet.run("status", "--check", name)
    for form in ("csv", "html"):
        file = fleet.folder / f"r.{form}"
        fleet.run("report", name, "-o", file.name)
        text = file.read_text(encoding="utf-8")
        check(all(row["name"].split("/")[3] in text for row in rows), f"{file} lacks a device")
    return (
        f"job: {dict(verdicts)}, killed and resumed, {len(sent)} cancels for {planned} operations"
    )


def run(name: str) -> None:
    """Runs everything on one system."""
    system = SYSTEMS[name]
    with tempfile.TemporaryDirectory(prefix="cross-") as temporary:
        folder = Path(temporary) / "files"
        folder.mkdir()
        environment = system.environment | {"WINEPREFIX": f"{temporary}/wine"}
        fleet = Fleet(system.command(folder), folder, environment)
        stdout, _ = fleet.run("--version")
        print(f"{name}: {stdout.strip()}", flush=True)
        with fleet.emulator() as enterprise:
            print(f"{name}: {job(fleet, enterprise)}", flush=True)
        print(f"{name}: {demo(fleet)}", flush=True)
        if name == "windows":
            subprocess.run(["wineserver", "-k"], env=fleet.environment, check=False)


def main() -> None:
    """Runs what the arguments name."""
    names = [*SYSTEMS, "wasm"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=", ".join(names))
    names = parser.parse_args().systems or names
    for name in names:
        if name == "wasm":
            library = TARGET / "wasm32-unknown-unknown/debug/countermand_wasm_test.wasm"
            subprocess.run(["node", ROOT / "tests/wasm/run.js", library], check=True)
            continue
        missing = [tool for tool in SYSTEMS[name].needs if shutil.which(tool) is None]
        check(not missing, f"{name} needs {missing}: `make cross` installs them")
        run(name)
    print(f"cross: every check has passed on {', '.join(names)}")


if __name__ == "__main__":
    sys.exit(main())
