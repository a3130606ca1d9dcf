"""Every error that this library raises.

::

    SchedulerError
    ├── InvalidValue (ValueError)            a bad value; names the field
    │   └── ConfigurationError               a bad option
    ├── InvalidType (TypeError)              a value of the wrong type; names the field
    │   └── ConfigurationTypeError           (also a ConfigurationError)
    ├── NotAcceptingTasks                    assign before start_task_accept or after stop_task_accept
    ├── AlreadyExecuting                     start_task_execute while executing
    ├── NotConnected                         a call before connect or after close
    ├── WrongEventLoop                       a call from another event loop than the one that connected the scheduler
    ├── WouldDeadlock                        a call of a BlockingScheduler that could never end
    ├── OutsideRun (LookupError)             current_run outside of an executor
    ├── RunTimeout (TimeoutError)            a run took longer than it may; the error of that run
    ├── TooManyCrashes                       a task was not run: its deliveries keep ending in a crash
    ├── ClockCannotBeMoved                   time_machine() on an event loop that is not asyncio's own
    ├── StorageError                         a fault at a partition; names the partition
    │   ├── PartitionOffline (ConnectionError)   it cannot be reached; nothing was changed
    │   │   └── OutcomeUnknown               it was lost half-way: the change may or may not have happened
    │   │       └── NotReplicated            the change happened, but too few replicas had it in time
    │   ├── StorageFull                      Redis is out of memory; nothing was changed
    │   │   └── HintsFull                    no more hints may wait for a partition that is offline
    │   ├── StorageRefused                   Redis answers but will not carry this out (access, disk, script)
    │   └── UnsuitableServer                 a version, role, eviction policy, schema or certificate of no use
    │       └── PartitionMismatch            another list of partitions is in use for this namespace
    │           └── PartitionListChanged     the list was changed: restart with the new one
    └── LockError
        ├── LockTimeout (TimeoutError)       a lock was not free in time
        └── LockLost                         a held lock could not be renewed in time

Bad input raises before any I/O and changes nothing. No message carries a password.
"""

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

    def __init__(self) -> None:
        super().__init__("already executing tasks: call stop_task_execute() first")


class NotConnected(SchedulerError):
    """The scheduler is not connected: call `connect()` or use `async with`."""

    def __init__(self) -> None:
        super().__init__("not connected: call connect() first, or use 'async with Scheduler(...)'")


class WrongEventLoop(SchedulerError):
    """The scheduler belongs to another event loop, the one that connected it; nothing was changed."""


class WouldDeadlock(SchedulerError):
    """A `BlockingScheduler` was called where the call could never end: from its own thread, or after a fork."""


class OutsideRun(SchedulerError, LookupError):
    """`current_run()` was called outside of an executor."""

    def __init__(self) -> None:
        super().__init__("no run here: current_run() works inside of an executor only")


class RunTimeout(SchedulerError, TimeoutError):
    """A run took longer than its `timeout`, or than the option `run_timeout_seconds`: its executor was cancelled.

    Attributes:
        seconds: the time-out of the run.
    """

    def __init__(self, seconds: float) -> None:
        SchedulerError.__init__(self, f"the run took longer than its time-out of {seconds:g} s")
        self.seconds = seconds


class TooManyCrashes(SchedulerError):
    """A task was not run: too many of its deliveries in a row ended without a result, as if its process had died.

    Attributes:
        deliveries: the number of these deliveries.
    """

    def __init__(self, deliveries: int) -> None:
        super().__init__(f"{deliveries} deliveries ended without a result: the process seems to die from this task")
        self.deliveries = deliveries


class ClockCannotBeMoved(SchedulerError):
    """`time_machine()` was asked for on an event loop whose clock cannot be replaced."""

    def __init__(self) -> None:
        super().__init__("time_machine() needs asyncio's own event loop: uvloop's clock cannot be moved")


class StorageError(SchedulerError):
    """Something went wrong at a partition.

    Attributes:
        partition: the name of the partition.
    """

    def __init__(self, partition: str, problem: str) -> None:
        super().__init__(f"partition {partition!r} {problem}")
        self.partition = partition


class PartitionOffline(StorageError, ConnectionError):
    """The partition cannot be reached; nothing was changed. Try again once it is back."""

    def __init__(self, partition: str, problem: str = "is offline: nothing was changed, try again later") -> None:
        super().__init__(partition, problem)


class OutcomeUnknown(PartitionOffline):
    """The connection was lost half-way: the change may or may not have happened.

    Assign and remove can simply be called again: both leave one well-defined state behind.
    """

    def __init__(self, partition: str) -> None:
        super().__init__(
            partition,
            "did not answer in time: the change may or may not have happened, repeat the call to be sure",
        )


class NotReplicated(OutcomeUnknown):
    """The change was carried out, but fewer replicas than `wait_replicas` had it in time: a failover may undo it.

    The replicas may get the change later. Repeat the call to be sure. A lock whose acquisition raises this error is
    given up, and not held.

    Attributes:
        partition: the name of the partition.
        acknowledged: the number of replicas that had the change.
        wanted: the number of replicas that must have it, `wait_replicas`.
    """

    def __init__(self, partition: str, acknowledged: int, wanted: int) -> None:
        StorageError.__init__(
            self,
            partition,
            f"carried it out, but {acknowledged} of {wanted} replicas had it in time: a failover may undo it, "
            "repeat the call to be sure",
        )
        self.acknowledged = acknowledged
        self.wanted = wanted


class StorageFull(StorageError):
    """Redis is at its `maxmemory`; nothing was changed. Completions still pass."""

    def __init__(self, partition: str) -> None:
        super().__init__(partition, "is out of memory: nothing was changed, raise maxmemory or remove tasks")


class HintsFull(StorageFull):
    """The partition is offline, and `max_hints` hints wait for it already; nothing was changed."""

    def __init__(self, partition: str, limit: int) -> None:
        StorageError.__init__(
            self,
            partition,
            f"is offline, and {limit:,} hints wait for it already: nothing was changed, try again once it is back, or "
            "raise max_hints",
        )


class StorageRefused(StorageError):
    """Redis answers, but refuses: missing rights, a disk that cannot be written, a broken key.

    Attributes:
        partition: the name of the partition.
        code: the error code of Redis, e.g. `"NOPERM"` or `"MISCONF"`.
    """

    def __init__(self, partition: str, code: str, problem: str) -> None:
        super().__init__(partition, f"refused: {code}: {problem}")
        self.code = code


class UnsuitableServer(StorageError):
    """The server can be reached but must not be used: version, role, eviction policy, schema or certificate."""


class PartitionMismatch(UnsuitableServer):
    """The database belongs to another list of partitions than the one configured here."""


class PartitionListChanged(PartitionMismatch):
    """The list of partitions was changed while this scheduler has the old one: restart its process with the new list.

    Nothing was changed. Runs in progress may end in order; nothing more is claimed, assigned or removed.

    Attributes:
        partition: the name of the partition.
        epoch: the number of the list that is in force now.
        names: the names of its partitions; empty if they are not known.
    """

    def __init__(self, partition: str, epoch: int, names: str) -> None:
        shown = f" to {names}" if names else ""
        super().__init__(
            partition,
            f"belongs to another list by now: the list of partitions was changed{shown} (epoch {epoch}); nothing was "
            "changed by this call, restart this process with the new list",
        )
        self.epoch = epoch
        self.names = tuple(name for name in names.split(",") if name)


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
