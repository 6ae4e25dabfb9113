"""Installs each package of a folder in an environment of its own, and cancels an operation with it.

``python tests/dist/check.py FOLDER`` is what ``make dist`` runs. It fails if a package is larger than it may be,
cannot be installed, or does not bring the first cancel to its verdict on the emulator.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

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


def names(package: Path) -> list[str]:
    if package.suffix == ".whl":
        return zipfile.ZipFile(package).namelist()
    with tarfile.open(package) as archive:
        return archive.getnames()


def check(package: Path) -> None:
    held = names(package)
    keys = [name for name in held if name.endswith((".pem", ".key", ".p12"))]
    assert not keys, f"{package.name}: scanners take these for leaks: {keys}"
    for kind in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert any(name.endswith(kind) for name in held), f"{package.name}: no {kind}"
    if package.suffix == ".whl":
        size = package.stat().st_size
        assert size <= LARGEST_WHEEL, f"{package.name}: {size:,} bytes, at most {LARGEST_WHEEL:,}"
    else:
        for part in ("tests/python/", "python/examples/", "Cargo.lock"):
            assert any(f"/{part}" in name for name in held), f"{package.name}: no {part}"
    installs(package)
    print(f"{package.name}: {package.stat().st_size:,} bytes, installed, one cancel proven")


def main() -> None:
    packages = sorted(Path(sys.argv[1]).resolve().glob("countermand-*"))
    assert packages, f"no package in {sys.argv[1]}"
    for package in packages:
        check(package)


if __name__ == "__main__":
    main()
