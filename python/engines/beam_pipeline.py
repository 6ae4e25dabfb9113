"""Names from a file, rows into files, each lane under its own quota, on any runner of Apache Beam.

Run it again with the same journal after a failure: it goes on, and cancels nothing twice.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from countermand.beam import Countermand, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", required=True, help="file with one name a line")
    parser.add_argument("--profile", required=True, help="profile with a lane for each quota")
    parser.add_argument("--journal", required=True, help="folder that all workers see")
    parser.add_argument("--output", required=True, help="where the files with rows begin")
    ours, of_beam = parser.parse_known_args(arguments)
    with beam.Pipeline(options=PipelineOptions(of_beam)) as pipeline:
        names = pipeline | "Read the names" >> beam.io.ReadFromText(ours.names)
        rows = names | Countermand(profile=ours.profile, journal=ours.journal)
        write(rows, ours.output)


def write(rows: Rows, output: str) -> None:
    """Writes each output as lines of JSON."""
    for word, part in rows._asdict().items():
        lines = part | f"Lines of {word}" >> beam.Map(json.dumps)
        _ = lines | f"Write {word}" >> beam.io.WriteToText(f"{output}-{word}", ".ndjson")


if __name__ == "__main__":
    main()
