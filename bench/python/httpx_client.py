"""httpx: one client, HTTP/1.1 in series, HTTP/2 in bulk."""

import asyncio
import ssl

import httpx
from task import CA, FIELDS, IN_FLIGHT, ROOT, TOKEN, gather, names, report, work

kind, count = work("serial", "confirm-serial", "bulk", "confirm-bulk")
confirm = kind.startswith("confirm")
settings = {
    "base_url": f"{ROOT}/v1/",
    "headers": {"authorization": f"Bearer {TOKEN}"},
    "verify": ssl.create_default_context(cafile=CA),
}


def is_cancelled(answer):
    return answer["done"] and answer["error"]["code"] == 1


def serial():
    good = 0
    with httpx.Client(**settings) as client:
        for name in names(count):
            response = client.post(f"{name}:cancel")
            fine = response.status_code == 200 and response.json() == {}
            if confirm:
                fine = is_cancelled(client.get(name, params={"fields": FIELDS}).json()) and fine
            good += fine
    return good


async def bulk():
    async with httpx.AsyncClient(http2=True, **settings) as client:

        async def one(name):
            response = await client.post(f"{name}:cancel")
            fine = response.status_code == 200 and response.json() == {}
            if confirm:
                told = await client.get(name, params={"fields": FIELDS})
                fine = is_cancelled(told.json()) and fine
            return fine

        return await gather(one, count, IN_FLIGHT)


report(asyncio.run(bulk()) if kind.endswith("bulk") else serial(), count)
