"""Clients: the one whose calls block, and all that it shares with the one that is awaited."""

from __future__ import annotations

from itertools import count

from . import _countermand
from .fleet import Fleet
from .waiting import Awaited, Blocking, dual, dual_iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
    from types import TracebackType
    from typing import Any, Never, Self, TypeAlias

    from ._countermand import Finder, Operation, Stream
    from .errors import CountermandError
    from .events import Event
    from .feed import _Named, _Names
    from .find import AsyncFind, Find
    from .fleet import _FindT, _JobT  # noqa: F401 - in the text of a base class
    from .google_auth import Source, _GoogleCredentials
    from .job import AsyncJob, Job
    from .lanes import Lane, Profile
    from .operation_name import OperationName
    from .outcome import Outcome
    from .progress import Progress
    from .rows import Facts
    from .selection import _Length
    from .service import Service

    _Given: TypeAlias = str | tuple[str, float | None]
    _Token: TypeAlias = (
        str
        | Callable[[], _Given | Coroutine[Any, Any, _Given]]
        | os.PathLike[str]
        | dict[str, Any]
        | _GoogleCredentials
        | tuple[_GoogleCredentials, str | None]
    )


_IN_A_ROW = 64
"""Results that are handed out before other tasks have their turn."""


class ClientBase(Fleet["_FindT", "_JobT"]):
    """Settings of a client, and its calls."""

    __slots__ = ("_native", "_settings", "_token")

    _token: object
    """The part of the token that may be shown and pickled; a :class:`_Hidden` is a secret."""

    def __init__(
        self,
        *unnamed: Never,
        service: str | Service | None = None,
        endpoint: str | None = None,
        token: _Token | None = None,
        quota_project: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        deadline: _Length | None = None,
        attempt_timeout: _Length | None = None,
        max_attempts: int | None = None,
        in_flight: int | None = None,
        allow_plaintext: bool = False,
        proxy_from_env: bool = False,
        user_agent: str | None = None,
        scope: str | None = None,
        profile: Profile | str | os.PathLike[str] | None = None,
        lane: Lane | str | None = None,
        **unknown: Never,
    ) -> None:
        """Checks the settings; connects when the first call is made. If nothing else gives a token,
        looks for Google's metadata server at once.

        :param service: the service of the operations: ``documentai.v1`` or another id of
            :func:`services`, or ``documentai`` for its newest version. Names are then those of that
            service: relative names, full resource names, URLs. ``None``: the Android Management
            API.
        :param endpoint: root of the API. ``None``: ``COUNTERMAND_ENDPOINT``, else Google's.
        :param token: an OAuth 2.0 access token as ``str``; or a function that returns one, or one
            and for how many seconds it is good, called from another thread, and again when the
            server refuses the token or its time is nearly up; or the path of a file with a token,
            read again when it changes, or with credentials in Google's JSON; or these
            credentials as a ``dict``; or a credentials object of ``google.auth``, refreshed in
            another thread and only when it is not fresh, also as the tuple that
            ``google.auth.default()`` returns. The function may be an ``async def``: it runs in an
            event loop of its own.
            ``None``: ``COUNTERMAND_TOKEN``, else Google's application default credentials.
        :param quota_project: the project that pays for the calls and whose quota they use.
            ``None``: what the credentials say, or ``GOOGLE_CLOUD_QUOTA_PROJECT``.
        :param ca_file: PEM file with certificate authorities to trust besides the platform's.
        :param deadline: seconds for one operation. No request starts after it. ``None``: 120. Like
            every length of time also a ``timedelta``, or a text such as ``"2h"``.
        :param attempt_timeout: seconds for one request with its answer. ``None``: 10.
        :param max_attempts: how often a failing request is sent before it is given up; 1 to 100.
            ``None``: what suits the call; ``countermand_all`` is the more patient one.
        :param in_flight: how many requests ``countermand_all`` has in flight; at least 1.
            ``None``: 100.
        :param allow_plaintext: whether ``http://`` may go to another machine.
        :param proxy_from_env: whether to go through the proxy that ``HTTPS_PROXY`` names, except
            to the hosts in ``NO_PROXY``; without it no proxy is used.
        :param user_agent: name and version of your program, such as ``"rescue/1.0"``: they stand
            before those of this package in the header.
        :param scope: the OAuth scope of the tokens. ``None``: the service's own; three services
            document none.
        :param profile: lanes, and settings for which no argument is given, of
            :class:`countermand.lanes.Profile` or what its ``load`` takes. A call about one
            operation goes the way of its lane; jobs and searches run their lanes side by side;
            ``countermand_all`` takes names of one lane. ``token`` and ``quota_project`` are for
            lanes without credentials. ``None``: no profile, also where the environment names one.
        :param lane: the client of one lane: its name in ``profile``, or a
            :class:`countermand.lanes.Lane` by itself.
        :param unnamed: refused; every argument has a name.
        :param unknown: refused; an argument that other libraries have, such as ``timeout``, with
            the one that is meant.
        :raises ValueError: there is no such service; the error names the nearest ones.
        :raises InvalidEndpoint: ``endpoint`` is not the URL of an API.
        :raises CredentialsError: there are no credentials, or what is given cannot be any.
        :raises TlsError: ``ca_file`` cannot be read.
        :raises TransportError: ``http://`` to another machine, which is not allowed.
        :raises ValueError: a time is negative, or not a number.
        :raises ProfileError: the profile has a mistake, or no such lane, or no lane of the service.
        :raises ValueError: ``token`` or ``quota_project`` is given, and each lane has credentials.
        """
        if unnamed:
            # Its value may be a token.
            message = (
                f"{type(self).__name__}() takes no argument without its name: give endpoint=..., "
                "token=..., or none of them for the environment's"
            )
            raise TypeError(message)
        if unknown:
            from .expected import unknown_argument

            raise unknown_argument(type(self).__name__, next(iter(unknown)))
        settings: dict[str, Any] = {
            "service": service,
            "endpoint": endpoint,
            "ca_file": ca_file,
            "deadline": deadline,
            "attempt_timeout": attempt_timeout,
            "max_attempts": max_attempts,
            "in_flight": in_flight,
            "allow_plaintext": allow_plaintext,
            "proxy_from_env": proxy_from_env,
            "user_agent": user_agent,
            "scope": scope,
        }
        native: _countermand.Profile | None = None
        if profile is not None or lane is not None:
            from .lanes import profile_of

            profile, lane = profile_of(profile, lane)
            native = profile._native if profile is not None else lane._profile() if lane else None
        source: Source | None = None
        if isinstance(token, tuple) and len(token) == 2:
            # What google.auth.default() returns. The project is the caller's, which need not pay.
            token = token[0]
        given: Any = token
        self._token = token
        if isinstance(token, (str, dict)):
            self._token = _Hidden("...")
        elif token is not None:
            from .google_auth import Source, is_google

            if is_google(token):
                wanted = _countermand.scope(service) if scope is None else scope
                source, given = Source(token, wanted), None
                self._token = _Hidden(type(token).__name__)
        project = quota_project
        if project is None and source is not None:
            project = source.quota_project
        self._native = _countermand.Client(
            **settings,
            token=given,
            source=source,
            quota_project=project,
            profile=native,
        )
        self._settings = {
            **settings,
            "quota_project": quota_project,
            "profile": profile,
            "lane": lane,
        }
        for warning in self._native.warnings:
            from .warn import warn

            warn(warning, UserWarning)

    @classmethod
    def from_service_account_file(
        cls,
        filename: str | os.PathLike[str],
        **settings: Any,  # noqa: ANN401 - of every kind
    ) -> Self:
        """A client with the key of a service account in a file, by the name that clients of Google
        Cloud have: ``token=Path(filename)``.

        :param settings: the other arguments of the class.
        """
        from pathlib import Path

        return cls(token=Path(filename), **settings)

    @classmethod
    def from_service_account_info(
        cls,
        info: Mapping[str, Any],
        **settings: Any,  # noqa: ANN401 - as above
    ) -> Self:
        """A client with the key of a service account as it stands in such a file: ``token=info``.

        :param settings: the other arguments of the class.
        """
        if not hasattr(info, "keys"):
            message = f"info is of type {type(info).__name__}, expected the dict of such a file"
            raise TypeError(message)
        return cls(token={**info}, **settings)

    def with_options(
        self,
        *,
        deadline: _Length | None = None,
        attempt_timeout: _Length | None = None,
        max_attempts: int | None = None,
        in_flight: int | None = None,
    ) -> Self:
        """A client with other limits, on the same connections and with the same token.

        ``client.with_options(deadline=5).get(name)`` is one call with a limit of its own. ``None``
        keeps the limit. Closing one of the two does not close the other.

        :raises RuntimeError: this client is closed.
        :raises ValueError: a time is negative, or not a number.
        """
        limits = {
            "deadline": deadline,
            "attempt_timeout": attempt_timeout,
            "max_attempts": max_attempts,
            "in_flight": in_flight,
        }
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        native = self._native
        other._native = native.with_options(deadline, attempt_timeout, max_attempts, in_flight)
        given = {name: limit for name, limit in limits.items() if limit is not None}
        other._settings = self._settings | given
        other._token = self._token
        return other

    @property
    def service(self) -> str:
        """The id of the service, ``androidmanagement.v1``."""
        return self._native.service

    @property
    def endpoint(self) -> str:
        """Root and version of the API."""
        return self._native.endpoint

    def __repr__(self) -> str:
        service = "" if self._settings["service"] is None else f"service={self.service!r}, "
        lanes = "".join(
            f", {name}={self._settings[name]!r}"
            for name in ("profile", "lane")
            if self._settings[name] is not None
        )
        shown = f"{service}endpoint={self.endpoint!r}, token={self._token!r}{lanes}"
        return f"{type(self).__name__}({shown})"

    def __copy__(self) -> Self:
        """As :meth:`with_options` without any: a copy in this process needs no pickle."""
        return self.with_options()

    def __deepcopy__(self, _: object) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[object, ...]:
        if isinstance(self._token, _Hidden):
            message = (
                f"a {type(self).__name__} that was given its token as text, a dict or an object "
                "of google.auth does not pickle, as the pickle would hold secrets; give it a file, "
                "a function, or COUNTERMAND_TOKEN"
            )
            raise TypeError(message)
        described = _countermand.service_json(self.service)
        return _restore, (type(self), {**self._settings, "token": self._token}, described)

    @dual
    async def cancel(self, name: _Named) -> None:
        """Asks the server to cancel, with retries, and does not look what became of it.

        :raises InvalidName: nothing was sent.
        :raises CountermandError: the server did not accept it.
        """
        await self._finish(self._native.cancel(name))

    @dual
    async def get(self, name: _Named) -> Operation:
        """Gets the operation as the server tells it.

        :raises InvalidName: nothing was sent: it is no name, or the service has no such method for
            it.
        :raises CountermandError: the server did not tell it.
        """
        return await self._finish(self._native.get(name))

    @dual_iterator
    def list_operations(
        self, parent: str, *, filter: str | None = None
    ) -> AsyncGenerator[Operation, None]:
        """Lists all operations of a parent, page by page: of a device, oldest first, so that
        stopping early misses the pending ones, or of another service's resource, such as
        ``projects/{project}/locations/{location}``.

        Nothing is sent before the first one is asked for.

        :param filter: a filter that the server applies, in the language of the service, such as
            ``done = false``: what it leaves out is not seen.
        :raises InvalidName: nothing was sent: it is no name, or the service has no such method for
            it.
        :raises ValueError: nothing was sent: it is no filter, or the list takes none.
        :raises CountermandError: the rest could not be listed.
        """
        return self._each(self._native.list_operations(parent, filter))

    @dual
    async def countermand(self, name: _Named, *, deadline: _Length | None = None) -> Outcome:
        """Cancels an operation and finds out what became of it. The verdict is ``unverified`` where
        the service cannot tell it (:attr:`NamePattern.has_get`).

        :param deadline: seconds, instead of the client's.
        :raises InvalidName: nothing was sent.
        :raises CountermandError: the server neither accepted the cancellation nor told the
            operation's fate; ``maybe_delivered`` says whether it may have taken effect.
        """
        return await self._finish(self._native.countermand(name, deadline))

    @dual_iterator
    async def countermand_all(
        self,
        names: _Names,
        *,
        quota: str | None = None,
        share: float | None = None,
        in_flight: int | None = None,
        progress: bool | Callable[[Progress], object] | None = None,
        journal: Callable[[list[Event]], object] | None = None,
        deadline: _Length | None = None,
    ) -> AsyncGenerator[tuple[OperationName | str, Outcome | CountermandError], None]:
        """Countermands many operations under one quota, in the order they end.

        Every cancel goes before any look at what became of one, so that the last cancel leaves as
        early as the quota allows; most results come when there is no name left to ask for, and an
        endless ``names`` may give none before it ends. Names are pulled as there is room for them,
        in this thread and for a few milliseconds at a time, so they may come from a generator: some
        two thousand are known and not yet asked for, at most. While ``names`` is slow to give the
        next one, looks go out, too.

        Nothing happens before the first result is asked for. Each name comes out once, however
        often it is given: with its outcome, or with the error that was not raised. A value that is
        no name comes out as it is, with an ``InvalidName`` that has its ``position``; ``None`` and
        ``nan`` in a column of a table, too. After a failure that concerns everything, the
        rest comes out as ``NotAttempted``.

        Leaving the loop early drops what is under way; leave an ``async for`` through
        :func:`contextlib.aclosing`. If ``names`` raises, what is under way comes out first.

        :param names: names, operations, or items of a search, such as ``client.find(...)`` itself.
            An :class:`AsyncClient` takes an async iterable as well, which a task of its own reads.
        :param quota: calls and seconds that the project has, all of them at once. ``None``: what
            Google documents, ``600/60s,1000/100s`` for the Android Management API, and
            ``600/60s`` as an assumption for another one; ``"none"`` obeys the server alone.
        :param share: the part of the quota that is for this scheduler, above 0 and up to 1: others
            use it as well. ``None``: 0.8.
        :param in_flight: requests in flight, instead of the client's; at least 1.
        :param progress: called with a :class:`Progress` by the thread or task that iterates, at
            most every 0.1 s while something changes, and at the end. If it raises an
            ``Exception``, that is a ``RuntimeWarning``, and it is not called again. ``True`` draws
            a line on standard error.
        :param journal: called with the events of :mod:`countermand.sansio`, oldest first: with
            :class:`~countermand.sansio.Sending` before a request leaves, and with ``Sent``,
            ``NotSent``, ``Accepted`` and ``Finished`` before their results come out. What it has
            written when it returns survives a crash. It is called in one thread at a time, often
            not the caller's, and everything waits for it; it cannot use a client. If it raises,
            that request does not leave, what is in flight is dropped, and the exception is raised
            here. Times are seconds since the first result was asked for.
        :param deadline: seconds for each operation, instead of the client's. Waiting for the quota
            is not counted.
        :raises ValueError: ``quota``, ``share`` or ``deadline`` cannot be one.
        :raises TypeError: ``progress`` or ``journal`` cannot be called, or is a coroutine
            function; ``names`` is one name.
        """
        from .feed import Turns, watches

        if journal is not None and not callable(journal):
            message = f"journal is None or a function, not {type(journal).__name__}"
            raise TypeError(message)
        watched = watches(progress)
        results, feed = self._native.countermand_all(
            quota, share, in_flight, watched, journal, deadline
        )
        with results:
            async with Turns(feed, names, progress, self) as turns:
                for turn in count():
                    # What is there already needs no waiting; now and then other tasks have a turn.
                    item = results.ready() if turn % _IN_A_ROW else None
                    item = item or await self._finish(results.next())
                    if item is None:
                        break
                    if isinstance(item, tuple):
                        yield item
                    else:
                        turns.take(item)
                turns.end()

    async def _each(self, results: Stream[Operation]) -> AsyncGenerator[Operation, None]:
        while (operation := await self._finish(results.next())) is not None:
            yield operation

    @dual
    async def close(self) -> None:
        """Gives up the connections. What is under way goes on; new calls raise RuntimeError."""
        self._native.close()


class _Hidden:
    """In the place of what must not be shown."""

    __slots__ = ("_shown",)

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


def _restore(
    cls: type[ClientBase[Any, Any]], settings: dict[str, Any], described: str | None
) -> ClientBase[Any, Any]:
    from .operation_name import know

    know(described)
    return cls(**settings)


class Client(Blocking, ClientBase["Find", "Job"]):
    """Cancels operations and finds out what became of them.

    Threads may share one. Calls release the GIL; Ctrl-C ends them at once and drops the request,
    and then a cancel may have been delivered or not. It works in a forked child too, where
    it connects anew. It pickles as its settings, unless its token was given as text.

    A call blocks its thread, and in a coroutine the event loop with it: there, use an
    :class:`AsyncClient`, or ``asyncio.to_thread(client.cancel, name)``. Under gevent, call it in a
    ``gevent.threadpool.ThreadPool``.

    It can be used without ``with``: nothing is lost if it is never closed.
    """

    __module__ = "countermand"

    def _search(self, finder: Finder) -> Find:
        from .find import Find

        return Find(finder)

    def _job(
        self, path: str | os.PathLike[str], facts: Facts, missed: tuple[CountermandError, ...]
    ) -> Job:
        from .job import Job

        return Job(self, path, facts, missed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(Awaited, ClientBase["AsyncFind", "AsyncJob"]):
    """A :class:`Client` for asyncio, with the same methods.

    Any number of tasks and event loops may share one. Cancelling a task drops its request.

    Under trio use a :class:`Client` in a thread: ``trio.to_thread.run_sync(client.cancel, name)``.
    """

    __module__ = "countermand"

    def _search(self, finder: Finder) -> AsyncFind:
        from .find import AsyncFind

        return AsyncFind(finder)

    def _job(
        self, path: str | os.PathLike[str], facts: Facts, missed: tuple[CountermandError, ...]
    ) -> AsyncJob:
        from .job import AsyncJob

        return AsyncJob(self, path, facts, missed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
