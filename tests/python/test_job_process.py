"""Jobs and what happens to processes: kills, signals, forks, the end of the interpreter."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, job_errors
from countermand.testing import Emulator
from test_process import in_fork, python

from conftest import SilentServer, until

if TYPE_CHECKING:
    from pathlib import Path

APPLY = """
    import signal, sys
    from countermand import Client
    endpoint, token, path = sys.argv[1:4]
    # A job in the background inherits that it ignores the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job = Client(endpoint=endpoint, token=token).open(path)
    try:
        job.apply(confirm=job.enterprises, in_flight=8, progress=lambda _: None)
        print("done", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.stdin.read()
"""


def reached(emulator: Emulator, requests: float) -> bool:
    return len(emulator.audit()) > requests


def asked(emulator: Emulator) -> Counter[str]:
    return Counter(row["path"] for row in emulator.audit() if row["method"] == "POST")


def test_a_job_whose_process_is_killed_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "wipes.job"
    with Emulator(devices=300, pending=1, seed=11) as emulator:
        client = Client(endpoint=emulator.endpoint, token=emulator.token)
        job = client.plan(path, enterprises=emulator.enterprise, quota="none", deadline=4.0)
        total = job.operations
        emulator.faults([{"delay_ms": 10, "times": None}])
        kills, told = 0, 0
        for threshold in (20, 120, 260):
            enough = len(emulator.audit()) + threshold / 4
            with python(APPLY, emulator.endpoint, emulator.token, str(path)) as process:
                until(partial(reached, emulator, enough), 30)
                # A child of ours, and no other process.
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                assert process.returncode == -signal.SIGKILL
            kills += 1
            # The report of a job that was killed is true as far as it goes.
            truth = {row["name"]: row["state"] for row in emulator.truth()}
            rows = list(job.report())
            for row in rows:
                if row.verdict is not None and row.state in ("cancelled", "completed"):
                    assert truth[str(row.name)] == row.state
            sent = asked(emulator)
            for row in rows:
                # Intent before sending.
                if sent[f"/v1/{row.name}:cancel"]:
                    assert row.phase != "unsent"
            known = sum(row.verdict is not None for row in rows)
            assert known >= told
            told = known
        emulator.faults([])
        report = job.apply(confirm=job.enterprises)
        assert len(report) == total
        truth = {row["name"]: row["state"] for row in emulator.truth()}
        for row in report:
            state = truth[str(row.name)]
            if row.state in ("cancelled", "completed"):
                assert state == row.state
            elif state in ("cancelled", "completed"):
                # It ended after its deadline, which may come early on a busy machine.
                assert row.state == "pending"
        settled = sum(row.state in ("cancelled", "completed") for row in report)
        assert settled > 0
        assert set(asked(emulator)) == {f"/v1/{row.name}:cancel" for row in report}
        repeats = sum(times - 1 for times in asked(emulator).values())
        pending = sum(row.state == "pending" for row in report)
        assert repeats <= kills * 8 + pending * 4
        assert job.status().runs == kills + 1


def test_control_c_ends_it_at_once_and_it_goes_on(silent: SilentServer, tmp_path: Path) -> None:
    path = tmp_path / "wipes.job"
    names = [f"enterprises/e/devices/d/operations/{n}" for n in range(20)]
    job = Client(endpoint=silent.endpoint, token="t").plan(path, names, quota="none")
    with python(APPLY, silent.endpoint, "t", str(path)) as process:
        assert process.stdout
        until(lambda: silent.requests == 8)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - began < 0.25
        until(lambda: silent.hung_up >= 1)
        # The process still runs, and has released the file.
        assert job.status().states == {"unverified": 8, "unsent": 12}
        assert silent.requests == 8
        with python(APPLY, silent.endpoint, "t", str(path)) as other:
            assert other.stdout
            until(lambda: silent.requests == 16)
            other.send_signal(signal.SIGINT)
            assert other.stdout.readline() == "interrupted\n"
            other.communicate()
        process.communicate()
        assert process.returncode == 0
    assert job.status().runs == 2
    assert {str(row.name) for row in job.report()} == {*names}


def test_a_task_that_is_cancelled_lets_go_of_the_file(silent: SilentServer, tmp_path: Path) -> None:
    names = [f"enterprises/e/devices/d/operations/{n}" for n in range(5)]

    async def run() -> Any:
        client = AsyncClient(endpoint=silent.endpoint, token="t", in_flight=2)
        job = await client.plan(tmp_path / "wipes.job", names, quota="none")
        for requests in (2, 4):
            task = asyncio.create_task(job.apply(confirm=job.enterprises))
            while silent.requests < requests:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return await job.status()

    status = asyncio.run(run())
    assert (status.runs, status.open) == (2, 5)
    assert status.states["unsent"] == 3


def test_a_search_that_is_given_up_hangs_up(silent: SilentServer) -> None:
    code = """
        import signal, sys
        from countermand import Client
        signal.signal(signal.SIGINT, signal.default_int_handler)
        client = Client(endpoint=sys.argv[1], token="t")
        try:
            client.plan(sys.argv[2], enterprises="enterprises/e", quota="none")
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.stdin.read()
    """
    with python(code, silent.endpoint, "never.job") as process:
        assert process.stdout
        until(lambda: silent.requests == 1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - began < 0.25
        # At once, not when the request's timeout ends.
        until(lambda: silent.hung_up == 1, 5)
        process.communicate()
    assert not os.path.exists("never.job")


def test_a_forked_child_plans_and_applies(emulator: Emulator, tmp_path: Path) -> None:
    client = Client(endpoint=emulator.endpoint, token=emulator.token)
    names = [emulator.add(), emulator.add()]
    job = client.plan(tmp_path / "parent.job", names[:1], quota="none")

    def child() -> bool:
        ours = client.plan(tmp_path / "child.job", names[1:], quota="none")
        done = ours.apply(confirm=ours.enterprises).states == {"cancelled": 1}
        return done and job.apply(confirm=job.enterprises).states == {"cancelled": 1}

    assert in_fork(child)
    assert job.report().states == {"cancelled": 1}


def test_a_child_that_was_forked_from_open_files_leaves_them_alone(
    emulator: Emulator, tmp_path: Path
) -> None:
    client = Client(endpoint=emulator.endpoint, token=emulator.token)
    job = client.plan(tmp_path / "wipes.job", [emulator.add()], quota="none")
    held: list[Any] = [job.report()]
    held.append(held[0].__arrow_c_stream__())

    def refuses(call: Any) -> bool:
        try:
            call()
        except RuntimeError as error:
            return "forked" in str(error)
        return False

    def child() -> bool:
        calls = (
            lambda: next(iter(held[0])),
            lambda: len(held[0]),
            lambda: held[0].states,
            job.status,
            job.report,
            job.apply,
        )
        told = all(refuses(call) for call in calls)
        held.clear()  # collected in the child, where they must not close the parent's file
        return told

    assert in_fork(child)
    assert len(held[0]) == 1
    held.clear()
    assert job.apply(confirm=job.enterprises).states == {"cancelled": 1}
    # No job is open any more, so that a child may open one.
    assert in_fork(lambda: job.status().open == 0)


ENDINGS = {
    "a thread applies": """
        job = Client(endpoint=sys.argv[1], token="t").open(sys.argv[2])
        threading.Thread(
            target=lambda: job.apply(confirm=job.enterprises), daemon=True
        ).start()
    """,
    "a task applies and is abandoned": """
        async def main():
            client = AsyncClient(endpoint=sys.argv[1], token="t")
            job = await client.open(sys.argv[2])
            global task
            task = asyncio.create_task(job.apply(confirm=job.enterprises))
            await asyncio.to_thread(sys.stdin.readline)
            os._exit(0)
        asyncio.run(main())
    """,
    "a search goes on": """
        find = Client(endpoint=sys.argv[1], token="t").find(enterprises="enterprises/e")
        threading.Thread(target=lambda: list(find), daemon=True).start()
    """,
}


@pytest.mark.parametrize("code", ENDINGS.values(), ids=ENDINGS)
def test_the_interpreter_ends_amid_it(silent: SilentServer, code: str, tmp_path: Path) -> None:
    path = tmp_path / "wipes.job"
    names = [f"enterprises/e/devices/d/operations/{n}" for n in range(5)]
    job = Client(endpoint=silent.endpoint, token="t").plan(path, names, quota="none")
    head = """
        import asyncio, os, sys, threading
        from countermand import AsyncClient, Client
    """
    text = "\n".join(line.removeprefix("        ") for line in (head + code).splitlines())
    with python(text + "\nsys.stdin.readline()\n", silent.endpoint, str(path)) as process:
        until(lambda: silent.requests >= 1)
        _, stderr = process.communicate("\n", timeout=20)
        assert process.returncode == 0, stderr
        for word in ("panicked", "Fatal", "Segmentation"):
            assert word not in stderr
    assert job.status().operations == 5


def test_a_full_disk_is_told_and_the_rescue_goes_on(emulator: Emulator, tmp_path: Path) -> None:
    names = [emulator.add() for _ in range(40)]
    client = Client(endpoint=emulator.endpoint, token=emulator.token)
    path = tmp_path / "wipes.job"
    job = client.plan(path, names, quota="none")
    code = f"""
        import resource, signal, sys
        from countermand import Client, job_errors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        # No file of this process may grow any more.
        resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size}, resource.RLIM_INFINITY))
        job = Client(endpoint=sys.argv[1], token=sys.argv[2]).open(sys.argv[3])
        try:
            job.apply(confirm=job.enterprises)
        except job_errors.JobUnreadable as error:
            print(type(error).__name__, isinstance(error, OSError))
    """
    with python(code, emulator.endpoint, emulator.token, str(path)) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert stdout == "JobUnreadable True\n", stderr
    # The next run repairs it, whatever was sent.
    report = job.apply(confirm=job.enterprises)
    assert report.states == {"cancelled": 40}


def test_the_memory_of_a_search_is_not_shared_with_a_child(silent: SilentServer) -> None:
    find = Client(endpoint=silent.endpoint, token="t").find(enterprises="enterprises/e")

    def child() -> bool:
        try:
            next(iter(find))
        except RuntimeError as error:
            return "forked" in str(error)
        return False

    assert in_fork(child)


@pytest.mark.parametrize("killed", [False, True])
def test_a_plan_that_the_disk_does_not_take_is_none(
    silent: SilentServer, tmp_path: Path, killed: bool
) -> None:
    code = """
        import resource, signal, sys
        from countermand import Client, job_errors
        # Python ignores it, so that writing fails; else it ends the process at once.
        if sys.argv[3] == "killed":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        client = Client(endpoint=sys.argv[1], token="t")
        try:
            names = (f"enterprises/e/devices/{n}/operations/1" for n in range(9999))
            client.plan(sys.argv[2], names)
        except job_errors.JobUnreadable as error:
            print(error.path)
    """
    path = tmp_path / "wipes.job"
    with python(code, silent.endpoint, str(path), "killed" if killed else "told") as process:
        stdout, stderr = process.communicate(timeout=60)
    if not killed:
        assert stdout == f"{path}\n", stderr
        assert not path.exists()
        return
    assert process.returncode == -signal.SIGXFSZ
    client = Client(endpoint=silent.endpoint, token="t")
    with pytest.raises(ValueError, match="never finished") as caught:
        client.open(path)
    assert type(caught.value) is job_errors.JobIncomplete
