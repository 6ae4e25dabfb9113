"""A countermand with httpx."""

import os
import random
import sys
import time
from functools import partial

import httpx

from countermand import Outcome
from countermand.sansio import Cancellation, Done, Wait, within


def failure(error: Exception) -> str:
    """The word for an error of httpx. These two arise before anything of the request is sent."""
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return "connect"
    timed_out = isinstance(error, (TimeoutError, httpx.TimeoutException))
    return "timed_out" if timed_out else "connection_lost"


def countermand(name: str, token: str, endpoint: str | None = None) -> Outcome:
    now = time.monotonic
    with httpx.Client(headers={"authorization": f"Bearer {token}"}) as client:
        step = Cancellation(name, endpoint=endpoint).start(now(), seed=random.getrandbits(64))
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                time.sleep(max(0.0, step.until - now()))
                step = step.resume(now())
                continue
            request = step.transmit(now())
            try:
                send = partial(client.request, request.method, request.url)
                send = partial(send, headers=request.headers, content=request.body)
                send = partial(send, timeout=request.timeout)
                # httpx limits each read; this, the whole exchange.
                response = within(request.timeout, send)
            except (TimeoutError, httpx.HTTPError) as error:
                step = step.failed(now(), failure(error), str(error))
            else:
                step = step.response(
                    now(), response.status_code, response.headers, response.content
                )
        return step.result()


if __name__ == "__main__":
    outcome = countermand(
        sys.argv[1], os.environ["COUNTERMAND_TOKEN"], os.environ.get("COUNTERMAND_ENDPOINT")
    )
    print(outcome.verdict)
