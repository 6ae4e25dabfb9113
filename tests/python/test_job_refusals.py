"""Errors of a job file, and refusals to apply it."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from countermand import (
    AsyncClient,
    AsyncJob,
    Client,
    Job,
    Progress,
    errors,
    job_errors,
)
from countermand.testing import Emulator

from conftest import FREE, cancels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def refused(job: Job, emulator: Emulator, **settings: Any) -> errors.CountermandError:
    """The reason why a job is not applied; nothing was sent."""
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
        assert type(error) is job_errors.NotConfirmed
        assert isinstance(error, PermissionError)
        assert error.planned == {emulator.enterprise: 3}
        assert f"has 3 operations of {emulator.enterprise}" in str(error)
    with pytest.raises(errors.InvalidName):
        job.apply(confirm={"devices/enterprise": 3})

    stale = client.plan(tmp_path / "stale.job", names, max_age=0.0)
    time.sleep(0.002)  # until it is older than that
    error = refused(stale, emulator, confirm=stale.enterprises)
    assert type(error) is job_errors.PlanStale
    assert isinstance(error, ValueError)
    assert error.age > 0
    # A recheck cancels nothing, so it needs no confirmation.
    stale.apply(recheck=True)
    assert cancels(emulator) == {}

    other = Client(endpoint="http://127.0.0.1:9", token="t").open(path)
    error = refused(other, emulator, confirm=job.enterprises)
    assert type(error) is job_errors.OtherEndpoint

    path.rename(tmp_path / "moved.job")
    client.plan(path, names[:1])
    error = refused(job, emulator, confirm={emulator.enterprise: 1})
    assert type(error) is job_errors.OtherPlan

    (tmp_path / "moved.job").replace(path)
    assert job.apply(confirm={emulator.enterprise: 3}).states == {"cancelled": 3}
    # A job that was begun goes on, however old it is; only the file says that it was begun.
    again = client.open(path)
    assert type(refused(again, emulator)) is job_errors.NotConfirmed
    assert again.apply(confirm=again.enterprises).states == {"cancelled": 3}
    assert set(cancels(emulator).values()) == {1}


def test_what_is_wrong_with_a_file(
    emulator: Emulator, client: Client, path: Path, tmp_path: Path
) -> None:
    names = [emulator.add() for _ in range(3)]
    job = client.plan(path, names, **FREE)
    with pytest.raises(FileExistsError) as exists:
        client.plan(path, names)
    assert type(exists.value) is job_errors.JobExists
    assert exists.value.path == path
    with pytest.raises(job_errors.JobExists):
        client.rescue(path, emulator.enterprise)
    missing = tmp_path / "missing" / "job"
    with pytest.raises(FileNotFoundError) as caught:
        client.open(missing)
    assert type(caught.value) is job_errors.JobNotFound
    with pytest.raises(job_errors.JobNotFound):
        client.plan(missing, names)

    other = tmp_path / "other.job"
    other.write_text("something else")
    with pytest.raises(ValueError, match="not a job file") as strange:
        client.open(other)
    assert type(strange.value) is job_errors.NotAJob
    with pytest.raises(OSError, match=r"directory|regular") as folder:
        client.open(tmp_path)
    assert type(folder.value) is job_errors.JobUnreadable

    def changed(*statements: str) -> errors.CountermandError:
        copy = tmp_path / f"copy{len(list(tmp_path.iterdir()))}.job"
        copy.write_bytes(path.read_bytes())
        with sqlite3.connect(copy) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        with pytest.raises(ValueError, match=r"job file .*copy") as caught:
            client.open(copy)
        assert isinstance(caught.value, job_errors.JobError)
        assert caught.value.path == copy
        assert caught.value.advice
        return caught.value

    edited = changed("DELETE FROM operations WHERE position = 2")
    assert type(edited) is job_errors.JobEdited
    newer = changed("UPDATE job SET schema = 99", "PRAGMA user_version = 99")
    assert type(newer) is job_errors.JobVersion
    assert newer.version == 99
    earlier = changed("UPDATE job SET schema = 1", "PRAGMA user_version = 1")
    assert type(earlier) is job_errors.JobVersion
    assert (earlier.version, earlier.kind) == (1, "job_version")
    assert "later" not in earlier.advice
    damaged = bytearray(path.read_bytes())
    at = damaged.index(str(names[1]).encode())
    damaged[at] ^= 1
    (tmp_path / "damaged.job").write_bytes(damaged)
    with pytest.raises(job_errors.JobDamaged):
        client.open(tmp_path / "damaged.job")

    # The file of a job is inspected anew each time.
    path.write_bytes(damaged)
    assert type(refused(job, emulator, confirm=job.enterprises)) is job_errors.JobDamaged
    for look in (lambda: job.status(check=True), job.report, job.estimate):
        with pytest.raises(job_errors.JobDamaged):
            look()


def test_one_at_a_time(emulator: Emulator, client: Client, path: Path) -> None:
    names = [emulator.add() for _ in range(3)]
    job = client.plan(path, names, **FREE)
    emulator.faults([{"delay_ms": 400, "times": None}])
    seen: list[job_errors.JobLocked] = []
    standing: list[Any] = []

    def look(progress: Progress) -> None:
        if progress.cancels_sent and not seen:
            standing.append(job.status())
            try:
                again = client.open(path)
                again.apply(confirm=again.enterprises)
            except BlockingIOError as error:
                assert type(error) is job_errors.JobLocked
                seen.append(error)

    report = job.apply(confirm=job.enterprises, progress=look)
    assert report.states == {"cancelled": 3}
    assert seen[0].holder is not None
    assert f"in use by process {seen[0].holder.pid}" in str(seen[0])
    assert standing[0].states in (
        {"unverified": 3},
        {"unverified": 1, "unsent": 2},
        {"unverified": 2, "unsent": 1},
    )
    assert standing[0].holder == seen[0].holder
    assert standing[0].open == 3
    # A report shows one moment.
    assert job.status().open == 0


def exposed(call: Callable[[], object]) -> list[warnings.WarningMessage]:
    """The warnings of a call about other accounts, each of which names the line that called."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    told = [each for each in caught if each.category is job_errors.JobExposed]
    assert {each.filename for each in told} <= {__file__}
    return told


def test_fault_58_other_accounts_that_may_change_a_job_are_warned_of(
    emulator: Emulator, client: Client, path: Path
) -> None:
    made = client.plan(path, [emulator.add()], deadline=3.0, **FREE)

    def each() -> dict[str, Callable[[], object]]:
        """Every way to open the file, by either client."""
        settings: dict[str, Any] = {"endpoint": emulator.endpoint, "token": emulator.token}

        def of(use: Callable[[AsyncJob], Awaitable[object]]) -> Callable[[], object]:
            async def run() -> None:
                async with AsyncClient(**settings) as other:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        job = await other.open(path)
                    await use(job)

            return lambda: asyncio.run(run())

        async def opened() -> None:
            async with AsyncClient(**settings) as other:
                await other.open(path)

        return {
            "open": lambda: client.open(path),
            "status": made.status,
            "report": made.report,
            "estimate": made.estimate,
            "apply": lambda: made.apply(confirm=made.enterprises),
            "async open": lambda: asyncio.run(opened()),
            "async status": of(lambda job: job.status()),
            "async report": of(lambda job: job.report()),
            "async estimate": of(lambda job: job.estimate()),
            "async apply": of(lambda job: job.apply(confirm=job.enterprises)),
        }

    for name, call in each().items():
        assert exposed(call) == [], name
    path.chmod(0o622)
    for name, call in each().items():
        told = exposed(call)
        assert len(told) == 1, name
        assert str(told[0].message).endswith("chmod go-w")
        assert str(path) in str(told[0].message)
    path.chmod(0o600)
    path.parent.chmod(0o777)
    for name, call in each().items():
        told = exposed(call)
        assert [f"may replace files in {path.parent}" in str(one.message) for one in told] == [
            True
        ], name
    assert issubclass(job_errors.JobExposed, UserWarning)
