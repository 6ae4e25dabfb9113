"""The job file as docs/job-file.md describes it, read with nothing but SQLite and SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from countermand.testing import Emulator

#: Of every table but ``seal`` and ``edits``, which have no checksum.
TABLES = (
    "settings",
    "job",
    "operations",
    "enterprises",
    "sends",
    "limits",
    "pauses",
    "devices",
    "notes",
    "runs",
    "holder",
)
DIGEST = 7
"""The number of columns of an operation that the digest of a plan covers."""


def value(column: int | str | bytes | None) -> bytes:
    """The bytes of a value that go into a checksum."""
    match column:
        case None:
            return b"\0"
        case int():
            return b"\1" + struct.pack(">q", column)
        case str():
            return b"\2" + struct.pack(">Q", len(column.encode())) + column.encode()
        case bytes():
            return b"\3" + struct.pack(">Q", len(column)) + column


def checksum(table: str, row: tuple[int | str | bytes | None, ...]) -> int:
    """The checksum of a row, from all its columns but the last."""
    data = value(table) + b"".join(map(value, row))
    first: int = struct.unpack(">q", hashlib.sha256(data).digest()[:8])[0]
    return first


def test_fault_58_the_checksums_are_what_the_document_says(
    emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "wipes.job"
    names = [str(emulator.add()) for _ in range(5)]
    environment = os.environ | {
        "COUNTERMAND_ENDPOINT": emulator.endpoint,
        "COUNTERMAND_TOKEN": emulator.token,
    }
    confirm = f"{emulator.enterprise.removeprefix('enterprises/')}:5"
    for arguments in (
        ["plan", *names, "--output", str(path)],
        ["apply", str(path), "--confirm", confirm],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "countermand", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run
    document = (Path(__file__).parents[2] / "docs" / "job-file.md").read_text("utf-8")
    [program] = (block.partition("```")[0] for block in document.split("```python\n")[1:])
    checked = subprocess.run(
        [sys.executable, "-", str(path)],
        input=program,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.stdout.startswith("the hashes are right; digest "), checked
    with closing(sqlite3.connect(path)) as job:
        fold = 0
        for table in TABLES:
            rows = job.execute(f"SELECT * FROM {table}").fetchall()
            for row in rows:
                assert row[-1] == checksum(table, row[:-1]), (table, row)
                fold += 0 if table == "job" else row[-1]
            assert rows or table in ("limits", "pauses", "devices", "notes", "holder"), table
        [(digest, told)] = job.execute("SELECT digest, fold FROM job")
        [(settings,)] = job.execute("SELECT text FROM settings")
        assert (fold - told) % 2**64 == 0
        plan = value(settings)
        for row in job.execute("SELECT * FROM operations ORDER BY position"):
            plan += b"".join(map(value, row[:DIGEST]))
        assert hashlib.sha256(plan).digest() == digest
        # What the file keeps of its rows, by queries on them.
        [(kept,)] = job.execute("SELECT counts FROM job")
        counts = json.loads(kept)
        assert json.dumps(counts, separators=(",", ":")) == kept
        [counted] = job.execute(
            "SELECT count(*), count(cancel_sent_at), sum(phase = 'accepted'), count(resolved_at),"
            " sum(attempts) FROM operations"
        )
        fields = ("rows", "cancels_sent", "cancels_accepted", "resolved", "attempts")
        assert tuple(counts[field] for field in fields) == counted
        states = dict(job.execute("SELECT verdict, count(*) FROM operations GROUP BY verdict"))
        assert counts["states"] == states
        [(last,)] = job.execute("SELECT max(accepted_at) FROM operations")
        told_last = datetime.fromisoformat(counts["last_cancel_sent_at"])
        assert round(told_last.timestamp() * 1000) == last
        enterprises = list(job.execute("SELECT name, operations FROM enterprises"))
        assert enterprises == [(emulator.enterprise, 5)]
        phases = {row[0] for row in job.execute("SELECT phase FROM operations")}
        assert phases == {"accepted"}
