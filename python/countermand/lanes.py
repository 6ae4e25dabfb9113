"""Lanes: the owners of quotas, and profiles, the files that name them.

A quota belongs to a project, and often to a region. Operations of several projects, regions or
customers have several quotas; a lane is the owner of one, and has its own credentials.

>>> from countermand import Client
>>> from countermand.lanes import Profile
>>> profile = Profile.load("lanes.toml")  # doctest: +SKIP
>>> client = Client(profile=profile)  # doctest: +SKIP
>>> client.plan("wipes.job", names).apply(confirm=...)  # doctest: +SKIP

A job of such a client runs its lanes side by side, each under its own quota. ``Client(lane=...)``
is the client of one lane.

:func:`countermand_all` is for the worker of an engine, which has the names of one lane: it keeps a
file that outlives the worker, and gives one final row for each name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, final

from . import _countermand
from .errors import CountermandError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import Any, Literal, Self, TypeAlias, overload

    import pyarrow

    from .client import Client
    from .feed import _Named
    from .selection import _Length

    _Item: TypeAlias = _countermand.LaneRow | tuple[object, CountermandError] | None
    """A row, or a value that is no name; ``None`` where the next one is waited for."""
    _Place: TypeAlias = tuple[Literal["file", "token_file", "command", "default"], str]

__all__ = ["Lane", "Profile", "ProfileError", "begin", "countermand_all", "refused"]


class ProfileError(CountermandError, ValueError):
    """A mistake in a profile, or a name that belongs to none of its lanes, or to two. Nothing was
    sent. The message names the file, the lane and the field, and never repeats a secret."""

    kind: str = "profile"
    advice: str = "mend the profile, or give the one that has a lane for the name"
    path: Path
    """The file of the profile; empty where there is none."""
    lane: str | None = None
    """The lane with the mistake, if it is in one."""

    @staticmethod
    def _attribute(name: str, value: object) -> object:
        if name == "path" and isinstance(value, str):
            return Path(value)
        return CountermandError._attribute(name, value)


@final
@dataclass(frozen=True, slots=True)
class Lane:
    """One owner of a quota, and the names whose calls it pays for.

    Only a :class:`Profile` makes one. It holds no secret: it says where its credentials are found,
    and a process that has a pickle of it finds them there. Paths are absolute. Lanes are equal if
    all of this is.
    """

    name: str
    """Its name in the profile."""
    service: str
    """The id of the service of its operations."""
    project: str | None
    """The project that owns the quota; ``None`` where only the credentials tell it."""
    quota_project: str | None
    """The project that each request names as the one to be charged."""
    region: str | None
    """The region that owns the quota; ``None`` where the quota is not regional."""
    parents: tuple[str, ...]
    """Resources, with ``*`` for any id, whose operations belong to it; none for all of the region,
    or of the service."""
    endpoint: str | None
    """Root and version of the API, where it has its own."""
    quota: str | None
    """The windows of its quota, ``600/60s,1000/100s``; ``None`` without a limit."""
    per_resource: str | None
    """The window of one method on one resource, if there is such a limit."""
    share: float
    """The part of the quota that may be used."""
    credentials: _Place | None
    """The place where its credentials are found: ``("file", path)``, ``("token_file", path)``,
    ``("command", line)`` or ``("default", "")``; ``None`` for those of the caller."""
    impersonate: str | None
    """The service account that they impersonate."""
    subject: str | None
    """The user of the domain on whose behalf they act."""
    _text: str = field(repr=False)
    _path: str = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuses what its profile does not say, for example of :func:`dataclasses.replace`: it
        would look like one lane and go the way of another."""
        told = self._profile().lanes()
        if len(told) != 1 or any(getattr(self, what) != value for what, value in told[0].items()):
            message = f"the lane {self.name!r} cannot be changed: read a profile that has it so"
            raise TypeError(message)

    def _profile(self) -> _countermand.Profile:
        """The profile of this lane alone."""
        return _countermand.Profile.parse(self._text, self._path)


@final
class Profile:
    """Named lanes, and settings where a program names none: the contents of a TOML file.

    The command's ``--profile`` takes the same files; ``docs/lanes.md`` has their fields. A profile
    holds no secret, and pickles; paths in it are absolute from the moment it is read.
    """

    def __init__(self, native: _countermand.Profile) -> None:
        self._native = native

    @classmethod
    def load(cls, source: str | os.PathLike[str] | None = None) -> Self:
        """Reads a profile, by the rules of the command's ``--profile``.

        :param source: a path; or a word: with ``/``, ``\\`` or ``.`` it is a file, another one is a
            name, ``prod`` for ``$XDG_CONFIG_HOME/countermand/prod.toml`` (without that variable
            ``~/.config/countermand/prod.toml``), and ``none`` is no profile. ``None``: what
            ``COUNTERMAND_PROFILE`` says, otherwise ``config.toml`` in that folder if it exists. A
            profile that is not there is empty.
        :raises ProfileError: the file cannot be read, or has a mistake.
        """
        word = None if source is None else os.fspath(source)
        return cls(_countermand.Profile.load(word, not isinstance(source, (str, type(None)))))

    @classmethod
    def parse(cls, text: str, *, path: str | os.PathLike[str] = "") -> Self:
        """Reads the text of a profile.

        :param path: the file that it is from: relative paths in it are beside it.
        :raises ProfileError: it has a mistake.
        """
        return cls(_countermand.Profile.parse(text, path))

    @property
    def path(self) -> Path:
        """The file; empty where there is none."""
        return self._native.path

    @cached_property
    def lanes(self) -> Mapping[str, Lane]:
        """Its lanes by their names."""
        lanes = {}
        for fields in self._native.lanes():
            only = self._native.only(fields["name"])
            text = "" if only is None else only.text
            lanes[fields["name"]] = Lane(**fields, _text=text, _path=os.fspath(self.path))
        return MappingProxyType(lanes)

    def lane_of(self, name: _Named) -> Lane:
        """The lane to which an operation belongs.

        :param name: a full name tells its service; a relative one is of the profile's service,
            which is the Android Management API unless its defaults say another.
        :raises InvalidName: it is no name.
        :raises ProfileError: it belongs to no lane, or to two.
        """
        if not self.lanes:
            message = "the profile has no lanes"
            raise ProfileError(message, {"path": os.fspath(self.path)})
        return self.lanes[self._native.lane_of(name)]

    def __repr__(self) -> str:
        names = [*self.lanes]
        shown = ", ".join(names[:5]) + (", …" if names[5:] else "")
        return f"Profile({os.fspath(self.path)!r}, lanes={len(names)}: {shown})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return self._native.text == other._native.text

    def __hash__(self) -> int:
        return hash(self._native.text)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self._native.text, os.fspath(self.path))


def begin(directory: str | os.PathLike[str], lanes: Iterable[Lane]) -> dict[str, Path]:
    """Makes the journals of lanes, of which nothing was sent yet, in a directory that is new or
    empty: ``north.job`` for the lane ``north``.

    Call it once, in the program that starts the workers. A worker that does not find its journal
    has to take the quota for spent, and waits for one full window; with a journal that was begun it
    need not. In a directory that has something in it nothing is made: what is missing there was
    lost.

    :return: the journals of all these lanes, by their names.
    :raises JobError: the disk does not take them.
    """
    folder, lanes = Path(directory), [*lanes]
    folder.mkdir(parents=True, exist_ok=True)
    journals = {lane.name: _journal(folder, lane) for lane in lanes}
    if not any(folder.iterdir()):
        for lane in lanes:
            lane._profile().begin(journals[lane.name]).wait()
    return journals


_BATCH = 8192
"""Rows of a record batch at most."""


if TYPE_CHECKING:

    @overload
    def countermand_all(
        lane: Lane,
        names: Iterable[_Named],
        *,
        journal: str | os.PathLike[str],
        arrow: Literal[False] = False,
        deadline: _Length | None = None,
        in_flight: int | None = None,
        patience: _Length = 60.0,
    ) -> Generator[dict[str, Any], None, None]: ...
    @overload
    def countermand_all(
        lane: Lane,
        names: Iterable[_Named],
        *,
        journal: str | os.PathLike[str],
        arrow: Literal[True],
        deadline: _Length | None = None,
        in_flight: int | None = None,
        patience: _Length = 60.0,
    ) -> Generator[pyarrow.RecordBatch, None, None]: ...


def countermand_all(
    lane: Lane,
    names: Iterable[_Named],
    *,
    journal: str | os.PathLike[str],
    arrow: bool = False,
    deadline: _Length | None = None,
    in_flight: int | None = None,
    patience: _Length = 60.0,
) -> Generator[Any, None, None]:
    """Countermands names of one lane under its quota, and gives one final row for each of them, as
    they end: the function for a worker of a distributed engine.

    Each request is in the journal before it leaves. So a bundle that is repeated, or a task that is
    started anew, looks instead of asking again: with the same journal, names that are settled give
    their rows at once, those that were accepted or may have been sent are looked at, and the quota
    that was spent stays spent. Only requests that were in flight when a worker was killed may be
    repeated.

    Names are pulled as there is room for them, some thousand at a time, and may come from a
    generator. A name that is given again gives no second row. Closing the generator ends the work;
    a later call with the same journal goes on. Each row is in the journal before it is given.

    No name raises. One that is none, or that is not of the lane, has a row with the position 0 and
    an ``error``. If the lane itself fails, for example because its token is refused, the names have
    rows with that error; called again, they are tried again.

    :param lane: a lane of a :class:`Profile`. One worker at a time has a lane, because a quota is
        never split.
    :param names: names, operations, or items of a search.
    :param journal: a file on storage that outlives the worker, or a directory, where the lane has
        the file ``NAME.job``. It is a job file: ``countermand status`` and ``report`` read it. If
        it is not there, it is made, and nothing is sent for one full window of the quota, because
        the calls before are not known; :func:`begin` makes journals that need no waiting. One that
        is damaged is moved aside, and counts as lost.
    :param arrow: gives record batches of pyarrow in place of plain values: the rows that are there
        whenever the next one has to be waited for, with the columns of a :class:`Report`.
    :param deadline: seconds for each operation. ``None``: that of the profile, else 120.
    :param in_flight: how many requests are in flight. ``None``: that of the profile, else 100.
    :param patience: seconds for which another process may still have the journal, such as a worker
        that was taken for dead.
    :return: rows as plain values, by the schema ``countermand.row/1``, or record batches.
    :raises ModuleNotFoundError: ``arrow=True`` without pyarrow; ``countermand[arrow]`` installs it.
    :raises JobLocked: another process has the journal all that time. Nothing was sent.
    :raises OtherLane: the journal is of another lane. Nothing was sent.
    :raises OtherEndpoint: the journal is for another server or service. Nothing was sent.
    :raises JobError: the journal cannot be read or written. Nothing is sent that is not in it.
    :raises CountermandError: there are no credentials. Nothing was sent.
    :raises TypeError: ``names`` is one name.
    """
    from .client import Client
    from .feed import several

    if not isinstance(lane, Lane):
        message = (
            f"lane is of type {type(lane).__name__}, expected a Lane: Profile.load().lanes[...]"
        )
        raise TypeError(message)
    given = iter(several(names))
    path = Path(journal)
    path = _journal(path, lane) if path.is_dir() else path
    client = Client(lane=lane, deadline=deadline, in_flight=in_flight)
    results, feed = _countermand.lane_feed(client._native, path, deadline, in_flight, patience)
    rows = _rows(client, results, feed, given)
    return _batches(rows) if arrow else _values(rows, lane)


def _rows(
    client: Client,
    results: _countermand.Stream[Any],
    feed: _countermand.Feed,
    names: Iterator[_Named],
) -> Generator[_Item, None, None]:
    failure: Exception | None = None
    with client, results:
        while True:
            item = results.ready()
            if item is None:
                yield None
                item = results.next().wait()
            if item is None:
                break
            if item != "hungry":
                yield item
                continue
            try:
                feed.pull(names)
            except Exception as raised:
                # What is under way comes out first.
                failure = raised
    if failure is not None:
        raise failure


def _values(
    rows: Generator[_Item, None, None], lane: Lane
) -> Generator[dict[str, Any], None, None]:
    """Each row as plain values."""
    import json

    with closing(rows):
        for item in rows:
            if isinstance(item, tuple):
                name, error = item
                yield refused(name, error, lane)
            elif item is not None:
                row: dict[str, Any] = json.loads(item.json())
                yield row


def _batches(
    rows: Generator[_Item, None, None],
) -> Generator[pyarrow.RecordBatch, None, None]:
    """The rows as record batches: those that are there when the next one has to be waited for."""
    from .report import _library

    table = _library("pyarrow", "arrow").table
    told: list[_countermand.LaneRow] = []
    bad: list[tuple[str, str, str]] = []
    with closing(rows):
        for item in chain(rows, (None,)):
            if isinstance(item, tuple):
                name, error = item
                bad.append((_shown(name), error.kind, _shown(error.message)))
            elif item is not None:
                told.append(item)
            if (item is None or len(told) >= _BATCH) and (told or bad):
                batch = _countermand.LaneRows(told, bad)
                told, bad = [], []
                yield from table(batch).to_batches()


def _shown(name: object) -> str:
    text = name if isinstance(name, str) else repr(name)
    # Half of a surrogate pair has no bytes.
    return text.encode(errors="backslashreplace").decode()


def refused(name: object, error: CountermandError, lane: Lane | None = None) -> dict[str, Any]:
    """The row of a name that nothing was sent for, as :func:`countermand_all` gives it: for a
    program that finds the lanes of its names, and has some that fit none.

    :param lane: the lane that it was given to, of which the row has the service. ``None``: none.
    """
    columns = _countermand.report_columns()
    row: dict[str, Any] = {name: None for name, part_of in columns if part_of is None}
    del row["parent_exists"]
    known = {
        "position": 0,
        "name": _shown(name),
        "state": "error",
        "phase": "unsent",
        "attempts": 0,
        "from_input": False,
        "service": lane and lane.service,
    }
    return {
        "schema": "countermand.row/1",
        **row,
        **{name: value for name, value in known.items() if name in row},
        "operation": None,
        "error": error.to_dict(),
    }


def _journal(folder: Path, lane: Lane) -> Path:
    return folder / f"{lane.name}.job"


def _restore(text: str, path: str) -> Profile:
    return Profile.parse(text, path=path)


def profile_of(
    profile: Profile | str | os.PathLike[str] | None, lane: Lane | str | None
) -> tuple[Profile | None, Lane | None]:
    """What a client is made of: the lane alone, where one is meant."""
    if profile is not None and not isinstance(profile, Profile):
        profile = Profile.load(profile)
    if isinstance(lane, str):
        if profile is None:
            message = f"lane={lane!r} is one of a profile: give profile=..., or a Lane"
            raise TypeError(message)
        if lane not in profile.lanes:
            names = ", ".join(profile.lanes)
            message = f"the profile has no lane {lane!r}; its lanes are {names}"
            raise ProfileError(message, {"path": os.fspath(profile.path)})
        return None, profile.lanes[lane]
    if lane is None or isinstance(lane, Lane):
        if lane is not None and profile is not None and profile.lanes.get(lane.name) != lane:
            message = f"the lane {lane.name!r} is not one of the profile that is given"
            raise ProfileError(message, {"path": os.fspath(profile.path)})
        return (None, lane) if lane is not None else (profile, None)
    message = f"lane is of type {type(lane).__name__}, expected a Lane, or a str with profile=..."
    raise TypeError(message)
