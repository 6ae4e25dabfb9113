"""google-api-python-client and google-auth, set up as their documentation does."""

from __future__ import annotations

import json
import os
import socket
import sys

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.oauth2.credentials import Credentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError

_resolve = socket.getaddrinfo


def resolve(host: str, *more: object, **options: object) -> object:
    """Resolves this machine alone: httplib2 looks a name up before it uses a proxy."""
    if host != "127.0.0.1":
        raise socket.gaierror(f"{host} is not asked for in a test")
    return _resolve(host, *more, **options)  # type: ignore[arg-type]


SCOPE = "https://www.googleapis.com/auth/androidmanagement"


def main() -> None:
    socket.getaddrinfo = resolve  # type: ignore[assignment]
    root, name = os.environ["CLIENT_ROOT"], os.environ["CLIENT_OPERATION"]
    if file := os.environ.get("CLIENT_CREDENTIALS"):
        credentials, _ = google.auth.load_credentials_from_file(file, scopes=[SCOPE])
    else:
        credentials = Credentials(token=os.environ["CLIENT_TOKEN"])
    document = f"{root}/$discovery/rest?version={{apiVersion}}"
    with discovery.build(
        "androidmanagement", "v1", credentials=credentials, discoveryServiceUrl=document
    ) as api:
        operations = api.enterprises().devices().operations()
        said = {
            "cancel": operations.cancel(name=name).execute(),
            # The fields make the address so long that the client sends a POST.
            "get": operations.get(
                name=name, fields=",".join(["name", "done", "error"] * 200)
            ).execute(),
            "list": [
                each["name"]
                for each in operations.list(name=name.rpartition("/")[0]).execute()["operations"]
            ],
        }
        try:
            operations.cancel(name=f"{name}0").execute()
        except HttpError as error:
            said["unknown"] = {"status": error.status_code, "message": error.reason}
        answers = {}

        def collect(call: str, answer: object, error: HttpError | None) -> None:
            answers[call] = answer if error is None else error.status_code

        batch = api.new_batch_http_request(callback=collect)
        batch.add(operations.get(name=name, fields="name"), request_id="get")
        batch.add(operations.cancel(name=f"{name}0"), request_id="unknown")
        batch.execute()
        said["batch"] = answers
    print(json.dumps(said))


if __name__ == "__main__":
    try:
        main()
    except (GoogleAuthError, HttpError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
