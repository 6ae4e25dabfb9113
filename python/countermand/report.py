"""Reports of jobs."""

from __future__ import annotations

from contextlib import closing
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING

from ._countermand import printable
from .feed import Watch
from .progress import Progress
from .warn import warn_missed

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any, Literal, NoReturn, Self

    import pandas
    import polars
    import pyarrow

    from ._countermand import Report as NativeReport
    from ._countermand import Stream
    from .errors import CountermandError
    from .rows import JobRow, _State
    from .waiting import Waits

_PAGE = 1000
"""Rows that are made at a time."""
_SHOWN = 50
"""Rows that a notebook shows."""
_RAISED = 1000
"""Exceptions in one group."""


class Report:
    """Result of a job at one moment: a row for each operation that went in.

    Iterates :class:`JobRow` objects in the job's order, reading the file as it goes; a million rows
    take no more memory than a thousand. What is applied later does not show in it. While it lives,
    the log beside the file can only grow.

    It is a table for everything that speaks Arrow, such as ``duckdb.sql("from report")``, and
    becomes one of pandas, polars or pyarrow. None of these is needed by this package.
    """

    __module__ = "countermand"

    def __init__(self, native: NativeReport) -> None:
        self._native = native
        self._missed: tuple[CountermandError, ...] | None = None
        self._vanished: tuple[str, ...] | None = None

    @property
    def path(self) -> Path:
        """The job file."""
        return self._native.path

    @property
    def states(self) -> Mapping[_State, int]:
        """Rows in each state, the worst news first; a state without rows is absent."""
        return self._native.states().wait()

    @property
    def unverifiable(self) -> int:
        """Rows whose cancel was accepted and whose service has no method that shows them: no run
        takes them up."""
        return self._native.unverifiable().wait()

    @property
    def missed(self) -> tuple[CountermandError, ...]:
        """Errors of lists that could not be read to their end: operations in them are missing.

        The ``resource`` of each is the device, or the enterprise, whose list it is. What a later
        run of a rescue has searched is not among them.
        """
        if self._missed is None:
            self._missed = self._native.missed().wait()
        return self._missed

    @property
    def vanished(self) -> tuple[str, ...]:
        """Names of devices that a list showed and that were gone when they were searched.

        A device's record is deleted after a wipe was confirmed, so they were probably wiped.
        """
        if self._vanished is None:
            self._vanished = self._native.vanished().wait()
        return self._vanished

    def __len__(self) -> int:
        return len(self._native)

    def __iter__(self) -> Iterator[JobRow]:
        after = 0
        while rows := self._native.rows(after, _PAGE):
            after = rows[-1].position
            yield from rows

    def to_dicts(self) -> list[dict[str, object]]:
        """The rows as dictionaries, with the columns that Arrow has."""
        return [row.columns() for row in self]

    def to_arrow(self) -> pyarrow.Table:
        """The rows as a table of pyarrow; ``state``, ``verdict`` and ``phase`` are dictionaries.

        :raises ModuleNotFoundError: there is no pyarrow; ``countermand[arrow]`` installs it.
        """
        return _library("pyarrow", "arrow").table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a data frame of pandas 2 or 3, made through pyarrow.

        ``state``, ``verdict`` and ``phase`` are categories of all words that there can be. A
        missing code or flag is ``pandas.NA``, so that codes stay whole numbers.

        :raises ModuleNotFoundError: pandas or pyarrow is not there; ``countermand[pandas]``
            installs both.
        """
        library, arrow = _library("pandas", "pandas"), _library("pyarrow", "pandas")
        kinds = {arrow.int64(): library.Int64Dtype(), arrow.bool_(): library.BooleanDtype()}
        return arrow.table(self).to_pandas(types_mapper=kinds.get)

    def to_polars(self) -> polars.DataFrame:
        """The rows as a data frame of polars; ``state``, ``verdict`` and ``phase`` are categories.

        :raises ModuleNotFoundError: there is no polars; ``countermand[polars]`` installs it.
        """
        library = _library("polars", "polars")
        frame: polars.DataFrame = library.DataFrame(self)
        if len(frame) != len(self):
            message = (
                f"polars {library.__version__} reads only the first batch: install a later one"
            )
            raise RuntimeError(message)
        return frame

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        format: Literal["html", "csv", "ndjson"] | None = None,  # noqa: A002 - it is the word
    ) -> None:
        """Writes the report, over a file that is there.

        :param format: ``html``, one page that needs nothing but itself; ``csv``, in which no text
            of a stranger becomes a formula; ``ndjson``, which has the evidence as well. ``None``:
            what the ending of the path says.
        :raises ValueError: ``format`` is none of these, or the ending says none.
        :raises OSError: it could not be written. What was written is not complete.
        """
        self._native.save(path, format).wait()

    def raise_for_failures(self) -> None:
        """Raises unless every operation is known to be cancelled, to have failed, or expired, every
        list was read to its end, and no device vanished: unless the command ``countermand`` would
        end with 0.

        :raises ExceptionGroup: for each of the other operations, at most the first 1,000, the error
            that kept its end from being known, or a
            :class:`~countermand.job_errors.NotCancelled`; such a one for each of :attr:`vanished`,
            and the errors of :attr:`missed`, of both at most the first 1,000.
        """
        count, failures = self._native.failures(_RAISED).wait()
        parts = []
        if count:
            parts.append(f"{count} of {len(self)} operations are not known to be cancelled")
        if vanished := self.vanished:
            one = len(vanished) == 1
            were = "1 device was" if one else f"{len(vanished)} devices were"
            parts.append(f"{were} gone when searched, and probably wiped")
        if missed := self.missed:
            parts.append(f"{len(missed)} lists could not be read to their end")
        if parts:
            gone = map(_vanished, vanished[:_RAISED])
            raise ExceptionGroup("; ".join(parts), [*failures, *gone, *missed[:_RAISED]])

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows as an Arrow stream, by the Arrow PyCapsule interface; any number of times.

        Times are ``timestamp[ms, UTC]``. Batches have 8,192 rows, and are read as they are asked
        for. ``requested_schema`` is not obeyed: the consumer casts.
        """
        return self._native.__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        """Counts, and the first 50 rows with the worst news first."""
        rows = self._native.worst(_SHOWN).wait()
        counts = ", ".join(f"{count:,} {state}" for state, count in self.states.items())
        more = f"; the first {_SHOWN} by state" if len(self) > len(rows) else ""
        more += "".join(f"; {escape(part)}" for part in self._beside())
        head = "".join(f"<th>{column}</th>" for column in _HTML)
        body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
        return (
            f"<p>{len(self):,} operations: {counts or 'none'}{more}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} operations", *self._beside()]
        return f"<Report of {str(self.path)!r}: {', '.join(parts)}>"

    def _beside(self) -> Iterator[str]:
        """Findings besides the operations."""
        if self.missed:
            yield f"{len(self.missed)} lists missed"
        if self.vanished:
            yield f"{len(self.vanished)} devices vanished"

    def __copy__(self) -> Self:
        """Itself: nothing of it changes."""
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        message = "a Report is an open file and does not pickle; pickle the Job, or to_dicts()"
        raise TypeError(message)


def _vanished(device: str) -> CountermandError:
    """The exception for a device that vanished."""
    from .job_errors import NotCancelled

    return NotCancelled(
        f"{device}: gone: its record was deleted before it was searched; it was probably wiped",
        state="gone",
        resource=device,
        parent_exists=False,
        advice="look at the device itself",
    )


async def applied(
    waits: Waits,
    results: Stream[Progress | NativeReport],
    progress: bool | Callable[[Progress], object] | None,
) -> Report:
    """Waits for the report at the end, and tells progress meanwhile."""
    with results, closing(Watch(progress)) as watch:
        while isinstance(item := await waits._finish(results.next()), Progress):
            watch.tell(item)
    assert item is not None, "the last result is the report"
    report = Report(item)
    warn_missed(report.missed, "the report")
    return report


_HTML = (
    "position",
    "name",
    "type",
    "state",
    "cancel_sent_at",
    "verified_at",
    "code",
    "problem_message",
)


def _library(name: str, extra: str) -> Any:  # noqa: ANN401
    """The library, which the package does not need for anything else."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        message = f"this needs {name}: pip install 'countermand[{extra}]'"
        raise ModuleNotFoundError(message, name=name) from None


def _cells(row: JobRow) -> str:
    values = (getattr(row, column) for column in _HTML)
    texts = ("" if value is None else str(value) for value in values)
    return "".join(f"<td>{escape(printable(text))}</td>" for text in texts)
