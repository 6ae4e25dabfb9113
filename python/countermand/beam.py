"""A transform of Apache Beam: names in, one final row for each out, each lane under its own quota.

It needs ``pip install 'countermand[beam]'``. See docs/engines.md.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

try:
    import apache_beam as beam
except ModuleNotFoundError as error:
    if error.name != "apache_beam":
        raise
    message = "countermand.beam needs Apache Beam: pip install 'countermand[beam]'"
    raise ModuleNotFoundError(message, name="apache_beam") from None
from apache_beam.metrics import Metrics
from apache_beam.transforms.userstate import CombiningValueStateSpec
from apache_beam.transforms.window import GlobalWindows, TimestampCombiner
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp

from .errors import CountermandError
from .lanes import Profile, begin, countermand_all, refused

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from ._countermand import Operation
    from .lanes import Lane

    _Named: TypeAlias = str | Operation
    _Row: TypeAlias = dict[str, Any]

__all__ = ["Countermand", "Rows"]

_SETTLED = frozenset(("cancelled", "completed", "failed", "expired", "gone"))
"""States that no run changes."""
_BATCH, _BUFFERED = 10_000, 5
"""Names of a lane that are gathered from an endless input, and the seconds that the first waits."""


class Rows(NamedTuple):
    """The two outputs of :class:`Countermand`: together they have one row for each name."""

    verdicts: beam.PCollection[_Row]
    """Rows with a final verdict: ``cancelled``, ``completed``, ``failed``, ``expired`` or ``gone``.
    """
    unresolved: beam.PCollection[_Row]
    """All others: ``pending``, ``unverified``, errors, and names that fit no lane, or two."""


class Countermand(beam.PTransform):
    """Countermands the operations that it is given, and tells what became of each.

    Its input are names, or operations. Its output are :class:`Rows`, dicts by the schema
    ``countermand.row/1``, in the global window.

    The lane is the key, so that one worker at a time has a lane and its whole quota. The lanes of
    a bundle run side by side. A bundle that is repeated goes on with its journal.

    Metrics, in the namespace ``countermand``: the counters ``sent`` (operations whose cancel was
    sent), ``verdicts`` and ``unresolved``, and the distribution ``rate`` (operations of a lane
    whose cancel was sent in a minute).
    """

    def __init__(
        self,
        *,
        profile: Profile | str | os.PathLike[str] | None = None,
        journal: str | os.PathLike[str],
    ) -> None:
        """Reads the profile. Nothing is sent before the pipeline runs.

        :param profile: a profile, or the file or name of one. ``None``: as
            :meth:`~countermand.lanes.Profile.load`.
        :param journal: a folder that all workers see and that outlives them. It gets a file for
            each lane.
        :raises ValueError: the profile has no lanes.
        """
        super().__init__()
        self._profile = profile if isinstance(profile, Profile) else Profile.load(profile)
        self._journal = Path(journal)
        if not self._profile.lanes:
            message = "the profile has no lanes: a transform needs one for each quota"
            raise ValueError(message)

    def expand(self, names: beam.PCollection[_Named]) -> Rows:
        """Adds the steps to a pipeline."""
        begin(self._journal, self._profile.lanes.values())
        # The key needs a coder that gives equal lanes equal bytes.
        find = beam.ParDo(_FindLane(self._profile)).with_output_types(tuple[str, Any])
        found = names | "Find the lane" >> find.with_outputs("unresolved", main="lanes")
        run = beam.ParDo(_RunLanes(dict(self._profile.lanes), self._journal))
        ran = (
            found.lanes
            | "Forget windows" >> _global()
            | "Gather the names" >> _gather(names.is_bounded)
            | "Run the lanes" >> run.with_outputs("unresolved", "verdicts")
        )
        lost = found.unresolved | "Forget windows too" >> _global()
        return Rows(ran.verdicts, (lost, ran.unresolved) | "Unresolved" >> beam.Flatten())


def _global() -> beam.PTransform:
    """One window for all. State is kept by key and window: so a lane has one owner."""
    return beam.WindowInto(GlobalWindows(), timestamp_combiner=TimestampCombiner.OUTPUT_AT_LATEST)


def _gather(bounded: bool) -> beam.PTransform:
    """The names of each lane: all at once, so that each cancel leaves before any look, or else
    those that come until a lane is free.
    """
    if bounded:
        return beam.GroupByKey()
    return beam.GroupIntoBatches(_BATCH, max_buffering_duration_secs=_BUFFERED)


class _FindLane(beam.DoFn):
    """Puts the name of its lane before each operation."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._unresolved = Metrics.counter("countermand", "unresolved")

    def process(self, named: _Named) -> Iterator[Any]:
        try:
            lane = self._profile.lane_of(named)
        except CountermandError as error:
            self._unresolved.inc()
            yield beam.pvalue.TaggedOutput("unresolved", refused(named, error, None))
        else:
            yield lane.name, named


class _Ended(NamedTuple):
    """The end of a lane's run."""

    sent_at: list[datetime]
    error: Exception | None

    @property
    def rate(self) -> int | None:
        """Operations whose first cancel was sent in a minute; ``None`` of less than two."""
        took = max(self.sent_at) - min(self.sent_at) if self.sent_at else timedelta()
        return round(60 * (len(self.sent_at) - 1) / took.total_seconds()) if took else None


class _RunLanes(beam.DoFn):
    """Runs the lanes of a bundle side by side, when all of the bundle's names are known.

    An engine gives a stateful function the elements of a key one bundle after the other. That is
    what makes a lane's worker its only one; the number of batches is merely what state there is.
    """

    BATCHES = CombiningValueStateSpec("batches", sum)

    def __init__(self, lanes: dict[str, Lane], journal: Path) -> None:
        self._lanes = lanes
        self._journal = journal
        self._count = {
            word: Metrics.counter("countermand", word)
            for word in ("sent", "verdicts", "unresolved")
        }
        self._rate = Metrics.distribution("countermand", "rate")
        self._names: dict[str, list[_Named]] = {}
        self._time = MIN_TIMESTAMP

    def start_bundle(self) -> None:
        self._names, self._time = {}, MIN_TIMESTAMP

    def process(
        self,
        element: tuple[str, Iterable[_Named]],
        at: Timestamp = beam.DoFn.TimestampParam,
        batches: Any = beam.DoFn.StateParam(BATCHES),  # noqa: ANN401, B008 - as Beam has it
    ) -> None:
        lane, names = element
        batches.add(1)
        self._names.setdefault(lane, []).extend(names)
        self._time = max(self._time, at)

    def finish_bundle(self) -> Iterator[Any]:
        news: SimpleQueue[_Row | _Ended] = SimpleQueue()
        for lane in self._names:
            threading.Thread(target=self._run, args=(lane, news.put), daemon=True).start()
        failures, running = [], len(self._names)
        while running:
            new = news.get()
            if isinstance(new, _Ended):
                running -= 1
                failures += [] if new.error is None else [new.error]
                if new.rate is not None:
                    self._rate.update(new.rate)
            else:
                yield self._output(new)
        # The engine repeats the bundle; rows of the lanes that have ended are in their journals.
        if failures:
            raise failures[0]

    def _run(self, lane: str, tell: Callable[[_Row | _Ended], None]) -> None:
        """Runs a lane in a thread of its own; metrics and outputs belong to that of the bundle."""
        sent_at: list[datetime] = []
        error = None
        try:
            for row in countermand_all(self._lanes[lane], self._names[lane], journal=self._journal):
                if row["cancel_sent_at"]:
                    sent_at.append(datetime.fromisoformat(row["cancel_sent_at"]))
                tell(row)
        except Exception as failure:
            error = failure
        tell(_Ended(sent_at, error))

    def _output(self, row: _Row) -> Any:  # noqa: ANN401 - Beam has no type for it
        """The row for its output, at the time of the bundle's latest name."""
        word = "verdicts" if row["state"] in _SETTLED else "unresolved"
        self._count[word].inc()
        if row["cancel_sent_at"]:
            self._count["sent"].inc()
        return beam.pvalue.TaggedOutput(word, GlobalWindows.windowed_value(row, self._time))
