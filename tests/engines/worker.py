"""A worker process of Beam, which tells its process id to the test: ``worker.py FILE OPTIONS``."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from apache_beam.runners.worker.sdk_worker import SdkHarness


def append(row: dict[str, Any], file: str) -> None:
    """Adds a row to a file. What Beam writes of an endless input is a file a window."""
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--id", required=True)
    parser.add_argument("--control_endpoint", required=True)
    arguments, _ = parser.parse_known_args()
    written = arguments.file.with_suffix(".new")
    written.write_text(str(os.getpid()), "ascii")
    written.rename(arguments.file)
    SdkHarness(arguments.control_endpoint, worker_id=arguments.id).run()


if __name__ == "__main__":
    main()
