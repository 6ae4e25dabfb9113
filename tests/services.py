"""Makes the table of services from the discovery documents that google-api-python-client ships.

``make services`` runs it. ``services.py check`` fails if the table is another one than these
documents give. A row has, between tabs:

1. id: name and version in discovery
2. title
3. label of the hosts ``LABEL.googleapis.com`` and ``LABEL.mtls.googleapis.com``
4. path that each method begins with
5. OAuth scope that is enough to get, list and cancel, without
   ``https://www.googleapis.com/auth/``; empty where discovery names none
6. HTTP method and suffix of the path that cancels, and its body, if it has one
7. regional hosts: ``LABEL.LOCATION.rep`` or ``LOCATION-LABEL``, and the number of a list of
   locations; empty where discovery lists none
8. name patterns of operations, the usual one first; after one, ``~3`` if it is of resources that
   are read by state 3 (``~3?1`` if level 1 is a query parameter, and in no path), ``-get`` or
   ``-list`` if there is no such method, and ``-filter`` if the list takes no filter
9. paths in the metadata of operations of the time at which one was created
10. paths there that are true after a cancel was asked
11. query of a list before the size of a page, where that is not ``pageSize=``

Lines before the rows are lists of locations (``=0``) and states (``~0``). A state has: the field of
a page, where it is not the collection, and behind a space that of places that were not reached; the
answer of cancel, and its field with the resource; paths of the ids of project, location and
resource, where it has no name; path of the state, and from there that of its reason, if it has one;
path of the time of creation; the words that mean cancelled, cancelling, completed and failed.

``states.json`` has a case for each word that discovery knows of each state. It fails if discovery
has a word that ``STATES`` does not.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import googleapiclient.discovery_cache

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "crates/core/src/services/table.tsv"
PAGE = ROOT / "docs/services.md"
VECTORS = ROOT / "tests/vectors/states.json"
DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
LARGEST = 64 * 1024  # bytes
GOOGLE = ".googleapis.com/"
AUTH = "https://www.googleapis.com/auth/"
CLOUD_PLATFORM = AUTH + "cloud-platform"
CANCEL = re.compile(
    r"(?P<prefix>.*?)(?P<name>\{\+name\}|(?:projects|b)/.*?)(?P<suffix>:cancel|/cancel|)"
)
# Hosts of services in front of another one, and of tests.
OTHER_HOSTS = ("batch-", "-preprod")


# The patterns that most services have.
USUAL = ("projects/*/locations/*/operations/*", "projects/*/locations/global/operations/*")

# Fields of a page with places that the server did not reach. A list of operations has one only if a
# request asks for a part of them, which none does.
UNREACHED = ("unreachable", "unreachableLocations", "failedLocation")

# Paths in schemas of metadata, the best first.
CREATED = (
    "createTime",
    "genericMetadata.createTime",
    "commonMetadata.createTime",
    "common.startTime",
    "progress.startTime",
    "startTime",
    "submitTime",
)
ASKED = ("requestedCancellation", "cancelRequested", "cancellationRequested")
ASKED += ("isCancellationRequested",)


class Words(NamedTuple):
    """The words of a state by their meaning, reviewed against the descriptions of discovery.

    Completed: the work is done, also where a part of it met errors. Failed: it has ended in any
    other way, by a time limit too. What is not final is pending.
    """

    cancelled: str
    cancelling: str
    completed: str
    failed: str
    pending: str

    def __add__(self, other: Words) -> Words:
        return Words(*(" ".join(pair).strip() for pair in zip(self, other, strict=True)))


# One that may be resumed (PAUSED) is pending.
VERTEX_JOB = Words(
    "JOB_STATE_CANCELLED",
    "JOB_STATE_CANCELLING",
    "JOB_STATE_SUCCEEDED JOB_STATE_PARTIALLY_SUCCEEDED",
    "JOB_STATE_FAILED JOB_STATE_EXPIRED",
    "JOB_STATE_UNSPECIFIED JOB_STATE_QUEUED JOB_STATE_PENDING JOB_STATE_RUNNING JOB_STATE_PAUSED "
    "JOB_STATE_UPDATING",
)
VERTEX_PIPELINE = Words(
    "PIPELINE_STATE_CANCELLED",
    "PIPELINE_STATE_CANCELLING",
    "PIPELINE_STATE_SUCCEEDED",
    "PIPELINE_STATE_FAILED",
    "PIPELINE_STATE_UNSPECIFIED PIPELINE_STATE_QUEUED PIPELINE_STATE_PENDING "
    "PIPELINE_STATE_RUNNING PIPELINE_STATE_PAUSED",
)
VERTEX_EVALUATION = Words(
    "CANCELLED",
    "",
    "SUCCEEDED",
    "FAILED",
    "STATE_UNSPECIFIED PENDING RUNNING INFERENCE GENERATING_RUBRICS GENERATING_LOSS_CLUSTERS",
)
BATCH = Words(
    "CANCELLED",
    "CANCELLATION_IN_PROGRESS",
    "SUCCEEDED",
    "FAILED",
    "STATE_UNSPECIFIED QUEUED SCHEDULED RUNNING DELETION_IN_PROGRESS",
)
BUILD = Words(
    "CANCELLED",
    "",
    "SUCCESS",
    "FAILURE INTERNAL_ERROR TIMEOUT EXPIRED",
    "STATUS_UNKNOWN PENDING QUEUED WORKING",
)
AUTOMATION = Words(
    "CANCELLED", "", "SUCCEEDED", "FAILED ABORTED", "STATE_UNSPECIFIED IN_PROGRESS PENDING"
)
# A rollout that an approver rejected does not run any more. A halted one may go on.
ROLLOUT = Words(
    "CANCELLED",
    "CANCELLING",
    "SUCCEEDED",
    "FAILED APPROVAL_REJECTED",
    "STATE_UNSPECIFIED IN_PROGRESS PENDING_APPROVAL PENDING PENDING_RELEASE HALTED",
)
DATAFORM = Words("CANCELLED", "CANCELING", "SUCCEEDED", "FAILED", "STATE_UNSPECIFIED RUNNING")
DATA_SCAN = Words(
    "CANCELLED",
    "CANCELING",
    "SUCCEEDED SUCCEEDED_WITH_ERRORS",
    "FAILED",
    "STATE_UNSPECIFIED RUNNING PENDING",
)
# ABORTED: "The job was cancelled outside of Dataplex".
DATAPLEX_TASK = Words(
    "CANCELLED ABORTED", "CANCELLING", "SUCCEEDED", "FAILED", "STATE_UNSPECIFIED RUNNING"
)
METADATA_JOB = Words(
    "CANCELED",
    "CANCELING",
    "SUCCEEDED SUCCEEDED_WITH_ERRORS",
    "FAILED",
    "STATE_UNSPECIFIED QUEUED RUNNING",
)
# After a failed attempt a job may be restarted.
DATAPROC = Words(
    "CANCELLED",
    "CANCEL_PENDING CANCEL_STARTED",
    "DONE",
    "ERROR",
    "STATE_UNSPECIFIED PENDING SETUP_DONE RUNNING ATTEMPT_FAILURE",
)
# A hybrid job is ACTIVE until its owner finishes it.
DLP = Words("CANCELED", "", "DONE", "FAILED", "JOB_STATE_UNSPECIFIED PENDING RUNNING ACTIVE")
INTEGRATION = Words(
    "CANCELLED",
    "",
    "SUCCEEDED",
    "FAILED",
    "STATE_UNSPECIFIED PENDING PROCESSING RETRY_ON_HOLD SUSPENDED",
)
ML = Words(
    "CANCELLED",
    "CANCELLING",
    "SUCCEEDED",
    "FAILED",
    "STATE_UNSPECIFIED QUEUED PREPARING RUNNING",
)
# "Patch job completed but there were errors": what was patched stays patched.
PATCH = Words(
    "CANCELED",
    "",
    "SUCCEEDED COMPLETED_WITH_INACTIVE_VMS COMPLETED_WITH_ERRORS",
    "TIMED_OUT",
    "STATE_UNSPECIFIED STARTED INSTANCE_LOOKUP PATCHING",
)
STORAGE_BATCH = Words("CANCELED", "", "SUCCEEDED", "FAILED", "STATE_UNSPECIFIED RUNNING QUEUED")
TEST_MATRIX = Words(
    "CANCELLED",
    "",
    "FINISHED",
    "ERROR INVALID UNSUPPORTED_ENVIRONMENT INCOMPATIBLE_ENVIRONMENT INCOMPATIBLE_ARCHITECTURE",
    "TEST_STATE_UNSPECIFIED VALIDATING PENDING RUNNING",
)
MIGRATION = Words("CANCELLED", "CANCELLING", "SUCCEEDED", "FAILED", "STATE_UNSPECIFIED")
NOT_BEGUN = Words("", "", "", "", "PENDING")
# The data of an execution that is UNAVAILABLE may come back.
EXECUTION = Words(
    "CANCELLED", "", "SUCCEEDED", "FAILED", "STATE_UNSPECIFIED ACTIVE UNAVAILABLE QUEUED"
)


# STOPPED has not begun, and what is cleaned up has not ended. UPDATED: "another job was started,
# inheriting state from this one", so that the work goes on: no cancel has stopped it.
DATAFLOW = Words(
    "JOB_STATE_CANCELLED",
    "JOB_STATE_CANCELLING",
    "JOB_STATE_DONE JOB_STATE_DRAINED JOB_STATE_UPDATED",
    "JOB_STATE_FAILED",
    "JOB_STATE_UNKNOWN JOB_STATE_STOPPED JOB_STATE_RUNNING JOB_STATE_DRAINING JOB_STATE_PENDING "
    "JOB_STATE_QUEUED JOB_STATE_RESOURCE_CLEANING_UP JOB_STATE_PAUSING JOB_STATE_PAUSED",
)
# An error result is there only if the job "has completed and was unsuccessful".
BIGQUERY = Words("DONE/stopped", "", "DONE", "DONE/*", "PENDING RUNNING")
# A cancelled execution has failed, by that reason. After an error of the polling the "system will
# retry", and a start that is delayed is to come, so both are pending whatever the state is.
CLOUD_RUN = Words(
    "CONDITION_FAILED/CANCELLED",
    "CONDITION_FAILED/CANCELLING CONDITION_PENDING/CANCELLING CONDITION_RECONCILING/CANCELLING "
    "CONDITION_PENDING/CANCELLED CONDITION_RECONCILING/CANCELLED",
    "CONDITION_SUCCEEDED CONDITION_SUCCEEDED/EXECUTION_REASON_UNDEFINED",
    "CONDITION_FAILED CONDITION_FAILED/EXECUTION_REASON_UNDEFINED "
    "CONDITION_FAILED/NON_ZERO_EXIT_CODE CONDITION_FAILED/DELETED "
    "CONDITION_FAILED/DELAYED_EXECUTION_EXCEEDING_DURATION_LIMIT",
    "STATE_UNSPECIFIED CONDITION_PENDING CONDITION_RECONCILING "
    "CONDITION_FAILED/JOB_STATUS_SERVICE_POLLING_ERROR CONDITION_FAILED/DELAYED_START_PENDING",
)


class State(NamedTuple):
    """Where the resources of a collection have their state, and its words."""

    path: str
    words: Words
    created: str = "createTime"
    ids: str = ""  # paths of the ids of project, location and resource, where it has no name
    reason: str = ""  # path of the reason of the state, from the object that has the state
    update: str = ""  # body of the update that cancels, where that is the method
    query_level: int | None = None  # level of its name that is a query parameter
    list_query: str = ""  # query of a list, where it is not that of a usual page


# By document and resource: the newest version, a stable one before a beta. Left out: cancels of
# agents' tasks, sales, approvals and leases; gkehub's rollouts (their CANCELLED is any failure);
# testing's device sessions (FINISHED by a cancel or without one); compute.
STATES = {
    ("aiplatform.v1", f"projects.locations.{collection}"): State("state", words)
    for words, collections in (
        (
            VERTEX_JOB,
            (
                "batchPredictionJobs customJobs dataLabelingJobs hyperparameterTuningJobs nasJobs "
                "tuningJobs"
            ),
        ),
        (VERTEX_PIPELINE, "pipelineJobs trainingPipelines"),
        (VERTEX_EVALUATION, "evaluationRuns"),
    )
    for collection in collections.split()
} | {
    ("batch.v1", "projects.locations.jobs"): State("status.state", BATCH),
    # Its list has all locations. Without allUsers it would leave out jobs of others, and without
    # the projection the state.
    ("bigquery.v2", "jobs"): State(
        "status.state",
        BIGQUERY,
        created="statistics.creationTime",
        ids="jobReference.projectId jobReference.location jobReference.jobId",
        reason="errorResult.reason",
        query_level=1,
        list_query="allUsers=true&projection=full&maxResults=",
    ),
    ("cloudbuild.v1", "projects.builds"): State("status", BUILD, ids="projectId  id"),
    ("cloudbuild.v1", "projects.locations.builds"): State("status", BUILD),
    ("clouddeploy.v1", "projects.locations.deliveryPipelines.automationRuns"): State(
        "state", AUTOMATION
    ),
    ("clouddeploy.v1", "projects.locations.deliveryPipelines.releases.rollouts"): State(
        "state", ROLLOUT
    ),
    # A name without a location reaches the jobs of us-central1 alone, so there is none.
    ("dataflow.v1b3", "projects.locations.jobs"): State(
        "currentState",
        DATAFLOW,
        ids="projectId location id",
        update='{"requestedState":"JOB_STATE_CANCELLED"}',
    ),
    ("dataform.v1", "projects.locations.repositories.workflowInvocations"): State(
        "state", DATAFORM, created="invocationTiming.startTime"
    ),
    ("dataplex.v1", "projects.locations.dataScans.jobs"): State("state", DATA_SCAN),
    ("dataplex.v1", "projects.locations.lakes.tasks.jobs"): State(
        "state", DATAPLEX_TASK, created="startTime"
    ),
    ("dataplex.v1", "projects.locations.metadataJobs"): State("status.state", METADATA_JOB),
    ("dataproc.v1", "projects.regions.jobs"): State(
        "status.state", DATAPROC, created="", ids="reference.projectId  reference.jobId"
    ),
    ("dlp.v2", "projects.dlpJobs"): State("state", DLP),
    ("dlp.v2", "projects.locations.dlpJobs"): State("state", DLP),
    ("integrations.v1", "projects.locations.integrations.executions"): State(
        "executionDetails.state", INTEGRATION
    ),
    ("ml.v1", "projects.jobs"): State("state", ML, ids="  jobId"),
    ("osconfig.v1", "projects.patchJobs"): State("state", PATCH),
    ("run.v2", "projects.locations.jobs.executions"): State(
        "conditions[type=Completed].state", CLOUD_RUN, reason="executionReason"
    ),
    ("storagebatchoperations.v1", "projects.locations.jobs"): State("state", STORAGE_BATCH),
    ("testing.v1", "projects.testMatrices"): State(
        "state", TEST_MATRIX, created="timestamp", ids="projectId  testMatrixId"
    ),
    ("vmmigration.v1", "projects.locations.imageImports.imageImportJobs"): State(
        "state", MIGRATION + NOT_BEGUN + Words("", "", "", "", "RUNNING")
    ),
    ("vmmigration.v1", "projects.locations.sources.diskMigrationJobs"): State(
        "state", MIGRATION + Words("", "", "", "", "READY RUNNING")
    ),
    ("vmmigration.v1", "projects.locations.sources.migratingVms.cloneJobs"): State(
        "state", MIGRATION + NOT_BEGUN + Words("", "", "", "", "ACTIVE ADAPTING_OS")
    ),
    ("vmmigration.v1", "projects.locations.sources.migratingVms.cutoverJobs"): State(
        "state", MIGRATION + NOT_BEGUN + Words("", "", "", "", "ACTIVE ADAPTING_OS")
    ),
    ("workflowexecutions.v1", "projects.locations.workflows.executions"): State("state", EXECUTION),
}


class Method(NamedTuple):
    """One cancel method and what stands beside it."""

    resource: str
    cancel: dict[str, Any]
    get: dict[str, Any] | None
    list: dict[str, Any] | None
    state: State | None


def methods(document: str, resources: dict[str, Any], path: str = "") -> Iterator[Method]:
    """The methods that cancel operations, or resources of ``STATES``, in the document's order."""
    for name, resource in resources.items():
        here = f"{path}.{name}".lstrip(".")
        found = resource.get("methods", {})
        state = STATES.get((document, here))
        cancel = found.get("update" if state and state.update else "cancel")
        if (name.lower().endswith("operations") or state) and cancel:
            yield Method(here, cancel, found.get("get"), found.get("list"), state)
        yield from methods(document, resource.get("resources", {}), here)


def documents() -> Iterator[tuple[str, dict[str, Any], list[Method]]]:
    """Each document with such methods, sorted by its id."""
    for file in sorted(DOCUMENTS.glob("*.json"), key=lambda file: file.stem):
        document = json.loads(file.read_text(encoding="utf-8"))
        if found := list(methods(file.stem, document.get("resources", {}))):
            yield file.stem, document, found


def is_operation(document: dict[str, Any], schema: str) -> bool:
    """True if it is that of the contract, and not an own one of the service."""
    return {"name", "done", "error"} <= document["schemas"][schema]["properties"].keys()


def shown(document: dict[str, Any], method: dict[str, Any] | None) -> bool:
    """True if there is a method that answers an operation of the contract."""
    return method is not None and is_operation(document, method["response"]["$ref"])


def needs_query(method: dict[str, Any]) -> bool:
    """True if a parameter outside of the name is required.

    No cancel or get has one. ``location`` of Cloud SQL and others is optional, and no name of
    these has a location, so it is not sent.
    """
    required = (it for it in method["parameters"].values() if it.get("required"))
    return any(it["location"] != "path" for it in required)


def listed(document: dict[str, Any], method: dict[str, Any] | None) -> bool:
    """True if there is a method that answers a page of them, and needs their parent alone."""
    if method is None or needs_query(method):
        return False
    page = document["schemas"][method["response"]["$ref"]]["properties"]
    return "operations" in page and is_operation(document, page["operations"]["items"]["$ref"])


def lacks_of_list(method: dict[str, Any] | None, has_list: bool) -> str:
    if not has_list:
        return "-list"
    # A filter of the enum type is another one: Dataflow's.
    described = method["parameters"].get("filter", {"enum": []})
    return "-filter" if "enum" in described else ""


def field(document: dict[str, Any], schema: dict[str, Any], path: str) -> dict[str, Any]:
    """What discovery says of the field at a path, references and elements of lists followed."""
    for step in path.split("."):
        name, _, element = step.partition("[")
        described = schema["properties"][name]
        described = described["items"] if element else described
        schema = document["schemas"][described["$ref"]] if "$ref" in described else described
        assert not element or schema["properties"][element.split("=")[0]]["type"] == "string"
    return schema


def words(described: dict[str, Any]) -> set[str]:
    """The words of a field: its enum, or what its description quotes; empty for an open set."""
    return set(described.get("enum") or re.findall(r"'([A-Z]+)'", described["description"]))


def answer(document: dict[str, Any], method: Method) -> str:
    """What the method that cancels a resource answers."""
    name = method.cancel["response"]["$ref"]
    fields = document["schemas"][name].get("properties", {})
    resource = method.get["response"]["$ref"]
    if name == resource:
        return "resource"
    if {"name", "done", "error"} <= fields.keys():
        return "operation"
    if holding := [it for it, described in fields.items() if described.get("$ref") == resource]:
        return f"resource {holding[0]}"
    return "object" if fields else "empty"


def lists(document: dict[str, Any], page: dict[str, Any], method: Method) -> bool:
    """True if a field of a page has such resources, or a projection of them with what is read."""
    items = page.get("items", {})
    if page.get("type") != "array" or "$ref" in items:
        return page.get("type") == "array" and items == method.get["response"]
    own = document["schemas"][method.get["response"]["$ref"]]["properties"]
    state = method.state
    read = [it.split(".")[0] for it in (state.path, state.created, *state.ids.split())]
    listed = items.get("properties", {})
    return all(it in listed and listed[it].get("$ref") == own[it].get("$ref") for it in read)


def state_line(document: dict[str, Any], method: Method) -> str:
    """The cells of a state. Each field that it names is one of discovery's."""
    state, resource = method.state, document["schemas"][method.get["response"]["$ref"]]
    known = " ".join(state.words).split()
    place = state.path.rpartition(".")[0]
    reason = f"{place}.{state.reason}".lstrip(".") if state.reason else ""
    told = words(field(document, resource, state.path))
    assert len(known) == len(set(known)), method.resource
    assert {word.split("/")[0] for word in known} == told, f"{method.resource}: {told}"
    if reason and (reasons := words(field(document, resource, reason))):
        named = {word.split("/")[1] for word in known if "/" in word}
        assert named == reasons, f"{method.resource}: {named ^ reasons}"
    ids = state.ids.split() or ["name"]
    for path in (state.path, reason, state.created, *ids):
        assert not path or field(document, resource, path)["type"] == "string", method.resource
    page = ""
    if method.list:
        assert not needs_query(method.list), method.resource
        query = state.list_query or "pageSize="
        parameters = {part.split("=")[0] for part in query.split("&")} | {"pageToken"}
        assert parameters <= method.list["parameters"].keys(), method.resource
        pages = document["schemas"][method.list["response"]["$ref"]]["properties"]
        (page,) = (name for name, it in pages.items() if lists(document, it, method))
        assert method.list["path"].endswith(f"/{pattern(method).split('/')[-2]}"), method.resource
        page = "" if page == pattern(method).split("/")[-2] else page
        page += "".join(f" {name}" for name in UNREACHED if name in pages)
    path = f"{state.path} {state.reason}".rstrip()
    cells = [page, answer(document, method), state.ids, path, state.created]
    return "\t".join([*cells, *state.words[:4]])


def put(body: dict[str, Any], path: str) -> dict[str, Any]:
    """The object at a path, which is made if it is not there."""
    for part in path.split(".") if path else ():
        body = body.setdefault(part, {})
    return body


def cases(service: str, method: Method) -> Iterator[dict[str, Any]]:
    """A case for each word of a state, and one for an unknown word."""
    if method.state is None:
        return
    state = method.state
    name = pattern(method).replace("*", "x")
    verdicts = ("cancelled", None, "completed", "failed", None)
    told = [
        (word, verdict, index == 1)
        for index, (cell, verdict) in enumerate(zip(state.words, verdicts, strict=True))
        for word in cell.split()
    ]
    for word, verdict, asked in [*told, ("A_NEW_STATE", None, False), ("", None, False)]:
        body: dict[str, Any] = {}
        ids = state.ids.split(" ") if state.ids else []
        for path in ids or ["name"]:
            above, _, own = path.rpartition(".")
            if own:
                put(body, above)[own] = "x" if ids else name
        place, _, last = state.path.rpartition(".")
        if "[" in place:
            at, key, value = re.fullmatch(r"(\w+)\[(\w+)=(\w+)\]", place).groups()
            inner: dict[str, Any] = {key: value}
            misleading = dict(zip((last, state.reason), state.words[0].split("/"), strict=True))
            body[at] = [{key: "Another", **misleading}, inner]
        else:
            inner = put(body, place)
        word, _, reason = word.replace("*", "invalidQuery").partition("/")
        if word:
            inner[last] = word
        if reason:
            above, _, last = state.reason.rpartition(".")
            put(inner, above)[last] = reason
            word = f"{word}/{reason}"
        yield {
            "service": service,
            "name": name,
            "word": word,
            "body": body,
            "verdict": verdict,
            "cancel_asked": asked,
        }


def vectors() -> str:
    found = (
        json.dumps(case)
        for name, _, found in documents()
        for method in found
        for case in cases(name, method)
    )
    return '{"cases": [\n  ' + ",\n  ".join(found) + "\n]}\n"


def pattern(method: Method) -> str:
    """The pattern of names: ``*`` is a segment, ``**`` the rest."""
    parameter = method.cancel["parameters"].get("name")
    if parameter is None:
        text = re.sub(r"\{[^}]*\}", "*", CANCEL.fullmatch(method.cancel["path"])["name"])
        if method.state and (level := method.state.query_level) is not None:
            for it in (method.cancel, method.get):
                assert it["parameters"]["location"]["location"] == "query", method.resource
            segments = text.split("/")
            text = "/".join([*segments[: 2 * level], "locations", "*", *segments[2 * level :]])
        return text
    expression = parameter["pattern"]
    text = expression.removeprefix("^").removesuffix("$")
    text = text.replace("[^/]+", "*").replace(".*", "**")
    assert re.fullmatch(r"[A-Za-z*]+(/[A-Za-z*]+)*", text), expression
    return text


def regional(document: dict[str, Any], label: str, lists: list[str]) -> str:
    """The regional hosts by their form, and the locations of each form."""
    forms: dict[str, set[str]] = {}
    seen = set()
    for endpoint in document.get("endpoints", []):
        place, host = endpoint["location"], endpoint["endpointUrl"].removeprefix("https://")
        if any(word in host for word in OTHER_HOSTS) or place in seen:
            continue
        seen.add(place)
        known = {f"{label}.{place}.rep": "LABEL.LOCATION.rep", f"{place}-{label}": "LOCATION-LABEL"}
        forms.setdefault(known[host.removesuffix(GOOGLE)], set()).add(place)
    cells = []
    for form, places in sorted(forms.items()):
        text = " ".join(sorted(places))
        if text not in lists:
            lists.append(text)
        cells.append(f"{form}={lists.index(text)}")
    return " ".join(cells)


def told(document: dict[str, Any], wanted: tuple[str, ...]) -> str:
    """The paths that some metadata of an operation of the document has."""
    schemas = document["schemas"]

    def has(schema: dict[str, Any], path: str) -> bool:
        field, _, rest = path.partition(".")
        found = schema.get("properties", {}).get(field)
        if not rest or found is None:
            return found is not None
        return has(schemas.get(found.get("$ref"), {}), rest)

    metadata = [schema for name, schema in schemas.items() if name.endswith("Metadata")]
    return " ".join(path for path in wanted if any(has(schema, path) for schema in metadata))


def scope(methods: list[Method]) -> str:
    """The wide scope, else the only one that every method accepts."""
    accepted = set.intersection(*(set(method.cancel.get("scopes", [])) for method in methods))
    if CLOUD_PLATFORM in accepted:
        return "cloud-platform"
    assert len(accepted) <= 1, accepted
    return "".join(accepted).removeprefix(AUTH)


def row(
    name: str,
    document: dict[str, Any],
    found: list[Method],
    lists: list[str],
    states: list[str],
) -> str:
    label = document["rootUrl"].removeprefix("https://").removesuffix(GOOGLE)
    assert document["mtlsRootUrl"] == f"https://{label}.mtls{GOOGLE}", name
    patterns: dict[str, str] = {}
    shapes, list_queries = set(), set()
    for method in found:
        assert not any(needs_query(it) for it in (method.cancel, method.get) if it), name
        path = document["servicePath"] + method.cancel["path"]
        parts = CANCEL.fullmatch(path)
        text = pattern(method)
        # One method of the Video Intelligence API has the names of another one.
        if parts["prefix"].endswith("/operations/"):
            assert any(pattern(other) == text for other in found if other is not method), name
            continue
        body = method.state.update if method.state else ""
        cancel = f"{method.cancel['httpMethod']} {parts['suffix']} {body}".rstrip()
        shapes.add((parts["prefix"], cancel))
        list_queries.add(method.state.list_query if method.state else "")
        if method.state:
            line = state_line(document, method)
            if line not in states:
                states.append(line)
            lacks = lacks_of_list(method.list, bool(method.list))
            level = method.state.query_level
            query = "" if level is None else f"?{level}"
            patterns[text] = f"{text}~{states.index(line)}{query}{lacks}"
            continue
        lacks = "" if shown(document, method.get) else "-get"
        lacks += lacks_of_list(method.list, listed(document, method.list))
        patterns[text] = text + lacks
    ((prefix, cancel),) = shapes
    (list_query,) = list_queries
    cells = [name, document["title"], label, "/" + prefix.rstrip("/"), scope(found), cancel]
    # A method for names in any collection would take any text. Its names are those of others.
    for text in [text for text in patterns if text.startswith("*")]:
        assert any(other.endswith(text[1:]) for other in patterns if other[0] != "*"), name
        del patterns[text]
    ordered = sorted(patterns, key=lambda text: (text not in USUAL, "~" in patterns[text]))
    cells += [regional(document, label, lists), " ".join(patterns[text] for text in ordered)]
    cells += [told(document, CREATED), told(document, ASKED)]
    cells += [list_query] if list_query else []
    assert not any("\t" in cell or "\n" in cell for cell in cells), name
    return "\t".join(cells)


def table() -> str:
    lists: list[str] = []
    states: list[str] = []
    rows = [row(*parts, lists, states) for parts in documents()]
    source = f"google-api-python-client {version('google-api-python-client')}"
    made = f"# Made by `make services`, from {source}."
    places = [f"={index}\t{text}" for index, text in enumerate(lists)]
    numbered = [f"~{index}\t{text}" for index, text in enumerate(states)]
    text = "\n".join([made, *places, *numbered, *rows]) + "\n"
    assert len(text.encode()) <= LARGEST, f"{len(text.encode()):,} bytes, at most {LARGEST:,}"
    return text


COLUMNS = "| service | title | names | regional hosts | missing |\n|---|---|---|---|---|\n"
STATES_HEAD = """## Resources with a state

The words of the field that prove what became of one; every other word is pending.

"""
STATE_COLUMNS = (
    "| service | names | field | cancelled | cancelling | completed | failed |\n"
    "|---|---|---|---|---|---|---|\n"
)


def state_page(text: str) -> str:
    """The table of states for people."""
    states, lines = {}, []
    for line in text.splitlines():
        if line.startswith("~"):
            number, _, _, _, path, _, *words = line[1:].split("\t")
            states[number] = [path, *(" ".join(f"`{it}`" for it in cell.split()) for cell in words)]
        elif not line.startswith(("#", "=")):
            name, *cells = line.split("\t")
            for one in cells[6].split(" "):
                own, _, rest = one.partition("~")
                if rest:
                    path, *words = states[re.split("[-?]", rest)[0]]
                    lines.append(f"| `{name}` | `{own}` | `{path}` | {' | '.join(words)} |\n")
    return STATE_COLUMNS + "".join(lines)


def page(text: str) -> str:
    """The table for people."""
    lines = []
    for line in text.splitlines():
        if line.startswith(("#", "=", "~")):
            continue
        name, title, _, _, _, _, hosts, cell, *_ = line.split("\t")
        patterns = cell.split(" ")
        first = re.split("[-~]", patterns[0])[0]
        more = f" and {len(patterns) - 1} more" if len(patterns) > 1 else ""
        lacks = {word for one in patterns for word in one.split("-")[1:]}
        some = " for some" if any("-" not in one for one in patterns) else ""
        words = " and ".join(sorted(lacks))
        missing = f"`{words}`{some}".replace(" and ", "` and `") if lacks else ""
        regional = "yes" if hosts else ""
        lines.append(f"| `{name}` | {title} | `{first}`{more} | {regional} | {missing} |\n")
    return COLUMNS + "".join(lines) + "\n" + STATES_HEAD + state_page(text)


def counted(text: str) -> dict[Path, tuple[str, ...]]:
    """Sentences for people with numbers of the table."""
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith(("#", "=", "~"))]
    lasting = [row for row in rows if any("~" not in one for one in row[7].split(" "))]
    others = len({row[0].split(".")[0] for row in lasting}) - 1  # Android comes first
    states = sum("~" in row[7] for row in rows)
    return {
        ROOT / "README.md": (f"[{others} other Google APIs]", f"jobs and builds of {states},"),
        ROOT / "CHANGELOG.md": (
            f"the {len(lasting)} services of Google's discovery that have\n",
            f"executions of {states} services",
        ),
        ROOT / "docs/python.md": (f"[{len(lasting)} services](services.md)",),
    }


def main() -> None:
    made = table()
    for file, sentences in counted(made).items():
        for sentence in sentences:
            if sentence not in file.read_text(encoding="utf-8"):
                sys.exit(f"{file.name} does not say: {sentence}")
    prose = PAGE.read_text(encoding="utf-8").split("| service |")[0]
    files = {TABLE: made, PAGE: prose + page(made), VECTORS: vectors()}
    for file, text in files.items():
        if sys.argv[1:] != ["check"]:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file.name} differs from what `make services` makes")


if __name__ == "__main__":
    main()
