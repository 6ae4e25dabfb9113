"""Where things are."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
PROJECT = BENCH.parent
TARGET = BENCH / "target"
RELEASE = TARGET / "release"
VENV = TARGET / "venv"
PYTHON = VENV / "bin" / "python"
# Where the clients run from: copies of what was built.
INSTALLED = TARGET / "bin"
COMMAND = INSTALLED / "countermand"
SCRATCH = TARGET / "run"
