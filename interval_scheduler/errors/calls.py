"""Errors of calls and of runs, and the base of all errors."""

from __future__ import annotations

from typing import Self


class SchedulerError(Exception):
    """The base of every error of this library.

    Attributes:
        message: the fault, the field or partition that it concerns, and the remedy.
    """

    def __new__(cls, *args: object, **_: object) -> Self:
        """Keep the arguments of the constructor, so that every error can be copied and pickled."""
        # An error that is also an OSError would have no `args` otherwise.
        error = super().__new__(cls)
        error.args = args
        return error

    def __init__(self, message: str) -> None:
        self.message = message

    def __str__(self) -> str:
        return self.message


class InvalidValue(SchedulerError, ValueError):
    """A value that cannot be used.

    Attributes:
        field: the name of the argument or option at fault.
        problem: the fault of its value.
    """

    def __init__(self, field: str, problem: str) -> None:
        SchedulerError.__init__(self, f"{field} {problem}")
        self.field = field
        self.problem = problem


class ConfigurationError(InvalidValue):
    """An option that cannot be used; `field` names it."""

    def within(self, prefix: str) -> ConfigurationError:
        """Return the same error for a field inside of another one; `prefix` names that one, for example `storage.`."""
        return type(self)(prefix + self.field, self.problem)


class InvalidType(SchedulerError, TypeError):
    """A value of the wrong type.

    Attributes:
        field: the name of the argument or option at fault.
        problem: the fault of its value.
    """

    def __init__(self, field: str, problem: str) -> None:
        SchedulerError.__init__(self, f"{field} {problem}")
        self.field = field
        self.problem = problem


class ConfigurationTypeError(ConfigurationError, InvalidType):
    """An option of the wrong type; `field` names it."""


class NotAcceptingTasks(SchedulerError):
    """The scheduler does not accept tasks: call `start_task_accept()` first."""

    def __init__(self) -> None:
        super().__init__("not accepting tasks: call start_task_accept() first")


class AlreadyExecuting(SchedulerError):
    """This scheduler executes tasks already: call `stop_task_execute()` first."""

    def __init__(self, problem: str = "already executing tasks: call stop_task_execute() first") -> None:
        super().__init__(problem)


class ExecutionEnded(SchedulerError):
    """The execution of tasks, or the connection, ended without being asked to; the cause is in `__cause__`.

    Raised by `wait_stopped()`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the execution or the connection ended without being asked to: {reason}")
        self.reason = reason


class NotConnected(SchedulerError):
    """The scheduler is not connected: call `connect()` or use `async with`."""

    def __init__(
        self, problem: str = "not connected: call connect() first, or use 'async with Scheduler(...)'"
    ) -> None:
        super().__init__(problem)


class WrongEventLoop(SchedulerError):
    """The scheduler belongs to another event loop, the one that connected it; nothing was changed."""


class WouldDeadlock(SchedulerError):
    """A `BlockingScheduler` was called where the call could never end: from its own thread, or after a fork."""


class OutsideRun(SchedulerError, LookupError):
    """`current_run()` was called outside of an executor, or in one of batches."""

    def __init__(self, *, in_batch: bool = False) -> None:
        super().__init__(
            "no single run here: the executor of a batch gets its runs as its argument"
            if in_batch
            else "no run here: current_run() works inside of an executor only"
        )


class RunTimeout(SchedulerError, TimeoutError):
    """A run took longer than its `timeout`, or than the option `run_timeout_seconds`: its executor was cancelled.

    Attributes:
        seconds: the time-out of the run.
    """

    def __init__(self, seconds: float) -> None:
        SchedulerError.__init__(self, f"the run took longer than its time-out of {seconds:g} s")
        self.seconds = seconds


class RunCancelled(SchedulerError):
    """A run was cancelled by `cancel_run`; the error of that run."""

    def __init__(self) -> None:
        super().__init__("the run was cancelled by cancel_run")


class GroupNeedsTag(InvalidValue):
    """A task of a group with a bound or a rate has no hash tag in its id, and there are several partitions.

    Attributes:
        id: the id of the task.
        group: its group.
    """

    def __init__(self, id: str, group: str) -> None:  # noqa: A002 - the name of the attribute
        super().__init__(
            "id",
            f"{id!r} needs a hash tag: a bound or a rate of its group {group!r} holds over several partitions if the "
            f"tasks of the group live on one; begin all their ids with the same tag, for example '{{{group}}}:{id}'; "
            "this task was not changed",
        )
        self.id = id
        self.group = group


class BadPayload(SchedulerError):
    """The payload of a task cannot be read as what its executor asks for; the error of that run.

    No further attempt is made, whatever the `retries` of the task: it would fail in the same way.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"the payload cannot be read: {problem}")


class TooManyCrashes(SchedulerError):
    """A task was not run: too many of its deliveries in a row ended without a result, as if its process had died.

    Attributes:
        deliveries: the number of these deliveries.
    """

    def __init__(self, deliveries: int) -> None:
        super().__init__(f"{deliveries} deliveries ended without a result: the process seems to die from this task")
        self.deliveries = deliveries


class TooManyRemovals(SchedulerError):
    """A sync would remove more tasks than its `max_removed` allows: it removed none.

    Attributes:
        scope: the prefix of the sync.
        removed: the number of tasks that it would remove.
        scheduled: the number of tasks of the scope that were scheduled.
    """

    def __init__(self, scope: str, removed: int, scheduled: int) -> None:
        super().__init__(
            f"the sync of {scope!r} would remove {removed} of {scheduled} tasks, more than max_removed allows: none "
            "was removed; if that is meant, give a higher max_removed"
        )
        self.scope = scope
        self.removed = removed
        self.scheduled = scheduled


class ClockCannotBeMoved(SchedulerError):
    """The clock of an event loop cannot be replaced for `time_machine()`, or was replaced inside of one."""

    def __init__(
        self, problem: str = "time_machine() needs asyncio's own event loop: uvloop's clock cannot be moved"
    ) -> None:
        super().__init__(problem)


class ClockStuck(SchedulerError, TimeoutError):
    """Nothing can go on in a time machine, or a call is not done in time; the message says what waits where."""

    def __init__(self, problem: str) -> None:
        SchedulerError.__init__(self, f"the time machine is stuck: {problem}")
        self.problem = problem


class LockError(SchedulerError):
    """The base of the lock errors.

    Attributes:
        name: the name of the lock.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"lock {name!r} {problem}")
        self.name = name


class LockTimeout(LockError, TimeoutError):
    """The lock was not free within the time to wait."""


class LockLost(LockError):
    """The lock could not be renewed in time: another holder is possible, the protected block was cancelled."""
