"""The official client, unmodified, works against the emulator."""

from __future__ import annotations

import json
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
