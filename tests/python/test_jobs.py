"""Find, plan, apply, report: against an emulator that knows what is true."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import pickle
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from countermand import (
    AsyncClient,
    Client,
    Item,
    Job,
    OperationName,
    Progress,
    Report,
    Verdict,
    errors,
)
from countermand.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FREE: dict[str, Any] = {"quota": None}


@pytest.fixture
def fleet() -> Iterator[Emulator]:
    with Emulator(devices=60, pending=2, seed=3) as emulator:
        yield emulator


@pytest.fixture
def free(fleet: Emulator) -> Client:
    return Client(endpoint=fleet.endpoint, token=fleet.token)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wipes.job"


def cancels(emulator: Emulator) -> Counter[str]:
    """How often each operation was asked to be cancelled."""
    paths = (row["path"] for row in emulator.audit() if row["method"] == "POST")
    return Counter(path.removeprefix("/v1/").removesuffix(":cancel") for path in paths)


def check(report: Report, emulator: Emulator) -> None:
    """Holds a report against the truth."""
    truth = {row["name"]: row for row in emulator.truth()}
    for row in report:
        state = truth[str(row.name)]["state"]
        assert row.type == truth[str(row.name)]["type"]
        for word, verdict in (("cancelled", Verdict.CANCELLED), ("completed", Verdict.COMPLETED)):
            assert (row.verdict is verdict) == (state == word), row
        if row.verdict is Verdict.CANCELLED:
            assert (row.done, row.code, row.state) == (True, 1, "cancelled")
            assert row.operation is not None
            assert row.operation.verdict is Verdict.CANCELLED
            assert row.asked
            assert row.accepted
            assert row.confirmed
            assert row.asked <= row.accepted <= row.confirmed
            assert len(row.body_sha256 or "") == 64


def everything(kind: type[Client | AsyncClient], emulator: Emulator, path: Path) -> Any:
    """The whole of it by either client: what was found, the job before and after, the report."""
    settings: dict[str, Any] = {"endpoint": emulator.endpoint, "token": emulator.token}
    progress: list[Progress] = []
    if kind is Client:
        client = Client(**settings)
        find = client.find(enterprises=emulator.enterprise, **FREE)
        found = list(find)
        assert [*find] == found, "a search can be read again"
        find.raise_for_failures()
        job = client.plan(path, find, **FREE, deadline=3.0)
        before, estimate = job.status(), job.estimate()
        assert cancels(emulator) == {}
        report = job.apply(confirm=job.enterprises, progress=progress.append)
        return found, job, before, estimate, report, job.status(), job.report(), progress

    async def run() -> Any:
        async with AsyncClient(**settings) as client:
            find = client.find(enterprises=emulator.enterprise, **FREE)
            found = [item async for item in find]
            find.raise_for_failures()
            job = await client.plan(path, find, **FREE, deadline=3.0)
            before, estimate = await job.status(), await job.estimate()
            assert cancels(emulator) == {}
            report = await job.apply(confirm=job.enterprises, progress=progress.append)
            after = await job.status(), await job.report()
            return found, job, before, estimate, report, *after, progress

    return asyncio.run(run())


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_found_planned_applied_and_true(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    pending = {str(name) for name in fleet.operations()}
    truth = {row["name"]: row for row in fleet.truth()}
    found, job, before, estimate, report, after, again, progress = everything(kind, fleet, path)

    assert all(isinstance(item, Item) for item in found)
    assert {str(item.name) for item in found} == pending
    assert len(found) == 120
    for item in found:
        assert item.type == truth[str(item.name)]["type"]
        assert item.create_time is not None
        assert item.create_time.tzinfo is UTC
        assert item.device_seen is not None
        assert item.duration is None or item.duration > 0
        assert pickle.loads(pickle.dumps(item)) == item

    assert job.kind == "plan"
    assert job.endpoint.startswith(fleet.endpoint)
    assert (job.operations, len(job), job.duplicates, job.missed) == (120, 120, 0, ())
    assert job.enterprises == {fleet.enterprise: 120}
    assert job.types == Counter(item.type for item in found)
    assert sum(job.ages.values()) == 120
    assert "unknown" not in job.ages
    assert len(job.digest or "") == 64
    assert repr(job).startswith(f"{type(job).__name__}({str(path)!r}, kind='plan', operations=120")
    assert before.states == {"unsent": 120}
    assert (before.open, before.runs, before.last_cancel, before.holder) == (120, 0, None, None)
    assert 0.0 < estimate.last_cancel < estimate.last_verdict

    assert len(report) == len(again) == 120
    check(report, fleet)
    assert {str(row.name) for row in report} == pending
    assert set(cancels(fleet).values()) == {1}
    assert [row.position for row in report] == list(range(1, 121))
    assert after.states == report.states == Counter(row.state for row in report)
    assert report.states["cancelled"] > 50
    assert after.runs == 1
    assert after.last_cancel is not None
    assert after.last_verdict is not None
    assert after.last_cancel <= after.last_verdict
    assert after.holder is None
    assert list(report) == list(again)
    assert progress[-1].asked == progress[-1].finished == 120
    assert [p.asked for p in progress] == sorted(p.asked for p in progress)
    rows = [row.type for row in report]
    assert rows[: rows.count("WIPE")] == ["WIPE"] * rows.count("WIPE"), "the most harm first"
    assert pickle.loads(pickle.dumps(next(iter(report)))) == next(iter(report))
    with pytest.raises(dataclasses.FrozenInstanceError):
        next(iter(report)).state = "cancelled"


def test_a_search_says_what_is_meant(fleet: Emulator, free: Client) -> None:
    def names(**settings: Any) -> set[str]:
        settings = {"enterprises": fleet.enterprise, **settings}
        return {str(item.name) for item in free.find(**settings, **FREE)}

    truth = {row["name"]: row["type"] for row in fleet.truth() if row["state"] == "pending"}
    wipes = {name for name, kind in truth.items() if kind == "WIPE"}
    assert wipes
    assert names(types="wipe") == wipes
    assert names(types=["WIPE", "LOCK"]) == wipes | {n for n, k in truth.items() if k == "LOCK"}
    some = OperationName(min(truth))
    of_device = {name for name in truth if name.startswith(some.device + "/")}
    assert names(enterprises=(), devices=[some.device]) == of_device
    assert names(exclude=some) == truth.keys() - {str(some)}
    assert names(exclude=[some.device]) == truth.keys() - of_device
    assert names(exclude=fleet.enterprise) == set()
    assert names(newer_than=0.0) == set()
    assert names(older_than=0.0) >= {str(name) for name in fleet.operations()}
    assert names(older_than=10**8) == set()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "where to search"),
        ({"enterprises": "enterprises/../x"}, "expected enterprises/"),
        ({"enterprises": ["e"]}, "expected enterprises/"),
        ({"devices": "enterprises/e"}, "expected enterprises/"),
        ({"enterprises": "enterprises/e", "exclude": ["3f"]}, "expected enterprises/"),
        ({"enterprises": "enterprises/e", "newer_than": -1.0}, "newer_than is"),
        ({"enterprises": "enterprises/e", "share": 80}, "share is"),
        ({"enterprises": "enterprises/e", "quota": "many"}, "many"),
    ],
)
def test_a_search_for_nonsense(
    emulator: Emulator, client: Client, path: Path, settings: dict[str, Any], words: str
) -> None:
    for search in (client.find, lambda **more: client.plan(path, **more)):
        with pytest.raises(ValueError, match=words):
            search(**settings)
    assert emulator.audit() == []
    assert not path.exists()


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_list_that_cannot_be_read_is_missed_aloud(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    settings: dict[str, Any] = {"endpoint": fleet.endpoint, "token": fleet.token, "attempts": 1}
    fault = {"method": "list", "status": 501, "times": 3}
    fleet.faults([fault])
    enterprise = fleet.enterprise
    with pytest.warns(RuntimeWarning, match="3 lists could not be read") as warned:  # noqa: PT031
        if kind is Client:
            client = Client(**settings)
            find: Any = client.find(enterprises=enterprise, **FREE, in_flight=1)
            found = len(list(find))
            job: Any = client.plan(path, find, **FREE)
        else:

            async def run() -> Any:
                client = AsyncClient(**settings)
                find = client.find(enterprises=enterprise, **FREE, in_flight=1)
                return find, len([item async for item in find]), await client.plan(path, find)

            find, found, job = asyncio.run(run())
    assert warned[0].filename == __file__
    assert found == job.operations == 114
    assert len(find.missed) == len(job.missed) == 3
    for error in find.missed:
        assert isinstance(error, errors.Unimplemented)
        assert error.resource.startswith(f"{enterprise}/devices/")  # type: ignore[union-attr]
        assert error.operation is None
    with pytest.raises(ExceptionGroup, match="3 lists") as caught:
        find.raise_for_failures()
    assert caught.group_contains(errors.Unimplemented)
    # Whoever opens the file somewhere else is told as well.
    notes = Client(**settings).open(path).status().notes
    assert len([note for note in notes if "not searched to the end" in note]) == 3


def test_a_plan_of_what_the_caller_has(fleet: Emulator, free: Client, path: Path) -> None:
    names = fleet.operations()
    operation = free.get(names[2])
    items = [
        item for item in free.find(enterprises=fleet.enterprise, **FREE) if item.type == "LOCK"
    ]
    given = [str(names[0]), names[1], operation, names[0], *items]
    job = free.plan(path, given, order="input", **FREE)
    assert job.duplicates == len(given) - job.operations >= 1
    rows = list(job.report())
    assert [row.name for row in rows[:3]] == names[:3]
    assert [row.type for row in rows[:3]] == [None, None, operation.command_type]
    by_name = {row.name: row for row in rows}
    for item in items[5:]:
        row = by_name[item.name]
        assert (row.type, row.create_time) == (item.type, item.create_time)
        assert row.device_seen == item.device_seen
    meant = free.plan(path.with_name("meant"), given, types="LOCK", exclude=names[1].device, **FREE)
    # What nobody knows the type of is not excluded by it.
    assert meant.operations == sum(
        row.type in (None, "LOCK") and row.name.device != names[1].device for row in rows
    )
    wipes = free.plan(
        path.with_name("wipes"),
        free.find(enterprises=fleet.enterprise, **FREE),
        types="WIPE",
        **FREE,
    )
    assert wipes.types.keys() == {"WIPE"}
    assert job.types[None] == 2
    assert job.ages["unknown"] == 2


def test_a_plan_is_made_of_names_or_not_at_all(client: Client, path: Path) -> None:
    good = "enterprises/e/devices/d/operations/o"
    with pytest.raises(errors.InvalidName):
        client.plan(path, [good, "enterprises/e/devices/d"])
    with pytest.raises(TypeError, match="not one text"):
        client.plan(path, good)
    with pytest.raises(TypeError, match="an OperationName or a str"):
        client.plan(path, [good, 7])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="not both"):
        client.plan(path, [good], devices="enterprises/e/devices/d")
    with pytest.raises(ValueError, match="no order"):
        client.plan(path, [good], order="alphabet")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_age is"):
        client.plan(path, [good], max_age=float("nan"))
    with pytest.raises(ValueError, match="has no time zone"):
        client.plan(path, [Item(OperationName(good), create_time=datetime(2026, 1, 1))])  # noqa: DTZ001
    assert not path.exists()

    def names() -> Iterator[str]:
        yield good
        raise OSError("no more names")

    with pytest.raises(OSError, match="no more names"):
        client.plan(path, names())
    assert not path.exists()


def test_nothing_to_do(client: Client, emulator: Emulator, path: Path) -> None:
    job = client.plan(path, [])
    report = job.apply()
    assert (len(report), list(report), report.to_dicts(), report.states) == (0, [], [], {})
    assert "0 operations: none" in report._repr_html_()
    report.raise_for_failures()
    assert emulator.audit() == []


def refused(job: Job, emulator: Emulator, **settings: Any) -> errors.CountermandError:
    """Why a job is not applied; and nothing was sent."""
    before = len(emulator.audit())
    with pytest.raises(errors.CountermandError) as caught:
        job.apply(**settings)
    assert len(emulator.audit()) == before
    error = caught.value
    assert error.message == str(error)
    assert error.advice
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    return error


def test_a_job_is_applied_as_it_was_confirmed(
    emulator: Emulator, client: Client, path: Path, tmp_path: Path
) -> None:
    names = [emulator.add() for _ in range(3)]
    job = client.plan(path, names, **FREE)
    for confirm in (None, {emulator.enterprise: 2}, {}, {"enterprises/other": 3}):
        error = refused(job, emulator, confirm=confirm)
        assert type(error) is errors.NotConfirmed
        assert isinstance(error, PermissionError)
        assert error.planned == {emulator.enterprise: 3}
        assert f"this cancels 3 operations of {emulator.enterprise}" in str(error)
    with pytest.raises(errors.InvalidName):
        job.apply(confirm={"enterprise": 3})

    stale = client.plan(tmp_path / "stale.job", names, max_age=0.0)
    time.sleep(0.002)  # until it is older than that
    error = refused(stale, emulator, confirm=stale.enterprises)
    assert type(error) is errors.PlanStale
    assert isinstance(error, ValueError)
    assert error.age > 0
    # Looking again cancels nothing, so nobody is asked.
    stale.apply(recheck=True)
    assert cancels(emulator) == {}

    other = Client(endpoint="http://127.0.0.1:9", token="t").open(path)
    error = refused(other, emulator, confirm=job.enterprises)
    assert type(error) is errors.OtherEndpoint

    path.rename(tmp_path / "moved.job")
    client.plan(path, names[:1])
    error = refused(job, emulator, confirm={emulator.enterprise: 1})
    assert type(error) is errors.OtherPlan

    (tmp_path / "moved.job").replace(path)
    assert job.apply(confirm={emulator.enterprise: 3}).states == {"cancelled": 3}
    # What was begun goes on without being asked, however old it is.
    assert client.open(path).apply().states == {"cancelled": 3}
    assert set(cancels(emulator).values()) == {1}


def test_what_is_wrong_with_a_file(
    emulator: Emulator, client: Client, path: Path, tmp_path: Path
) -> None:
    names = [emulator.add() for _ in range(3)]
    job = client.plan(path, names, **FREE)
    with pytest.raises(FileExistsError) as exists:
        client.plan(path, names)
    assert type(exists.value) is errors.JobExists
    assert exists.value.path == path
    with pytest.raises(errors.JobExists):
        client.rescue(path, emulator.enterprise)
    missing = tmp_path / "missing" / "job"
    with pytest.raises(FileNotFoundError) as caught:
        client.open(missing)
    assert type(caught.value) is errors.JobNotFound
    with pytest.raises(errors.JobNotFound):
        client.plan(missing, names)

    other = tmp_path / "other.job"
    other.write_text("something else")
    with pytest.raises(ValueError, match="not a job file") as strange:
        client.open(other)
    assert type(strange.value) is errors.NotAJob
    with pytest.raises(OSError, match=r"directory|regular") as folder:
        client.open(tmp_path)
    assert type(folder.value) is errors.JobUnreadable

    def changed(*statements: str) -> errors.CountermandError:
        copy = tmp_path / f"copy{len(list(tmp_path.iterdir()))}.job"
        copy.write_bytes(path.read_bytes())
        with sqlite3.connect(copy) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        with pytest.raises(ValueError, match=r"job file .*copy") as caught:
            client.open(copy)
        assert isinstance(caught.value, errors.JobError)
        assert caught.value.path == copy
        assert caught.value.advice
        return caught.value

    edited = changed("DELETE FROM operations WHERE position = 2")
    assert type(edited) is errors.JobEdited
    newer = changed("UPDATE job SET schema = 99", "PRAGMA user_version = 99")
    assert type(newer) is errors.JobTooNew
    assert newer.version == 99
    damaged = bytearray(path.read_bytes())
    at = damaged.index(str(names[1]).encode())
    damaged[at] ^= 1
    (tmp_path / "damaged.job").write_bytes(damaged)
    with pytest.raises(errors.JobDamaged):
        client.open(tmp_path / "damaged.job")

    # The file of a job is looked at anew each time.
    path.write_bytes(damaged)
    assert type(refused(job, emulator, confirm=job.enterprises)) is errors.JobDamaged
    for look in (job.status, job.report, job.estimate):
        with pytest.raises(errors.JobDamaged):
            look()


def test_one_at_a_time(emulator: Emulator, client: Client, path: Path) -> None:
    names = [emulator.add() for _ in range(3)]
    job = client.plan(path, names, **FREE)
    emulator.faults([{"delay_ms": 400, "times": None}])
    seen: list[errors.JobLocked] = []
    standing: list[Any] = []

    def look(progress: Progress) -> None:
        if progress.asked and not seen:
            standing.append(job.status())
            try:
                client.open(path).apply()
            except BlockingIOError as error:
                assert type(error) is errors.JobLocked
                seen.append(error)

    report = job.apply(confirm=job.enterprises, progress=look)
    assert report.states == {"cancelled": 3}
    assert seen[0].holder is not None
    assert f"in use by process {seen[0].holder.pid}" in str(seen[0])
    assert standing[0].states in (
        {"asked": 3},
        {"asked": 1, "unsent": 2},
        {"asked": 2, "unsent": 1},
    )
    assert standing[0].holder == seen[0].holder
    assert standing[0].open == 3
    # A report is of one moment.
    assert job.status().open == 0


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_rescue(fleet: Emulator, path: Path, kind: type[Client | AsyncClient]) -> None:
    settings: dict[str, Any] = {"endpoint": fleet.endpoint, "token": fleet.token}
    pending = {str(name) for name in fleet.operations()}
    wipes = {row["name"] for row in fleet.truth() if row["type"] == "WIPE"} & pending
    progress: list[Progress] = []
    more: dict[str, Any] = {**FREE, "deadline": 3.0, "progress": progress.append, "types": "WIPE"}
    if kind is Client:
        report = Client(**settings).rescue(path, fleet.enterprise, **more)
    else:
        report = asyncio.run(AsyncClient(**settings).rescue(path, [fleet.enterprise], **more))
    assert {str(row.name) for row in report} == wipes == set(cancels(fleet))
    check(report, fleet)
    assert progress[-1].asked == len(wipes)
    job = Client(**settings).open(path)
    assert (job.kind, job.digest) == ("rescue", None)
    assert repr(job) == f"Job({str(path)!r}, kind='rescue', operations={len(wipes)})"
    asked = len(fleet.audit())
    resumed = job.apply()
    for before, after in zip(report, resumed, strict=True):
        assert before.confirmed is None or before == after
    assert cancels(fleet).keys() == wipes
    assert len(fleet.audit()) - asked < len(wipes)


def test_a_rescue_takes_on_no_more_than_it_may(fleet: Emulator, free: Client, path: Path) -> None:
    with pytest.raises(ValueError, match="which enterprises"):
        free.rescue(path, ())
    report = free.rescue(path, fleet.enterprise, at_most=12, deadline=3.0, **FREE)
    assert len(cancels(fleet)) == 12
    assert (len(report), report.states["unsent"]) == (120, 108)


def test_what_is_left_can_be_looked_at_again(
    emulator: Emulator, client: Client, path: Path
) -> None:
    names = [emulator.add("stuck"), emulator.add("vanishes"), emulator.add()]
    job = client.plan(path, names, deadline=1.0, order="input", **FREE)
    states = [row.state for row in job.apply(confirm=job.enterprises)]
    assert states == ["pending", "gone", "cancelled"]
    before = cancels(emulator)
    assert [row.state for row in job.apply(recheck=True)] == states
    assert cancels(emulator) == before
    # The plain way asks the pending one again.
    job.apply()
    assert cancels(emulator) - before == {str(names[0]): 1}


def test_nothing_raises_but_who_wants_to_be_told_is(
    emulator: Emulator, client: Client, path: Path
) -> None:
    names = [
        emulator.add(),
        emulator.add("completes"),
        OperationName(f"{emulator.enterprise}/devices/0/operations/1"),
        emulator.add("stuck"),
        emulator.add("fails", code=9),
        OperationName("enterprises/other/devices/d/operations/1"),
    ]
    job = client.plan(path, names, deadline=1.0, order="input", **FREE)
    report = job.apply(confirm=job.enterprises)
    rows = list(report)
    assert [row.state for row in rows[:5]] == [
        "cancelled",
        "completed",
        "error",
        "pending",
        "failed",
    ]
    assert [row.problem for row in rows[:3]] == [None, None, "not_found"]
    with pytest.raises(ExceptionGroup, match="4 of 6 operations are not known") as caught:
        report.raise_for_failures()
    raised = caught.value.exceptions
    assert [error.operation for error in raised] == [names[1], names[2], names[3], names[5]]  # type: ignore[attr-defined]
    completed, missing, stuck, _ = raised
    assert isinstance(completed, errors.NotCancelled)
    assert (completed.state, completed.maybe_delivered) == ("completed", True)
    assert "look at the device" in completed.advice
    assert isinstance(missing, errors.NotFound)
    assert missing == rows[2].error or vars(missing) == vars(rows[2].error)  # type: ignore[arg-type]
    assert (missing.http_status, missing.device_exists) == (404, False)
    assert missing.attempts == rows[2].attempts
    assert isinstance(stuck, errors.NotCancelled)
    assert "again" in stuck.advice
    for error in raised:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_what_stops_everything_is_in_the_report(
    emulator: Emulator, client: Client, path: Path
) -> None:
    names = [emulator.add() for _ in range(9)]
    job = client.plan(path, names, **FREE)
    emulator.faults([{"fault": "scope-insufficient", "times": None}])
    report = job.apply(confirm=job.enterprises, in_flight=2)
    assert report.states["unsent"] >= 7
    (error,) = {type(row.error) for row in report if row.error is not None}
    assert error is errors.PermissionDenied
    assert job.status().notes
    emulator.faults([])
    assert job.apply().states == {"cancelled": 9}


def test_progress_that_fails_is_told_once(emulator: Emulator, client: Client, path: Path) -> None:
    job = client.plan(path, [emulator.add() for _ in range(5)], **FREE)
    emulator.faults([{"delay_ms": 150, "times": None}])
    with pytest.raises(TypeError, match="progress is None, True or a function"):
        job.apply(progress="yes")  # type: ignore[arg-type]
    with pytest.warns(RuntimeWarning, match="progress raised ZeroDivisionError") as warned:
        report = job.apply(confirm=job.enterprises, progress=lambda _: 1 // 0)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert report.states == {"cancelled": 5}


def test_progress_draws_a_line(
    emulator: Emulator, client: Client, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = client.plan(path, [emulator.add() for _ in range(5)], **FREE)
    job.apply(confirm=job.enterprises, progress=True)
    assert "5/5 cancels sent, 5 finished" in capsys.readouterr().err


def test_a_search_spends_of_the_quota_of_its_job(fleet: Emulator, free: Client, path: Path) -> None:
    job = free.plan(path, enterprises=fleet.enterprise, quota="80/60s", share=1.0)
    # 62 calls are spent: what is left does not do for 120 cancels within this minute.
    assert 50 < job.estimate().last_cancel < 190
    fresh = free.plan(path.with_name("fresh"), fleet.operations()[:20], quota="80/60s", share=1.0)
    assert fresh.estimate().last_cancel < 5


def test_jobs_pickle_and_reports_do_not(emulator: Emulator, tmp_path: Path, path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(emulator.token)
    client = Client(endpoint=emulator.endpoint, token=token)
    job = client.plan(path, [emulator.add()])
    again = pickle.loads(pickle.dumps(job))
    assert repr(again) == repr(job)
    report = again.apply(confirm=again.enterprises)
    assert report.states == {"cancelled": 1}
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(report)
    texted = Client(endpoint=emulator.endpoint, token=emulator.token).open(path)
    with pytest.raises(TypeError, match="hold the token"):
        pickle.dumps(texted)
    assert emulator.token.encode() not in path.read_bytes()


def test_both_clients_and_jobs_have_the_same_methods() -> None:
    from countermand import AsyncFind, AsyncJob, Find

    def shape(cls: type) -> dict[str, Any]:
        found = {}
        for name, member in inspect.getmembers(cls):
            if not name.startswith("_") and callable(member):
                found[name] = [*inspect.signature(member).parameters.values()]
        return found

    for one, other in ((Client, AsyncClient), (Job, AsyncJob), (Find, AsyncFind)):
        ours, theirs = shape(one), shape(other)
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert [(p.name, p.kind, p.default) for p in ours[name]] == [
                (p.name, p.kind, p.default) for p in theirs[name]
            ], name


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_search_that_was_given_up_says_so(emulator: Emulator, client: Client, path: Path) -> None:
    emulator.add()
    find = client.find(enterprises=emulator.enterprise, **FREE)
    find._finder.close()
    with pytest.raises(RuntimeError, match="given up"):
        list(find)
    with pytest.raises(RuntimeError, match="given up"):
        client.plan(path, find)
    assert not path.exists()


def test_a_report_is_saved(fleet: Emulator, free: Client, path: Path, tmp_path: Path) -> None:
    report = free.rescue(path, fleet.enterprise, deadline=3.0, types="WIPE", **FREE)
    report.save(tmp_path / "report.html")
    report.save(tmp_path / "report.csv", format="csv")
    report.save(tmp_path / "report.ndjson", format="ndjson")
    html = (tmp_path / "report.html").read_text("utf-8")
    assert html.startswith("<!")
    assert all(str(row.name) in html for row in report)
    rows = lines((tmp_path / "report.ndjson").read_text("utf-8"))
    assert [row["name"] for row in rows[:-1]] == [str(row.name) for row in report]
    assert rows[-1]["states"] == report.states
    assert len((tmp_path / "report.csv").read_text("utf-8").splitlines()) == len(report) + 1
    with pytest.raises(ValueError, match="no format"):
        report.save(tmp_path / "x", format="pdf")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        report.save(tmp_path / "missing" / "x")
