"""A countermand with nothing but the standard library."""

import http.client
import os
import random
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from functools import partial

from countermand import Outcome
from countermand.sansio import Cancellation, Done, Request, Wait, within


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def failure(error: Exception) -> str:
    """The word for an error of urllib, which wraps some errors and not others."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "tls"
    if isinstance(reason, (ConnectionRefusedError, socket.gaierror)):
        return "connect"
    return "timed_out" if isinstance(reason, TimeoutError) else "connection_lost"


def send(request: Request, token: str) -> tuple[int, dict[str, str], bytes]:
    headers = {**dict(request.headers), "authorization": f"Bearer {token}"}
    data = request.body or None
    call = urllib.request.Request(request.url, data, headers, method=request.method)
    try:
        response = OPENER.open(call, timeout=request.timeout)
    except urllib.error.HTTPError as answer:
        response = answer  # every status is an answer
    with response:
        return response.status, dict(response.headers), response.read()


def countermand(name: str, token: str, endpoint: str | None = None) -> Outcome:
    now = time.monotonic
    step = Cancellation(name, endpoint=endpoint).start(now(), seed=random.getrandbits(64))
    while not isinstance(step, Done):
        if isinstance(step, Wait):
            time.sleep(max(0.0, step.until - now()))
            step = step.resume(now())
            continue
        request = step.transmit(now())
        try:
            # urllib limits each read; this, the whole exchange.
            answer = within(request.timeout, partial(send, request, token))
        except (OSError, http.client.HTTPException) as error:
            step = step.failed(now(), failure(error), str(error))
        else:
            step = step.response(now(), *answer)
    return step.result()


if __name__ == "__main__":
    outcome = countermand(
        sys.argv[1], os.environ["COUNTERMAND_TOKEN"], os.environ.get("COUNTERMAND_ENDPOINT")
    )
    print(outcome.verdict)
