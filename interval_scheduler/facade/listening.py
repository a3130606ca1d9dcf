"""The public call that adds handlers of events: each event has parameters of its own, which type checkers know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, overload

from ..execution.run import TaskRun
from ..support.events import EventName, Events, Handler

# Both halves of each mean the same. With one alone, mypy would refuse a lambda that has defaults.
_OfPartition = Callable[[str], object] | Callable[[str], None]
_OfJump = Callable[[str, float], object] | Callable[[str, float], None]
_OfRun = Callable[[TaskRun], object] | Callable[[TaskRun], None]
_OfFailedRun = Callable[[TaskRun, BaseException], object] | Callable[[TaskRun, BaseException], None]
_OfStuckRuns = Callable[[int, TaskRun, float], object] | Callable[[int, TaskRun, float], None]
_OfError = Callable[[BaseException], object] | Callable[[BaseException], None]


class EventCalls:
    """The calls on events, of a `Scheduler` and of a `BlockingScheduler`.

    Args:
        events: the events of the scheduler.
    """

    def __init__(self, events: Events) -> None:
        self._events = events

    @overload
    def on(self, event: Literal["online", "offline"], handler: Callable[[], object]) -> Callable[[], None]: ...

    @overload
    def on(
        self, event: Literal["db-disconnect", "db-reconnect", "data-lost"], handler: _OfPartition
    ) -> Callable[[], None]: ...

    @overload
    def on(self, event: Literal["clock-jump"], handler: _OfJump) -> Callable[[], None]: ...

    @overload
    def on(self, event: Literal["run", "run-skipped"], handler: _OfRun) -> Callable[[], None]: ...

    @overload
    def on(self, event: Literal["run-error"], handler: _OfFailedRun) -> Callable[[], None]: ...

    @overload
    def on(self, event: Literal["stuck"], handler: _OfStuckRuns) -> Callable[[], None]: ...

    @overload
    def on(self, event: Literal["stopped"], handler: _OfError) -> Callable[[], None]: ...

    def on(self, event: EventName, handler: Handler) -> Callable[[], None]:
        """Call a function, or a coroutine function, at an event.

        `online`, `offline`: the master partition can be reached, or cannot (no arguments). `db-disconnect`,
        `db-reconnect`: the same for any partition (its name). `data-lost`: a partition came back without its data, see
        `acknowledge_data_loss` (its name). `clock-jump`: the clock of a partition's server jumped while it executes
        tasks (its name, and the seconds of the jump). `run`: a run ended, well or not (the `TaskRun`, with its
        `duration` and `error`). `run-error`: an executor raised (the `TaskRun` and the error). `run-skipped`: a run
        could not start within its `start_deadline` (the `TaskRun`). `stuck`: no further run can be started, and none
        has ended for `stuck_after_seconds` (the number of runs, the longest `TaskRun`, and its seconds); again whenever
        that time has doubled. `stopped`: the execution or the connection ended without being asked to (the error).

        A handler is called in the context in which it was registered; a function is part of no asyncio task, so that
        `asyncio.current_task()` is `None` there. Whatever it raises is logged, and disturbs nothing. At most 1,000
        asynchronous handlers are in progress; further calls of them are left out, which is logged. Closing waits for
        them within `drain_seconds`, then cancels them.

        Handlers of a `BlockingScheduler` are called in its thread: they must not block, nor call the scheduler.

        Returns:
            A function that removes the handler.

        Raises:
            InvalidValue: there is no such event.
            InvalidType: the handler cannot be called, or cannot take the arguments of the event; defaults and `*args`
                are fine. The message tells what it must take.
        """
        return self._events.on(event, handler)
