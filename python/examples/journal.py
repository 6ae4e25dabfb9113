"""Countermands that go on after a crash: a request leaves only once a file says so."""

import http.client
import json
import os
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import TextIO

from with_urllib import failure, send

from countermand import Outcome
from countermand.sansio import (
    Accepted,
    Event,
    Finished,
    NotSent,
    PastCall,
    Scheduler,
    Sending,
    Ticket,
    within,
)


class Journal:
    """Contents of the file: the progress of each operation, and the calls that left."""

    def __init__(self, path: Path) -> None:
        self.phases: dict[str, str] = {}
        self.verdicts: dict[str, str] = {}
        self.calls: list[PastCall] = []
        for line in path.read_text().splitlines() if path.exists() else ():
            self.replay(*json.loads(line))
        self.file: TextIO = path.open("a")

    def replay(self, at: float, word: str, name: str, call: str, value: str) -> None:
        device = name.partition("/operations/")[0]
        if word == "sending":
            # It was written down before it left, perhaps a second before.
            self.calls.append(PastCall(max(0.0, time.time() - at - 1.0), call, device))
            if call == "cancel":
                self.phases[name] = "maybe_sent"
        elif word == "not_sent":
            self.calls.pop()
            self.phases[name] = value
        elif word == "accepted":
            self.phases[name] = word
        else:
            self.verdicts[name] = value

    def record(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Sending(name, call):
                    entry = ("sending", str(name), call, "")
                case NotSent(name, call, phase):
                    entry = ("not_sent", str(name), call, phase)
                case Accepted(name):
                    entry = ("accepted", str(name), "", "")
                case Finished(name, result):
                    told = str(result.verdict) if isinstance(result, Outcome) else result.key
                    entry = ("finished", str(name), "", told)
                    self.verdicts[str(name)] = told
                case _:
                    continue
            self.file.write(json.dumps([time.time(), *entry]) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())


def exchange(ticket: Ticket, token: str) -> None:
    try:
        answer = within(ticket.request.timeout, partial(send, ticket.request, token))
    except (OSError, http.client.HTTPException) as error:
        ticket.failed(time.monotonic(), failure(error), str(error))
    else:
        ticket.answer(time.monotonic(), *answer)


def countermand_all(
    names: list[str], path: Path, token: str, endpoint: str | None, quota: str, share: float
) -> dict[str, str]:
    now = time.monotonic
    journal = Journal(path)
    seed = random.getrandbits(64)
    scheduler = Scheduler(seed=seed, endpoint=endpoint, quota=quota, share=share, in_flight=1)
    scheduler.rate_limiter.restore(now(), journal.calls)
    for name in names:
        if name not in journal.verdicts:
            scheduler.push(name, journal.phases.get(name, "unsent"))
    scheduler.close()
    with journal.file:
        while not scheduler.done:
            step = scheduler.next_step(now())
            journal.record(scheduler.events())
            if isinstance(step, Ticket):
                exchange(step, token)
            elif step is not None:
                time.sleep(max(0.0, step - now()))
    return journal.verdicts


if __name__ == "__main__":
    found = countermand_all(
        sys.argv[2:],
        Path(sys.argv[1]),
        os.environ["COUNTERMAND_TOKEN"],
        os.environ.get("COUNTERMAND_ENDPOINT"),
        "600/60s,1000/100s",
        0.8,
    )
    for name, verdict in found.items():
        print(name, verdict)
