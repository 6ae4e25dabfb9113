"""Find, plan, apply, rescue, report: against an emulator that knows the truth."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import pickle
from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest

from countermand import (
    AsyncClient,
    Client,
    FoundOperation,
    Job,
    OperationName,
    Progress,
    Report,
    Verdict,
    errors,
    job_errors,
)
from countermand.job_errors import NothingToPlan
from countermand.testing import Emulator

from conftest import FREE, cancels

if TYPE_CHECKING:
    from pathlib import Path


def check(report: Report, emulator: Emulator) -> None:
    """Compares a report with the truth."""
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
            assert row.cancel_sent_at
            assert row.accepted_at
            assert row.verified_at
            assert row.cancel_sent_at <= row.accepted_at <= row.verified_at
            assert len(row.body_sha256 or "") == 64


def everything(kind: type[Client | AsyncClient], emulator: Emulator, path: Path) -> Any:
    """The whole flow by either client: the search, the job before and after, the report."""
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

    assert all(isinstance(item, FoundOperation) for item in found)
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
    assert progress[-1].cancels_sent == progress[-1].finished == 120
    assert [p.cancels_sent for p in progress] == sorted(p.cancels_sent for p in progress)
    rows = [row.type for row in report]
    assert rows[: rows.count("WIPE")] == ["WIPE"] * rows.count("WIPE"), "the most harm first"
    assert pickle.loads(pickle.dumps(next(iter(report)))) == next(iter(report))
    with pytest.raises(dataclasses.FrozenInstanceError):
        next(iter(report)).state = "cancelled"


def test_nothing_to_do(client: Client, emulator: Emulator, path: Path) -> None:
    with pytest.raises(NothingToPlan, match=r"there is nothing to plan$"):
        client.plan(path, [])
    assert not path.exists()
    report = client.rescue(path, emulator.enterprise, types="ADD_ESIM")
    assert (len(report), list(report), report.to_dicts(), report.states) == (0, [], [], {})
    assert "0 operations: none" in report._repr_html_()
    report.raise_for_failures()
    assert cancels(emulator) == {}


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
    assert progress[-1].cancels_sent == len(wipes)
    job = Client(**settings).open(path)
    assert (job.kind, job.digest) == ("rescue", None)
    assert repr(job) == f"Job({str(path)!r}, kind='rescue', operations={len(wipes)})"
    asked = len(fleet.audit())
    resumed = job.apply(confirm=job.enterprises)
    for before, after in zip(report, resumed, strict=True):
        assert before.verified_at is None or before == after
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
    # A plain run cancels the pending one again.
    job.apply(confirm=job.enterprises)
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
    assert isinstance(completed, job_errors.NotCancelled)
    assert (completed.state, completed.maybe_delivered) == ("completed", True)
    assert "look at the device" in completed.advice
    assert isinstance(missing, errors.NotFound)
    assert missing == rows[2].error or vars(missing) == vars(rows[2].error)  # type: ignore[arg-type]
    assert (missing.http_status, missing.parent_exists) == (404, False)
    assert missing.attempts == rows[2].attempts
    assert isinstance(stuck, job_errors.NotCancelled)
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
    assert job.apply(confirm=job.enterprises).states == {"cancelled": 9}


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
    assert "cancels sent 5/5, verdicts 5/5, " in capsys.readouterr().err


def test_jobs_pickle_and_reports_do_not(emulator: Emulator, tmp_path: Path, path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(emulator.token)
    token.chmod(0o600)
    client = Client(endpoint=emulator.endpoint, token=token)
    job = client.plan(path, [emulator.add()])
    again = pickle.loads(pickle.dumps(job))
    assert repr(again) == repr(job)
    report = again.apply(confirm=again.enterprises)
    assert report.states == {"cancelled": 1}
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(report)
    texted = Client(endpoint=emulator.endpoint, token=emulator.token).open(path)
    with pytest.raises(TypeError, match="would hold"):
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
        report.save(tmp_path / "missing" / "x.csv")


def test_the_estimate_of_a_finished_job_is_zero(
    emulator: Emulator, client: Client, path: Path
) -> None:
    job = client.plan(path, [emulator.add(), emulator.add("completes")], **FREE)
    assert job.estimate().last_verdict > 0
    job.apply(confirm=job.enterprises)
    left = job.estimate()
    assert (left.last_cancel, left.last_verdict) == (0, 0)
