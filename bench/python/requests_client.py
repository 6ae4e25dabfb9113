"""requests: one session."""

import requests
from task import CA, FIELDS, ROOT, TOKEN, names, report, work

kind, count = work("serial", "confirm-serial")
good = 0
with requests.Session() as session:
    session.headers["authorization"] = f"Bearer {TOKEN}"
    session.verify = CA
    for name in names(count):
        response = session.post(f"{ROOT}/v1/{name}:cancel")
        fine = response.status_code == 200 and response.json() == {}
        if kind == "confirm-serial":
            told = session.get(f"{ROOT}/v1/{name}", params={"fields": FIELDS}).json()
            fine = told["done"] and told["error"]["code"] == 1 and fine
        good += fine
report(good, count)
