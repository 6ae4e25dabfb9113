"""A countermand with pycurl."""

import io
import os
import random
import sys
import time

import pycurl

from countermand import Outcome
from countermand.sansio import Cancellation, Done, Request, Wait

BEFORE = {
    pycurl.E_COULDNT_RESOLVE_PROXY: "connect",
    pycurl.E_COULDNT_RESOLVE_HOST: "connect",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
}
"""Errors that arise before anything of the request is sent."""


def failure(error: pycurl.error) -> str:
    """The word for an error of pycurl."""
    late = error.args[0] == pycurl.E_OPERATION_TIMEDOUT
    return BEFORE.get(error.args[0], "timed_out" if late else "connection_lost")


def send(curl: pycurl.Curl, request: Request, token: str) -> tuple[int, dict[str, str], bytes]:
    lines: list[str] = []
    body = io.BytesIO()
    curl.setopt(pycurl.URL, request.url)
    curl.setopt(pycurl.PATH_AS_IS, True)
    # On a kept connection that fails, curl sends again by itself, and tells only the last failure.
    curl.setopt(pycurl.FORBID_REUSE, True)
    curl.setopt(pycurl.HTTPGET, True)
    if request.body:
        curl.setopt(pycurl.POSTFIELDS, request.body)
    curl.setopt(pycurl.CUSTOMREQUEST, request.method)
    headers = [*request.headers, ("authorization", f"Bearer {token}")]
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers])
    curl.setopt(pycurl.HEADERFUNCTION, lambda line: lines.append(line.decode("latin-1")))
    curl.setopt(pycurl.WRITEFUNCTION, body.write)
    curl.setopt(pycurl.TIMEOUT_MS, round(request.timeout * 1000))  # the whole exchange
    curl.perform()
    fields = (line.strip().partition(":") for line in lines)
    answered = {name.lower(): value.strip() for name, colon, value in fields if colon}
    return curl.getinfo(pycurl.RESPONSE_CODE), answered, body.getvalue()


def countermand(name: str, token: str, endpoint: str | None = None) -> Outcome:
    now = time.monotonic
    curl = pycurl.Curl()
    step = Cancellation(name, endpoint=endpoint).start(now(), seed=random.getrandbits(64))
    while not isinstance(step, Done):
        if isinstance(step, Wait):
            time.sleep(max(0.0, step.until - now()))
            step = step.resume(now())
            continue
        request = step.transmit(now())
        try:
            answer = send(curl, request, token)
        except pycurl.error as error:
            step = step.failed(now(), failure(error), str(error))
        else:
            step = step.response(now(), *answer)
    return step.result()


if __name__ == "__main__":
    outcome = countermand(
        sys.argv[1], os.environ["COUNTERMAND_TOKEN"], os.environ.get("COUNTERMAND_ENDPOINT")
    )
    print(outcome.verdict)
