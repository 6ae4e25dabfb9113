"""The package as a type checker shows it to its users: `mypy --strict` reads this file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, assert_never, assert_type

import duckdb
import pandas as pd
import polars as pl

from countermand import (
    AsyncClient,
    AsyncFind,
    AsyncJob,
    Client,
    CountermandError,
    Estimate,
    Find,
    FoundOperation,
    Job,
    JobProgress,
    JobRow,
    JobStatus,
    LockOwner,
    Operation,
    OperationName,
    Outage,
    Outcome,
    Progress,
    Report,
    SearchProgress,
    State,
    Status,
    Verdict,
    errors,
    job_errors,
)
from countermand.sansio import (
    Accepted,
    Cancellation,
    CircuitClosed,
    CircuitOpened,
    Device,
    Done,
    Event,
    Failing,
    Finished,
    NotSent,
    Pages,
    PastCall,
    Paused,
    RateLimiter,
    Request,
    ResourceClosed,
    Scheduler,
    Send,
    Sending,
    Sent,
    Stopped,
    Ticket,
    Wait,
    build_cancel,
    parse_cancel,
    parse_operation,
    parse_operations,
)
from countermand.testing import Emulator


def token() -> str:
    return "ya29..."


def clients() -> None:
    Client(token="ya29...")
    Client(token=token)
    Client(token=Path("token"), ca_file="ca.pem")
    Client(token=7)  # type: ignore[arg-type]
    Client(token=lambda: ("ya29...", 3600.0), quota_project="acme")
    Client()
    Client("ya29...")  # type: ignore[arg-type]
    with Client(endpoint="http://127.0.0.1:8080", deadline=30) as client:
        assert_type(client, Client)


def calls(client: Client, name: OperationName) -> None:
    assert_type(client.countermand(name), Outcome)
    assert_type(client.countermand(str(name), deadline=5), Outcome)
    assert_type(client.get(name), Operation)
    assert_type(client.list_operations(name.device), Iterator[Operation])
    client.list_operations(17)  # type: ignore[arg-type]
    results = client.countermand_all(operation.name for operation in client.list_operations("d"))
    assert_type(results, Iterator[tuple[OperationName | str, Outcome | CountermandError]])
    for _, result in results:
        if isinstance(result, Outcome):
            assert_type(result.cancelled, bool)
        else:
            assert_type(result, CountermandError)
            assert_type(result.maybe_delivered, bool)


async def asynchronous_calls(name: OperationName) -> None:
    async with AsyncClient(token=token) as client:
        assert_type(await client.countermand(name), Outcome)
        assert_type(await client.get(name), Operation)
        await client.cancel(name)
        assert_type(client.list_operations(name.device), AsyncGenerator[Operation, None])
        async for name_or_text, result in client.countermand_all([name, str(name)]):
            assert_type(name_or_text, OperationName | str)
            assert_type(result, Outcome | CountermandError)


def values(outcome: Outcome, operation: Operation) -> int:
    outcome.verdict = Verdict.CANCELLED  # type: ignore[misc]
    assert_type(outcome.operation, Operation | None)
    assert_type(outcome.error, CountermandError | None)
    assert_type(operation.name < OperationName("x"), bool)
    assert_type(operation.error, Status | None)
    assert_type(operation.create_time, datetime | None)
    assert_type(operation.duration, float | None)
    assert_type(operation.verdict, Verdict | None)
    match outcome.verdict:
        case Verdict.CANCELLED:
            return 0
        case Verdict.COMPLETED | Verdict.FAILED | Verdict.EXPIRED:
            return 3
        case Verdict.PENDING | Verdict.GONE | Verdict.UNVERIFIED:
            return 5
        case _ as never:
            assert_never(never)


def failures(client: Client) -> None:
    try:
        client.cancel("enterprises/e/devices/d/operations/o")
    except errors.InvalidName as error:
        assert_type(error.at, int)
    except errors.TransportError as error:
        assert_type(error.transport, str)
    except errors.Misattributed as error:
        assert_type(error.found, OperationName | None)
    except CountermandError as error:
        assert_type(error.operation, OperationName | None)
        assert_type(error.http_status, int | None)
        assert_type(error.parent_exists, bool | None)


def machine(name: str) -> Outcome:
    step = Cancellation(name, backoff=(0.5, 8.0)).start(0.0, seed=1)
    assert_type(step, Send | Wait | Done)
    while True:
        match step:
            case Send():
                assert_type(
                    step.call,
                    Literal["cancel", "get", "list_operations", "get_parent", "list_parents"],
                )
                assert_type(step.transmit(0.0), Request)
                step.failed(0.0, "broken", "")  # type: ignore[arg-type]
                step = step.response(0.0, 200, [(b"date", b"")], b"{}")
            case Wait():
                assert_type(step.until, float)
                assert_type(step.error, CountermandError | None)
                step = step.resume(step.until)
            case Done():
                return step.result()


def watched(client: Client, names: list[str]) -> None:
    def watch(progress: Progress) -> None:
        assert_type(progress.cancels_sent, int)
        assert_type(progress.quota_wait, float | None)
        assert_type(progress.quota_remaining, int | None)
        assert_type(progress.now, float)
        assert_type(progress.allowed_at, float | None)
        assert_type(progress.requests_per_second, float | None)
        assert_type(progress.outage, Outage | None)
        assert_type(progress.search, SearchProgress | None)
        progress.cancels_sent = 7  # type: ignore[misc]

    client.countermand_all(names, quota=None, share=1, in_flight=7, progress=watch)
    client.countermand_all(names, quota="600/60s", progress=True, deadline=5)
    client.countermand_all(names, journal=lambda events: events.clear())
    client.countermand_all(names, journal=lambda: None)  # type: ignore[misc, arg-type]
    client.countermand_all(names, progress=lambda: None)  # type: ignore[misc, arg-type]
    client.countermand_all(names, quota=600)  # type: ignore[arg-type]
    Client(token="ya29...", max_attempts=None)


def jobs(client: Client, name: OperationName) -> None:
    find = client.find(
        enterprises="enterprises/LC01", types=["WIPE"], newer_than=3600, exclude=name
    )
    assert_type(find, Find)
    assert_type(find.missed, tuple[CountermandError, ...])
    for item in find:
        assert_type(item, FoundOperation)
        assert_type(item.device_seen, datetime | None)
    client.find(enterprise="enterprises/LC01")  # type: ignore[call-arg]
    job = client.plan("wipes.job", find, order="input")
    assert_type(job, Job)
    client.plan(Path("wipes.job"), [item for item in find if item.type == "WIPE"])
    client.plan(Path("wipes.job"), enterprises=["enterprises/LC01"], quota="none")
    client.plan("wipes.job", order="alphabet")  # type: ignore[arg-type]
    assert_type(job.enterprises, Mapping[str, int])
    assert_type(job.digest, str | None)
    assert_type(job.estimate(), Estimate)
    assert_type(job.status(), JobStatus)
    assert_type(job.status().holder, LockOwner | None)
    assert_type(job.status().progress, JobProgress)
    assert_type(job.status().progress.last_cancel_in, float | None)
    assert_type(job.apply(confirm=job.enterprises, progress=True), Report)
    job.apply(job.enterprises)  # type: ignore[call-arg]
    assert_type(client.open("wipes.job").report(), Report)
    assert_type(client.rescue("wipes.job", "enterprises/LC01", at_most=None), Report)


async def asynchronous_jobs(client: AsyncClient) -> None:
    find = client.find(enterprises="enterprises/LC01")
    assert_type(find, AsyncFind)
    async for item in find:
        assert_type(item, FoundOperation)
    job = await client.plan("wipes.job", find)
    assert_type(job, AsyncJob)
    assert_type(await job.apply(recheck=True), Report)
    assert_type(await job.status(), JobStatus)
    assert_type(await (await client.open("wipes.job")).report(), Report)
    assert_type(await client.rescue("wipes.job", ["enterprises/LC01"]), Report)


def table(report: Report) -> None:
    for row in report:
        assert_type(row, JobRow)
        assert_type(row.verdict, Verdict | None)
        assert_type(row.error, CountermandError | None)
        row.state = "cancelled"  # type: ignore[misc]
    assert_type(report.to_dicts(), list[dict[str, object]])
    report.save("report.html")
    report.save("report.csv", format="csv")
    report.save("report.pdf", format="pdf")  # type: ignore[arg-type]
    pl.DataFrame(report)
    pd.DataFrame.from_arrow(report)
    duckdb.from_arrow(report)


def refusals(job: Job) -> None:
    try:
        job.apply()
    except job_errors.NotConfirmed as error:
        assert_type(error.planned, Mapping[str, int])
    except job_errors.JobLocked as error:
        assert_type(error.holder, LockOwner | None)
    except job_errors.JobError as error:
        assert_type(error.path, Path)
    except job_errors.PlanStale as error:
        assert_type(error.age, float)


def scheduler(names: list[OperationName]) -> None:
    scheduler = Scheduler(seed=1, quota="none", in_flight=7)
    assert_type(scheduler.push(names[0], "accepted"), bool)
    scheduler.push(names[1], "begun")  # type: ignore[arg-type]
    while not scheduler.done:
        step = scheduler.next_step(0.0)
        assert_type(step, Ticket | float | None)
        if isinstance(step, Ticket):
            assert_type(step.request, Request)
            assert_type(step.name, OperationName)
            assert_type(step.call, Literal["cancel", "get", "get_parent"])
            step.failed(0.0, "broken", "")  # type: ignore[arg-type]
            step.answer(0.0, 200, [(b"date", b"")], b"{}")
        assert_type(scheduler.events(), list[Event])
    assert_type(scheduler.progress(0.0), Progress)


def lists() -> None:
    pages = Pages("devices", "enterprises/e", deadline=30.0)
    assert_type(pages, Pages[list[Device]])
    step = pages.start(0.0, seed=1)
    assert_type(step, Send[list[Device]] | Wait[list[Device]] | Done[list[Device]])
    if isinstance(step, Done):
        assert_type(step.result(), list[Device])
    assert_type(Pages("operations", "enterprises/e/devices/d"), Pages[list[Operation]])
    Pages("enterprises", "enterprises/e")  # type: ignore[call-overload]


def limiter(scheduler: Scheduler) -> None:
    assert_type(scheduler.rate_limiter, RateLimiter)
    limiter = RateLimiter(quota="5/1s", share=1.0)
    assert_type(limiter.allowed(0.0, "cancel", "enterprises/e/devices/d"), float)
    limiter.record_call(0.0, "delete", "enterprises/e/devices/d")  # type: ignore[arg-type]
    assert_type(limiter.save(0.0), list[PastCall])
    limiter.restore(0.0, limiter.save(0.0))
    limiter.restore(0.0, [[1.0, "get", "enterprises/e/devices/d"]])


def what_happened(event: Event) -> None:
    match event:
        case Sending(name, call) | Sent(name, call, _) | NotSent(name, call, _, _):
            assert_type(name, OperationName)
            assert_type(call, Literal["cancel", "get", "get_parent"])
        case Accepted():
            pass
        case Finished(_, result):
            assert_type(result, Outcome | CountermandError)
        case Paused(until, limit):
            assert_type(until, float)
            assert_type(limit, int | None)
        case Failing(kind, cause):
            assert_type(kind, str)
            assert_type(cause, str)
        case CircuitOpened() | CircuitClosed():
            pass
        case ResourceClosed(text) | Stopped(text):
            assert_type(text, str)
        case _ as never:
            assert_never(never)


def state(operation: Operation) -> None:
    if operation.state is not None:
        assert_type(operation.state, State)
        assert_type(operation.state.word, str)
        assert_type(
            operation.state.meaning,
            Literal["pending", "cancelling", "cancelled", "completed", "failed"],
        )


def codec(name: OperationName) -> None:
    assert_type(build_cancel(name).headers, list[tuple[str, str]])
    parse_cancel(name, 200, {"content-type": "application/json"}, b"{}")
    assert_type(parse_operation(name, 200, {}, b"{}"), Operation)
    assert_type(
        parse_operations("enterprises/e/devices/d", 200, {}, b"{}"),
        tuple[list[Operation], str | None],
    )


def emulator() -> None:
    with Emulator(devices=3, faults=[{"fault": "quota", "times": 2}]) as emulator:
        assert_type(emulator.add("stuck", type="WIPE"), OperationName)
        assert_type(emulator.operations("cancelled"), list[OperationName])
        emulator.add("immortal")  # type: ignore[arg-type]
