"""Names from a file, rows into a file: each lane is an actor of Ray.

Ray starts an actor that dies again, and calls it again: it goes on with its journal.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from countermand import errors
from countermand.lanes import Lane, Profile, begin, countermand_all, refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=0)
class LaneActor:
    """The owner of a lane. Ray has one actor of a name, so that a lane has one owner."""

    def __init__(self, lane: Lane, journal: Path) -> None:
        self._lane = lane
        self._journal = journal

    def run(self, names: list[str]) -> list[dict[str, Any]]:
        return [*countermand_all(self._lane, names, journal=self._journal)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", type=Path, help="file with one name a line")
    parser.add_argument("--profile", required=True, help="profile with a lane for each quota")
    parser.add_argument("--journal", required=True, type=Path, help="folder that all nodes see")
    parser.add_argument("--output", required=True, type=Path, help="file for a row a line")
    options = parser.parse_args(arguments)
    with options.output.open("w", encoding="utf-8") as output:
        for row in rows(options):
            output.write(json.dumps(row) + "\n")


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One row for each name, those of a lane when it has ended."""
    profile = Profile.load(options.profile)
    names = defaultdict(list)
    for name in options.names.read_text("utf-8").split():
        try:
            names[profile.lane_of(name)].append(name)
        except errors.CountermandError as error:
            yield refused(name, error, None)
    begin(options.journal, profile.lanes.values())
    # A cluster where RAY_ADDRESS names one, else this machine.
    ray.init(namespace="countermand", include_dashboard=False)
    running = {}
    for lane, of_lane in names.items():
        actor = LaneActor.options(name=lane.name).remote(lane, options.journal)
        # The actor lives as long as this program refers to it.
        running[actor.run.remote(of_lane)] = actor
    while running:
        for ended in ray.wait([*running])[0]:
            yield from ray.get(ended)
            del running[ended]


if __name__ == "__main__":
    main()
