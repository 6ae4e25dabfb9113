"""Methods that are written once, for a class that blocks and for one that is awaited.

Such a method is a coroutine that waits by ``await self._finish(call)`` and by nothing else. In a
class that is :class:`Awaited` it stays one. In a class that is :class:`Blocking` its ``_finish``
waits in the thread, so the coroutine is never suspended, and calling the method runs it to its end.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
    from typing import Any, Concatenate, ParamSpec, TypeVar, overload
    from typing import Generic as Generic

    from ._countermand import Call

    _P = ParamSpec("_P")
    _T = TypeVar("_T")
    _BlockingT = TypeVar("_BlockingT", covariant=True)
    _AwaitedT = TypeVar("_AwaitedT", covariant=True)
else:

    class Generic:
        """``typing.Generic``, whose import takes longer than that of this package."""

        __slots__ = ()

        def __class_getitem__(cls, _: object) -> type:
            return cls


class Dual(Generic["_P", "_BlockingT", "_AwaitedT"]):
    """A method of both kinds of class."""

    def __init__(
        self,
        method: Callable[Concatenate[Any, _P], _AwaitedT],
        run: Callable[[_AwaitedT], _BlockingT],
        shown: object = None,
    ) -> None:
        def blocking(this: Any, /, *args: _P.args, **kwargs: _P.kwargs) -> _BlockingT:  # noqa: ANN401
            return run(method(this, *args, **kwargs))

        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(blocking, name, getattr(method, name))
        # `inspect.signature` follows it; `functools.wraps` would need an import.
        vars(blocking)["__wrapped__"] = shown or method
        blocking.__annotations__ = (shown or method).__annotations__
        self._blocking, self._awaited = blocking, method

    if TYPE_CHECKING:

        @overload
        def __get__(
            self, instance: None, owner: type[Blocking]
        ) -> Callable[Concatenate[Any, _P], _BlockingT]: ...
        @overload
        def __get__(
            self, instance: None, owner: type[Awaited]
        ) -> Callable[Concatenate[Any, _P], _AwaitedT]: ...
        @overload
        def __get__(self, instance: Blocking, owner: type) -> Callable[_P, _BlockingT]: ...
        @overload
        def __get__(self, instance: Awaited, owner: type) -> Callable[_P, _AwaitedT]: ...
        def __get__(self, instance: object, owner: type) -> Any: ...

    else:

        def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
            method = self._blocking if issubclass(owner, Blocking) else self._awaited
            return method.__get__(instance, owner)


def dual(
    method: Callable[Concatenate[Any, _P], Coroutine[Any, Any, _T]],
) -> Dual[_P, _T, Coroutine[Any, Any, _T]]:
    """A method that gives one result."""
    return Dual(method, run)


def dual_iterator(
    method: Callable[Concatenate[Any, _P], AsyncGenerator[_T, None]],
) -> Dual[_P, Iterator[_T], AsyncGenerator[_T, None]]:
    """A method that gives results one by one."""
    return Dual(method, iterate, _iterating(method))


def _iterating(method: Any) -> object:  # noqa: ANN401 - a function
    """The function whose signature a blocking class shows: an iterator comes out of it."""
    shown = type(method)(method.__code__, method.__globals__, method.__name__)
    given = method.__annotations__
    items = given["return"].removeprefix("AsyncGenerator").removesuffix(", None]")
    shown.__annotations__ = {**given, "return": f"Iterator{items}]"}
    shown.__defaults__, shown.__kwdefaults__ = method.__defaults__, method.__kwdefaults__
    return shown


class Waits:
    """Base of a class with such methods."""

    __slots__ = ()

    async def _finish(self, call: Call[_T]) -> _T:
        """The result of a call."""
        raise NotImplementedError


class Blocking(Waits):
    """A class whose methods wait in the thread that calls them."""

    __slots__ = ()

    async def _finish(self, call: Call[_T]) -> _T:
        return call.wait()


class Awaited(Waits):
    """A class whose methods are awaited in an event loop of asyncio."""

    __slots__ = ()

    async def _finish(self, call: Call[_T]) -> _T:
        from .event_loop import finish

        return await finish(call)


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that is never suspended."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    message = "a coroutine was suspended where no event loop runs it"
    raise RuntimeError(message)


def iterate(items: AsyncGenerator[_T, None]) -> Iterator[_T]:
    """The items of an asynchronous generator that is never suspended."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())
