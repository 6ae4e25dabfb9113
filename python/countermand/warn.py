"""Warnings that show the caller's line."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .errors import CountermandError


def warn(message: str, category: type[Warning]) -> None:
    """Warns at the innermost line of code that is not in this package."""
    import warnings

    frame, level = sys._getframe(1), 2
    while _is_ours(frame.f_globals.get("__name__", "")) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_missed(missed: Sequence[CountermandError], result: str, *, not_attempted: int = 0) -> None:
    """Warns that a result is not complete."""
    if missed:
        from .errors import SearchIncomplete

        count = len(missed)
        lists = "1 list" if count == 1 else f"{count:,} lists"
        others = f" and {not_attempted:,} not asked for after that" if not_attempted else ""
        message = (
            f"{lists} could not be read to their end{others}, so operations may be missing from "
            f"{result}: {missed[0]}"
        )
        warn(message, SearchIncomplete)


def warn_exposed(warnings: Sequence[str]) -> None:
    """Warns of other accounts that can change a job file."""
    for warning in warnings:
        from .job_errors import JobExposed

        warn(warning, JobExposed)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __package__
