"""The command ``countermand``: the same Rust code as the binary."""

from __future__ import annotations

import signal
import sys

from ._countermand import run


def main() -> int:
    """Runs the command with ``sys.argv`` and returns its exit code."""
    # The command handles signals itself; Python's handler would only take note of them.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run(["countermand", *sys.argv[1:]])
