"""A report as a table of pandas, polars and pyarrow; `make tables` runs it with the oldest."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from countermand import Client, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from countermand.testing import Emulator

WORDS = {
    "state": [
        "completed",
        "gone",
        "unverified",
        "pending",
        "error",
        "unsent",
        "failed",
        "expired",
        "cancelled",
    ],
    "verdict": [*map(str, Verdict)],
    "phase": ["unsent", "maybe_sent", "accepted"],
}


@pytest.fixture
def report(client: Client, tmp_path: Path) -> Report:
    """Three batches of rows, each with another enterprise first."""
    names = [f"enterprises/e{n // 4000}/devices/{n}/operations/1" for n in range(20_000)]
    return client.plan(tmp_path / "many.job", names, order="input").report()


def plain(value: Any) -> Any:
    """A value of a table as one of `to_dicts`."""
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def of_pandas(report: Report) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = report.to_pandas().to_dict("records")
    return [{name: plain(value) for name, value in row.items()} for row in rows]


TABLES: dict[str, Callable[[Report], list[dict[str, Any]]]] = {
    "arrow": lambda report: report.to_arrow().to_pylist(),
    "pandas": of_pandas,
    "polars": lambda report: report.to_polars().to_dicts(),
}


@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
def test_every_row_is_there(report: Report, rows: Callable[[Report], list[dict[str, Any]]]) -> None:
    expected = report.to_dicts()
    assert len(expected) == 20_000
    assert rows(report) == expected


def test_of_a_run(emulator: Emulator, tmp_path: Path) -> None:
    names = [emulator.add(), emulator.add("completes"), emulator.add("fails", code=9)]
    client = Client(endpoint=emulator.endpoint, token=emulator.token)
    job = client.plan(tmp_path / "wipes.job", [*names, f"{names[0]}0"], deadline=3.0, quota="none")
    report = job.apply(confirm=job.enterprises)
    expected = report.to_dicts()
    assert [row["device"] for row in expected] == [row.name.device for row in report]
    assert {row["enterprise"] for row in expected} == {*job.enterprises}
    # Of a name alone, the server told the type and the time.
    told = [row for row in expected if row["state"] != "error"]
    assert len(told) == 3
    assert all(row["type"] and row["create_time"] for row in told)
    for rows in TABLES.values():
        assert rows(report) == expected
    frame = report.to_pandas()
    assert frame["code"].sum() == 1 + 9
    assert [*frame[frame["done"]]["state"]] == [row["state"] for row in expected if row["done"]]


def test_the_columns_have_types(report: Report) -> None:
    frame = report.to_pandas()
    assert str(frame["cancel_sent_at"].dtype) == "datetime64[ms, UTC]"
    assert (str(frame["code"].dtype), str(frame["done"].dtype)) == ("Int64", "boolean")
    for column, words in WORDS.items():
        assert report.to_arrow().column(column).chunk(0).dictionary.to_pylist() == words
        assert [*frame[column].cat.categories] == words
        assert report.to_polars().schema[column] == pl.Categorical
    assert report.to_polars().schema["cancel_sent_at"] == pl.Datetime("ms", "UTC")
    counts = report.to_polars().group_by("state").len().rows()
    assert dict(counts) == report.states
    # What reads Arrow by itself takes the same.
    assert pl.DataFrame(report).rows() == report.to_polars().rows()
    assert pa.table(report) == report.to_arrow()


def test_what_is_missing_is_told_and_nothing_is_imported_before(report: Report) -> None:
    code = """
        import sys
        import countermand
        client = countermand.Client(endpoint="http://127.0.0.1:9", token="t")
        report = client.open(sys.argv[1]).report()
        report.to_dicts()
        libraries = "pandas", "polars", "pyarrow", "numpy"
        print(*(name for name in libraries if name in sys.modules))
        for name in libraries:
            sys.modules[name] = None
        for to in report.to_arrow, report.to_pandas, report.to_polars:
            try:
                to()
            except ModuleNotFoundError as error:
                print(error.name, error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(report.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.splitlines(), done.stderr) == (
        [
            "",
            "pyarrow this needs pyarrow: pip install 'countermand[arrow]'",
            "pandas this needs pandas: pip install 'countermand[pandas]'",
            "polars this needs polars: pip install 'countermand[polars]'",
        ],
        "",
    )
