"""Searches, and plans made from them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from countermand import (
    AsyncClient,
    Client,
    FoundOperation,
    OperationName,
    errors,
    job_errors,
)
from countermand.testing import Emulator

from conftest import FREE, cancels

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
    with pytest.raises(ValueError, match="all that is to be searched is excluded by name"):
        names(exclude=fleet.enterprise)
    assert names(newer_than=0.0) == set()
    assert names(older_than=0.0) >= {str(name) for name in fleet.operations()}
    assert names(older_than=10**8) == set()
    assert names(types="unknown:DO_NEW_THINGS") == set()
    # The emulator ignores it, as a server may.
    assert names(filter="done = false") == truth.keys()
    lists = [row["path"] for row in fleet.audit() if "/operations?" in row["path"]]
    assert sum("&filter=done%20%3D%20false&" in path for path in lists) == len(
        {row["name"].split("/operations")[0] for row in fleet.truth()}
    )
    assert not any("filter" in row["path"] for row in fleet.audit() if "/devices?" in row["path"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "where to search"),
        ({"enterprises": "enterprises/../x"}, "expected enterprises/"),
        ({"enterprises": ["devices/e"]}, "expected enterprises/"),
        ({"devices": "enterprises/e"}, "expected enterprises/"),
        ({"enterprises": "enterprises/e", "exclude": ["3f"]}, "expected enterprises/"),
        ({"enterprises": "enterprises/e", "newer_than": -1.0}, "newer_than is"),
        ({"enterprises": "enterprises/e", "types": "WIPEE"}, "did you mean WIPE"),
        ({"enterprises": "enterprises/e", "types": ["unknown:"]}, "followed by a type"),
        ({"enterprises": "enterprises/e", "newer_than": 1.0, "older_than": 2.0}, "contradict"),
        ({"enterprises": "enterprises/e", "filter": " "}, "a filter of 0 bytes"),
        (
            {"enterprises": "enterprises/e", "filter": "a\nb"},
            "a filter with the character U\\+000A",
        ),
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
def test_fault_64_a_search_takes_names_as_people_paste_them(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    client = Either(kind, endpoint=fleet.endpoint, token=fleet.token)
    # Other operations may end between two searches.
    pending = {
        row["name"]
        for row in fleet.truth()
        if (row["state"], row["fate"]) == ("pending", "cancellable")
    }
    some = OperationName(min(pending))
    of_device = {name for name in pending if name.startswith(some.device + "/")}

    def names(**settings: Any) -> set[str]:
        found: list[FoundOperation] = []
        client.find(found, **{"enterprises": fleet.enterprise, **settings}, **FREE)
        return {str(item.name) for item in found} & pending

    for before, behind in (
        (" ", "\t"),
        (f"{fleet.endpoint}/v1/", ""),
        (f" {fleet.endpoint}/v1/", "?alt=json "),
        ("/v1/", ""),
    ):

        def pasted(name: str, before: str = before, behind: str = behind) -> str:
            return before + name + behind

        assert names(enterprises=pasted(fleet.enterprise)) == pending
        assert names(enterprises=(), devices=pasted(some.device)) == of_device
        assert names(exclude=[pasted(str(some))]) == pending - {str(some)}
        assert names(exclude=pasted(some.device)) == pending - of_device
        with pytest.raises(ValueError, match="all that is to be searched is excluded by name"):
            names(exclude=pasted(fleet.enterprise))
    # Names on another server are refused.
    other = f"http://127.0.0.1:1/v1/{some.device}"
    for settings in ({"exclude": other}, {"devices": other}, {"enterprises": other}):
        with pytest.raises(errors.InvalidName, match="URL of another server"):
            names(**settings)
    # A plan, a rescue and a confirmation take the same spellings.
    job = client.call("plan", path, [str(some)], exclude=f"/v1/{fleet.enterprise}/devices/x")
    report = client.result(job.apply(confirm={f"{fleet.endpoint}/v1/{fleet.enterprise}": 1}))
    assert [str(row.name) for row in report] == [str(some)]
    rescued = path.with_name("rescue")
    exclude = [f" /v1/{name}" for name in fleet.operations() if name != some]
    client.call("rescue", rescued, f" {fleet.enterprise} ", exclude=exclude, deadline=1.0, **FREE)
    assert cancels(fleet).keys() == {str(some)}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_fault_52_lists_that_were_not_asked_for_are_told_and_noted(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    client = Either(kind, endpoint=fleet.endpoint, token=fleet.token)
    # The operations of 6 devices are listed; then the enterprise denies everything.
    denied = {"fault": "forbidden-enterprise", "method": "list", "skip": 6, "times": None}
    fleet.faults([denied])
    found: list[FoundOperation] = []
    words = "3 lists could not be read to their end and 51 not asked for after that"
    with pytest.warns(errors.SearchIncomplete, match=words):
        client.find(found, enterprises=fleet.enterprise, **FREE, in_flight=1)
    assert found
    fleet.faults([denied])
    search: Any = client.client.find(enterprises=fleet.enterprise, **FREE, in_flight=1)
    assert search.not_attempted == 0
    with pytest.warns(errors.SearchIncomplete, match=words):
        job = client.call("plan", path, search, **FREE)
    assert (len(job.missed), search.not_attempted) == (3, 51)
    opened = Client(endpoint=fleet.endpoint, token=fleet.token).open(path)
    notes = opened.status().notes
    assert len([note for note in notes if "51 lists not asked for, after a failure" in note]) == 1
    assert len(opened.report().missed) == 3


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_list_that_cannot_be_read_is_missed_aloud(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    settings: dict[str, Any] = {"endpoint": fleet.endpoint, "token": fleet.token, "max_attempts": 1}
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
    # A reader that opens the file elsewhere gets the warning as well.
    notes = Client(**settings).open(path).status().notes
    assert len([note for note in notes if "not searched to the end" in note]) == 3


def test_a_search_shows_how_far_it_is(fleet: Emulator, free: Client) -> None:
    find = free.find(enterprises=fleet.enterprise, **FREE)
    assert repr(find) == "<Find: 0 operations found, not begun>"
    count = len(list(find))
    assert count > 1
    assert repr(find) == f"<Find: {count} operations found, ended>"
    fleet.faults([{"action": "stall", "times": None}])
    stalled = free.find(enterprises=fleet.enterprise, **FREE)
    assert stalled._finder.next(0)
    assert repr(stalled) == "<Find: 0 operations found, still searching>"
    stalled._finder.close()
    assert repr(stalled) == "<Find: 0 operations found, given up>"


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
    # 62 calls are spent: the rest does not suffice for 120 cancels within this minute.
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
    # A filter by type keeps an operation whose type is unknown.
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
    with pytest.raises(TypeError, match="several names, not one"):
        client.plan(path, good)
    with pytest.raises(errors.InvalidName, match=r"^name 2: 7 \(int\) is no text") as caught:
        client.plan(path, [good, 7])  # type: ignore[list-item]
    assert (caught.value.kind, caught.value.position) == ("not_text", 2)
    with pytest.raises(ValueError, match="not both"):
        client.plan(path, [good], devices="enterprises/e/devices/d")
    with pytest.raises(ValueError, match="no order"):
        client.plan(path, [good], order="alphabet")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_age is"):
        client.plan(path, [good], max_age=float("nan"))
    with pytest.raises(ValueError, match="has no time zone"):
        client.plan(path, [FoundOperation(OperationName(good), create_time=datetime(2026, 1, 1))])  # noqa: DTZ001
    assert not path.exists()

    def names() -> Iterator[str]:
        yield good
        raise OSError("no more names")

    with pytest.raises(OSError, match="no more names"):
        client.plan(path, names())
    assert not path.exists()


class Either:
    """Either client, so that one test serves both."""

    def __init__(self, kind: type[Client | AsyncClient], **settings: Any) -> None:
        self.client = kind(**settings)

    def find(self, found: list[FoundOperation], **settings: Any) -> None:
        find: Any = self.client.find(**settings)

        async def run() -> None:
            async for item in find:
                found.append(item)

        if isinstance(self.client, Client):
            found.extend(find)
        else:
            asyncio.run(run())

    def call(self, method: str, *args: Any, **settings: Any) -> Any:
        return self.result(getattr(self.client, method)(*args, **settings))

    def result(self, result: Any) -> Any:
        return result if isinstance(self.client, Client) else asyncio.run(result)


BOTH = pytest.mark.parametrize("kind", [Client, AsyncClient])


@BOTH
@pytest.mark.parametrize(
    ("token", "enterprise", "error"),
    [
        ("expired", None, errors.Unauthenticated),
        (None, "enterprises/LC0000mistyped", errors.PermissionDenied),
    ],
)
def test_fault_46_a_search_that_is_refused_raises(
    fleet: Emulator,
    path: Path,
    kind: type[Client | AsyncClient],
    token: str | None,
    enterprise: str | None,
    error: type[errors.CountermandError],
) -> None:
    client = Either(kind, endpoint=fleet.endpoint, token=token or fleet.token)
    where = enterprise or fleet.enterprise
    with pytest.raises(error) as caught:
        client.find([], enterprises=where, **FREE)
    assert caught.value.resource == where
    with pytest.raises(error):
        client.call("plan", path, enterprises=where, **FREE)
    assert not path.exists()
    with pytest.raises(error) as caught:
        client.call("rescue", path, where, **FREE, deadline=2.0)
    assert caught.value.resource == where
    [note] = caught.value.__notes__
    assert str(path) in note
    assert "apply(confirm=...)" in note
    # It is no result either after it was resumed.
    job = client.call("open", path)
    with pytest.raises(error):
        client.result(job.apply(confirm={where: 0}))
    assert not cancels(fleet)
    if token:
        good = Client(endpoint=fleet.endpoint, token=fleet.token)
        report = good.open(path).apply(confirm={where: 0})
        assert len(report) > 100
        assert report.missed == ()


@BOTH
def test_fault_46_a_token_that_expires_amid_a_search_raises(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    fault = {"fault": "unauthenticated", "method": "list", "skip": 10, "times": None}
    fleet.faults([fault])
    client = Either(kind, endpoint=fleet.endpoint, token=fleet.token)
    found: list[FoundOperation] = []
    with pytest.raises(errors.Unauthenticated):
        client.find(found, enterprises=fleet.enterprise, **FREE, in_flight=1)
    assert found
    fleet.faults([fault])
    with pytest.raises(errors.Unauthenticated):
        client.call("plan", path, enterprises=fleet.enterprise, **FREE, in_flight=1)
    assert not path.exists()
    fleet.faults([fault])
    with pytest.raises(errors.Unauthenticated):
        client.call("rescue", path, fleet.enterprise, **FREE, in_flight=1)
    assert client.call("open", path).operations > 0


@BOTH
def test_fault_52_a_report_has_what_a_search_missed_and_what_vanished(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    client = Either(kind, endpoint=fleet.endpoint, token=fleet.token)
    fleet.faults(
        [
            {"method": "list", "status": 501, "times": 2},
            {"method": "list", "status": 404, "times": 3},
        ]
    )
    with pytest.warns(errors.SearchIncomplete, match="2 lists could not be read") as warned:
        report = client.call("rescue", path, fleet.enterprise, **FREE, deadline=2.0)
    assert len(warned) == 1
    assert "missing from the report" in str(warned[0].message)
    if kind is Client:
        assert warned[0].filename == __file__
    assert len(report.missed) == 2
    for error in report.missed:
        assert type(error) is errors.Unimplemented
        assert error.resource.startswith(f"{fleet.enterprise}/devices/")
        assert (error.operation, error.http_status, error.key) == (None, 501, "unimplemented")
        assert error.message.startswith(f"operations of {error.resource}: ")
    assert len(report.vanished) == len({*report.vanished}) == 3
    assert not {*report.vanished} & {error.resource for error in report.missed}
    assert repr(report).endswith(" operations, 2 lists missed, 3 devices vanished>")
    assert "2 lists missed; 3 devices vanished" in report._repr_html_()
    with pytest.raises(ExceptionGroup, match="2 lists could not be read") as caught:
        report.raise_for_failures()
    assert caught.group_contains(errors.Unimplemented)
    assert "3 devices were gone when searched" in str(caught.value)
    raised = (one for one in caught.value.exceptions if isinstance(one, job_errors.NotCancelled))
    gone = [one for one in raised if one.operation is None]
    told = {(one.resource, one.state, one.parent_exists) for one in gone}
    assert told == {(device, "gone", False) for device in report.vanished}
    assert all(str(one).startswith(f"{one.resource}: gone: ") for one in gone)
    # The file has it for every reader, and a later run repairs it.
    opened = Client(endpoint=fleet.endpoint, token=fleet.token).open(path)
    assert [str(error) for error in opened.report().missed] == [str(e) for e in report.missed]
    notes = [note for note in opened.status().notes if "not searched to the end" in note]
    assert len(notes) == 2
    again = opened.apply(confirm=opened.enterprises)
    assert again.missed == ()
    assert again.vanished == report.vanished
    with pytest.raises(ExceptionGroup, match="3 devices were gone when searched"):
        again.raise_for_failures()
    assert len(again) > len(report)


@BOTH
def test_fault_52_what_a_search_missed_is_in_the_report_of_its_plan(
    fleet: Emulator, path: Path, kind: type[Client | AsyncClient]
) -> None:
    client = Either(kind, endpoint=fleet.endpoint, token=fleet.token)
    fleet.faults([{"method": "list", "status": 501}])
    with pytest.warns(errors.SearchIncomplete, match=r"1 list could .* from what was found"):
        client.find([], enterprises=fleet.enterprise, **FREE)
    fleet.faults([{"method": "list", "status": 501}])
    with pytest.warns(errors.SearchIncomplete, match="missing from the plan"):
        job = client.call("plan", path, enterprises=fleet.enterprise, **FREE)
    opened = Client(endpoint=fleet.endpoint, token=fleet.token).open(path)
    [error] = opened.report().missed
    assert (str(error), type(error)) == (str(job.missed[0]), errors.Unimplemented)
