"""python/engines/ray_lanes.py on a cluster of this machine, whose actors are killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from countermand import Client

from world import SEED, World, until

EXAMPLE = Path(__file__).parents[2] / "python" / "engines" / "ray_lanes.py"
LANES, NAMES, KILLS, STRUCK = 10, 400, 20, 7


def owner(world: World, lane: str) -> int | None:
    """The process that has the journal of a lane."""
    path = world.journal / f"{lane}.job"
    if not path.exists():
        return None
    with Client(token="none") as client:
        holder = client.open(path).status().holder
    return holder and holder.pid


def kill(world: World, lane: str) -> None:
    """Kills the actor of a lane, as soon as it has one that has sent something."""
    before = world.answered([lane])
    until(lambda: world.answered([lane]) > before, 60, f"{lane} sends")
    world.kill(until(lambda: owner(world, lane), 60, f"{lane} has an owner"), [lane])


def test_each_lane_keeps_its_quota_and_each_name_gets_one_row_while_actors_are_killed(
    tmp_path: Path,
) -> None:
    dice = random.Random(SEED)
    with World(tmp_path, LANES, NAMES) as world:
        lanes = [*world.servers]
        names = tmp_path / "names"
        names.write_text("".join(f"{name}\n" for name in world.names(lanes)) + "junk\n", "utf-8")
        output = tmp_path / "rows"
        files = ["--profile", world.profile, "--journal", world.journal, "--output", output]
        # Ray keeps a token in the home directory.
        environment = {**os.environ, "HOME": str(tmp_path)}
        driver = subprocess.Popen([sys.executable, EXAMPLE, names, *files], env=environment)
        try:
            started = time.monotonic()
            struck = dice.sample(lanes, STRUCK)
            for at in sorted(dice.uniform(5, 120) for _ in range(KILLS)):
                time.sleep(max(0.0, started + at - time.monotonic()))
                lane = dice.choice(struck)
                kill(world, lane)
            assert driver.wait(300) == 0
        finally:
            driver.kill()
            driver.wait()
        rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
        assert [row["name"] for row in rows if row["name"] == "junk"] == ["junk"]
        world.check([row for row in rows if row["name"] != "junk"], KILLS)
