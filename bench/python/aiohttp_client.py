"""aiohttp: HTTP/1.1, on 50 connections in bulk, because it has no HTTP/2."""

import asyncio
import ssl

import aiohttp
from task import CA, FIELDS, ROOT, TOKEN, gather, report, work

kind, count = work("serial", "confirm-serial", "bulk", "confirm-bulk")
confirm = kind.startswith("confirm")
connections = 50 if kind.endswith("bulk") else 1


async def main():
    context = ssl.create_default_context(cafile=CA)
    connector = aiohttp.TCPConnector(limit=connections, ssl=context)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def one(name):
            async with session.post(f"{ROOT}/v1/{name}:cancel") as response:
                fine = response.status == 200 and await response.json() == {}
            if confirm:
                url, params = f"{ROOT}/v1/{name}", {"fields": FIELDS}
                async with session.get(url, params=params) as response:
                    told = await response.json()
                fine = told["done"] and told["error"]["code"] == 1 and fine
            return fine

        return await gather(one, count, connections)


report(asyncio.run(main()), count)
