"""Many countermands under one quota, with aiohttp."""

import asyncio
import os
import random
import sys
import time
from collections.abc import Iterable

import aiohttp
from with_aiohttp import failure
from yarl import URL

from countermand import CountermandError, OperationName, Outcome
from countermand.sansio import Finished, Scheduler, Ticket


async def countermand_all(
    names: Iterable[str], token: str, endpoint: str | None, quota: str, share: float
) -> dict[OperationName, Outcome | CountermandError]:
    now = time.monotonic
    seed = random.getrandbits(64)
    scheduler = Scheduler(seed=seed, endpoint=endpoint, quota=quota, share=share)
    answered = asyncio.Event()

    async def exchange(session: aiohttp.ClientSession, ticket: Ticket) -> None:
        request = ticket.request
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body or None,
                timeout=aiohttp.ClientTimeout(total=request.timeout),
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError) as error:
            ticket.failed(now(), failure(error), str(error))
        else:
            ticket.answer(now(), response.status, response.headers, body)
        answered.set()

    for name in names:
        scheduler.push(name)
    scheduler.close()
    results = {}
    headers = {"authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as requests:
        while not scheduler.done:
            step = scheduler.next_step(now())
            for event in scheduler.events():
                if isinstance(event, Finished):
                    results[event.name] = event.result
            if isinstance(step, Ticket):
                requests.create_task(exchange(session, step))
            elif not scheduler.done:
                pause = None if step is None else max(0.0, step - now())
                try:
                    await asyncio.wait_for(answered.wait(), pause)
                except TimeoutError:
                    continue
                answered.clear()
    return results


if __name__ == "__main__":
    endpoint = os.environ.get("COUNTERMAND_ENDPOINT")
    found = asyncio.run(
        countermand_all(
            sys.argv[1:], os.environ["COUNTERMAND_TOKEN"], endpoint, "600/60s,1000/100s", 0.8
        )
    )
    for name, result in found.items():
        print(name, result.verdict if isinstance(result, Outcome) else result)
