"""gevent and trio: the blocks of docs/recipes.md, and what the page says of them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from countermand import AsyncClient, Client

if TYPE_CHECKING:
    from countermand.testing import Emulator

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GEVENT = """
import gevent, sys, time
from countermand import Client

names = sys.argv[1:]
ticks = []

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.01)

def seconds(call):
    ticks.clear()
    began = time.monotonic()
    for greenlet in gevent.joinall([gevent.spawn(call, name) for name in names]):
        assert str(greenlet.value.verdict) == "pending"
    return time.monotonic() - began, len(ticks)

gevent.spawn(tick)
short = client.with_options(deadline=0.5)
print(*seconds(lambda name: pool.apply(short.countermand, (name,))))
print(*seconds(short.countermand))
"""


def test_gevent(countermand_environment: Emulator) -> None:
    (block,) = (block for block in BLOCKS if "gevent" in block)
    first = countermand_environment.add()
    names = [countermand_environment.add("stuck") for _ in range(4)]
    code = "\n".join(
        [
            "from gevent import monkey",
            "monkey.patch_all()",
            f"name = {str(first)!r}",
            block,
            "assert outcome.cancelled",
            GEVENT,
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pooled, blocking = (line.split() for line in done.stdout.splitlines())
    # In the pool all at once, while other greenlets run; otherwise one after another.
    assert float(pooled[0]) < 1.5 <= 2.0 <= float(blocking[0])
    assert int(pooled[1]) > 5
    assert int(blocking[1]) <= 2 * len(names)


def test_trio(countermand_environment: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (block for block in BLOCKS if "trio" in block)
    exec(block, {"name": str(countermand_environment.add())})
    assert capsys.readouterr().out == "cancelled\n"
    stuck = countermand_environment.add("stuck")

    async def abandoned() -> float:
        began = time.monotonic()
        client = Client(deadline=5)
        with trio.move_on_after(0.1) as scope:
            await trio.to_thread.run_sync(client.countermand, stuck, abandon_on_cancel=True)
        assert scope.cancelled_caught
        with pytest.raises(RuntimeError, match="under trio use a Client"):
            await AsyncClient().get(stuck)
        return time.monotonic() - began

    assert trio.run(abandoned) < 4
