"""A countermand with requests."""

import os
import random
import sys
import time
from functools import partial

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from countermand import Outcome
from countermand.sansio import Cancellation, Done, Wait, within


def failure(error: Exception) -> str:
    """The word for an error of requests, which has the error of urllib3 inside."""
    inner = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    if isinstance(inner, (NewConnectionError, ConnectTimeoutError)):
        return "connect"
    # A limit that ends amid the body is a ConnectionError of requests.
    late = isinstance(error, (TimeoutError, requests.Timeout))
    return "timed_out" if late or isinstance(inner, ReadTimeoutError) else "connection_lost"


def countermand(name: str, token: str, endpoint: str | None = None) -> Outcome:
    now = time.monotonic
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {token}"
        step = Cancellation(name, endpoint=endpoint).start(now(), seed=random.getrandbits(64))
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                time.sleep(max(0.0, step.until - now()))
                step = step.resume(now())
                continue
            request = step.transmit(now())
            try:
                send = partial(session.request, request.method, request.url, allow_redirects=False)
                send = partial(send, headers=dict(request.headers), data=request.body)
                send = partial(send, timeout=request.timeout)
                # requests limits each read; this, the whole exchange.
                response = within(request.timeout, send)
            except (TimeoutError, requests.RequestException) as error:
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
