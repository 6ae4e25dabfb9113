"""Services other than the Android Management API."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import countermand
from countermand import (
    AsyncClient,
    Client,
    CountermandError,
    Operation,
    OperationName,
    Service,
    State,
    Verdict,
    job_errors,
    services,
)
from countermand.errors import (
    CredentialsError,
    FailedPrecondition,
    InvalidName,
    Malformed,
    Misattributed,
)
from countermand.job_errors import NotConfirmed, OtherEndpoint
from countermand.sansio import (
    Cancellation,
    Done,
    Pages,
    RateLimiter,
    Request,
    Scheduler,
    Send,
    Ticket,
    build_cancel,
    build_get,
    build_get_device,
    build_list_operations,
    parse_cancel,
    parse_operation,
    parse_operations,
)
from countermand.testing import Emulator

from conftest import cases

RELATIVE = "projects/p/locations/us/operations/7"
FULL = f"//documentai.googleapis.com/{RELATIVE}"
ANDROID = "enterprises/LC01/devices/3f/operations/17"


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that cancels every operation; ``asked`` has its requests."""
    cancelled: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, value: object) -> None:
            self.server.asked.append((self.command, self.path))  # type: ignore[attr-defined]  # added below
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            cancelled.add(self.path.removesuffix(":cancel"))
            self.answer({})

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            name = path.split("/", 2)[2]
            if name.endswith("/operations"):
                self.answer({"operations": [{"name": f"{name}/1", "done": False}]})
                return
            metadata = {
                "@type": "type.googleapis.com/google.cloud.batch.v1.OperationMetadata",
                "createTime": "2026-11-28T10:00:00Z",
                "requestedCancellation": path in cancelled,
            }
            operation: dict[str, Any] = {"name": name, "metadata": metadata, "done": False}
            if path in cancelled:
                operation |= {"done": True, "error": {"code": 1, "message": "cancelled"}}
            self.answer(operation)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []  # type: ignore[attr-defined]  # a field of its own
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def client(server: Any, service: str | Service | None, **settings: Any) -> Client:
    endpoint = f"http://127.0.0.1:{server.server_port}"
    return Client(service=service, endpoint=endpoint, token="t", **settings)


def test_the_table_is_told() -> None:
    table = services()
    ids = [service.id for service in table]
    assert ids == sorted(ids)
    assert len(set(ids)) == 190
    found = {service.id: service for service in table}
    document_ai = found["documentai.v1"]
    assert document_ai.title == "Cloud Document AI API"
    assert document_ai.host == "documentai.googleapis.com"
    assert document_ai.scope == "https://www.googleapis.com/auth/cloud-platform"
    names = "projects/{project}/locations/{location}/operations/{operation}"
    assert document_ai.patterns == ((names, True, True, True),)
    assert document_ai.has_get
    assert document_ai.has_list
    assert document_ai.create_time_paths == ("createTime", "commonMetadata.createTime")
    builds = found["cloudbuild.v1"]
    assert builds.has_get
    assert not builds.has_list
    assert builds.cancel_asked_paths == ("cancelRequested",)
    android = found["androidmanagement.v1"]
    assert android.patterns[0].pattern.startswith("enterprises/{enterprise}/devices/")
    assert android.create_time_paths == ("createTime",)
    assert sorted(it.id for it in table if not it.scope) == [
        "checks.v1alpha",
        "chromemanagement.v1",
        "webrisk.v1",
    ]
    with pytest.raises(AttributeError):
        android.id = "x"  # type: ignore[misc]  # refused
    assert pickle.loads(pickle.dumps(document_ai)) == document_ai
    assert hash(document_ai)


@pytest.mark.parametrize("service", ["batch.v1", "batch"])
def test_each_call_is_of_the_service(server: Any, service: str) -> None:
    name = "projects/p/locations/us-central1/operations/7"
    full = f"//batch.googleapis.com/{name}"
    with client(server, service) as calls:
        assert calls.service == "batch.v1"
        assert calls.endpoint.endswith("/v1")
        assert not calls.get(name).cancel_asked
        outcome = calls.countermand(f" {calls.endpoint}/{name}:cancel ")
        assert outcome.verdict is Verdict.CANCELLED
        assert outcome.name == full
        assert isinstance(outcome.name, OperationName)
        operation = outcome.operation
        assert operation is not None
        assert operation.cancel_asked
        assert operation.command_type == "OperationMetadata"
        assert operation.to_dict()["metadata"]["cancelAsked"] is True
        assert operation.create_time is not None
        assert operation.create_time.hour == 10
        calls.cancel(full)
        listed = [*calls.list_operations(outcome.name.parent)]
        assert [it.name.relative for it in listed] == [
            "projects/p/locations/us-central1/operations/1"
        ]
        results = dict(calls.countermand_all([name, full, listed[0], ANDROID]))
    assert [type(result).__name__ for result in results.values()].count("Outcome") == 2
    assert isinstance(results[ANDROID], InvalidName)
    assert {path.split("/")[1] for _, path in server.asked} == {"v1"}
    # Not those of the Android Management API.
    assert dict(server.asked)["GET"].endswith("?fields=name,done,error,metadata")


def test_an_async_client_likewise(server: Any) -> None:
    async def calls() -> list[Verdict]:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        async with AsyncClient(service="dataproc.v1", endpoint=endpoint, token="t") as client:
            name = "projects/p/regions/us-central1/operations/1"
            outcome = await client.countermand(name)
            listed = [it async for it in client.list_operations("projects/p/regions/r")]
            both = [result async for _, result in client.countermand_all(listed)]
            return [it.verdict for it in (outcome, *both)]  # type: ignore[union-attr]  # no errors here

    assert asyncio.run(calls()) == [Verdict.CANCELLED, Verdict.CANCELLED]


def test_a_service_is_given_as_it_was_told(server: Any) -> None:
    (found,) = (service for service in services() if service.id == "translate.v3beta1")
    with client(server, found) as calls, calls.with_options(deadline=5) as other:
        assert calls.service == other.service == "translate.v3beta1"
        assert calls.endpoint.endswith("/v3beta1")
        assert repr(calls).startswith("Client(service='translate.v3beta1', endpoint='http://")


def test_settings_with_a_service_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERMAND_TOKEN", "t")
    monkeypatch.setenv("COUNTERMAND_ENDPOINT", "http://127.0.0.1:1")
    calls = pickle.loads(pickle.dumps(Client(service="spanner.v1")))
    assert calls.service == "spanner.v1"
    assert calls.endpoint == "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    "make", [Client, AsyncClient, lambda **it: Scheduler(seed=1, service=it["service"])]
)
def test_an_unknown_service_is_told_with_the_nearest(make: Callable[..., object]) -> None:
    with pytest.raises(
        ValueError, match='no service is named "documentay"; the nearest are documentai'
    ):
        make(service="documentay", token="t")
    with pytest.raises(TypeError, match="service is of type int, expected a str"):
        make(service=7, token="t")


OF_ANOTHER = r'is a name of another service; .* the service {0}: .* \(service="{0}"\)$'


@pytest.mark.parametrize(
    ("service", "name", "of"),
    [
        (None, FULL, "documentai.v1"),
        (None, OperationName(RELATIVE, service="translate.v3beta1"), "translate.v3beta1"),
        (None, f"https://documentai.googleapis.com/v1/{RELATIVE}", "documentai.v1"),
        (
            None,
            f"https://us-documentai.googleapis.com/v1beta3/{RELATIVE}:cancel",
            "documentai.v1beta3",
        ),
        ("spanner.v1", FULL, "documentai.v1"),
        ("spanner.v1", OperationName(ANDROID), None),
        ("translate.v3", OperationName(RELATIVE, service="translate.v3beta1"), "translate.v3beta1"),
        ("documentai.v1", Operation.from_json(f'{{"name":"{ANDROID}"}}'), "androidmanagement.v1"),
    ],
)
def test_a_name_of_another_service_is_refused_before_anything_is_sent(
    server: Any, service: str | None, name: Any, of: str | None
) -> None:
    message = OF_ANOTHER.format(of) if of else "does not begin with `projects/`"
    with client(server, service) as calls:
        if isinstance(name, str):
            for call in (calls.cancel, calls.get, calls.countermand):
                with pytest.raises(InvalidName, match=message) as caught:
                    call(name)
                assert (caught.value.kind == "other_service") is (of is not None)
        ((given, error),) = calls.countermand_all([name])
        assert given == name
        assert isinstance(error, InvalidName)
        assert re.search(message, str(error))
    assert server.asked == []


def test_a_url_of_a_host_that_serves_the_service_is_a_name() -> None:
    with Client(service="documentai.v1", token="t") as calls:
        for host in (
            "documentai.googleapis.com",
            "documentai.mtls.googleapis.com",
            "documentai.us.rep.googleapis.com",
        ):
            url = f"https://{host}/v1/projects/p/locations/us/operations/7/extra"
            with pytest.raises(InvalidName, match="goes on after the name is complete"):
                calls.cancel(url)
        with pytest.raises(InvalidName, match="another server"):
            calls.cancel(f"https://documentai.mars.rep.googleapis.com/v1/{RELATIVE}")


def test_a_method_that_a_service_does_not_have_is_refused_before_anything_is_sent(
    server: Any,
) -> None:
    with client(server, "cloudbuild.v1") as calls:
        with pytest.raises(
            InvalidName,
            match=r"Cloud Build API has no method that lists the operations of projects/p",
        ) as caught:
            calls.list_operations("projects/p/locations/us")
        assert caught.value.kind == "no_method"
    with client(server, "texttospeech.v1") as calls:
        with pytest.raises(
            InvalidName, match="Cloud Text-to-Speech API has no method that shows operations/7"
        ) as caught:
            calls.get("operations/7")
        # The name is right: another one is no remedy.
        assert caught.value.advice == (
            "nothing was sent: the service has no such method for this name"
        )
        assert server.asked == []
        outcome = calls.countermand("operations/7")
        assert outcome.verdict is Verdict.UNVERIFIED
    assert server.asked == [("POST", "/v1/operations/7:cancel")]


@pytest.mark.parametrize(
    ("service", "parent", "more", "words"),
    [
        (
            "dataplex.v1",
            "projects/p/locations/l/lakes/a/tasks/t/jobs",
            {"filter": "state=RUNNING"},
            "takes no filter",
        ),
        ("dataproc.v1", "projects/p/regions/r/jobs", {"older_than": 1.0}, "does not tell when"),
        ("dataproc.v1", "projects/p/regions/r/jobs", {"types": "x"}, "tells no type"),
        ("cloudshell.v1", "//cloudshell.googleapis.com", {"newer_than": 1.0}, "does not tell when"),
    ],
)
def test_what_names_cannot_answer_is_refused_before_anything_is_sent(
    server: Any, tmp_path: Path, service: str, parent: str, more: dict[str, Any], words: str
) -> None:
    with client(server, service) as calls:
        for call in (
            calls.find,
            partial(calls.plan, tmp_path / "a"),
            partial(calls.rescue, tmp_path / "a"),
        ):
            with pytest.raises(ValueError, match=words):
                call(parents=parent, **more)
        if "filter" not in more and service == "dataproc.v1":
            name = f"{parent}/j"
            with pytest.raises(ValueError, match=words):
                calls.plan(tmp_path / "a", [name], **more)
    assert server.asked == []
    assert not (tmp_path / "a").exists()


def test_searches_and_jobs_are_of_one_service(server: Any, tmp_path: Path) -> None:
    job = tmp_path / "a.job"
    with client(server, "documentai.v1") as calls:
        for call in (
            lambda: calls.find(enterprises="p"),
            lambda: calls.rescue(job, "projects/p"),
        ):
            with pytest.raises(InvalidName, match="operations are listed by location") as caught:
                call()
            assert caught.value.kind == "no_method"
        for call in (
            lambda: calls.plan(job, [ANDROID]),
            lambda: calls.find(parents="enterprises/e/devices/d"),
        ):
            with pytest.raises(InvalidName, match="does not begin with `projects/`"):
                call()
        assert not job.exists()
        with client(server, None) as other:
            other.plan(job, [ANDROID])
        with pytest.raises(
            OtherEndpoint, match=r"the job is for the service androidmanagement\.v1"
        ):
            calls.open(job).apply(confirm={"p": 1})
    with (
        client(server, "cloudbuild.v1") as calls,
        pytest.raises(InvalidName, match="no method that lists"),
    ):
        calls.find(parents="projects/p/locations/us")
    with (
        client(server, "cloudshell.v1") as calls,
        pytest.raises(ValueError, match="does not tell when it was created"),
    ):
        calls.find(parents="//cloudshell.googleapis.com", newer_than="2h")
    assert server.asked == []


LOCATION = "projects/p/locations/us"


@pytest.fixture
def document_ai() -> Iterator[Emulator]:
    """Ten operations: eight can be cancelled, two vanish."""
    with Emulator(service="documentai.v1", devices=0) as emulator:
        for fate in ("cancellable",) * 8 + ("vanishes",) * 2:
            emulator.add(fate, device=LOCATION)  # type: ignore[arg-type]  # a word of the type
        yield emulator


def of(emulator: Emulator) -> Client:
    return Client(service="documentai.v1", endpoint=emulator.endpoint, token=emulator.token)


def test_operations_of_another_service_are_found_planned_and_applied(
    document_ai: Emulator, tmp_path: Path
) -> None:
    with of(document_ai) as calls:
        found = [*calls.find(parents=LOCATION)]
        assert len(found) == 10
        assert {item.name.parent for item in found} == {f"//documentai.googleapis.com/{LOCATION}"}
        assert all(item.create_time for item in found)
        (kind,) = {item.type for item in found}
        assert kind is not None
        assert [*calls.find(parents=LOCATION, types="Other")] == []
        sought = calls.find(parents=LOCATION, filter="done=false", newer_than="2h")
        with pytest.raises(ValueError, match="filter is for the lists of a search"):
            calls.plan(tmp_path / "none.job", sought, filter="done=false")
        with pytest.raises(ValueError, match="filter is for the lists of a search"):
            calls.plan(tmp_path / "none.job", [item.name for item in found], filter="done=false")
        calls.plan(tmp_path / "sought.job", sought)
        with sqlite3.connect(tmp_path / "sought.job") as connection:
            ((text,),) = connection.execute("SELECT text FROM settings")
        recorded = json.loads(text)["filter"]
        assert (recorded["server_side"], recorded["newer_than"]) == ("done=false", "7200s")
        path = tmp_path / "batch.job"
        job = calls.plan(path, parents=f"//documentai.googleapis.com/{LOCATION}", types=kind)
        project = "//documentai.googleapis.com/projects/p"
        assert job.enterprises == {project: 10}
        assert {row["method"] for row in document_ai.audit()} == {"GET"}
        with pytest.raises(NotConfirmed, match="10 operations of //documentai"):
            job.apply(confirm={"projects/p": 9})
        report = job.apply(confirm={"projects/p": 10})
        assert report.states["cancelled"] == 8
        assert job.status().open == 0
        for row in report:
            assert row.name.service == "documentai.v1"
            assert row.parent == f"//documentai.googleapis.com/{LOCATION}"
            assert row.service == "documentai.v1"
            assert row.device is row.enterprise is None
        # Again, by another client, from the file.
        again = calls.open(path)
        assert again.report().states["cancelled"] == 8
        assert len(again.apply(confirm={"p": 10})) == 10
    with (
        Client(service="translate", endpoint=document_ai.endpoint, token="t") as other,
        pytest.raises(OtherEndpoint, match=r"the service documentai\.v1, and this run is for"),
    ):
        other.open(path).apply(confirm={"projects/p": 10})


def test_a_list_takes_a_filter_of_the_server(document_ai: Emulator, server: Any) -> None:
    with of(document_ai) as calls:
        assert len([*calls.list_operations(LOCATION, filter="done = false")]) == 10
        (path,) = {row["path"] for row in document_ai.audit()}
        assert "filter=done" in path
        with pytest.raises(ValueError, match="filter: a filter of 0 bytes"):
            calls.list_operations(LOCATION, filter="")
    with client(server, "dataplex.v1") as calls:
        parent = "projects/p/locations/l/lakes/a/tasks/t/jobs"
        with pytest.raises(ValueError, match="takes no filter"):
            calls.list_operations(parent, filter="state=RUNNING")
    assert server.asked == []


def test_a_search_tells_the_lists_that_it_does_not_read(tmp_path: Path) -> None:
    instance = "projects/p/instances/i"
    pattern = "projects/{project}/instances/{instance}"
    expected = tuple(
        f"{pattern}/{below}/operations/{{operation}}"
        for below in (
            "backups/{backup}",
            "databases/{database}",
            "instancePartitions/{instancePartition}",
        )
    )
    with Emulator(service="spanner.v1", devices=0) as emulator:
        emulator.add("cancellable", device=instance)
        emulator.add("cancellable", device=f"{instance}/databases/d")
        client = Client(service="spanner.v1", endpoint=emulator.endpoint, token=emulator.token)
        with client as calls:
            search = calls.find(parents=instance)
            assert search.not_searched == expected, "before anything is sent"
            assert emulator.audit() == []
            assert len([*search]) == 1
            job = calls.plan(tmp_path / "spanner.job", search)
            assert job.not_searched == calls.open(job.path).not_searched == expected
            assert tuple(job.status().to_dict()["not_searched"]) == expected
            assert calls.find(parents=f"{instance}/databases/d").not_searched == ()
            report = calls.rescue(tmp_path / "rescue.job", parents=instance)
            assert calls.open(report.path).not_searched == expected


def test_a_rescue_of_another_service_searches_its_parents(
    document_ai: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "rescue.job"
    with of(document_ai) as calls:
        with pytest.raises(ValueError, match="say which enterprises, or which parents"):
            calls.rescue(path)
        report = calls.rescue(path, parents=LOCATION)
        assert report.states["cancelled"] == 8
        job = calls.open(path)
        assert job.kind == "rescue"
        assert len(job.apply(confirm=job.enterprises)) == 10


NUMBER = "123456789012"


@pytest.mark.parametrize(
    "keep", ["", "/locations/us", "/locations/us/operations/A0", "/locations/us/operations/A1"]
)
@pytest.mark.parametrize("of_search", [True, False])
def test_what_may_be_excluded_by_the_number_of_its_project_is_not_cancelled(
    document_ai: Emulator, tmp_path: Path, keep: str, of_search: bool
) -> None:
    """A server writes the number where the caller has an id; no name tells which is which."""
    name = document_ai.add("cancellable", device=LOCATION, id="A0", quirks={"project_number": True})
    path = tmp_path / "rescue.job"
    numbered = f"projects/{NUMBER}{keep}"
    with of(document_ai) as calls:
        found: Any = calls.find(parents=LOCATION)
        assert name in {item.name for item in found}, "mapped to the name that was asked for"
        told = len(document_ai.audit())

        def excluded(exclude: str) -> Any:
            if of_search:
                return calls.rescue(path, parents=LOCATION, exclude=exclude)
            return calls.plan(path, [name], exclude=exclude)

        if keep.endswith("A1") and not of_search:
            assert excluded(numbered).operations == 1
            return
        with pytest.raises(ValueError, match=f"exclude: .*{NUMBER}.* by its number and the other"):
            excluded(numbered)
        assert not path.exists()
        assert len(document_ai.audit()) == told
        if keep.endswith("A0"):
            by_id = numbered.replace(NUMBER, "p")
            if of_search:
                assert str(name) not in {str(row.name) for row in excluded(by_id)}
            else:
                with pytest.raises(job_errors.NothingToPlan, match="1 excluded by name"):
                    excluded(by_id)
            assert name in document_ai.operations("pending")


def test_one_operation_in_two_spellings_is_not_planned_twice(
    document_ai: Emulator, tmp_path: Path
) -> None:
    names = [RELATIVE, RELATIVE.replace("projects/p/", f"projects/{NUMBER}/")]
    other = names[1].replace("operations/7", "operations/8")
    with of(document_ai) as calls:
        for order in (names, [*reversed(names)], [other, *names]):
            with pytest.raises(job_errors.SameProject, match="may be of one project"):
                calls.plan(tmp_path / "two.job", order)
        assert not (tmp_path / "two.job").exists()
        assert calls.plan(tmp_path / "other.job", [names[0], other]).operations == 2


def test_a_filter_that_leaves_all_out_says_what_it_has_seen(
    document_ai: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "none.job"
    with of(document_ai) as calls:
        (kind,) = {item.type for item in calls.find(parents=LOCATION)}
        assert kind is not None
        seen = f"10 operations were seen and left out: 10 of type {kind}, which is nearly {kind}s"
        found = calls.find(parents=LOCATION, types=f"{kind}s")
        assert found.left_out is None
        assert [*found] == []
        assert found.left_out == seen
        with pytest.raises(
            job_errors.NothingToPlan, match="there is nothing to plan; " + seen
        ) as caught:
            calls.plan(path, parents=LOCATION, types=f"{kind}s")
        assert isinstance(caught.value, ValueError)
        with pytest.raises(job_errors.NothingToPlan, match=seen):
            calls.plan(path, calls.find(parents=LOCATION), types=f"{kind}s")
        with pytest.raises(job_errors.NothingToPlan, match=r"there is nothing to plan$"):
            calls.plan(path, [])
        assert not path.exists()
        report = calls.rescue(path, parents=LOCATION, types=f"{kind}s")
        assert len(report) == 0
        assert any(note.endswith(seen) for note in calls.open(path).status().notes)
    assert len(document_ai.operations("pending")) == 10


def test_a_resource_above_without_a_name_is_confirmed_by_the_service(
    server: Any, tmp_path: Path
) -> None:
    path = tmp_path / "one.job"
    with client(server, "accesscontextmanager.v1") as calls:
        job = calls.plan(path, ["operations/7"])
        assert job.enterprises == {"//accesscontextmanager.googleapis.com": 1}
        with pytest.raises(NotConfirmed):
            job.apply()
        report = job.apply(confirm={"accesscontextmanager.v1": 1})
        assert report.states["cancelled"] == 1
        assert len(calls.open(path).apply(confirm=job.enterprises)) == 1


def test_fault_57_a_job_needs_the_file_that_describes_its_service(
    server: Any, tmp_path: Path
) -> None:
    path = tmp_path / "exports.job"
    with client(server, Service.from_file(EARTH_ENGINE)) as calls:
        job = calls.plan(path, ["projects/p/operations/A"])
        assert job.enterprises == {"//earthengine.googleapis.com/projects/p": 1}
    program = """
import sys
from countermand import Client, Service
if len(sys.argv) > 3:
    Service.from_file(sys.argv[3])
with Client(service="documentai", endpoint=sys.argv[2], token="t") as client:
    client.open(sys.argv[1])
"""
    other = tmp_path / "other.json"
    other.write_text(EARTH_ENGINE.read_text("utf-8") + "\n", encoding="utf-8")
    url = f"http://127.0.0.1:{server.server_port}"
    for files, problem in (
        ([], "earthengine.v1, which is not built in: give the file that describes it"),
        ([other], "made with another description of the service earthengine.v1"),
        ([EARTH_ENGINE], ""),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, path, url, *files],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode == 0) is (problem == ""), done.stderr
        assert problem in done.stderr
    assert server.asked == []
    with client(server, "earthengine.v1") as calls:
        report = calls.open(path).apply(confirm={"projects/p": 1})
    assert report.states["cancelled"] == 1


def test_a_scope_is_given_where_the_service_documents_none() -> None:
    class Account:
        """Credentials of google.auth that have no scope yet."""

        token, expiry, requires_scopes, valid = "t", None, True, True
        asked: list[str]

        def refresh(self, _: object) -> None:
            pass

        def with_scopes(self, scopes: list[str]) -> Account:
            type(self).asked = scopes
            return self

    with pytest.raises(CredentialsError, match="documents no OAuth scope"):
        Client(service="checks.v1alpha", token=Account())
    Client(service="checks.v1alpha", token=Account(), scope="https://scope.example")
    assert Account.asked == ["https://scope.example"]
    Client(service="spanner.v1", token=Account())
    assert Account.asked == ["https://www.googleapis.com/auth/cloud-platform"]
    Client(service="checks.v1alpha", token="t")
    with pytest.raises(TypeError, match="scope is of type list, expected a str"):
        Client(scope=["a"], token="t")  # type: ignore[arg-type]  # refused


def test_the_key_of_an_account_needs_a_scope(emulator: Any) -> None:
    key = emulator.credentials("service_account")
    with pytest.raises(CredentialsError, match=r"webrisk\.v1 documents no OAuth scope"):
        Client(service="webrisk.v1", token=key)
    with (
        Client(
            service="spanner.v1", endpoint=emulator.endpoint, token=key, max_attempts=1
        ) as calls,
        pytest.raises(countermand.CountermandError),
    ):
        calls.get("projects/p/instances/i/operations/1")
    assert emulator.issued()[-1]["scope"] == "https://www.googleapis.com/auth/cloud-platform"


def test_names_know_their_service() -> None:
    name = OperationName(RELATIVE, service="documentai.v1")
    assert name == FULL
    assert hash(name) == hash(FULL)
    assert OperationName(FULL) == name
    assert (name.service, name.relative, name.id) == ("documentai.v1", RELATIVE, "7")
    assert name.parent == "//documentai.googleapis.com/projects/p/locations/us"
    assert name.operation == "7"
    for attribute in ("enterprise", "device"):
        assert not hasattr(name, attribute)
    with pytest.raises(AttributeError, match=r"an operation of documentai\.v1 has no device"):
        _ = name.device
    android = OperationName(ANDROID)
    assert android.service == "androidmanagement.v1"
    assert android.relative == ANDROID
    assert android.parent == android.device == "enterprises/LC01/devices/3f"
    assert android.id == android.operation == "17"
    with pytest.raises(InvalidName, match="a name of another service"):
        OperationName(FULL, service="spanner.v1")
    # Versions of one API have the same names.
    older = OperationName(RELATIVE, service="documentai.v1beta3")
    assert older == name
    assert older.service == "documentai.v1beta3"
    for same in (pickle.loads(pickle.dumps(older)), copy.copy(older), copy.deepcopy(older)):
        assert type(same) is OperationName
        assert (same, same.service) == (older, older.service)
    assert build_cancel(older).url.startswith("https://documentai.us.rep.googleapis.com/v1beta3/")


def test_an_operation_is_read_back() -> None:
    body = {
        "name": "projects/p/instances/i/operations/7",
        "done": True,
        "metadata": {"@type": "t/a.b.CreateIndex", "startTime": "2026-11-28T10:00:00Z"},
        "response": {},
    }
    operation = Operation.from_json(json.dumps(body), service="spanner.v1")
    assert operation.name == f"//spanner.googleapis.com/{body['name']}"
    assert operation.create_time is not None
    assert operation.command_type == "CreateIndex"
    for same in (
        pickle.loads(pickle.dumps(operation)),
        Operation.from_json(operation.to_json()),
        Operation.from_json(operation.to_json(), service="spanner.v1"),
    ):
        assert same == operation
        assert same.create_time == operation.create_time
        assert same.has_response
        assert same.command_type == "CreateIndex"
    asked = {"name": RELATIVE, "metadata": {"requestedCancellation": True}}
    operation = Operation.from_json(json.dumps(asked), service="batch.v1")
    assert operation.cancel_asked
    assert pickle.loads(pickle.dumps(operation)).cancel_asked


def test_the_machine_is_of_the_service() -> None:
    for cancellation in (Cancellation(FULL), Cancellation(RELATIVE, service="documentai")):
        step = cancellation.start(0.0, seed=1)
        assert isinstance(step, Send)
        url = step.transmit(0.0).url
        assert url == f"https://documentai.us.rep.googleapis.com/v1/{RELATIVE}:cancel"
        step = step.response(0.0, 200, {}, b"{}")
        assert isinstance(step, Send)
        assert step.call == "get"
        proof = {"name": RELATIVE, "done": True, "error": {"code": 1, "message": ""}}
        step = step.response(0.0, 200, {}, json.dumps(proof).encode())
        assert isinstance(step, Done)
        assert step.result().verdict is Verdict.CANCELLED
    elsewhere = Cancellation(FULL, endpoint="http://127.0.0.1:1").start(0.0, seed=1)
    assert isinstance(elsewhere, Send)
    assert elsewhere.transmit(0.0).url == f"http://127.0.0.1:1/v1/{RELATIVE}:cancel"


def test_the_codec_is_of_the_service() -> None:
    parent = "projects/p/locations/l"
    name = f"{parent}/operations/1"
    page = {"operations": [{"name": name}]}
    operations, token = parse_operations(
        parent, 200, {}, json.dumps(page).encode(), service="translate"
    )
    assert token is None
    assert [it.name.service for it in operations] == ["translate.v3"]
    body = json.dumps({"name": name}).encode()
    assert parse_operation(name, 200, {}, body, service="translate").name == operations[0].name
    parse_cancel(name, 200, {}, b"{}", service="translate")
    url = build_list_operations(operations[0].name.parent).url
    assert url.startswith(
        "https://translation.googleapis.com/v3/projects/p/locations/l/operations?"
    )
    assert build_get(name, service="translate").url.startswith(
        "https://translation.googleapis.com/v3/projects/p/locations/l/operations/1?"
    )
    for lacking in (
        lambda: build_list_operations("projects/p/locations/l", service="cloudbuild"),
        lambda: Pages("operations", "projects/p/locations/l", service="cloudbuild"),
        lambda: build_get("operations/1", service="texttospeech"),
    ):
        with pytest.raises(InvalidName, match="has no method that"):
            lacking()
    with pytest.raises(ValueError, match=r"lists of devices are of androidmanagement\.v1 alone"):
        Pages("devices", "projects/p", service="translate")
    with pytest.raises(InvalidName, match="a name of another service"):
        build_get_device("//documentai.googleapis.com/projects/p/locations/us")
    step = Pages("operations", parent, service="translate").start(0.0, seed=1)
    assert isinstance(step, Send)
    assert step.transmit(0.0).url.startswith(url.partition("?")[0])


def test_a_scheduler_is_of_one_service() -> None:
    scheduler = Scheduler(seed=1, service="dataproc.v1")
    scheduler.push("projects/p/regions/r/operations/1")
    with pytest.raises(InvalidName, match="a name of another service"):
        scheduler.push(FULL)
    with pytest.raises(InvalidName, match=r'service="documentai\.v1"'):
        Scheduler(seed=1).push(FULL)
    ticket = scheduler.next_step(0.0)
    assert isinstance(ticket, Ticket)
    assert ticket.request.url.startswith("https://dataproc.googleapis.com/v1/projects/p/regions/r/")
    assert ticket.name.service == "dataproc.v1"
    # Its quota is its own.
    assert scheduler.rate_limiter.windows == RateLimiter(service="dataproc.v1").windows
    assert scheduler.rate_limiter.windows != RateLimiter().windows


SERVICE_FILES = Path(__file__).parents[2] / "docs" / "service-files"
EARTH_ENGINE = SERVICE_FILES / "earthengine.json"


def test_a_file_describes_a_service(server: Any) -> None:
    service = Service.from_file(EARTH_ENGINE)
    assert service == Service.from_json(EARTH_ENGINE.read_text("utf-8"))
    assert (service.id, service.host) == ("earthengine.v1", "earthengine.googleapis.com")
    pattern = "projects/{project}/operations/{operation=**}"
    assert service.patterns == ((pattern, True, True, True),)
    assert service not in services()
    with client(server, service) as connected:
        outcome = connected.countermand("projects/p/operations/a/b")
    assert outcome.verdict == "cancelled"
    assert outcome.name == "//earthengine.googleapis.com/projects/p/operations/a/b"
    assert ("POST", "/v1/projects/p/operations/a/b:cancel") in server.asked
    # From now on its id is known, and a full name tells it.
    assert OperationName(outcome.name).service == "earthengine.v1"
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_a_file_describes_resources_with_a_state() -> None:
    service = Service.from_file(SERVICE_FILES / "gemini.json")
    assert (service.id, service.host) == (
        "generativelanguage.v1beta",
        "generativelanguage.googleapis.com",
    )
    assert service.patterns == (("batches/{batch}", True, True, True),)
    name = OperationName("//generativelanguage.googleapis.com/batches/b")
    assert build_cancel(name).url == f"https://{service.host}/v1beta/batches/b:cancel"
    for word, verdict in (
        ("BATCH_STATE_CANCELLED", "cancelled"),
        ("BATCH_STATE_SUCCEEDED", "completed"),
        ("BATCH_STATE_FAILED", "failed"),
        ("BATCH_STATE_EXPIRED", "failed"),
        ("BATCH_STATE_RUNNING", None),
        ("BATCH_STATE_NEW", None),
    ):
        metadata = {"state": word, "createTime": "2026-11-28T10:00:00Z"}
        # Only the state proves something, whatever the code is.
        answer = {"name": "batches/b", "metadata": metadata, "done": True, "error": {"code": 13}}
        operation = parse_operation(name, 200, {}, json.dumps(answer).encode())
        assert (operation.verdict, operation.done) == (verdict, verdict is not None)
        assert operation.create_time is not None


def test_the_state_of_a_job_is_told() -> None:
    with Emulator(service="batch.v1", devices=0) as emulator:
        name = emulator.add(device="projects/p/locations/us/jobs", id="j")
        with Client(service="batch.v1", endpoint=emulator.endpoint, token=emulator.token) as calls:
            before = calls.get(name)
            assert before.state is not None
            assert (before.verdict, before.state.meaning) == (None, "pending")
            (found,) = calls.find(parents="projects/p/locations/us/jobs")
            assert found.name == name
            outcome = calls.countermand(found)
        after = outcome.operation
        assert after is not None
        assert after.state == State("CANCELLED", "cancelled")
        assert outcome.verdict == after.verdict == after.state.meaning
        assert "state.word='CANCELLED'" in repr(after)
        told = outcome.to_dict()["operation"]["state"]
        assert told == {"word": "CANCELLED", "meaning": "cancelled"} == after.state._asdict()
        same = pickle.loads(pickle.dumps(outcome))
        assert (same, same.operation.state) == (outcome, after.state)
        assert Operation.from_json(after.to_json()).state == after.state
    operation = Operation.from_json(json.dumps({"name": RELATIVE}), service="batch.v1")
    assert operation.state is None
    assert "state" not in operation.to_dict()


def words() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The cases of the words of each resource with a state, by service and name."""
    kinds: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for case in cases("states.json"):
        kinds.setdefault(case["service"], {}).setdefault(case["name"], []).append(case)
    return kinds


def test_each_word_has_its_meaning() -> None:
    for service, names in words().items():
        for name, told in names.items():
            for case in told:
                body = json.dumps(case["body"]).encode()
                operation = parse_operation(name, 200, {}, body, service=service)
                open_one = "cancelling" if case["cancel_asked"] else "pending"
                assert operation.state == (case["word"], case["verdict"] or open_one)


def exchange(emulator: Emulator, request: Request) -> tuple[int, dict[str, str], bytes]:
    """The answer of an emulator to a request."""
    headers = {**dict(request.headers), "authorization": f"Bearer {emulator.token}"}
    sent = urllib.request.Request(
        request.url, data=request.body or None, headers=headers, method=request.method
    )
    with urllib.request.urlopen(sent, timeout=10) as response:
        return response.status, dict(response.headers), response.read()


@pytest.mark.parametrize("service", sorted(words()))
def test_each_answer_to_a_cancel_of_a_resource_is_read(service: str) -> None:
    with Emulator(service=service, devices=0) as emulator:
        for pattern in words()[service]:
            name = emulator.add(device=pattern.rpartition("/")[0])
            answer = exchange(emulator, build_cancel(name, emulator.endpoint))
            parse_cancel(name, *answer)
            parse_cancel(name.relative, *answer, service=service)
            parse_cancel(name, 200, {}, b"{}")
            looked = exchange(emulator, build_get(name, emulator.endpoint))
            state = parse_operation(name, *looked).state
            assert state is not None
            assert state.meaning == "cancelled"
            for status, body in (
                (200, b"[]"),
                (200, b"<html>"),
                (200, answer[2].rstrip()[:-1]),
                (400, b""),
            ):
                with pytest.raises(CountermandError):
                    parse_cancel(name, status, {}, body)


def test_an_answer_to_a_cancel_that_is_no_success_is_an_error() -> None:
    job = "//dataproc.googleapis.com/projects/p/regions/r/jobs/j"
    ids = {"projectId": "p", "jobId": "j"}
    parse_cancel(job, 200, {}, json.dumps({"reference": ids}).encode())
    other = json.dumps({"reference": ids | {"jobId": "k"}}).encode()
    with pytest.raises(Misattributed):
        parse_cancel(job, 200, {}, other)
    batch = "//batch.googleapis.com/projects/p/locations/l/jobs/j"
    failed = {"name": "o", "done": True, "error": {"code": 9, "message": "it has begun"}}
    with pytest.raises(FailedPrecondition, match="it has begun"):
        parse_cancel(batch, 200, {}, json.dumps(failed).encode())
    query = "//bigquery.googleapis.com/projects/p/locations/us/jobs/j"
    taken = {"projectId": "p", "location": "us", "jobId": "j"}
    body = {"kind": "k", "job": {"jobReference": taken, "status": {"state": "RUNNING"}}}
    parse_cancel(query, 200, {}, json.dumps(body).encode())
    with pytest.raises(Malformed, match="cancel answers an object with `job`"):
        parse_cancel(query, 200, {}, b'{"kind": "k"}')
    # Of an operation an answer with anything in it is no success.
    with pytest.raises(Malformed, match="cancel answers an empty JSON object"):
        parse_cancel(FULL, 200, {}, json.dumps({"name": RELATIVE}).encode())
    with pytest.raises(InvalidName):
        parse_cancel("", 200, {}, b"{}")


def test_the_emulator_is_the_service_of_a_file() -> None:
    service = Service.from_file(EARTH_ENGINE)
    with Emulator(service=service, devices=0) as emulator:
        assert emulator.service == service.id
        assert OperationName("projects/p/operations/1", service="earthengine").service == service.id
        for type_ in ("EXPORT_IMAGE", "INGEST_IMAGE"):
            emulator.add("cancellable", device="projects/my", type=type_)
        assert [row["type"] for row in emulator.truth()] == ["EXPORT_IMAGE", "INGEST_IMAGE"]
        exported, _ = emulator.operations()
        with Client(service=service, endpoint=emulator.endpoint, token=emulator.token) as calls:
            assert calls.get(exported).command_type == "EXPORT_IMAGE"
            found = calls.find(parents="projects/my", types="EXPORT_IMAGE")
            assert [item.name for item in found] == [exported]


def test_a_service_file_with_a_mistake_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.json"):
        Service.from_file(tmp_path / "none.json")
    form = json.loads(EARTH_ENGINE.read_text("utf-8"))
    for change, problem in (
        ({"id": "documentai.v1"}, "`id`: documentai.v1 is built in"),
        ({"host": "evil.example:80"}, "`host`: expected a DNS name"),
        ({"title": "Another"}, "`id`: this process has read another description of it"),
        ({"names": [{"pattern": "x"}]}, r"`names\[0\]\.pattern`: expected an id"),
        ({"colour": 1}, "`colour`: there is no such field here"),
        ({"title": None}, "`title`: it is null"),
        ({"kind_paths": "type"}, "`kind_paths`: expected a list, found a text$"),
        ({"id": "other.v1"}, "earthengine.googleapis.com is a host of earthengine.v1"),
    ):
        Service.from_file(EARTH_ENGINE)
        with pytest.raises(ValueError, match=problem):
            Service.from_json(json.dumps(form | change))
    with pytest.raises(ValueError, match="it is not JSON"):
        Service.from_json(b"{")
    with pytest.raises(TypeError, match=r"is of type dict, .*: give json\.dumps\(text\)"):
        Service.from_json(form)
    with pytest.raises(TypeError, match=r"text is of type int, expected a str or bytes$"):
        Service.from_json(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_a_description_is_the_same_in_other_lines(before: str) -> None:
    service = Service.from_file(EARTH_ENGINE)
    form = json.loads(EARTH_ENGINE.read_text("utf-8"))
    for indent in (None, 1):
        assert Service.from_json(before + json.dumps(form, indent=indent)) == service


def test_fault_57_another_host_than_googles_is_named_by_the_caller() -> None:
    form = json.loads(EARTH_ENGINE.read_text("utf-8"))
    form |= {"id": "elsewhere.v1", "host": "api.elsewhere.example"}
    service = Service.from_json(json.dumps(form))
    with pytest.raises(
        CountermandError, match=r"name the endpoint https://api\.elsewhere\.example"
    ):
        Client(service=service, token="t").get("projects/p/operations/1")
    with Client(service=service, token="t", endpoint="https://api.elsewhere.example/v1"):
        pass


def test_a_rescue_is_confirmed_without_a_number(document_ai: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "rescue.job"
    with of(document_ai) as calls:
        calls.rescue(path, parents=LOCATION)
        job = calls.open(path)
        with pytest.raises(NotConfirmed, match="confirm projects/p without a number"):
            job.apply(confirm={"projects/p": 1})
        with pytest.raises(NotConfirmed, match="projects/q was confirmed"):
            job.apply(confirm={"projects/p": None, "projects/q": None})
        for confirm in ({"projects/p": None}, job.enterprises):
            assert len(job.apply(confirm=confirm)) == 10
        planned = calls.plan(tmp_path / "plan.job", [RELATIVE])
        with pytest.raises(NotConfirmed, match="the confirmation has no number"):
            planned.apply(confirm={"projects/p": None})


def test_what_cannot_be_proven_is_counted_as_json_counts_it(tmp_path: Path) -> None:
    """Document AI shows its operations, Kubernetes Engine has no method of that form."""
    counted = {}
    for service in ("documentai.v1", "container.v1"):
        with Emulator(service=service, devices=0) as emulator:
            for _ in range(2):
                emulator.add("cancellable", device="projects/p/locations/us")
            told = {"service": service, "endpoint": emulator.endpoint, "token": emulator.token}
            with Client(**told) as calls:
                job = calls.plan(tmp_path / service, emulator.operations())
                before = (job.unverifiable, job.status().unverifiable, job.report().unverifiable)
                report = job.apply(confirm={"projects/p": 2})
                status = job.status()
                assert status.to_dict()["counts"]["unverifiable"] == status.unverifiable
                after = (calls.open(job.path).unverifiable, status.unverifiable)
                counted[service] = (before, *after, report.unverifiable)
                assert pickle.loads(pickle.dumps(job._facts)) == job._facts
                if service == "container.v1":
                    with pytest.raises(ExceptionGroup) as caught:
                        report.raise_for_failures()
                    for error in caught.value.exceptions:
                        assert isinstance(error, CountermandError)
                        assert error.advice == "look at what the operation was to change"
    assert counted == {"documentai.v1": ((0, 0, 0), 0, 0, 0), "container.v1": ((2, 0, 0), 0, 2, 2)}


def test_advice_names_the_client_that_a_job_needs(document_ai: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "a.job"
    other = {"endpoint": document_ai.endpoint, "token": document_ai.token}
    with of(document_ai) as calls, Client(service="translate", **other) as translate:
        job = calls.plan(path, [RELATIVE])
        with pytest.raises(OtherEndpoint) as caught:
            translate.open(path).apply(confirm={"projects/p": 1})
        advice = 'make the client for it: Client(service="documentai.v1", endpoint=job.endpoint)'
        assert caught.value.advice == advice
        with Client(service="documentai.v1", endpoint=job.endpoint, token=document_ai.token) as it:
            assert len(it.open(path).apply(confirm={"projects/p": 1})) == 1
        with pytest.raises(OtherEndpoint, match="is of the service documentai") as caught:
            translate.plan(tmp_path / "b.job", calls.find(parents=LOCATION))
        assert 'Client(service="documentai.v1")' in caught.value.advice


def test_what_was_found_is_given_as_it_is(document_ai: Emulator, tmp_path: Path) -> None:
    name = document_ai.add("cancellable", device=LOCATION, id="A0")
    with of(document_ai) as calls:
        operation = calls.get(name)
        (found,) = (item for item in calls.find(parents=LOCATION) if item.name == name)
        for given in (operation, found):
            assert calls.get(given) == operation
            rest = calls.find(parents=LOCATION, exclude=[given])
            assert name not in {item.name for item in rest}
        calls.cancel(found)
        assert calls.countermand(operation).cancelled
        with pytest.raises(
            InvalidName, match=r"parents=\.\.\. takes the resources whose operations"
        ):
            calls.find(enterprises="LC01")
        with pytest.raises(TypeError, match=r"is a dict, .*: give \[d\['name'\]\]"):
            given: Any = {"position": 1, "name": str(name)}
            calls.plan(tmp_path / "a.job", given)
        frame = pytest.importorskip("pandas").DataFrame({"position": [1], "name": [str(name)]})
        with pytest.raises(TypeError, match=r"is a table, .*df\['name'\]"):
            calls.plan(tmp_path / "a.job", frame)
        assert calls.plan(tmp_path / "a.job", frame["name"]).operations == 1


@pytest.mark.parametrize("root", ["vision.v1", "vision", "", "//vision.googleapis.com"])
def test_the_service_names_the_resource_above_its_operations(tmp_path: Path, root: str) -> None:
    with Emulator(service="vision.v1", devices=0) as emulator:
        emulator.add(device="")
        with Client(service="vision", endpoint=emulator.endpoint, token=emulator.token) as calls:
            (found,) = calls.find(parents=root)
            assert found.name.parent == "//vision.googleapis.com"
            job = calls.plan(tmp_path / "a.job", ["operations/7"])
            with pytest.raises(NotConfirmed, match="the confirmation says 2"):
                job.apply(confirm={root: 2})


PICKLED = """
import pickle, sys
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        print(repr(pickle.load(file)))
"""


def test_what_a_file_describes_pickles_into_another_process(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERMAND_TOKEN", "t")
    service = Service.from_file(EARTH_ENGINE)
    name = OperationName("projects/p/operations/A", service=service)
    operation = Operation.from_json('{"name": "projects/p/operations/A"}', service=service)
    with client(server, service) as calls:
        outcome = calls.countermand(name)
    error = CountermandError("it failed", operation=name)
    url = f"http://127.0.0.1:{server.server_port}"
    clients = [Client(service=chosen, endpoint=url) for chosen in (service, service.id)]
    for number, value in enumerate([service, name, operation, outcome, error, *clients]):
        path = tmp_path / f"{number}.pickle"
        path.write_bytes(pickle.dumps(value))
        command = [sys.executable, "-c", PICKLED, path]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert shown.returncode == 0, (value, shown.stderr)
        assert shown.stdout.strip() == repr(value)
        assert repr(pickle.loads(path.read_bytes())) == repr(value)
        assert repr(copy.deepcopy(value)) == repr(value)
    assert pickle.loads(pickle.dumps(error)).operation == name
    assert pickle.loads(pickle.dumps(services()[0])) == services()[0]


def test_the_command_that_goes_on_names_the_file_of_its_service(
    server: Any, tmp_path: Path
) -> None:
    path, page = tmp_path / "a.job", tmp_path / "a.ndjson"
    with client(server, Service.from_file(EARTH_ENGINE)) as calls:
        calls.plan(path, ["projects/p/operations/A"]).report().save(page)
    told = "--service-file FILE # with the file that describes earthengine.v1 in place of FILE"
    assert told in page.read_text("utf-8")
