"""Names and progress of a client's scheduler, in the thread or task that iterates."""

from __future__ import annotations

from .progress import Line, Progress
from .warn import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal, Self, TypeVar

    from ._countermand import Feed, Operation
    from .rows import FoundOperation

    _T = TypeVar("_T")


class Watch:
    """Tells progress to the caller's function."""

    __slots__ = ("_line", "_watcher")

    def __init__(self, watcher: bool | Callable[[Progress], object] | None) -> None:
        self._line = Line() if watcher is True else None
        self._watcher = self._line if watcher is True else (watcher or None)

    def tell(self, progress: Progress) -> None:
        """Calls the watcher, if it has not failed before."""
        watcher = self._watcher
        if watcher is not None:
            self._guarded(lambda: watcher(progress))

    def close(self) -> None:
        """Ends the line, however the scheduler ended."""
        line, self._line = self._line, None
        if line is not None and self._watcher is not None:
            self._guarded(line.end)

    def _guarded(self, act: Callable[[], object]) -> None:
        """Calls a function whose failure must not end a rescue."""
        try:
            act()
        except Exception as error:
            self._watcher = None
            message = f"progress raised {error!r} and is not called again"
            warn(message, RuntimeWarning)


class Turns:
    """Feeds a scheduler with names and tells its progress, between two results."""

    __slots__ = ("_failure", "_feed", "_names", "_watch")

    def __init__(
        self,
        feed: Feed,
        names: Iterable[str | Operation | FoundOperation],
        watcher: bool | Callable[[Progress], object] | None,
    ) -> None:
        self._feed = feed
        self._names = iter(several(names))
        self._failure: Exception | None = None
        self._watch = Watch(watcher)

    def take(self, item: Progress | Literal["hungry"]) -> None:
        """Does what the scheduler asks for."""
        if isinstance(item, Progress):
            self._watch.tell(item)
            return
        try:
            self._feed.pull(self._names)
        except Exception as error:
            # What is under way comes out first.
            self._failure = error

    def end(self) -> None:
        """Raises what kept names from coming."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the line, however the scheduler ended."""
        self._watch.close()


def several(names: _T) -> _T:
    """The names, unless they are one text: a text iterates as its characters.

    :raises TypeError: it is one.
    """
    if isinstance(names, (str, bytes)):
        message = "names is several names, not one: give [name], or use countermand(name)"
        raise TypeError(message)
    return names


def watches(progress: bool | Callable[[Progress], object] | None) -> bool:
    """True if the caller watches the progress."""
    if progress is None or isinstance(progress, bool):
        return progress is True
    if not callable(progress):
        message = f"progress is None, True or a function, not {type(progress).__name__}"
        raise TypeError(message)
    return True
