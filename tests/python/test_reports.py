"""A report as a table: for every library that reads Arrow, and for a notebook."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from countermand import Client, JobRow, OperationName, Report
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT, TIME = pa.string(), pa.timestamp("ms", tz="UTC")
WORD = pa.dictionary(pa.int32(), TEXT)
SCHEMA = {
    "position": pa.uint64(),
    "name": TEXT,
    "enterprise": TEXT,
    "device": TEXT,
    "type": TEXT,
    "create_time": TIME,
    "device_seen": TIME,
    "state": WORD,
    "verdict": WORD,
    "phase": WORD,
    "attempts": pa.uint32(),
    "cancel_sent_at": TIME,
    "accepted_at": TIME,
    "resolved_at": TIME,
    "verified_at": TIME,
    "body_sha256": TEXT,
    "done": pa.bool_(),
    "code": pa.int64(),
    "message": TEXT,
    "problem": TEXT,
    "problem_message": TEXT,
    "parent_exists": pa.bool_(),
    "from_input": pa.bool_(),
    "service": TEXT,
    "parent": TEXT,
    "lane": TEXT,
    "job": TEXT,
}
ALWAYS = {"position", "name", "attempts", "service", "parent"}
EXOTIC = [
    '<script>alert("1")</script>',
    "=cmd|' /C calc'!A0",
    "Ünï©ode 🦀 \u202edesrever",
    "a\tb\nc\u0000d",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """Rows of every kind, with unusual texts."""
    with Emulator(devices=40, pending=1, seed=7) as emulator:
        strange = [emulator.add("fails", code=9, type=text) for text in EXOTIC]
        odd = [emulator.add(id=text) for text in ("=1+1", "ü🦀", "a:b")]
        gone = [OperationName(f"{emulator.enterprise}/devices/0/operations/1")]
        names = [*emulator.operations(), *strange, emulator.add("completes"), emulator.add("stuck")]
        assert {*odd} <= {*names}
        client = Client(endpoint=emulator.endpoint, token=emulator.token)
        items = [client.get(name) for name in dict.fromkeys(names)]
        path = tmp_path_factory.mktemp("report") / "wipes.job"
        job = client.plan(path, [*items, *gone], deadline=3.0, quota="none")
        yield job.apply(confirm=job.enterprises)


def test_to_dicts(report: Report) -> None:
    dicts = report.to_dicts()
    assert [*dicts[0]] == [*SCHEMA]
    # A row is made of the columns in their order.
    assert [field.name for field in fields(JobRow)] == [*SCHEMA, "operation", "error"]
    assert len(dicts) == len(report) == len(list(report))
    assert {row["type"] for row in dicts} >= {*EXOTIC}
    assert {row["state"] for row in dicts} >= {"cancelled", "failed", "completed", "error"}
    for value, row in zip(dicts, report, strict=True):
        assert value["name"] == str(row.name)
        assert type(value["name"]) is str
        assert value["verdict"] is None or type(value["verdict"]) is str


def same(rows: list[dict[str, Any]], report: Report) -> None:
    assert rows == report.to_dicts()


def of_duckdb(report: Report) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows", report)
        found = connection.sql("SELECT * FROM rows").to_arrow_table()
    return found.to_pylist()


def of_pandas(report: Report) -> list[dict[str, Any]]:
    frame = pd.DataFrame.from_arrow(report)
    assert str(frame.dtypes["cancel_sent_at"]) == "datetime64[ms, UTC]"
    return pa.Table.from_pandas(frame).cast(pa.schema(SCHEMA.items())).to_pylist()


TAKERS: dict[str, Callable[[Report], list[dict[str, Any]]]] = {
    "pyarrow": lambda report: pa.table(report).to_pylist(),
    "pyarrow's reader": lambda report: (
        pa.RecordBatchReader.from_stream(report).read_all().to_pylist()
    ),
    "polars": lambda report: pl.DataFrame(report).to_dicts(),
    "pandas": of_pandas,
    "duckdb": of_duckdb,
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_everybody_who_speaks_arrow_takes_it(
    report: Report, take: Callable[[Report], list[dict[str, Any]]]
) -> None:
    same(take(report), report)
    # Once more: a stream can be read once, a report many times.
    same(take(report), report)


def test_the_columns_have_types(report: Report) -> None:
    table = pa.table(report)
    assert {field.name: field.type for field in table.schema} == SCHEMA
    assert {field.name for field in table.schema if not field.nullable} == ALWAYS
    frame = pl.DataFrame(report)
    assert frame.schema["cancel_sent_at"] == pl.Datetime("ms", "UTC")
    counts = frame.group_by("state").len().rows()
    assert dict(counts) == report.states
    assert duckdb.sql("SELECT count(*) FROM report").fetchall() == [(len(report),)]


def test_a_stream_that_is_not_taken_is_released(report: Report) -> None:
    for _ in range(3):
        capsule = report.__arrow_c_stream__()
        assert 'capsule object "arrow_array_stream"' in repr(capsule)
        del capsule
    reader = pa.RecordBatchReader.from_stream(report)
    reader.read_next_batch()
    del reader
    gc.collect()
    # The requested schema need not be followed; the stream's own schema describes it.
    given = pa.RecordBatchReader.from_stream(report, schema=pa.schema([("x", pa.int8())]))
    assert given.schema.names == [*SCHEMA]


def test_a_stream_outlives_its_report(tmp_path: Path, client: Client) -> None:
    names = [f"enterprises/e/devices/{n}/operations/1" for n in range(20_000)]
    job = client.plan(tmp_path / "big.job", names, order="input")
    reader = pa.RecordBatchReader.from_stream(job.report())
    gc.collect()
    (tmp_path / "big.job").unlink()
    sizes, found = [], []
    for batch in reader:
        sizes.append(batch.num_rows)
        found += batch.column("name").to_pylist()
    assert sizes == [8192, 8192, 3616]
    assert found == names


def test_an_empty_report(tmp_path: Path, client: Client, emulator: Emulator) -> None:
    report = client.rescue(tmp_path / "none.job", emulator.enterprise, types="ADD_ESIM")
    assert pa.table(report).schema == pa.schema(
        [pa.field(name, kind, name not in ALWAYS) for name, kind in SCHEMA.items()]
    )
    assert pl.DataFrame(report).shape == (0, len(SCHEMA))
    assert pd.DataFrame.from_arrow(report).shape == (0, len(SCHEMA))
    assert duckdb.sql("SELECT count(*) FROM report").fetchall() == [(0,)]


def test_none_of_them_is_needed(report: Report) -> None:
    code = """
        import sys
        for name in ("pyarrow", "numpy", "pandas", "duckdb"):
            sys.modules[name] = None
        import countermand
        client = countermand.Client(endpoint="http://127.0.0.1:9", token="t")
        report = client.open(sys.argv[1]).report()
        assert "polars" not in sys.modules
        assert len(report.to_dicts()) == len(report)
        import polars
        frame = polars.DataFrame(report)
        print(frame.height, frame.width)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(report.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"{len(report)} {len(SCHEMA)}\n", "")


def test_a_notebook_shows_at_most_50_rows_escaped(
    report: Report, tmp_path: Path, client: Client
) -> None:
    html = report._repr_html_()
    assert html.count("<tr>") - 1 == min(50, len(report))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    # The worst news first.
    states = re.findall(r"<td>(completed|error|pending|failed|cancelled)</td>", html)
    assert states == sorted(
        states, key=["completed", "pending", "error", "failed", "cancelled"].index
    )
    assert states[0] == "completed"
    names = [f"enterprises/e/devices/{n}/operations/1" for n in range(51)]
    many = client.plan(tmp_path / "many.job", names).report()._repr_html_()
    assert many.count("<tr>") - 1 == 50
    assert "51 operations: 51 unsent" in many


def test_a_report_says_what_it_is(report: Report) -> None:
    assert repr(report) == f"<Report of {str(report.path)!r}: {len(report)} operations>"
