"""The same requests as google-api-python-client builds, where its requests are right."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from googleapiclient import discovery

from countermand.errors import InvalidName
from countermand.sansio import (
    Request,
    build_cancel,
    build_get,
    build_get_device,
    build_list_operations,
)

DOCUMENT = Path(__file__).parent / "data" / "androidmanagement.json"


class NoNetwork:
    """The HTTP object of a service whose requests are inspected and not sent."""

    def request(self, *_: object, **__: object) -> None:
        raise AssertionError("a request was sent")

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def devices() -> Any:
    service = discovery.build_from_document(json.loads(DOCUMENT.read_text()), http=NoNetwork())
    return service.enterprises().devices()


def random_name(chance: random.Random) -> str:
    """A name of characters that both sides encode alike."""
    alphabet = "abcXYZ0189-_.~" + 'é日😀 "<>\\^`{|}'

    def segment() -> str:
        middle = "".join(chance.choices(alphabet, k=chance.randint(0, 20)))
        return f"a{middle}z"

    return f"enterprises/{segment()}/devices/{segment()}/operations/{segment()}"


CHANCE = random.Random(20261104)
ALIKE = [
    "enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669",
    "enterprises/e/devices/d/operations/o",
    "enterprises/é/devices/ü/operations/日本",
    "enterprises/e/devices/d/operations/a b",
    "enterprises/e/devices/d/operations/a.b~c-d_e",
    "enterprises/e/devices/d/operations/...",
    *(random_name(CHANCE) for _ in range(200)),
]


def parts(url: str) -> tuple[str, str, str, dict[str, str]]:
    """Scheme, host, path as sent, and the query without `alt` and `fields`."""
    url_parts = urlsplit(url)
    assert url_parts.fragment == ""
    query = dict(parse_qsl(url_parts.query, keep_blank_values=True))
    for set_aside in ("alt", "fields"):
        query.pop(set_aside, None)
    return url_parts.scheme, url_parts.netloc, url_parts.path, query


def assert_alike(ours: Request, theirs: Any) -> None:
    assert ours.method == theirs.method
    assert parts(ours.url) == parts(theirs.uri)
    assert not theirs.body  # and ours has none by its type
    assert dict(ours.headers) == ({"content-length": "0"} if ours.method == "POST" else {})


@pytest.mark.parametrize("name", ALIKE)
def test_alike(devices: Any, name: str) -> None:
    device = name.split("/operations/")[0]
    operations = devices.operations()
    assert_alike(build_cancel(name), operations.cancel(name=name))
    assert_alike(build_get(name), operations.get(name=name))
    assert_alike(build_get_device(device), devices.get(name=device))
    assert_alike(
        build_list_operations(device, page_size=50),
        operations.list(name=f"{device}/operations", pageSize=50),
    )
    assert_alike(
        build_list_operations(device, page_token="a+b/c=&d#é"),
        operations.list(name=f"{device}/operations", pageSize=100, pageToken="a+b/c=&d#é"),
    )


@pytest.mark.parametrize("char", "!$&'()*+,;=:@")
def test_the_same_resource_by_another_spelling(devices: Any, char: str) -> None:
    """That client leaves reserved characters unencoded; ours are encoded, with the same meaning."""
    name = f"enterprises/e/devices/d/operations/a{char}b"
    theirs = parts(devices.operations().cancel(name=name).uri)
    ours = parts(build_cancel(name).url)
    assert char not in ours[2].removesuffix(":cancel")
    assert unquote(ours[2]) == unquote(theirs[2]) == f"/v1/{name}:cancel"


@pytest.mark.parametrize("id_", ["c#f", "c#", "c?x=y", "c?", "c%2Fd", "%2e%2e", "c[d]"])
def test_sent_wrongly_by_them_encoded_by_us(devices: Any, id_: str) -> None:
    name = f"enterprises/e/devices/d/operations/{id_}"
    ours = urlsplit(build_cancel(name).url)
    assert (unquote(ours.path), ours.query, ours.fragment) == (f"/v1/{name}:cancel", "", "")
    if "[" not in id_:
        theirs = urlsplit(devices.operations().cancel(name=name).uri)
        assert unquote(theirs.path) != f"/v1/{name}:cancel"


@pytest.mark.parametrize(
    "name",
    [
        "enterprises/e/devices/d/operations/..",
        "enterprises/e/devices/../operations/o",
        "enterprises/e/devices/d/operations/o\n",
        "enterprises/e/devices/d/operations/o\r\nx",
        "enterprises/e/devices/d/operations/o\x00",
        "enterprises/e/devices/d/operations/o ",
        "enterprises/e/devices/d/operations/o:cancel",
        "enterprises/e/devices/d/operations/\u202eo",
    ],
)
def test_sent_by_them_refused_by_us(devices: Any, name: str) -> None:
    assert devices.operations().cancel(name=name).uri
    for build in (build_cancel, build_get):
        with pytest.raises(InvalidName):
            build(name)
