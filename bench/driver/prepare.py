"""Builds and installs the clients. A client that cannot be had is skipped later, with a reason."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

from .places import BENCH, INSTALLED, PROJECT, PYTHON, RELEASE, TARGET, VENV

if TYPE_CHECKING:
    from pathlib import Path


def locks_agree() -> None:
    """Raises unless bench locks the versions of the project, and each dependency of our crates."""

    def versions(path: Path) -> dict[str, set[str]]:
        known: dict[str, set[str]] = {}
        for package in tomllib.loads(path.read_text())["package"]:
            known.setdefault(package["name"], set()).add(package["version"])
        return known

    ours, theirs = versions(PROJECT / "Cargo.lock"), versions(BENCH / "Cargo.lock")
    apart = [name for name in ours if name in theirs and not ours[name] & theirs[name]]
    if apart:
        message = f"bench/Cargo.lock has other versions of {', '.join(apart)}: copy them over"
        raise SystemExit(message)
    for package in tomllib.loads((BENCH / "Cargo.lock").read_text())["package"]:
        crate = PROJECT / "crates" / package["name"].removeprefix("countermand-") / "Cargo.toml"
        if "source" in package or not crate.exists():
            continue
        locked = {dependency.split()[0] for dependency in package.get("dependencies", ())}
        needed = tomllib.loads(crate.read_text())["dependencies"].items()
        missing = [name for name, how in needed if name not in locked and not how.get("optional")]
        if missing:
            message = f"bench/Cargo.lock lacks {', '.join(missing)} of {package['name']}"
            raise SystemExit(f"{message}: run `cargo metadata` in bench/ and commit the lock file")


def profiles_agree() -> None:
    """Raises unless both workspaces optimise in the same way."""

    def release(path: Path) -> dict[str, object]:
        profile = tomllib.loads(path.read_text())["profile"]["release"]
        return {key: value for key, value in profile.items() if key != "debug"}

    if release(PROJECT / "Cargo.toml") != release(BENCH / "Cargo.toml"):
        raise SystemExit("the release profiles of the two workspaces differ")


def everything() -> None:
    """Builds and installs everything; the first time it takes many minutes."""
    locks_agree()
    profiles_agree()
    # One after the other: built together, their dependencies would share features.
    for package in ("bench-server", "bench-clients"):
        _do("cargo", "build", "--release", "--locked", "--package", package, must=True)
    _do("cargo", "build", "--release", "--locked", "--package", "bench-peers")
    command = ["cargo", "build", "--release", "--locked", "--package", "countermand-cli"]
    _do(*command, where=PROJECT, must=True)
    _python()
    if shutil.which("npm"):
        _do("npm", "ci", "--no-audit", "--no-fund", where=BENCH / "node")
    if shutil.which("go"):
        _do("go", "build", "-o", str(TARGET / "go-client"), ".", where=BENCH / "go")
    for program, package in (("nginx", "nginx-light"), ("h2load", "nghttp2-client")):
        if not shutil.which(program) and shutil.which("apt-get"):
            _do("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)


def install() -> None:
    """Copies the programs to the place they run from, as an installation does.

    A file as the linker wrote it is mapped in smaller pieces than a copy of it. That makes a cold
    start 10 % slower for large programs, and less for small ones.
    """
    INSTALLED.mkdir(exist_ok=True)
    programs = [RELEASE / name for name in ("client", "google", "reqwest")]
    programs += [PROJECT / "target" / "release" / "countermand", TARGET / "go-client"]
    for program in programs:
        if program.exists():
            shutil.copy2(program, INSTALLED)


def _python() -> None:
    """Countermand as a user installs it, and the others."""
    if not PYTHON.exists():
        _do(sys.executable, "-m", "venv", str(VENV))
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    stamp, wanted = VENV / "requirements", BENCH / "python" / "requirements.txt"
    stale = not stamp.exists() or stamp.read_text() != wanted.read_text()
    if stale and _do(*pip, "-r", str(wanted)):
        stamp.write_text(wanted.read_text())
    environment = {"PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    _do(
        *pip, "--no-deps", "--no-build-isolation", "--force-reinstall", str(PROJECT),
        environment=environment,
    )  # fmt: skip


def _do(
    *command: str,
    where: Path = BENCH,
    must: bool = False,
    environment: dict[str, str] | None = None,
) -> bool:
    print("+", " ".join(command), file=sys.stderr, flush=True)
    done = subprocess.run(command, cwd=where, check=False, env=os.environ | (environment or {}))
    if done.returncode and must:
        raise SystemExit(f"{command[0]} failed")
    return done.returncode == 0


def machine() -> dict[str, str]:
    """The machine, the system and the versions that were measured."""
    cpu = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    load = _read("/proc/loadavg").split()
    return {
        "processor": cpu[1] if cpu else "unknown",
        "cores": str(os.cpu_count()),
        "kernel": os.uname().release,
        "rustc": _say("rustc", "--version"),
        "python": _say(str(PYTHON), "--version"),
        "load": load[0] if load else "unknown",
    }


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _say(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not there"
