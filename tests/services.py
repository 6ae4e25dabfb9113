"""Makes the table of services from the discovery documents that google-api-python-client ships.

``make services`` runs it. ``services.py check`` fails if the table is another one than these
documents give. A row has, between tabs:

1. id: name and version in discovery
2. title
3. label of the hosts ``LABEL.googleapis.com`` and ``LABEL.mtls.googleapis.com``
4. path that each method begins with
5. OAuth scope that is enough to get, list and cancel, without
   ``https://www.googleapis.com/auth/``; empty where discovery names none
6. HTTP method and suffix of the path that cancels
7. regional hosts: ``LABEL.LOCATION.rep`` or ``LOCATION-LABEL``, and the number of a list of
   locations; empty where discovery lists none
8. name patterns of operations, the usual one first; after one, ``-get`` or ``-list`` if there is no
   such method
9. paths in the metadata of operations of the time at which one was created
10. paths there that are true after a cancel was asked
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
DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
LARGEST = 64 * 1024  # bytes
GOOGLE = ".googleapis.com/"
AUTH = "https://www.googleapis.com/auth/"
CLOUD_PLATFORM = AUTH + "cloud-platform"
CANCEL = re.compile(
    r"(?P<prefix>.*?)(?P<name>\{\+name\}|(?:projects|b)/.*?)(?P<suffix>:cancel|/cancel)"
)
# Hosts of services in front of another one, and of tests.
OTHER_HOSTS = ("batch-", "-preprod")


# The patterns that most services have.
USUAL = ("projects/*/locations/*/operations/*", "projects/*/locations/global/operations/*")

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


class Method(NamedTuple):
    """One cancel method and what stands beside it."""

    resource: str
    cancel: dict[str, Any]
    get: dict[str, Any] | None
    list: dict[str, Any] | None


def methods(resources: dict[str, Any], path: str = "") -> Iterator[Method]:
    """The ``operations.cancel`` methods, in the order of the document."""
    for name, resource in resources.items():
        here = f"{path}.{name}".lstrip(".")
        found = resource.get("methods", {})
        if name.lower().endswith("operations") and "cancel" in found:
            yield Method(here, found["cancel"], found.get("get"), found.get("list"))
        yield from methods(resource.get("resources", {}), here)


def documents() -> Iterator[tuple[str, dict[str, Any], list[Method]]]:
    """Each document with such methods, sorted by its id."""
    for file in sorted(DOCUMENTS.glob("*.json"), key=lambda file: file.stem):
        document = json.loads(file.read_text(encoding="utf-8"))
        if found := list(methods(document.get("resources", {}))):
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


def pattern(method: Method) -> str:
    """The pattern of names: ``*`` is a segment, ``**`` the rest."""
    parameter = method.cancel["parameters"].get("name")
    if parameter is None:
        return re.sub(r"\{[^}]*\}", "*", CANCEL.fullmatch(method.cancel["path"])["name"])
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


def row(name: str, document: dict[str, Any], found: list[Method], lists: list[str]) -> str:
    label = document["rootUrl"].removeprefix("https://").removesuffix(GOOGLE)
    assert document["mtlsRootUrl"] == f"https://{label}.mtls{GOOGLE}", name
    patterns: dict[str, str] = {}
    shapes = set()
    for method in found:
        assert not any(needs_query(it) for it in (method.cancel, method.get) if it), name
        path = document["servicePath"] + method.cancel["path"]
        parts = CANCEL.fullmatch(path)
        text = pattern(method)
        # One method of the Video Intelligence API has the names of another one.
        if parts["prefix"].endswith("/operations/"):
            assert any(pattern(other) == text for other in found if other is not method), name
            continue
        shapes.add((parts["prefix"], method.cancel["httpMethod"] + " " + parts["suffix"]))
        lacks = "" if shown(document, method.get) else "-get"
        lacks += "" if listed(document, method.list) else "-list"
        patterns[text] = text + lacks
    ((prefix, cancel),) = shapes
    cells = [name, document["title"], label, "/" + prefix.rstrip("/"), scope(found), cancel]
    # Any collection last: a name of one that is listed has that pattern.
    ordered = sorted(patterns, key=lambda text: (text not in USUAL, text.startswith("*")))
    cells += [regional(document, label, lists), " ".join(patterns[text] for text in ordered)]
    cells += [told(document, CREATED), told(document, ASKED)]
    assert not any("\t" in cell or "\n" in cell for cell in cells), name
    return "\t".join(cells)


def table() -> str:
    lists: list[str] = []
    rows = [row(*parts, lists) for parts in documents()]
    source = f"google-api-python-client {version('google-api-python-client')}"
    made = f"# Made by `make services`, from {source}."
    places = [f"={index}\t{text}" for index, text in enumerate(lists)]
    text = "\n".join([made, *places, *rows]) + "\n"
    assert len(text.encode()) <= LARGEST, f"{len(text.encode()):,} bytes, at most {LARGEST:,}"
    return text


COLUMNS = "| service | title | names | regional hosts | missing |\n|---|---|---|---|---|\n"


def page(text: str) -> str:
    """The table for people."""
    lines = []
    for line in text.splitlines():
        if line.startswith(("#", "=")):
            continue
        name, title, _, _, _, _, hosts, cell, *_ = line.split("\t")
        patterns = cell.split(" ")
        first = patterns[0].split("-")[0]
        more = f" and {len(patterns) - 1} more" if len(patterns) > 1 else ""
        lacks = {word for one in patterns for word in one.split("-")[1:]}
        some = " for some" if any("-" not in one for one in patterns) else ""
        words = " and ".join(sorted(lacks))
        missing = f"`{words}`{some}".replace(" and ", "` and `") if lacks else ""
        regional = "yes" if hosts else ""
        lines.append(f"| `{name}` | {title} | `{first}`{more} | {regional} | {missing} |\n")
    return COLUMNS + "".join(lines)


def main() -> None:
    made = table()
    prose = PAGE.read_text(encoding="utf-8").split("| service |")[0]
    files = {TABLE: made, PAGE: prose + page(made)}
    for file, text in files.items():
        if sys.argv[1:] != ["check"]:
            file.write_text(text, encoding="utf-8")
        elif file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file.name} differs from what `make services` makes")


if __name__ == "__main__":
    main()
