"""Cancels an operation with each Python package of a folder.

``python tests/dist/check.py FOLDER`` is what ``make dist`` runs. It fails if a package is larger
than it may be, cannot be installed, or does not bring the first cancel to its verdict on the
emulator. The source distribution and the wheel of this system are installed in an environment of
their own; wheels of other systems are unpacked and run by an interpreter of that system. A wheel
for musl is not run.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

import interpreters

ROOT = Path(__file__).parents[2]
INTERPRETERS = ROOT / "target/interpreters"
SOURCES = (
    *("tests/python", "tests/recipes", "tests/vectors", "python/examples", "python/recipes"),
    *("docs/schemas", "docs/*.md", "README.md"),
)
LARGEST_WHEEL = 5_000_000  # bytes
FIRST_CANCEL = """
from countermand import Client, Verdict
from countermand.testing import Emulator

with Emulator(devices=0) as emulator:
    name = emulator.add()
    with Client(endpoint=emulator.endpoint, token=emulator.token) as client:
        assert client.countermand(name).verdict is Verdict.CANCELLED
"""


def installs(package: Path) -> None:
    """Installs it away from the sources, so that nothing of them is imported."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        pip = [programs / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, package], check=True, cwd=folder)
        subprocess.run([programs / "python", "-c", FIRST_CANCEL], check=True, cwd=folder)
        subprocess.run(
            [programs / "countermand", "--version"],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )


def proves(package: Path) -> str:
    """Cancels with the package on its system; returns what was done."""
    system = package.stem.rsplit("-", 1)[-1]
    if "musllinux" in system:
        return "not run"
    for word, interpreter in (
        ("aarch64", interpreters.for_aarch64),
        ("win_amd64", interpreters.for_windows),
    ):
        if package.suffix == ".whl" and word in system:
            python = interpreter(INTERPRETERS / word)
            with tempfile.TemporaryDirectory() as folder:
                interpreters.cancels(python, package, Path(folder), FIRST_CANCEL)
            return f"unpacked, one cancel proven ({python.name})"
    installs(package)
    return "installed, one cancel proven"


def names(package: Path) -> list[str]:
    if package.suffix == ".whl":
        return zipfile.ZipFile(package).namelist()
    with tarfile.open(package) as archive:
        return archive.getnames()


def tested() -> list[str]:
    """The files of the repository that its Python tests are or read."""
    command = ["git", "ls-files", "-z", *SOURCES]
    files = subprocess.check_output(command, cwd=ROOT, text=True).split("\0")
    return [file for file in files if file]


def check(package: Path) -> None:
    held = names(package)
    keys = [name for name in held if name.endswith((".pem", ".key", ".p12"))]
    assert not keys, f"{package.name}: scanners take these for leaks: {keys}"
    for kind in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert any(name.endswith(kind) for name in held), f"{package.name}: no {kind}"
    if package.suffix == ".whl":
        assert "countermand/THIRD-PARTY.txt" in held, f"{package.name}: no licences of its parts"
        size = package.stat().st_size
        assert size <= LARGEST_WHEEL, f"{package.name}: {size:,} bytes, at most {LARGEST_WHEEL:,}"
    else:
        stems = {name.partition("/")[2] for name in held}
        missing = [name for name in ("Cargo.lock", *tested()) if name not in stems]
        assert not missing, f"{package.name}: {missing} are missing"
    print(f"{package.name}: {package.stat().st_size:,} bytes, {proves(package)}", flush=True)


def main() -> None:
    packages = sorted(Path(sys.argv[1]).resolve().glob("countermand-*"))
    assert packages, f"no package in {sys.argv[1]}"
    for package in packages:
        check(package)


if __name__ == "__main__":
    main()
