"""A countermand with aiohttp."""

import asyncio
import os
import random
import sys
import time

import aiohttp
from yarl import URL

from countermand import Outcome
from countermand.sansio import Cancellation, Done, Wait


def failure(error: Exception) -> str:
    """The word for an error of aiohttp. Errors of the connector arise before the request."""
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connect"
    return "timed_out" if isinstance(error, TimeoutError) else "connection_lost"


async def countermand(name: str, token: str, endpoint: str | None = None) -> Outcome:
    now = time.monotonic
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {token}"}) as session:
        step = Cancellation(name, endpoint=endpoint).start(now(), seed=random.getrandbits(64))
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                await asyncio.sleep(step.until - now())
                step = step.resume(now())
                continue
            request = step.transmit(now())
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
                step = step.failed(now(), failure(error), str(error))
            else:
                step = step.response(now(), response.status, response.headers, body)
        return step.result()


if __name__ == "__main__":
    outcome = asyncio.run(
        countermand(
            sys.argv[1], os.environ["COUNTERMAND_TOKEN"], os.environ.get("COUNTERMAND_ENDPOINT")
        )
    )
    print(outcome.verdict)
