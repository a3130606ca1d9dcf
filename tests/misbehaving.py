"""Every way in which code of the application may misbehave, as data: the kinds of the matrix of guests.

Each kind says what it does as a function, as a coroutine function, or as both, and what is reported of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from interval_scheduler import Retry, RunTimeout

Act = Callable[[], object]
AsyncAct = Callable[[], Awaitable[object]]


class Panic(BaseException):
    """As those of Rust through pyo3, of `pytest.fail`, and of many a time-out."""


class Unprintable(ValueError):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise Panic("in __str__")

    __repr__ = __str__


class Incomparable(ValueError):
    """An error that cannot be compared, as an array cannot be true or false."""

    def __eq__(self, other: object) -> bool:
        raise Panic("in __eq__")

    def __hash__(self) -> int:
        raise Panic("in __hash__")


class UnprintableRetry(Retry):
    """A `Retry` that cannot be shown."""

    def __init__(self) -> None:
        super().__init__(after=0.01)

    def __str__(self) -> str:
        raise Panic("in __str__")


class Unknowable:
    """An object that raises when it is asked for its class, as a lazy object does whose query fails."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise LookupError("in __class__")


def cycle() -> BaseException:
    """An error that is its own cause and its own context."""
    error = ValueError("its own cause")
    error.__cause__ = error.__context__ = error
    return error


def deep() -> BaseException:
    """Groups in groups, more of them than a recursion can follow."""
    error: BaseException = Panic("at the bottom")
    for _ in range(2 * sys.getrecursionlimit()):
        error = BaseExceptionGroup("deep", [error])
    return error


_SHARED: Final = ValueError("raised again and again")


def me() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def for_ever() -> None:
    for_ever()


async def for_ever_later() -> None:
    for_ever()


async def cancels_itself() -> None:
    me().cancel()
    await asyncio.sleep(0)  # here the cancel arrives


async def swallows_its_cancel() -> None:
    try:
        await cancels_itself()
    except asyncio.CancelledError:
        assert me().cancelling() == 1


async def cancels_itself_as_it_ends() -> None:
    me().cancel()


async def is_cancelled_late() -> None:
    asyncio.get_running_loop().call_later(0.01, me().cancel)
    asyncio.get_running_loop().call_soon(me().cancel)


async def awaits_something_cancelled() -> None:
    child = asyncio.create_task(asyncio.Event().wait())
    child.cancel()
    await child


async def panics_in_a_task_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raise_later(Panic("in a task group")))


async def _raise_later(error: BaseException) -> None:
    await asyncio.sleep(0)  # not at once
    raise error


async def hangs() -> None:
    await asyncio.Event().wait()


async def hangs_and_then_raises() -> None:
    try:
        await hangs()
    finally:
        raise Unprintable


def cancels_its_caller() -> None:
    """Cancel the asyncio task in which a function is called, if it is called in one."""
    if (task := asyncio.current_task()) is not None:
        task.cancel()


@dataclass(frozen=True)
class Kind:
    """One way to misbehave.

    Attributes:
        function: the act as a function; `None` for no such act.
        coroutine: the act as a coroutine function; `None` for no such act.
        error: the error that is reported of the function; `None` for nothing, as it ends well.
        async_error: the same for the coroutine function.
        ends: False for an act that goes on until it is cancelled: an executor needs a time-out, which is its error.
    """

    function: Act | None
    coroutine: AsyncAct | None
    error: type[BaseException] | None = None
    async_error: type[BaseException] | None = None
    ends: bool = True


def raises(error: Callable[[], BaseException], async_error: type[BaseException] | None = None) -> Kind:
    """The kind that raises an error, which is what is reported of it."""

    def function() -> None:
        raise error()

    async def coroutine() -> None:
        raise error()

    reported = type(error())
    return Kind(function, coroutine, reported, async_error or reported)


KINDS: Final[dict[str, Kind]] = {
    "an error": raises(lambda: ValueError("broken")),
    "an error that cannot be shown": raises(Unprintable),
    "an error that cannot be compared": raises(Incomparable),
    "an error that is its own cause": raises(cycle),
    "an error that is raised again and again": raises(lambda: _SHARED),
    "a wrong argument": raises(lambda: TypeError("got an unexpected keyword argument")),
    "a group of errors": raises(lambda: ExceptionGroup("several", [ValueError("a"), KeyError("b")])),
    "a panic": raises(lambda: Panic("panicked")),
    "a group with a panic": raises(lambda: BaseExceptionGroup("both", [ValueError("a"), Panic("b")])),
    "a group with a cancel": raises(lambda: BaseExceptionGroup("both", [asyncio.CancelledError(), ValueError("a")])),
    "groups without end": raises(deep),
    "a GeneratorExit": raises(GeneratorExit),
    "a CancelledError": raises(asyncio.CancelledError),
    "a StopIteration": raises(StopIteration, RuntimeError),
    "a StopAsyncIteration": raises(StopAsyncIteration),
    "a MemoryError": raises(lambda: MemoryError("no more")),
    "a recursion": Kind(for_ever, for_ever_later, RecursionError, RecursionError),
    "a cancel of its own that it lets through": Kind(None, cancels_itself, None, asyncio.CancelledError),
    "a cancel of its own that it swallows": Kind(None, swallows_its_cancel),
    "a cancel of its own as it ends": Kind(None, cancels_itself_as_it_ends),
    "a cancel that comes late": Kind(None, is_cancelled_late),
    "a cancel of what it awaits": Kind(None, awaits_something_cancelled, None, asyncio.CancelledError),
    "a panic in a task group": Kind(None, panics_in_a_task_group, None, BaseExceptionGroup),
    "a hang": Kind(None, hangs, None, RunTimeout, ends=False),
    "a hang that ends by an error": Kind(None, hangs_and_then_raises, None, Unprintable, ends=False),
    "a cancel of its caller": Kind(cancels_its_caller, None),
    "a result that cannot be looked at": Kind(Unknowable, None, LookupError),
}


#: What ends the process goes through, alone or in a group; the error itself ends the event loop.
FATAL: Final[dict[str, tuple[Callable[[], BaseException], type[BaseException]]]] = {
    "SystemExit": (lambda: SystemExit(3), SystemExit),
    "KeyboardInterrupt": (KeyboardInterrupt, KeyboardInterrupt),
    "a group with SystemExit": (lambda: BaseExceptionGroup("g", [ValueError(), SystemExit(3)]), SystemExit),
    "a KeyboardInterrupt in groups": (
        lambda: BaseExceptionGroup("g", [BaseExceptionGroup("h", [Panic(), KeyboardInterrupt()])]),
        KeyboardInterrupt,
    ),
}
