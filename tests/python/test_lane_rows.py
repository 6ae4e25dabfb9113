"""Names of one lane for the worker of an engine, with a journal that outlives it."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countermand import Client, errors, job_errors
from countermand.lanes import Lane, Profile, begin, countermand_all
from countermand.testing import Emulator

from conftest import cancels, until

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]


@pytest.fixture
def fleet() -> Iterator[Emulator]:
    with Emulator(devices=30, pending=2, seed=3, token="token-of-the-north") as emulator:
        yield emulator


def lane_of(emulator: Emulator, folder: Path, **fields: str) -> Lane:
    """A lane of the emulator; its windows are short, so that a test may wait for one."""
    (folder / "north.token").write_text(emulator.token, "utf-8")
    (folder / "north.token").chmod(0o600)
    own = {
        "project": '"north"',
        "parents": f'["{emulator.enterprise}"]',
        "endpoint": f'"{emulator.endpoint}"',
        "quota": '"100/1s"',
        "per_resource": '"none"',
        "credentials": '{ token_file = "north.token" }',
        **fields,
    }
    text = 'schema = "countermand.profile/1"\n[defaults]\ndeadline = "2s"\n[lanes.north]\n'
    text += "".join(f"{field} = {value}\n" for field, value in own.items())
    return Profile.parse(text, path=folder / "lanes.toml").lanes["north"]


@pytest.fixture
def lane(fleet: Emulator, tmp_path: Path) -> Lane:
    return lane_of(fleet, tmp_path)


def by_name(rows: Iterator[Row]) -> dict[str, Row]:
    """The rows by their names, of which each has one."""
    found: dict[str, Row] = {}
    for row in rows:
        assert row["name"] not in found
        found[row["name"]] = row
    return found


def test_each_name_has_one_row(fleet: Emulator, lane: Lane, tmp_path: Path) -> None:
    journals = begin(tmp_path / "journals", [lane])
    assert journals == {"north": tmp_path / "journals" / "north.job"}
    names = fleet.operations()
    with Client(lane=lane) as client:
        given = [client.get(names[0]), *names, names[3]]
    rows = by_name(countermand_all(lane, iter(given), journal=tmp_path / "journals"))
    truth = {row["name"]: row["state"] for row in fleet.truth()}
    assert rows.keys() == {*map(str, names)}
    for name, row in rows.items():
        assert (row["schema"], row["lane"]) == ("countermand.row/1", "north")
        assert (row["state"] == "cancelled") == (truth[name] == "cancelled")
        assert (row["state"] == "completed") == (truth[name] == "completed")
    # It is a job file, as others are.
    with Client(lane=lane) as client:
        job = client.open(journals["north"])
        assert (job.kind, job.operations, job.lanes) == ("feed", len(names), ("north",))
        assert {row.name: row.to_dict() for row in job.report()} == rows
    # The same names again: the rows are known, and nothing is sent.
    before = len(fleet.audit())
    again = by_name(countermand_all(lane, given, journal=journals["north"]))
    settled = {name: row for name, row in rows.items() if row["state"] != "pending"}
    assert {name: again[name] for name in settled} == settled
    assert again.keys() == rows.keys()
    asked = {row["path"] for row in fleet.audit()[before:]}
    assert not [path for path in asked for name in settled if name in path]


def test_what_is_no_name_of_the_lane_has_a_row(fleet: Emulator, lane: Lane, tmp_path: Path) -> None:
    begin(tmp_path / "journals", [lane])
    good = fleet.operations()[0]
    other = "enterprises/other/devices/d/operations/1"
    given: list[Any] = ["no name", None, other, good, 7.5, "projects/p/locations/l/operations/1"]
    rows = [*countermand_all(lane, given, journal=tmp_path / "journals")]
    assert len(rows) == len(given)
    bad = {row["name"]: row for row in rows if row["position"] == 0}
    assert bad.keys() == {"no name", "None", other, "7.5", "projects/p/locations/l/operations/1"}
    assert all(row["state"] == "error" for row in bad.values())
    assert "belongs to no lane" in bad[other]["error"]["message"]
    assert bad[other]["error"]["kind"] == "no_lane"
    assert [row["name"] for row in rows if row["position"]] == [good]
    assert {*bad["no name"]} == {*bad[other]} == {*rows[-1]}
    assert cancels(fleet).keys() == {str(good)}


def test_rows_come_as_arrow(fleet: Emulator, lane: Lane, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    journal = begin(tmp_path / "journals", [lane])["north"]
    other = "enterprises/other/devices/d/operations/1"
    # As of a file that was read with errors="surrogateescape".
    half = "enterprises/caf\udce9/devices/d/operations/1"
    given = ["no name", other, None, half, *fleet.operations()]
    batches = [*countermand_all(lane, given, journal=journal, arrow=True)]
    table = pyarrow.Table.from_batches(batches)
    assert table.num_rows == len(given)
    with Client(lane=lane) as client:
        report = client.open(journal).report().to_arrow()
    assert table.schema == report.schema
    good = table.filter(pyarrow.compute.greater(table["position"], 0)).sort_by("position")
    assert good.to_pylist() == report.to_pylist()
    bad = {row["name"]: row for row in table.to_pylist() if not row["position"]}
    assert bad.keys() == {"no name", other, "None", half.replace("\udce9", "\\udce9")}
    told = {(row["state"], row["phase"], row["lane"], row["attempts"]) for row in bad.values()}
    assert told == {("error", "unsent", None, 0)}
    assert bad["no name"]["problem"]
    assert "belongs to no lane" in bad[other]["problem_message"]


def test_a_journal_that_is_lost_costs_one_window(
    fleet: Emulator, lane: Lane, tmp_path: Path
) -> None:
    names = fleet.operations()
    journal = begin(tmp_path / "journals", [lane])["north"]
    assert next(countermand_all(lane, names[:1], journal=journal))["state"]
    began = fleet.audit()[-1]["time"]
    journal.unlink()
    # A directory that has had journals makes no new ones.
    (tmp_path / "journals" / "south.job").touch()
    assert begin(tmp_path / "journals", [lane]) == {"north": journal}
    assert not journal.exists()
    sent = len(fleet.audit())
    rows = [*countermand_all(lane, names[1:5], journal=journal)]
    assert {row["name"] for row in rows} == {*map(str, names[1:5])}
    assert fleet.audit()[sent]["time"] - began >= 1000
    # One that is damaged is kept, and counts as lost.
    name = str(names[1]).encode()
    damaged = journal.read_bytes().replace(name, name[:-1] + b"x")
    journal.write_bytes(damaged)
    began, sent = fleet.audit()[-1]["time"], len(fleet.audit())
    assert [*countermand_all(lane, names[5:7], journal=journal)]
    assert fleet.audit()[sent]["time"] - began >= 1000
    (aside,) = (tmp_path / "journals").glob("north.job.*")
    assert aside.read_bytes() == damaged


def test_a_lane_that_fails_raises_for_no_name(fleet: Emulator, lane: Lane, tmp_path: Path) -> None:
    journal = begin(tmp_path / "journals", [lane])["north"]
    names = fleet.operations()
    (tmp_path / "north.token").write_text("another-token", "utf-8")
    rows = by_name(countermand_all(lane, names, journal=journal))
    assert rows.keys() == {*map(str, names)}
    assert {row["error"]["kind"] for row in rows.values()} <= {"unauthenticated", "not_attempted"}
    (tmp_path / "north.token").write_text(fleet.token, "utf-8")
    rows = by_name(countermand_all(lane, names, journal=journal))
    assert {row["error"] and row["error"]["kind"] for row in rows.values()} == {None}


def test_what_the_journal_is_for_is_the_callers(
    fleet: Emulator, lane: Lane, tmp_path: Path
) -> None:
    """Fault 57: a file says neither where a token goes nor what is cancelled."""
    journal, names = begin(tmp_path / "journals", [lane])["north"], fleet.operations()
    with Emulator(devices=1) as other:
        moved = lane_of(fleet, tmp_path, endpoint=f'"{other.endpoint}"')
        with pytest.raises(job_errors.OtherEndpoint):
            next(countermand_all(moved, names, journal=journal))
        assert not other.audit()
    owned = lane_of(fleet, tmp_path, project='"south"')
    with pytest.raises(job_errors.OtherLane):
        next(countermand_all(owned, names, journal=journal))
    with Client(lane=lane) as client:
        client.plan(tmp_path / "plan.job", names)
    with pytest.raises(job_errors.NotAJob, match="it is a plan"):
        next(countermand_all(lane, names, journal=tmp_path / "plan.job"))
    (tmp_path / "north.token").unlink()
    with pytest.raises(errors.CredentialsError, match="lane north"):
        countermand_all(lane, names, journal=journal)
    with pytest.raises(TypeError, match="several names, not one"):
        countermand_all(lane, str(names[0]), journal=journal)
    with pytest.raises(TypeError, match="expected a Lane"):
        countermand_all("north", names, journal=journal)  # type: ignore[arg-type]
    assert not fleet.audit()


def test_names_are_pulled_as_there_is_room(fleet: Emulator, lane: Lane, tmp_path: Path) -> None:
    begin(tmp_path / "journals", [lane])
    pulled = itertools.count()

    def names() -> Iterator[str]:
        yield "no name"
        for number in pulled:
            yield fleet.enterprise + f"/devices/d/operations/{number}"

    rows = countermand_all(lane, names(), journal=tmp_path / "journals")
    assert next(rows)["name"] == "no name"
    rows.close()
    assert next(pulled) < 10_000
    # It is free for the next one; what raises in the names comes last.
    with pytest.raises(ZeroDivisionError):
        for row in countermand_all(
            lane,
            (name if name else 1 / 0 for name in [fleet.operations()[0], ""]),  # type: ignore[misc]
            journal=tmp_path / "journals",
        ):
            assert row["name"]


WORKER = """
import pickle, sys
from countermand.lanes import countermand_all
lane, names, journal, patience = pickle.load(open(sys.argv[1], "rb"))
for row in countermand_all(lane, names, journal=journal, patience=patience):
    print(row["name"], row["state"], flush=True)
"""


def worker(lane: Lane, names: list[str], journal: Path, patience: float) -> subprocess.Popen[bytes]:
    work = journal.parent.parent / "work"
    work.write_bytes(pickle.dumps((lane, names, journal, patience)))
    command = [sys.executable, "-W", "ignore", "-c", WORKER, str(work)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_a_worker_that_is_killed_is_repeated(fleet: Emulator, tmp_path: Path) -> None:
    """Kills workers with SIGKILL, and starts others with the same names and the same journal."""
    lane = lane_of(fleet, tmp_path, quota='"20/1s"', share="1.0")
    journal = begin(tmp_path / "journals", [lane])["north"]
    names = [str(name) for name in fleet.operations()]
    in_flight = 0
    for count in (5, 15, 30):
        killed = worker(lane, names, journal, 60.0)
        until(lambda count=count: len(fleet.audit()) >= count)  # type: ignore[misc]
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        in_flight += 20
    last = worker(lane, names, journal, 60.0)
    out, _ = last.communicate(timeout=60)
    rows = dict(line.split() for line in out.decode().splitlines())
    assert last.returncode == 0
    assert rows.keys() == {*names}
    truth = {row["name"]: row["state"] for row in fleet.truth()}
    assert {name for name, state in rows.items() if state == "cancelled"} == {
        name for name in names if truth[name] == "cancelled"
    }
    # No window over its quota, whichever worker sent, and no more repeats than were in flight.
    times = sorted(row["time"] for row in fleet.audit())
    assert all(later - earlier >= 990 for earlier, later in zip(times, times[20:], strict=False)), (
        times
    )
    repeated = sum(times - 1 for times in Counter(cancels(fleet)).values())
    assert repeated <= in_flight


def test_a_journal_has_one_worker_at_a_time(fleet: Emulator, lane: Lane, tmp_path: Path) -> None:
    journal = begin(tmp_path / "journals", [lane])["north"]
    names = [str(name) for name in fleet.operations()]
    rows = countermand_all(lane, names, journal=journal)
    assert next(rows)
    with pytest.raises(job_errors.JobLocked):
        next(countermand_all(lane, names, journal=journal, patience=0.3))
    waiting = worker(lane, names, journal, 60.0)
    rows.close()
    out, _ = waiting.communicate(timeout=60)
    assert {line.split()[0] for line in out.decode().splitlines()} == {*names}
