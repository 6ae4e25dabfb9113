"""google-api-python-client; the resource is made once. ``GOOGLE_AS_IN_SAMPLES`` makes the whole
chain for each call, as its samples do."""

import os

import google_auth_httplib2
import httplib2
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from task import CA, FIELDS, ROOT, TOKEN, names, report, work

kind, count = work("serial", "confirm-serial")
http = google_auth_httplib2.AuthorizedHttp(Credentials(TOKEN), http=httplib2.Http(ca_certs=CA))
service = build(
    "androidmanagement",
    "v1",
    http=http,
    client_options={"api_endpoint": ROOT},
    static_discovery=True,
)
operations = service.enterprises().devices().operations()
chain = bool(os.environ.get("GOOGLE_AS_IN_SAMPLES"))
good = 0
for name in names(count):
    try:
        if chain:
            answer = service.enterprises().devices().operations().cancel(name=name).execute()
        else:
            answer = operations.cancel(name=name).execute()
        fine = answer == {}
        if kind == "confirm-serial":
            if chain:
                operations = service.enterprises().devices().operations()
            told = operations.get(name=name, fields=FIELDS).execute()
            fine = fine and told["done"] and told["error"]["code"] == 1
        good += fine
    except HttpError:
        pass
report(good, count)
