"""Packs the command for each target, with manual pages, completions, licences and checksums.

``python tests/dist/archive.py BUILT FOLDER TARGET…`` is what ``make archives`` runs. BUILT is
cargo's folder of builds, FOLDER is emptied. A command for Linux that is not static is refused. That
for this system makes the texts, and its demo runs in a file system of its own (as root). The
same command and the same commit give the same archive; the command itself holds paths of the
sources that it was built from.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LARGEST = 16_000_000  # bytes of the command
COMPLETIONS = {
    "bash": "countermand.bash",
    "zsh": "_countermand",
    "fish": "countermand.fish",
    "powershell": "_countermand.ps1",
}
# The type of an ELF file, by its bytes 16 and 17.
KINDS = {2: "static", 3: "static-pie"}


def output(*command: str | Path) -> bytes:
    return subprocess.check_output(command, stdin=subprocess.DEVNULL)


def texts(command: Path) -> dict[str, bytes]:
    """The manual page of the command and of each subcommand that it names, and the completions."""
    page = output(command, "man")
    pages = {"man/countermand.1": page}
    for name in re.findall(r"^countermand\\-([a-z\\-]+)\(1\)$", page.decode(), re.MULTILINE):
        word = name.replace("\\", "")
        if word != "help":
            pages[f"man/countermand-{word}.1"] = output(command, "man", word)
    assert len(pages) > 5, f"the manual page names {sorted(pages)}"
    shells = {f"completions/{f}": output(command, "completions", s) for s, f in COMPLETIONS.items()}
    licences = {n: (ROOT / n).read_bytes() for n in ("LICENSE-MIT", "LICENSE-APACHE")}
    licences["THIRD-PARTY.txt"] = (ROOT / "target/THIRD-PARTY.txt").read_bytes()
    return pages | shells | licences


def kind(command: Path) -> str:
    """The kind of a static ELF file; one that asks for an interpreter is none."""
    headers = subprocess.check_output(["readelf", "-lW", command], text=True)
    assert "INTERP" not in headers, f"{command} is not static"
    return KINDS[command.read_bytes()[16]]


def demo_alone(command: Path) -> None:
    """Runs the demo in a file system of the command and an empty ``tmp``."""
    with tempfile.TemporaryDirectory() as root:
        shutil.copy(command, root)
        (Path(root) / "tmp").mkdir()
        run = [*(["sudo"] if os.getuid() else []), "chroot", root, "/countermand", "demo"]
        done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    # Some operations of the demo complete anyway: exit code 3.
    assert done.returncode == 3, (done.returncode, done.stdout, done.stderr)


def packed_tar(stem: str, files: dict[str, bytes], when: int) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(f"{stem}/{name}")
            member.size, member.mtime = len(data), when
            member.mode = 0o755 if name == "countermand" else 0o644
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(content.getvalue(), 9, mtime=when)


def packed_zip(stem: str, files: dict[str, bytes], when: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            member = zipfile.ZipInfo(f"{stem}/{name}", time.gmtime(when)[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return content.getvalue()


def main() -> None:
    built, folder, targets = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    here = built / "x86_64-unknown-linux-musl/dist/countermand"
    demo_alone(here)
    shared = texts(here)
    version = output(here, "--version").decode().split()[1]
    when = int(output("git", "-C", ROOT, "log", "-1", "--format=%ct"))
    sums = ""
    for target in targets:
        windows = "windows" in target
        name = "countermand.exe" if windows else "countermand"
        command = built / target / "dist" / name
        size = command.stat().st_size
        assert size <= LARGEST, f"{command}: {size:,} bytes, at most {LARGEST:,}"
        stem = f"countermand-{version}-{target}"
        pack, ending = (packed_zip, "zip") if windows else (packed_tar, "tar.gz")
        archive = pack(stem, shared | {name: command.read_bytes()}, when)
        (folder / f"{stem}.{ending}").write_bytes(archive)
        sums += f"{hashlib.sha256(archive).hexdigest()}  {stem}.{ending}\n"
        what = "PE" if windows else kind(command)
        print(f"{stem}.{ending}: {len(archive):,} bytes, command {size:,} bytes, {what}")
    (folder / "SHA256SUMS").write_text(sums)


if __name__ == "__main__":
    main()
