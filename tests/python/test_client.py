"""Client and AsyncClient: the same methods, the same answers."""

from __future__ import annotations

import asyncio
import copy
import inspect
import time
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, Outcome, Verdict, errors
from countermand.testing import Emulator

from conftest import SilentServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def test_both_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)
    assert inspect.signature(Client) == inspect.signature(AsyncClient)
    for name in methods(Client):
        blocking, awaited = getattr(Client, name), getattr(AsyncClient, name)
        assert inspect.getdoc(blocking) == inspect.getdoc(awaited)
        assert inspect.getdoc(blocking)
        assert not inspect.iscoroutinefunction(blocking)


def test_the_signature_says_what_comes_out() -> None:
    for name in ("countermand_all", "list_operations"):
        blocking, awaited = (
            inspect.signature(getattr(kind, name)).return_annotation
            for kind in (Client, AsyncClient)
        )
        items = awaited.removeprefix("AsyncGenerator[").removesuffix(", None]")
        assert (blocking, awaited) == (f"Iterator[{items}]", f"AsyncGenerator[{items}, None]")
        for kind, shown in ((Client, blocking), (AsyncClient, awaited)):
            assert getattr(kind, name).__annotations__["return"] == shown
    assert inspect.signature(Client.get).return_annotation == "Operation"
    assert Client.get.__annotations__["return"] == "Operation"
    parameters = inspect.signature(Client.countermand_all).parameters
    assert parameters == inspect.signature(AsyncClient.countermand_all).parameters


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_a_client_of_its_own(
    emulator: Emulator, settings: dict[str, Any], copied: Callable[[Any], Any]
) -> None:
    client = Client(**settings, in_flight=7)
    other = copied({"client": client})["client"] if copied is copy.deepcopy else copied(client)
    assert other is not client
    assert (type(other), repr(other), other._settings) == (Client, repr(client), client._settings)
    client.close()
    assert other.countermand(emulator.add()).cancelled


def test_a_method_that_blocks_is_never_suspended(client: Client) -> None:
    class Impatient(Client):
        async def _finish(self, call: Any) -> Any:
            await asyncio.sleep(0)
            return call.wait()

    impatient = Impatient(endpoint=client.endpoint, token="t")
    with pytest.raises(RuntimeError, match="suspended where no event loop"):
        impatient.cancel("enterprises/e/devices/d/operations/o")


@pytest.mark.parametrize(
    ("fate", "verdict"),
    [
        ("cancellable", Verdict.CANCELLED),
        ("completes", Verdict.COMPLETED),
        ("fails", Verdict.FAILED),
        ("vanishes", Verdict.GONE),
    ],
)
def test_verdicts(
    emulator: Emulator, call: Callable[..., Any], fate: Any, verdict: Verdict
) -> None:
    name = emulator.add(fate)
    outcome = call("countermand", name)
    assert outcome.verdict is verdict
    [truth] = [row for row in emulator.truth() if row["name"] == str(name)]
    assert outcome.cancelled == truth["cancelled"]


def test_pending_and_expired(emulator: Emulator, call: Callable[..., Any]) -> None:
    outcome = call("countermand", emulator.add("stuck"), deadline=0.3)
    assert (outcome.verdict, outcome.operation.done) == (Verdict.PENDING, False)
    assert call("countermand", emulator.add("stuck"), client={"deadline": 0.0}).verdict in (
        Verdict.PENDING,
        Verdict.UNVERIFIED,
    )
    old = emulator.add("expires", age_s=3600, duration_s=600)
    assert call("countermand", old).verdict is Verdict.EXPIRED


def test_cancel_only_asks(emulator: Emulator, call: Callable[..., Any]) -> None:
    name = emulator.add("stuck")
    assert call("cancel", str(name)) is None
    assert [row["method"] for row in emulator.audit()] == ["POST"]


def test_get(emulator: Emulator, call: Callable[..., Any]) -> None:
    name = emulator.add(type="LOCK", duration_s=77)
    operation = call("get", str(name))
    assert (operation.name, operation.done, operation.verdict) == (name, False, None)
    assert (operation.command_type, operation.duration) == ("LOCK", 77.0)


def test_list_operations(emulator: Emulator, call: Callable[..., Any]) -> None:
    first = emulator.add()
    names = [first, *(emulator.add(device=first.device) for _ in range(250))]
    operations = call("list_operations", first.device)
    assert sorted(operation.name for operation in operations) == sorted(names)
    assert len(emulator.audit()) == 3


def test_an_endless_list_ends(call: Callable[..., Any]) -> None:
    with Emulator(devices=1, quirks={"repeat_token": True}) as endless:
        device = endless.operations()[0].device
        where = {"endpoint": endless.endpoint}
        with pytest.raises(errors.Malformed, match="repeats a page token"):
            call("list_operations", device, client=where)


def test_closed(emulator: Emulator, settings: dict[str, Any]) -> None:
    with Client(**settings) as client:
        client.cancel(emulator.add())
    for method in (client.cancel, client.get, client.countermand):
        with pytest.raises(RuntimeError, match="the client is closed"):
            method(emulator.add())
    with pytest.raises(RuntimeError, match="the client is closed"):
        next(client.countermand_all([emulator.add()]))


def test_fault_43_cancelling_a_task_drops_its_request(silent: SilentServer) -> None:
    async def run() -> None:
        client = AsyncClient(endpoint=silent.endpoint, token="t")
        name = "enterprises/e/devices/d/operations/o"
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: client.countermand(name),
            lambda: client.get(name),
            lambda: anext(client.countermand_all([name])),
            lambda: anext(client.list_operations("enterprises/e/devices/d")),
        ]
        for number, call in enumerate(calls, 1):
            task = asyncio.ensure_future(call())
            await happens(lambda number=number: silent.requests == number)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await happens(lambda number=number: silent.hung_up == number)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.countermand(name), 0.2)
        await happens(lambda: silent.hung_up == 5)

    async def happens(condition: Callable[..., bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    asyncio.run(run())


def test_many_tasks_share_a_client(emulator: Emulator, settings: dict[str, Any]) -> None:
    async def run(client: AsyncClient) -> list[Outcome]:
        return await asyncio.gather(*(client.countermand(emulator.add()) for _ in range(50)))

    client = AsyncClient(**settings)
    for _ in range(2):  # two event loops
        assert all(outcome.cancelled for outcome in asyncio.run(run(client)))


def test_the_loop_is_free_meanwhile(emulator: Emulator, settings: dict[str, Any]) -> None:
    async def run() -> int:
        emulator.faults([{"delay_ms": 200, "method": "cancel"}])
        turns = 0
        task = asyncio.ensure_future(AsyncClient(**settings).countermand(emulator.add()))
        while not task.done():
            turns += 1
            await asyncio.sleep(0.001)
        assert (await task).cancelled
        return turns

    assert asyncio.run(run()) > 20


def test_a_busy_loop_is_woken_for_many_at_once(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    names = [emulator.add() for _ in range(50)]

    async def run(client: AsyncClient) -> int:
        loop, wakes = asyncio.get_running_loop(), 0
        wake = loop.call_soon_threadsafe

        def counting(*arguments: Any) -> asyncio.Handle:
            nonlocal wakes
            wakes += 1
            return wake(*arguments)

        # Connected, so that all calls are in flight at once.
        await client.get(names[0])
        loop.call_soon_threadsafe = counting  # type: ignore[method-assign]
        tasks = [loop.create_task(client.cancel(name)) for name in names]
        await asyncio.sleep(0)
        deadline = time.monotonic() + 10
        while len(emulator.audit()) < 51 and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 - the loop does nothing else meanwhile
        await asyncio.gather(*tasks)
        return wakes

    assert asyncio.run(run(AsyncClient(**settings))) < 10
