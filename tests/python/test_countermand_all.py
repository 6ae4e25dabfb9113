"""countermand_all: many operations under one quota, cancels first."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import math
import pickle
import threading
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from countermand import AsyncClient, Client, Outcome, Progress, errors, sansio
from countermand.testing import Emulator

from conftest import FREE, SilentServer, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path


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


@pytest.mark.parametrize("in_flight", [1, 10**9])
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


def test_a_value_that_is_no_name_stops_nothing(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    junk: list[Any] = [None, math.nan, 7, True, b"x", {"secret": 1}, "x"]
    names = [emulator.add() for _ in range(4)]
    results = call("countermand_all", [*names[:2], *junk, *names[2:]])
    outcomes = [result for _, result in results if isinstance(result, Outcome)]
    assert sorted(outcome.name for outcome in outcomes) == sorted(names)
    assert all(outcome.cancelled for outcome in outcomes)
    refused = [(given, error) for given, error in results if isinstance(error, errors.InvalidName)]
    assert [given for given, _ in refused] == junk
    assert [error.position for _, error in refused] == [3, 4, 5, 6, 7, 8, 9]
    assert [error.kind for _, error in refused][:-1] == ["not_text"] * 6
    assert all(str(error).startswith(f"name {error.position}: ") for _, error in refused)
    assert [error.input for _, error in refused][:-1] == [
        "None",
        "nan (float)",
        "7 (int)",
        "True (bool)",
        "a value of type bytes",
        "a value of type dict",
    ]
    for _, error in refused:
        assert error.verdict is None
        assert (error.key, error.advice) == ("invalid_name", errors.InvalidName.advice)
        assert pickle.loads(pickle.dumps(error)).position == error.position
        assert error.to_dict()["position"] == error.position


def test_the_lines_of_a_file_are_names(
    emulator: Emulator, call: Callable[..., Any], tmp_path: Path
) -> None:
    names = [emulator.add() for _ in range(3)]
    listed = tmp_path / "names.txt"
    listed.write_text("".join(f"{name}\n" for name in names))
    with listed.open() as lines:
        results = call("countermand_all", lines)
    assert sorted(name for name, _ in results) == sorted(names)


def test_one_name_is_not_taken_for_its_letters(
    emulator: Emulator, call: Callable[..., Any], path: Path
) -> None:
    name = emulator.add()
    for one in (str(name), name, str(name).encode()):
        for method, given in (("countermand_all", [one]), ("plan", [path, one])):
            with pytest.raises(TypeError, match="several names, not one"):
                call(method, *given)
    assert emulator.audit() == []
    assert not path.exists()


def test_what_was_found_is_countermanded_as_it_is(
    emulator: Emulator, settings: dict[str, Any], call: Callable[..., Any]
) -> None:
    names = {emulator.add() for _ in range(6)}
    with Client(**settings) as client:
        find = client.find(enterprises=emulator.enterprise, quota="none")
        found = [*find]
        device = str(found[0].name).partition("/operations/")[0]
        listed = [*client.list_operations(device)]
        assert {name for name, _ in client.countermand_all(find)} == names
    for given in (found, listed, [*found, *listed, *names]):
        results = call("countermand_all", given)
        assert {name for name, _ in results} == {getattr(one, "name", one) for one in given}
        assert all(result.cancelled for _, result in results)


def test_a_name_given_twice_comes_out_once(emulator: Emulator, call: Callable[..., Any]) -> None:
    first, second = emulator.add(), emulator.add()
    results = call("countermand_all", [first, str(first), second, first])
    assert sorted(str(name) for name, _ in results) == sorted([str(first), str(second)])
    assert sum(row["method"] == "POST" for row in emulator.audit()) == 2


def test_requests_go_on_while_the_caller_does_something_else(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    names = [emulator.add() for _ in range(10)]
    with Client(**settings, in_flight=10) as client:
        results = client.countermand_all(names)
        next(results)
        until(lambda: len(emulator.operations("cancelled")) == 10)
        assert len(list(results)) == 9


def asked(emulator: Emulator) -> int:
    return sum(row["method"] == "POST" for row in emulator.audit())


def named(count: int | None = None, enterprise: str = "enterprises/e") -> Iterator[str]:
    """Names on so many devices that the quota of a device does not matter."""
    numbers = itertools.count() if count is None else range(count)
    return (f"{enterprise}/devices/{n // 10}/operations/{n}" for n in numbers)


def test_every_cancel_goes_before_the_first_look(call: Callable[..., Any]) -> None:
    with Emulator(devices=125, pending=20, history=0) as emulator:
        names = emulator.operations()
        # One at a time: requests in flight together may overtake each other.
        where = {"endpoint": emulator.endpoint, "deadline": 0.5}
        results = call("countermand_all", iter(names), client=where, quota="none", in_flight=1)
        methods = [row["method"] for row in emulator.audit()]
        truth = {row["name"]: row["cancelled"] for row in emulator.truth()}
    assert len(results) == len(names) == 2500
    assert methods.index("GET") == 2500
    cancelled = [
        str(name) for name, result in results if isinstance(result, Outcome) and result.cancelled
    ]
    assert len(cancelled) > 1500
    assert all(truth[name] for name in cancelled)


def test_names_are_pulled_as_there_is_room(emulator: Emulator, settings: dict[str, Any]) -> None:
    pulled, ahead = 0, []

    def endless() -> Iterator[str]:
        nonlocal pulled
        for name in named(enterprise=emulator.enterprise):
            pulled += 1
            if pulled % 250 == 0:
                ahead.append(pulled - asked(emulator))
            yield name

    class Enough(BaseException):
        pass

    def held(progress: Progress) -> None:
        if progress.sent == 100 and progress.waiting >= 1000:
            raise Enough

    def check() -> None:
        assert 1000 <= pulled <= 2100
        assert max(ahead) <= 2000

    # Paused: names for which there is no room are not pulled.
    settings |= {"in_flight": 10}
    limits: dict[str, Any] = {"quota": "100/60s", "share": 1.0, "progress": held}
    with Client(**settings) as client:
        results = client.countermand_all(endless(), **limits)
        assert pulled == 0
        with pytest.raises(Enough):
            next(results)
        check()

    async def same() -> None:
        async with AsyncClient(**settings) as client:
            with pytest.raises(Enough):
                await anext(client.countermand_all(endless(), **limits))

    pulled, before = 0, asked(emulator)
    ahead.clear()
    asyncio.run(same())
    assert pulled - 100 <= 2000
    # And running: never much more than was requested.
    pulled, before = 0, asked(emulator)
    ahead.clear()

    def far(progress: Progress) -> None:
        if progress.cancels_sent >= 5000:
            raise Enough

    with Client(**settings) as client, pytest.raises(Enough):
        list(client.countermand_all(endless(), quota="none", progress=far))
    assert len(ahead) >= 20
    assert max(ahead) + before <= 2000


def test_an_endless_iterable_of_what_are_no_names(call: Callable[..., Any]) -> None:
    def bad() -> Iterator[str]:
        for number in itertools.count():
            if number == 2500:
                return
            yield f"no name {number}"

    results = call("countermand_all", bad())
    assert [name for name, _ in results] == [f"no name {number}" for number in range(2500)]


@pytest.mark.parametrize("count", [1, 3])
def test_a_slow_iterable_does_not_hold_up_results(
    emulator: Emulator, settings: dict[str, Any], count: int
) -> None:
    came = threading.Event()

    def slow() -> Iterator[Any]:
        for _ in range(count):
            yield emulator.add()
        deadline = time.monotonic() + 10
        while not came.is_set():  # a name each 10 ms until the first result is there
            assert time.monotonic() < deadline
            time.sleep(0.01)
            yield emulator.add()

    with Client(**settings) as client:
        outcomes = []
        for _, outcome in client.countermand_all(slow()):
            came.set()
            outcomes.append(outcome)
    assert all(isinstance(outcome, Outcome) and outcome.cancelled for outcome in outcomes)
    assert len(outcomes) == len(emulator.operations("cancelled"))


def of(client: AsyncClient, names: Any, **more: Any) -> Any:
    """All results of names that come by `async for`."""

    async def run() -> list[Any]:
        async with client:
            return [item async for item in client.countermand_all(names, **more)]

    return asyncio.run(run())


def test_names_that_come_by_async_for(
    emulator: Emulator, settings: dict[str, Any], path: Path
) -> None:
    given: list[Any] = [emulator.add() for _ in range(1200)]
    given += ["no name", given[0]]

    async def come() -> AsyncIterator[Any]:
        for number, name in enumerate(given):
            if number % 500 == 0:
                await asyncio.sleep(0.001)
            yield name

    results = of(AsyncClient(**settings), come(), quota="none")
    assert sorted(str(name) for name, _ in results) == sorted({*map(str, given)})
    assert sum(isinstance(result, Outcome) and result.cancelled for _, result in results) == 1200
    assert isinstance(dict(results)["no name"], errors.InvalidName)

    async def plan() -> int:
        return len(await AsyncClient(**settings).plan(path, come_good()))

    async def come_good() -> AsyncIterator[Any]:
        async for name in come():
            if name != "no name":
                yield name

    assert asyncio.run(plan()) == 1200
    # A client that blocks has no event loop in which they could come.
    with Client(**settings) as client:
        for use in (client.countermand_all, lambda names: client.plan(path, names)):
            with pytest.raises(TypeError, match="which only an AsyncClient takes"):
                list(use(come()))
        with pytest.raises(TypeError, match=r"\[text async for text in"):
            client.find(devices=come())  # type: ignore[arg-type]


def test_a_search_is_countermanded_while_it_goes_on(fleet: Emulator) -> None:
    pending = {*fleet.operations("pending")}
    client = AsyncClient(endpoint=fleet.endpoint, token=fleet.token)
    results = of(client, client.find(enterprises=fleet.enterprise, **FREE), **FREE)
    assert {name for name, _ in results} == pending


def test_of_names_that_come_by_async_for_few_are_ahead(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    pulled, ahead = 0, []

    async def endless() -> AsyncIterator[str]:
        nonlocal pulled
        for name in named(enterprise=emulator.enterprise):
            pulled += 1
            if pulled % 250 == 0:
                ahead.append(pulled - asked(emulator))
            yield name

    class Enough(BaseException):
        pass

    def far(progress: Progress) -> None:
        if progress.cancels_sent >= 5000:
            raise Enough

    with pytest.raises(Enough):
        of(AsyncClient(**settings), endless(), quota="none", progress=far)
    assert len(ahead) >= 20
    assert max(ahead) <= 2100


def test_a_name_that_does_not_come_does_not_hold_up_results(
    emulator: Emulator, settings: dict[str, Any]
) -> None:
    async def run() -> list[Any]:
        came = asyncio.Event()

        async def slow() -> AsyncIterator[Any]:
            yield emulator.add()
            await asyncio.wait_for(came.wait(), 10)
            yield emulator.add()

        results = []
        async with AsyncClient(**settings) as client:
            async for _, result in client.countermand_all(slow()):
                came.set()
                results.append(result)
        return results

    assert [result.cancelled for result in asyncio.run(run())] == [True, True]


@pytest.mark.parametrize("failure", [OSError("unreadable"), asyncio.CancelledError("unreadable")])
def test_names_that_fail_to_come_by_async_for(
    emulator: Emulator, settings: dict[str, Any], failure: BaseException
) -> None:
    async def broken() -> AsyncIterator[Any]:
        for _ in range(5):
            yield emulator.add()
        raise failure

    async def run() -> list[Any]:
        results = []
        async with AsyncClient(**settings) as client:
            with pytest.raises(type(failure), match="unreadable"):
                async for _, result in client.countermand_all(broken()):
                    results.append(result)
        return results

    assert len(asyncio.run(run())) == 5


def test_leaving_early_ends_the_names(emulator: Emulator, settings: dict[str, Any]) -> None:
    async def run() -> None:
        left = []

        async def endless() -> AsyncIterator[Any]:
            try:
                yield emulator.add()
                await asyncio.Event().wait()
            finally:
                left.append(True)

        async with (
            AsyncClient(**settings) as client,
            aclosing(client.countermand_all(endless())) as results,
        ):
            await anext(results)
            assert not left
        assert left
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_iterators_that_interrupt(emulator: Emulator, call: Callable[..., Any]) -> None:
    def interrupted() -> Iterator[Any]:
        yield emulator.add()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call("countermand_all", interrupted())


def test_after_names_that_fail_to_come_none_is_pulled(
    emulator: Emulator, call: Callable[..., Any]
) -> None:
    class Broken:
        def __init__(self) -> None:
            self.pulled = 0

        def __iter__(self) -> Broken:
            return self

        def __next__(self) -> Any:
            self.pulled += 1
            if self.pulled % 2 == 0:
                raise OSError("unreadable")
            return emulator.add()

    names = Broken()
    with pytest.raises(OSError, match="unreadable"):
        call("countermand_all", names)
    assert (names.pulled, len(emulator.operations("cancelled"))) == (2, 1)
    with pytest.raises(TypeError, match="expected an iterable of names"):
        call("countermand_all", 7)


def test_the_quota_is_kept(call: Callable[..., Any]) -> None:
    with Emulator(devices=30, pending=1, history=0) as emulator:
        names = [row["name"] for row in emulator.truth() if row["fate"] == "cancellable"]
        where = {"endpoint": emulator.endpoint}
        limits = {"quota": "20/0.5s,1000/100s", "share": 0.5}
        results = call("countermand_all", names, client=where, **limits)
        audit = emulator.audit()
    assert len(results) == len(names) > 20
    times = [row["time"] for row in audit]
    assert len(times) == 2 * len(names)
    # Ten in half a second and not one more; arrivals may be closer together than departures were.
    nearest = min(later - earlier for earlier, later in zip(times, times[10:], strict=False))
    assert nearest > 250
    assert times[-1] - times[0] >= (len(times) // 10 - 1) * 500


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        ({"quota": ""}, "is not a quota; expected calls and seconds like 600/60s"),
        ({"quota": "600"}, '"600" is not a quota'),
        ({"quota": "never"}, '"never" is not a quota'),
        ({"quota": "600/60s,x"}, '"600/60s,x" is not a quota'),
        ({"quota": "0/60s"}, "is not a quota"),
        ({"share": 0.0}, "share is 0, expected a number above 0 and up to 1"),
        ({"share": 1.1}, "share is 1.1"),
        ({"share": float("nan")}, "share is nan"),
        ({"quota": "none", "share": -1.0}, "share is -1"),
        ({"deadline": -1.0}, "deadline is -1"),
    ],
)
def test_impossible_limits(
    emulator: Emulator, call: Callable[..., Any], limits: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=r"quota|share|deadline") as caught:
        call("countermand_all", [emulator.add()], **limits)
    assert complaint in str(caught.value)
    if "deadline" not in limits:
        with pytest.raises(ValueError, match=r"quota|share") as caught:
            sansio.Scheduler(seed=1, **limits)
        assert complaint in str(caught.value)
    assert emulator.audit() == []


def test_the_defaults_are_those_of_the_documentation() -> None:
    made = sansio.RateLimiter(), sansio.Scheduler(seed=1).rate_limiter
    for limiter in made:
        assert limiter.windows == [(600, 60.0), (1000, 100.0)]
        # A share of 0.8, also of what one device allows.
        assert limiter.remaining(0.0) == 480
    for function in (Client.countermand_all, AsyncClient.countermand_all, sansio.Scheduler):
        defaults = inspect.signature(function).parameters
        assert defaults["quota"].default is defaults["share"].default is None
    name = "enterprises/e/devices/d/operations/o"
    told = {"deadline": 120.0, "attempt_timeout": 10.0, "backoff": (1.0, 32.0)}
    polled: dict[str, Any] = {**told, "poll_interval": (1.0, 30.0)}
    assert repr(sansio.Cancellation(name)) == repr(sansio.Cancellation(name, **polled))
    other = sansio.Cancellation(name, **polled | {"poll_interval": (1.0, 31.0)})
    assert repr(sansio.Cancellation(name)) != repr(other)


def test_leaving_early_drops_what_is_under_way(silent: SilentServer) -> None:
    client = Client(endpoint=silent.endpoint, token="t")
    names = itertools.chain(["no name"], named(5))
    for name, _ in client.countermand_all(names, in_flight=1):
        assert name == "no name"
        until(lambda: silent.requests == 1)
        break
    until(lambda: silent.hung_up == 1)

    async def same() -> None:
        names = itertools.chain(["no name"], named(5))
        asynchronous = AsyncClient(endpoint=silent.endpoint, token="t")
        async with aclosing(asynchronous.countermand_all(names, in_flight=1)) as results:
            async for _ in results:
                until(lambda: silent.requests == 2)
                break

    asyncio.run(same())
    until(lambda: silent.hung_up == 2)


def test_fault_43_cancelling_a_task_that_waits_for_the_quota(silent: SilentServer) -> None:
    async def run() -> None:
        client = AsyncClient(endpoint=silent.endpoint, token="t")

        async def consume() -> None:
            async for _ in client.countermand_all(named(100), quota="1/60s", share=1.0):
                raise AssertionError("nothing was answered")

        task = asyncio.ensure_future(consume())
        async with asyncio.timeout(10):
            while silent.requests != 1:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while silent.hung_up != 1:
                await asyncio.sleep(0.005)

    asyncio.run(run())
