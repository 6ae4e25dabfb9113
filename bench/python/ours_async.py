"""Countermand for asyncio."""

import asyncio

from countermand import AsyncClient, CountermandError, Outcome, Verdict
from task import CA, IN_FLIGHT, ROOT, TOKEN, gather, names, report, work

kind, count = work("bulk", "confirm-bulk", "scheduler")
client = AsyncClient(endpoint=ROOT, token=TOKEN, ca_file=CA, in_flight=IN_FLIGHT)


async def cancel(name):
    try:
        await client.cancel(name)
    except CountermandError:
        return False
    return True


async def countermand(name):
    try:
        return (await client.countermand(name)).verdict is Verdict.CANCELLED
    except CountermandError:
        return False


async def scheduler():
    good = 0
    async for _, result in client.countermand_all(names(count), quota="none"):
        good += isinstance(result, Outcome) and result.verdict is Verdict.CANCELLED
    return good


if kind == "scheduler":
    report(asyncio.run(scheduler()), count)
else:
    one = cancel if kind == "bulk" else countermand
    report(asyncio.run(gather(one, count, IN_FLIGHT)), count)
