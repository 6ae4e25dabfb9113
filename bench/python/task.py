"""The task of every Python client, and its answer: ``client.py WORK N``, as of the Rust clients."""

import os
import sys

ROOT = os.environ.get("BENCH_ROOT", "")
CA = os.environ.get("BENCH_CA", "")
TOKEN = os.environ.get("BENCH_TOKEN", "")
IN_FLIGHT = int(os.environ.get("BENCH_IN_FLIGHT", "100"))
FIELDS = "name,done,error,metadata(@type,type,createTime,duration,errorCode)"


def name(index):
    """72 bytes."""
    return f"enterprises/LC01abcd89/devices/{index:016x}/operations/1786048723669"


def names(count):
    """A generator: a million names are never in memory together."""
    return map(name, range(count))


def work(*known):
    """The kind of work and the number; a kind that this client does not know is skipped."""
    kind, count = sys.argv[1], int(sys.argv[2])
    if kind not in known:
        sys.exit(f"does not do {kind}")
    return kind, count


def report(good, count):
    """Prints the operations that succeeded, and those that were refused."""
    print(f'{{"good":{good},"refused":{count - good}}}')


def gather(one, count, workers):
    """Runs ``await one(name)`` for each name, ``workers`` at once; returns how many succeeded."""
    import asyncio

    async def all_of_them():
        todo = names(count)

        async def worker():
            good = 0
            for each in todo:
                good += await one(each)
            return good

        return sum(await asyncio.gather(*(worker() for _ in range(workers))))

    return all_of_them()
