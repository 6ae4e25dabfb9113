"""Searches, and plans of what they find."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from countermand import (
    AsyncClient,
    Client,
    Item,
    OperationName,
    errors,
)
from countermand.testing import Emulator

from conftest import FREE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    assert names(types="unknown:DO_NEW_THINGS") == set()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "where to search"),
        ({"enterprises": "enterprises/../x"}, "expected enterprises/"),
        ({"enterprises": ["e"]}, "expected enterprises/"),
        ({"devices": "enterprises/e"}, "expected enterprises/"),
        ({"enterprises": "enterprises/e", "exclude": ["3f"]}, "expected enterprises/"),
        ({"enterprises": "enterprises/e", "newer_than": -1.0}, "newer_than is"),
        ({"enterprises": "enterprises/e", "types": "WIPEE"}, "did you mean WIPE"),
        ({"enterprises": "enterprises/e", "types": ["unknown:"]}, "followed by a type"),
        ({"enterprises": "enterprises/e", "newer_than": 1.0, "older_than": 2.0}, "contradict"),
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


def test_a_search_that_was_given_up_says_so(emulator: Emulator, client: Client, path: Path) -> None:
    emulator.add()
    find = client.find(enterprises=emulator.enterprise, **FREE)
    find._finder.close()
    with pytest.raises(RuntimeError, match="given up"):
        list(find)
    with pytest.raises(RuntimeError, match="given up"):
        client.plan(path, find)
    assert not path.exists()


def test_a_search_spends_of_the_quota_of_its_job(fleet: Emulator, free: Client, path: Path) -> None:
    job = free.plan(path, enterprises=fleet.enterprise, quota="80/60s", share=1.0)
    # 62 calls are spent: what is left does not do for 120 cancels within this minute.
    assert 50 < job.estimate().last_cancel < 190
    fresh = free.plan(path.with_name("fresh"), fleet.operations()[:20], quota="80/60s", share=1.0)
    assert fresh.estimate().last_cancel < 5


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
