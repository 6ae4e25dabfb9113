"""Pythons of other systems, which run here: for aarch64 under qemu, for Windows under wine.

Debian has the first, Maven Central the second. Each comes into a folder of its own, once. There is
none of musl.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
AARCH64 = ("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6")
AARCH64_LIBRARIES = ("libexpat1", "libffi8", "libgcc-s1", "libssl3", "zlib1g")
WINDOWS = "org.bytedeco:cpython:3.13.5-1.5.12:jar:windows-x86_64"
WINE = "/usr/lib/wine/wine64"
MINGW = "x86_64-w64-mingw32"


class Interpreter(NamedTuple):
    """A Python of another system: its command, its environment variables and its name."""

    command: list[str | Path]
    environment: dict[str, str]
    name: str


def for_aarch64(folder: Path) -> Interpreter:
    """Unpacks Debian's packages; nothing of them is installed."""
    if not (folder / "usr").is_dir():
        packed = folder / "packed"
        packed.mkdir(parents=True)
        apt = ["apt-get", "-qq", "-o", "APT::Architectures::=amd64"]
        apt += ["-o", "APT::Architectures::=arm64"]
        subprocess.run([*apt, "update"], check=True)
        names = [f"{name}:arm64" for name in AARCH64 + AARCH64_LIBRARIES]
        # As root, apt-get tells that it downloads without its sandbox.
        options = ["-o", "APT::Sandbox::User=root"]
        subprocess.run([*apt, *options, "download", *names], cwd=packed, check=True)
        for package in packed.iterdir():
            subprocess.run(["dpkg", "-x", package, folder], check=True)
    command: list[str | Path] = ["qemu-aarch64", "-L", folder, folder / "usr/bin/python3.11"]
    return Interpreter(command, {}, "Python 3.11 for aarch64 under qemu")


def for_windows(folder: Path) -> Interpreter:
    """Unpacks CPython and adds the three libraries that it or wine lacks."""
    home = folder / "org/bytedeco/cpython/windows-x86_64"
    if not (home / "python3.dll").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        copy = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={WINDOWS}"]
        copy += [f"-DoutputDirectory={folder}", "-Dmdep.stripVersion=true"]
        subprocess.run(copy, check=True)
        (archive,) = folder.glob("*.jar")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        for library in (home / "lib").glob("vcruntime*.dll"):
            shutil.copy(library, home)
        system = HERE.parent / "cross/bcryptprimitives.c"
        compiler = [f"{MINGW}-gcc", "-shared", "-o"]
        subprocess.run([*compiler, home / "bcryptprimitives.dll", system, "-ladvapi32"], check=True)
        stable_abi(home)
    environment = {
        "WINEDEBUG": "-all",
        "WINEPREFIX": str(folder / "wine"),
        "PYTHONHOME": str(home),
    }
    return Interpreter([WINE, home / "python.exe"], environment, "Python 3.13 for Windows, wine")


def stable_abi(home: Path) -> None:
    """Makes python3.dll, which abi3 modules are linked with: python313.dll by another name."""
    listed = subprocess.check_output([f"{MINGW}-nm", home / "libs/python3.lib"], text=True)
    stubs = {line.split()[-1] for line in listed.splitlines() if " T " in line}
    data = {line.split("__imp_")[1] for line in listed.splitlines() if "__imp_" in line} - stubs
    lines = [f"{name}=python313.{name}" for name in sorted(stubs)]
    lines += [f"{name}=python313.{name} DATA" for name in sorted(data)]
    definition = home / "python3.def"
    definition.write_text("LIBRARY python3.dll\nEXPORTS\n" + "\n".join(lines) + "\n")
    linker = [f"{MINGW}-gcc", "-shared", "-nostdlib", "-Wl,-e,0"]
    subprocess.run([*linker, "-o", home / "python3.dll", definition], check=True)


def cancels(interpreter: Interpreter, wheel: Path, folder: Path, script: str) -> None:
    """Runs a script with the wheel unpacked beside it; it has no dependencies."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    done = subprocess.run(
        [*interpreter.command, "-c", script],
        cwd=folder,
        env=os.environ | interpreter.environment,
        # Under wine, Python starts with pipes alone.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{wheel.name}: {interpreter.name}: {done.stdout}"
