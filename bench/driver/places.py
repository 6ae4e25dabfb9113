"""Paths of the repository, the builds and the results."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
PROJECT = BENCH.parent
TARGET = BENCH / "target"
RELEASE = TARGET / "release"
VENV = TARGET / "venv"
PYTHON = VENV / "bin" / "python"
# The clients run from here: copies of the built programs.
INSTALLED = TARGET / "bin"
COMMAND = INSTALLED / "countermand"
SCRATCH = TARGET / "run"
