"""Where things are."""

from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
PROJECT = BENCH.parent
TARGET = BENCH / "target"
RELEASE = TARGET / "release"
VENV = TARGET / "venv"
PYTHON = VENV / "bin" / "python"
COMMAND = PROJECT / "target" / "release" / "countermand"
SCRATCH = TARGET / "run"
