"""Many countermands under one quota, with httpx."""

import asyncio
import os
import random
import sys
import time
from collections.abc import Iterable

import httpx
from with_httpx import failure

from countermand import CountermandError, OperationName, Outcome
from countermand.sansio import Finished, Scheduler, Ticket


async def countermand_all(
    names: Iterable[str], token: str, endpoint: str | None, quota: str, share: float
) -> dict[OperationName, Outcome | CountermandError]:
    now = time.monotonic
    seed = random.getrandbits(64)
    scheduler = Scheduler(seed=seed, endpoint=endpoint, quota=quota, share=share)
    answered = asyncio.Event()

    async def exchange(client: httpx.AsyncClient, ticket: Ticket) -> None:
        request = ticket.request
        try:
            async with asyncio.timeout(request.timeout):
                response = await client.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    content=request.body,
                    timeout=None,
                )
        except (TimeoutError, httpx.HTTPError) as error:
            ticket.failed(now(), failure(error), str(error))
        else:
            ticket.answer(now(), response.status_code, response.headers, response.content)
        answered.set()

    for name in names:
        scheduler.push(name)
    scheduler.close()
    results = {}
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers) as client, asyncio.TaskGroup() as requests:
        while not scheduler.done:
            step = scheduler.next_step(now())
            for event in scheduler.events():
                if isinstance(event, Finished):
                    results[event.name] = event.result
            if isinstance(step, Ticket):
                requests.create_task(exchange(client, step))
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
