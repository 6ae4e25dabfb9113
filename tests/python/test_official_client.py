"""The official client, unmodified, works against the emulator."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from countermand import Client, Operation
from countermand.testing import Emulator

from test_differential import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator


def service(endpoint: str, token: str) -> Any:
    document = json.loads(DOCUMENT.read_text()) | {"rootUrl": f"{endpoint}/"}
    credentials = Credentials(token=token)  # type: ignore[no-untyped-call]
    return discovery.build_from_document(document, credentials=credentials)


OTHERS = {
    "documentai.v1": ("projects.locations", "projects/p/locations/us", "/operations"),
    "translate.v3": ("projects.locations", "projects/p/locations/global", ""),
    "aiplatform.v1": (
        "projects.locations.ragEngineConfig",
        "projects/p/locations/l/ragEngineConfig",
        "",
    ),
    "spanner.v1": (
        "projects.instances.databases",
        "projects/p/instances/i/databases/d",
        "/operations",
    ),
    "dataproc.v1": ("projects.regions", "projects/p/regions/us-east1", "/operations"),
    "logging.v2": ("folders.locations", "folders/f/locations/global", ""),
    "cloudshell.v1": ("", "", "operations"),
}
"""Of a service: the resource in the official client that has its operations, a parent, and what
follows it in the name of the list."""


@contextmanager
def resources_of(emulator: Emulator, path: str, own_document: bool) -> Iterator[Any]:
    """The official client's resources: by its document, or by that of the emulator."""
    name, version = emulator.service.split(".")
    root = emulator.endpoint
    if name == "bigquery":  # An endpoint has the path of the service.
        root += "/bigquery/v2/"
    options: dict[str, Any] = {"client_options": {"api_endpoint": root}}
    if not own_document:
        document = f"{emulator.endpoint}/$discovery/rest?version={{apiVersion}}"
        options = {"discoveryServiceUrl": document}
    credentials = Credentials(token=emulator.token)  # type: ignore[no-untyped-call]
    with discovery.build(name, version, credentials=credentials, **options) as api:
        at = api
        for resource in path.split("."):
            at = getattr(at, resource)()
        yield at


@pytest.mark.parametrize("own_document", [True, False])
@pytest.mark.parametrize("service", OTHERS)
def test_another_service(service: str, own_document: bool) -> None:
    path, parent, collection = OTHERS[service]
    with Emulator(service=service, devices=0) as emulator:
        added = [emulator.add(device=parent, fate="cancellable") for _ in range(3)]
        names = [row["name"] for row in emulator.truth()]
        assert all(name.endswith(f"/{row}") for name, row in zip(added, names, strict=True))
        with resources_of(emulator, f"{path}.operations".strip("."), own_document) as operations:
            found, pages = [], 0
            # The document of the emulator has the collection outside the parameter.
            of = {"name": f"{parent}{collection}" if own_document else parent}
            request = operations.list(**(of if of["name"] else {}), pageSize=2)
            while request is not None:
                page = request.execute()
                found += [operation["name"] for operation in page["operations"]]
                request = operations.list_next(request, page)
                pages += 1
            assert (found, pages) == (names, 2)

            assert "done" not in operations.get(name=names[1]).execute()
            assert operations.cancel(name=names[1]).execute() == {}
            read = operations.get(name=names[1]).execute()
            assert (read["name"], read["done"], read["error"]["code"]) == (names[1], True, 1)
            states = [row["state"] for row in emulator.truth()]
            assert states == ["pending", "cancelled", "pending"]
            with pytest.raises(HttpError, match="entity was not found") as caught:
                operations.cancel(name=f"{names[1]}0").execute()
            assert caught.value.status_code == 404


LOCATION = "projects/p/locations/l"
STATES: dict[str, tuple[str, str, str, dict[str, str], dict[str, str]]] = {
    "aiplatform.v1": (
        "projects.locations.customJobs",
        f"{LOCATION}/customJobs",
        "state",
        {"parent": LOCATION},
        {"name": f"{LOCATION}/customJobs/one"},
    ),
    "batch.v1": (
        "projects.locations.jobs",
        f"{LOCATION}/jobs",
        "status.state",
        {"parent": LOCATION},
        {"name": f"{LOCATION}/jobs/one"},
    ),
    "cloudbuild.v1": (
        "projects.builds",
        "projects/p/builds",
        "status",
        {"projectId": "p"},
        {"projectId": "p", "id": "one"},
    ),
    "clouddeploy.v1": (
        "projects.locations.deliveryPipelines.automationRuns",
        f"{LOCATION}/deliveryPipelines/d/automationRuns",
        "state",
        {"parent": f"{LOCATION}/deliveryPipelines/d"},
        {"name": f"{LOCATION}/deliveryPipelines/d/automationRuns/one"},
    ),
    "dataform.v1": (
        "projects.locations.repositories.workflowInvocations",
        f"{LOCATION}/repositories/r/workflowInvocations",
        "state",
        {"parent": f"{LOCATION}/repositories/r"},
        {"name": f"{LOCATION}/repositories/r/workflowInvocations/one"},
    ),
    "dataproc.v1": (
        "projects.regions.jobs",
        "projects/p/regions/r/jobs",
        "status.state",
        {"projectId": "p", "region": "r"},
        {"projectId": "p", "region": "r", "jobId": "one"},
    ),
    "dlp.v2": (
        "projects.locations.dlpJobs",
        f"{LOCATION}/dlpJobs",
        "state",
        {"parent": LOCATION},
        {"name": f"{LOCATION}/dlpJobs/one"},
    ),
    "workflowexecutions.v1": (
        "projects.locations.workflows.executions",
        f"{LOCATION}/workflows/w/executions",
        "state",
        {"parent": f"{LOCATION}/workflows/w"},
        {"name": f"{LOCATION}/workflows/w/executions/one"},
    ),
}
"""Of a service: the resource in the official client, the name of a list, the path of a state, the
arguments that name the parent, and those that name one resource."""


@pytest.mark.parametrize("own_document", [True, False])
@pytest.mark.parametrize("service", STATES)
def test_resources_with_a_state(service: str, own_document: bool) -> None:
    path, list_name, state, parent, one = STATES[service]
    above, collection = list_name.rsplit("/", 1)
    field = "jobs" if service == "dlp.v2" else collection
    if not own_document:
        # The document of the emulator has names whole.
        parent = {"parent": above}
        one = {"name": f"{list_name}/one"}

    def word(resource: Any) -> Any:
        for name in state.split("."):
            resource = resource.get(name, {})
        return resource

    with Emulator(service=service, devices=0) as emulator:
        for identity in ("zero", "one", "two"):
            emulator.add(device=list_name, id=identity)
        with resources_of(emulator, path, own_document) as resources:
            found, pages = [], 0
            request = resources.list(**parent, pageSize=2)
            while request is not None:
                page = request.execute()
                found += page[field]
                request = resources.list_next(request, page)
                pages += 1
            assert (len(found), pages) == (3, 2)
            assert not any("CANCEL" in word(resource) for resource in found)

            assert resources.get(**one).execute() in found
            body = {"body": {}} if own_document else {}
            cancelled = resources.cancel(**one, **body).execute()
            read = resources.get(**one).execute()
            assert word(read) in ("CANCELLED", "CANCELED", "JOB_STATE_CANCELLED")
            answers = {"dataproc.v1": read, "cloudbuild.v1": read, "workflowexecutions.v1": read}
            if service == "batch.v1":
                assert cancelled["name"].startswith(f"{LOCATION}/operations/")
            else:
                assert cancelled == answers.get(service, {})
            states = {row["name"]: row["state"] for row in emulator.truth()}
            assert [states[f"{list_name}/{it}"] for it in ("zero", "one", "two")] == [
                "pending",
                "cancelled",
                "pending",
            ]
            with pytest.raises(HttpError, match="entity was not found"):
                last = next(reversed(one))
                resources.cancel(**one | {last: f"{one[last]}0"}, **body).execute()


@pytest.mark.parametrize("own_document", [True, False])
def test_a_location_in_the_query(own_document: bool) -> None:
    parent, one = {"parent": "projects/p"}, {"name": "projects/p/jobs/one"}
    path = "projects.jobs"
    if own_document:
        path, parent, one = "jobs", {"projectId": "p"}, {"projectId": "p", "jobId": "one"}

    def place(job: Any) -> tuple[str, str]:
        return job["jobReference"]["jobId"], job["jobReference"]["location"]

    with Emulator(service="bigquery.v2", devices=0) as emulator:
        for identity, location in (("zero", "US"), ("one", "EU"), ("one", "us-east1")):
            emulator.add(device=f"projects/p/locations/{location}/jobs", id=identity)
        with resources_of(emulator, path, own_document) as jobs:
            found = []
            request = jobs.list(**parent, maxResults=2, allUsers=True, projection="full")
            while request is not None:
                page = request.execute()
                found += page["jobs"]
                request = jobs.list_next(request, page)
            everywhere = {("zero", "us"), ("one", "eu"), ("one", "us-east1")}
            assert {place(job) for job in found} == everywhere
            assert not any("errorResult" in job["status"] for job in found)

            # Only a job of a multi-region is found without its location.
            assert place(jobs.get(**one).execute()) == ("one", "eu")
            cancelled = jobs.cancel(**one, location="US-East1").execute()["job"]
            read = jobs.get(**one, location="us-east1").execute()
            assert cancelled == read
            assert read["status"] == {"state": "DONE", "errorResult": {"reason": "stopped"}}
            assert [row["state"] for row in emulator.truth()] == ["pending", "pending", "cancelled"]
            for location in ("us", "europe-west4"):
                with pytest.raises(HttpError, match="entity was not found"):
                    jobs.cancel(**one, location=location).execute()
        with Client(service="bigquery", endpoint=emulator.endpoint, token=emulator.token) as calls:
            ours = calls.get("projects/p/locations/US-EAST1/jobs/one")
        assert ours.verdict == "cancelled"
        assert str(ours.name) == "//bigquery.googleapis.com/projects/p/locations/us-east1/jobs/one"


def test_names_of_a_path_of_its_own() -> None:
    with Emulator(service="storage.v1", devices=0) as emulator:
        emulator.add(device="b/bucket", id="one")
        credentials = Credentials(token=emulator.token)  # type: ignore[no-untyped-call]
        root = {"api_endpoint": f"{emulator.endpoint}/storage/v1/"}
        operation = {"bucket": "bucket", "operationId": "one"}
        with discovery.build("storage", "v1", credentials=credentials, client_options=root) as api:
            api.operations().cancel(**operation).execute()
            assert api.operations().get(**operation).execute()["error"]["code"] == 1
            listed = api.operations().list(bucket="bucket").execute()["operations"]
        assert [operation["name"] for operation in listed] == ["b/bucket/operations/one"]


def test_a_service_that_is_unknown() -> None:
    with pytest.raises(ValueError, match=r'no service is named "documentia".*documentai'):
        Emulator(service="documentia")
    with pytest.raises(TypeError, match="service is of type int, expected a str or a Service"):
        Emulator(service=1)  # type: ignore[arg-type]


def test_the_emulator_says_what_it_serves() -> None:
    with Emulator(service="documentai") as emulator:
        assert emulator.service == "documentai.v1"
        assert emulator.enterprise == "projects/emulator"
        host = "//documentai.googleapis.com"
        assert emulator.parent == f"{host}/projects/emulator/locations/us-central1"
        for name in emulator.operations():
            assert name.startswith(f"{host}/projects/emulator/locations/")
    with Emulator(devices=0) as emulator:
        assert (emulator.service, emulator.parent) == ("androidmanagement.v1", None)
    with Emulator(service="cloudshell") as emulator:
        assert emulator.parent == "//cloudshell.googleapis.com"


@pytest.fixture
def fleet() -> Iterator[Emulator]:
    with Emulator(devices=25, pending=1, history=0) as fleet:
        yield fleet


def test_from_devices_to_a_cancelled_command(fleet: Emulator) -> None:
    with service(fleet.endpoint, fleet.token) as official:
        devices = official.enterprises().devices()
        found = []
        request = devices.list(parent=fleet.enterprise)
        while request is not None:
            page = request.execute()
            found += page.get("devices", [])
            request = devices.list_next(request, page)
        assert len(found) == 25

        device = found[0]["name"]
        assert devices.get(name=device).execute()["name"] == device
        issued = devices.issueCommand(name=device, body={"type": "LOCK"}).execute()
        assert issued["metadata"]["type"] == "LOCK"
        assert "done" not in issued

        operations = devices.operations()
        listed = operations.list(name=f"{device}/operations").execute()["operations"]
        assert len(listed) == 2
        assert issued["name"] in [operation["name"] for operation in listed]

        assert operations.cancel(name=issued["name"]).execute() == {}
        finished = operations.get(name=issued["name"]).execute()
        assert (finished["done"], finished["error"]["code"]) == (True, 1)

    # The message of the official client, in our words.
    assert Operation.from_json(json.dumps(finished)).verdict == "cancelled"
    ours = Client(endpoint=fleet.endpoint, token=fleet.token).get(issued["name"])
    assert ours.error == (1, finished["error"]["message"])


def test_its_errors(fleet: Emulator) -> None:
    [name] = fleet.operations()[:1]
    with service(fleet.endpoint, fleet.token) as official:
        operations = official.enterprises().devices().operations()
        for unknown, status, message in (
            (f"{name}0", 404, "Requested entity was not found"),
            ("enterprises/e/devices/d/operations/o", 403, "Caller is not authorized to manage"),
        ):
            for method in (operations.get, operations.cancel):
                with pytest.raises(HttpError, match=message) as caught:
                    method(name=unknown).execute()
                assert caught.value.status_code == status
