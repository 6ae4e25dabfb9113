"""Warnings that show the caller's line."""

from __future__ import annotations

import sys


def warn(message: str, category: type[Warning]) -> None:
    """Warns at the innermost line of code that is not in this package."""
    import warnings

    frame, level = sys._getframe(1), 2
    while _is_ours(frame.f_globals.get("__name__", "")) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __package__
