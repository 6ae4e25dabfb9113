"""Client and AsyncClient: the same methods, the same answers."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, Outcome, Verdict, errors
from countermand.testing import Emulator

from conftest import SilentServer, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


@pytest.fixture
def settings(emulator: Emulator) -> dict[str, Any]:
    return {"endpoint": emulator.endpoint, "token": emulator.token}


Call = "Callable[..., Any]"


@pytest.fixture(params=[Client, AsyncClient])
def call(request: pytest.FixtureRequest, settings: dict[str, Any]) -> Callable[..., Any]:
    """Calls a method of either client; what it gives one by one comes as a list."""

    def call(method: str, *args: object, client: dict[str, Any] | None = None, **more: Any) -> Any:
        if request.param is Client:
            with Client(**settings | (client or {})) as plain:
                result = getattr(plain, method)(*args, **more)
                return list(result) if inspect.isgenerator(result) or iterates(result) else result

        async def run() -> Any:
            async with AsyncClient(**settings | (client or {})) as other:
                result = getattr(other, method)(*args, **more)
                if inspect.isasyncgen(result):
                    return [item async for item in result]
                return await result

        return asyncio.run(run())

    return call


def iterates(result: object) -> bool:
    return hasattr(result, "__next__")


def test_both_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


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
        Verdict.UNCONFIRMED,
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


def test_countermand_all(emulator: Emulator, call: Callable[..., Any]) -> None:
    names = [emulator.add() for _ in range(30)]
    unknown = f"{emulator.enterprise}/devices/0/operations/1"
    bad = ["", "enterprises/e/devices/../operations/o", "\udc80"]
    given = [*names[:10], *bad, unknown, *map(str, names[10:])]
    results = call("countermand_all", given, client={"in_flight": 7})
    assert sorted(str(name) for name, _ in results) == sorted(map(str, given))
    by_name = {str(name): result for name, result in results}
    assert all(by_name[str(name)].cancelled for name in names)
    assert isinstance(by_name[unknown], errors.NotFound)
    for text in bad:
        assert isinstance(by_name[text], errors.InvalidName)
    assert {type(name) for name, result in results if isinstance(result, Outcome)} == {
        type(names[0])
    }


@pytest.mark.parametrize("in_flight", [0, 1, 10**9])
def test_any_in_flight(emulator: Emulator, call: Callable[..., Any], in_flight: int) -> None:
    results = call("countermand_all", [emulator.add(), "x"], client={"in_flight": in_flight})
    assert len(results) == 2


def test_countermand_all_of_nothing(emulator: Emulator, call: Callable[..., Any]) -> None:
    assert call("countermand_all", []) == []
    assert emulator.audit() == []


def test_names_that_fail_to_come(emulator: Emulator, settings: dict[str, Any]) -> None:
    names = [emulator.add() for _ in range(5)]

    def broken() -> Iterator[Any]:
        yield from names
        raise OSError("the list is unreadable")

    outcomes = []
    with Client(**settings) as client, pytest.raises(OSError, match="unreadable"):
        for _, outcome in client.countermand_all(broken()):
            outcomes.append(outcome)
    assert len(outcomes) == 5


def test_junk_among_names(emulator: Emulator, settings: dict[str, Any]) -> None:
    names: list[Any] = [emulator.add(), 17]
    outcomes = []
    with Client(**settings) as client, pytest.raises(TypeError, match="not int"):
        for name, _ in client.countermand_all(names):
            outcomes.append(name)
    assert outcomes == names[:1]


def test_a_name_given_twice_comes_out_once(emulator: Emulator, call: Callable[..., Any]) -> None:
    first, second = emulator.add(), emulator.add()
    results = call("countermand_all", [first, str(first), second, first])
    assert sorted(str(name) for name, _ in results) == sorted([str(first), str(second)])
    assert sum(row["method"] == "POST" for row in emulator.audit()) == 2


def test_names_are_pulled_as_there_is_room(emulator: Emulator, settings: dict[str, Any]) -> None:
    pulled = 0

    def names() -> Iterator[Any]:
        nonlocal pulled
        while True:  # a million, or more
            pulled += 1
            yield emulator.add()

    with Client(**settings, in_flight=4) as client:
        results = client.countermand_all(names())
        assert pulled == 0
        for taken in range(1, 20):
            next(results)
            assert pulled <= taken + 3
        results.close()  # type: ignore[attr-defined]

    async def same() -> None:
        nonlocal pulled
        pulled = 0
        async with (
            AsyncClient(**settings, in_flight=4) as client,
            aclosing(client.countermand_all(names())) as results,
        ):
            taken = 0
            async for _ in results:
                taken += 1
                assert pulled <= taken + 3
                if taken == 20:
                    break

    asyncio.run(same())


def test_requests_go_on_while_the_caller_does_something_else(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    names = [emulator.add() for _ in range(10)]
    with Client(**settings, in_flight=10) as client:
        results = client.countermand_all(names)
        next(results)
        until(lambda: len(emulator.operations("cancelled")) == 10)
        assert len(list(results)) == 9


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
