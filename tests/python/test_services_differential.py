"""The same requests as google-api-python-client builds from discovery, for every service."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import googleapiclient.discovery_cache
import pytest
from googleapiclient import discovery

from countermand import OperationName, services
from countermand.errors import InvalidName
from countermand.sansio import Request, build_cancel, build_get, build_list_operations

from conftest import cases

DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"


class NoNetwork:
    """The HTTP object of a service whose requests are inspected and not sent."""

    def request(self, *_: object, **__: object) -> None:
        raise AssertionError("a request was sent")

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Operations:
    """A resource of discovery with a method ``cancel``."""

    service: str
    document: dict[str, Any]
    path: tuple[str, ...]
    methods: dict[str, Any]
    theirs: Any

    @property
    def cancel(self) -> dict[str, Any]:
        return self.methods["cancel"]

    @property
    def is_named_twice(self) -> bool:
        """True for the one method that cancels at ``v1/operations/{+name}`` what another method of
        its service cancels at ``v1/{+name}``. Ours calls the other one alone."""
        return self.cancel["path"] == "v1/operations/{+name}:cancel"

    @property
    def has_contract(self) -> bool:
        """True if it states what a verdict rests on, and how that is seen."""
        says = self.cancel.get("description", "")
        return (
            "best effort to cancel" in says
            and "Operations.GetOperation or other methods to check" in says
            and re.search(r"Status\.code of `?1`?, corresponding to `?Code\.CANCELLED", says)
            is not None
            and self.cancel["httpMethod"] == "POST"
            and "get" in self.methods
        )

    def has(self, method: str, fields: set[str], parameters: set[str] = frozenset()) -> bool:
        """True if it has the method, with these fields in its answer, and needs only path and
        parameters of these."""
        described = self.methods.get(method)
        if described is None:
            return False
        schema = self.document["schemas"][described["response"]["$ref"]]
        required = {
            name
            for name, parameter in described["parameters"].items()
            if parameter.get("required") and parameter["location"] != "path"
        }
        known = described["parameters"].keys()
        return fields <= schema["properties"].keys() and parameters <= known and not required

    @property
    def has_get(self) -> bool:
        return self.has("get", {"name", "done", "error"})

    @property
    def has_list(self) -> bool:
        return self.has("list", {"operations", "nextPageToken"}, {"pageSize", "pageToken"})

    def arguments(self, method: str, segment: Callable[[], str]) -> dict[str, str]:
        """What stands in the path of a method, with these ids."""
        given = {}
        for name, parameter in self.methods[method]["parameters"].items():
            if parameter.get("location") == "path":
                pattern = parameter.get("pattern", "^[^/]+$").removeprefix("^").removesuffix("$")
                # Names in any collection: ours are those in the collections of the other methods.
                pattern = re.sub(r"^\[\^/\]\+(?=/\[)", "projects", pattern)
                given[name] = re.sub(r"\[\^/\]\+|\.\*", lambda _: segment(), pattern)
        return given

    def name(self, given: dict[str, str]) -> str:
        """The name of the operation that is cancelled with these arguments."""
        path = self.cancel["path"]
        for parameter, value in given.items():
            path = path.replace(f"{{+{parameter}}}", value).replace(f"{{{parameter}}}", value)
        path = re.sub(r"^(?:dns/|sql/)?v\d[a-z0-9]*/(?:admin/)?", "", path)
        return path.removesuffix(":cancel").removesuffix("/cancel")

    def list_arguments(self, given: dict[str, str]) -> dict[str, str]:
        """Arguments of the list of the operations beside the one with these arguments."""
        # Ids follow each other in both patterns in the same order.
        ids = iter(re.split(r"/", "/".join(given.values())))
        values = [*ids]
        listed = self.arguments("list", lambda: "*")
        if set(listed) <= set(given) and not {"name", "parent"} & set(listed):
            return {name: given[name] for name in listed}
        (parameter,) = listed or ("",)
        if not parameter:
            return {}
        segments = listed[parameter].split("/")
        segments = [own if it == "*" else it for it, own in zip(segments, values, strict=False)]
        return {parameter: "/".join(segments)}


def resources(described: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The resources of a document with the methods of each."""
    for name, resource in described.get("resources", {}).items():
        yield (name,), resource.get("methods", {})
        for path, methods in resources(resource):
            yield (name, *path), methods


@pytest.fixture(scope="module")
def everything() -> list[Operations]:
    found = []
    for file in sorted(DOCUMENTS.glob("*.json")):
        text = file.read_text(encoding="utf-8")
        if '"cancel": {' not in text:
            continue
        document = json.loads(text)
        service = discovery.build_from_document(document, http=NoNetwork())
        for path, methods in resources(document):
            if path[-1].lower().endswith("operations") and "cancel" in methods:
                theirs = service
                for name in path:
                    theirs = getattr(theirs, discovery.fix_method_name(name))()
                found.append(Operations(file.stem, document, path, methods, theirs))
    return found


PAGE = {"pageToken": "a+b/c=&d#é"}
FILTER = 'done = false AND a:"é/b&c"'
CHANCE = random.Random(20261129)


def plain() -> str:
    return "a" + "".join(CHANCE.choices("abcXYZ0189-_~.", k=8)) + "z"


def strange() -> str:
    """An id of characters that both sides encode alike."""
    return "a" + "".join(CHANCE.choices('abZ09-_.~é日😀 "<>\\^`{|}', k=12)) + "z"


def parts(url: str) -> tuple[str, dict[str, str]]:
    """Path as sent, and the query without what either side adds."""
    url_parts = urlsplit(url)
    assert (url_parts.scheme, url_parts.fragment) == ("https", "")
    query = dict(parse_qsl(url_parts.query, keep_blank_values=True))
    for set_aside in ("alt", "fields", "pageSize", "maxResults"):
        query.pop(set_aside, None)
    return url_parts.path, query


def difference(ours: Request, theirs: Any) -> str | None:
    """The difference between two requests, hosts aside."""
    own = (ours.method, *parts(ours.url), body(ours.body, dict(ours.headers)))
    other = (theirs.method, *parts(theirs.uri), body(theirs.body, theirs.headers))
    return None if own == other else f"{own} is not {other}"


def body(text: str | bytes | None, headers: dict[str, str]) -> tuple[str, Any] | None:
    """The type of a body and its JSON; ``None`` without a body."""
    return (headers["content-type"], json.loads(text)) if text else None


def refused(build: Callable[[], Request], kind: str = "no_method") -> str | None:
    try:
        return f"{build().url} is built"
    except InvalidName as error:
        return None if error.kind == kind else str(error)


def test_the_contract_is_that_of_437_methods(everything: list[Operations]) -> None:
    assert len(everything) == 466
    with_operations = {it.service for it in everything}
    assert with_operations | {case["service"] for case in cases("states.json")} == {
        it.id for it in services()
    }
    contract = [it for it in everything if it.has_contract]
    assert len(contract) == 437
    assert len({it.service.partition(".")[0] for it in contract}) == 98
    assert sum("list" in it.methods for it in contract) == 413
    # Ours has the same, and no other method that tells an operation in this form.
    assert all(it.has_get for it in contract)
    assert sum(it.has_list for it in contract) == 413


def test_cancel_get_and_list_are_those_of_discovery(everything: list[Operations]) -> None:
    unlike = []
    counts = dict.fromkeys(("contract", "lists", "others"), 0)
    for it in everything:
        # Its names are those of another method, which is called in its place.
        if it.is_named_twice:
            assert it.service == "videointelligence.v1"
            others = [other for other in everything if other.service == it.service]
            given = it.arguments("cancel", plain)
            (other,) = (other for other in others if other is not it)
            assert build_cancel(given["name"], service=it.service).url == other.theirs.cancel(
                **given
            ).uri.removesuffix("?alt=json")
            counts["contract"] += it.has_contract
            counts["lists"] += it.has_contract and it.has_list
            continue
        for segment in (plain, strange, strange):
            given = it.arguments("cancel", segment)
            name = OperationName(it.name(given), service=it.service)
            requests = {
                "cancel": (lambda name=name: build_cancel(name), it.theirs.cancel(**given)),
                "get": (
                    lambda name=name: build_get(name),
                    it.theirs.get(**given) if it.has_get else None,
                ),
                "list": (
                    lambda name=name: build_list_operations(
                        name.parent,
                        service=name.service,
                        page_token=PAGE["pageToken"],
                        filter=FILTER,
                    ),
                    it.theirs.list(**it.list_arguments(given), **PAGE, filter=FILTER)
                    if it.has_list
                    else None,
                ),
            }
            for method, (ours, theirs) in requests.items():
                found = refused(ours) if theirs is None else difference(ours(), theirs)
                if found:
                    unlike.append(f"{it.service} {it.path} {method} {name}: {found}")
        counts["contract" if it.has_contract else "others"] += 1
        counts["lists"] += it.has_contract and it.has_list
    assert not unlike, "\n".join(unlike)
    assert counts == {"contract": 437, "lists": 413, "others": 29}


def test_cancel_get_and_list_of_resources_with_a_state_are_those_of_discovery() -> None:
    names = {(case["service"], case["name"]) for case in cases("states.json")}
    built = set()
    for service in sorted({service for service, _ in names}):
        document = json.loads((DOCUMENTS / f"{service}.json").read_text(encoding="utf-8"))
        root = discovery.build_from_document(document, http=NoNetwork())
        for path, methods in resources(document):
            verb = "update" if service == "dataflow.v1b3" else "cancel"
            if verb not in methods or "get" not in methods:
                continue
            theirs = root
            for part in path:
                theirs = getattr(theirs, discovery.fix_method_name(part))()
            it = Operations(service, document, path, methods | {"cancel": methods[verb]}, theirs)
            more = MORE.get(service, {})
            own = it.name(it.arguments("cancel", lambda: "x"))
            if (service, located(own, "x") if more else own) not in names:
                continue
            for segment in (plain, strange, strange):
                given = it.arguments("cancel", segment)
                location = segment()
                text = located(it.name(given), location) if more else it.name(given)
                name = OperationName(text, service=service)
                # It has one spelling.
                small = "".join(it.lower() if it.isascii() else it for it in location)
                place = {"location": small} if more else {}
                update = {"body": UPDATE} if verb == "update" else {}
                cancel = getattr(theirs, verb)(**given, **place, **update)
                assert difference(build_cancel(name), cancel) is None
                assert difference(build_get(name), theirs.get(**given, **place)) is None
                if "list" not in methods:
                    continue
                # The name of the list, because one parent may have several.
                listed = str(name).rpartition("/")[0]
                arguments = {"service": service, "page_token": PAGE["pageToken"]}
                if "filter" in methods["list"]["parameters"] and service != "dataflow.v1b3":
                    filtered, arguments["filter"] = {"filter": FILTER}, FILTER
                else:
                    filtered = {}
                    assert (
                        refused(
                            lambda listed=listed, arguments=arguments: build_list_operations(
                                listed, **arguments, filter=FILTER
                            ),
                            "no_filter",
                        )
                        is None
                    )
                ours = build_list_operations(listed, **arguments)
                called = theirs.list(**it.list_arguments(given), **PAGE, **more, **filtered)
                assert difference(ours, called) is None
            built.add((service, located(own, "x") if more else own))
    assert built == names
    assert len(names) == 34


UPDATE = {"requestedState": "JOB_STATE_CANCELLED"}
MORE = {"bigquery.v2": {"allUsers": True, "projection": "full"}}
"""Arguments of the list of services whose names have a location and whose paths do not."""


def located(name: str, location: str) -> str:
    project, id_, rest = name.split("/", 2)
    return f"{project}/{id_}/locations/{location}/{rest}"


OTHER_HOSTS = ("batch-", "-preprod")
"""Words in hosts of another front end, and of tests."""


def test_hosts_are_those_of_discovery(everything: list[Operations]) -> None:
    found = set()
    for it in everything:
        if it.is_named_twice:
            continue
        root = urlsplit(it.document["rootUrl"]).netloc
        hosts: dict[str, set[str]] = {}
        for endpoint in it.document.get("endpoints", []):
            host = urlsplit(endpoint["endpointUrl"]).netloc
            if not any(word in host for word in OTHER_HOSTS):
                hosts.setdefault(endpoint["location"], set()).add(host)
        text = it.name(it.arguments("cancel", lambda: "x1"))
        for place in (*hosts, "mars", "x1"):
            name = re.sub(r"\b(locations|regions)/x1", rf"\1/{place}", text)
            ours = urlsplit(build_cancel(name, service=it.service).url).netloc
            expected = hosts.get(place, {root}) if name != text else {root}
            assert ours in expected, f"{name}: {ours} is none of {expected}"
            found.add(ours)
    assert len(found) > 1000, len(found)


ENCODED_ALIKE = ["a b", " o", "\u00a0o", "100%", "ü", "日本", "a:b", "a\u200bb"]
SENT_WRONGLY = ["c#f", "c#", "c?x=y", "c?", "c%2Fd", "%2e%2e"]
REFUSED = ["", ".", "..", "o ", "o\u00a0", "o:cancel"]
REFUSED += ["o\n", "o\r\nx", "o\x00", "o\x7f", "\u202eo", "o\u2028x"]


def test_ids_that_the_other_client_sends_wrongly_are_encoded_or_refused(
    everything: list[Operations],
) -> None:
    """Each as the last id of a name of each method of the contract."""
    for it in everything:
        if not it.has_contract or it.is_named_twice:
            continue
        before = it.name(it.arguments("cancel", lambda: "x")).removesuffix("x")
        at = urlsplit(build_cancel(f"{before}x", service=it.service).url).path
        at = at.removesuffix("x:cancel")
        for id_ in (*ENCODED_ALIKE, *SENT_WRONGLY, "c[d]"):
            ours = urlsplit(build_cancel(f"{before}{id_}", service=it.service).url)
            assert (ours.query, ours.fragment) == ("", "")
            assert unquote(ours.path) == f"{at}{id_}:cancel"
            assert "/" not in ours.path.removeprefix(at)
            theirs = urlsplit(it.theirs.cancel(name=f"{before}{id_}").uri)
            is_right = unquote(theirs.path) == unquote(ours.path)
            assert is_right == (id_ not in SENT_WRONGLY), theirs
        for id_ in REFUSED:
            for build in (build_cancel, build_get):
                with pytest.raises(InvalidName):
                    build(f"{before}{id_}", service=it.service)
