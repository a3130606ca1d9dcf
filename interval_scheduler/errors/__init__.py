"""Every error that this library raises.

::

    SchedulerError
    ├── InvalidValue (ValueError)            a bad value; names the field
    │   ├── ConfigurationError               a bad option
    │   ├── InvalidLine                      a line of a backup that cannot be restored; names the line and the field
    │   └── GroupNeedsTag                    an id without a hash tag in a group with a bound, on several partitions
    ├── InvalidType (TypeError)              a value of the wrong type; names the field
    │   └── ConfigurationTypeError           (also a ConfigurationError)
    ├── NotAcceptingTasks                    assign before start_task_accept or after stop_task_accept
    ├── AlreadyExecuting                     start_task_execute while executing
    ├── ExecutionEnded                       the execution or the connection ended without being asked to
    ├── NotConnected                         a call before connect or after close
    ├── WrongEventLoop                       a call from another event loop than the one that connected the scheduler
    ├── WouldDeadlock                        a call of a BlockingScheduler that could never end
    ├── OutsideRun (LookupError)             current_run outside of an executor, or in a batch
    ├── RunTimeout (TimeoutError)            a run took longer than it may; the error of that run
    ├── RunCancelled                         a run was cancelled by cancel_run; the error of that run
    ├── BadPayload                           a payload is not what its executor asks for; the error of that run
    ├── TooManyCrashes                       a task was not run: its deliveries keep ending in a crash
    ├── TooManyRemovals                      a sync would remove more tasks than it may; none was removed
    ├── BackupCutShort                       a backup has no end; what was there is restored
    ├── ClockCannotBeMoved                   time_machine() on a loop that is not asyncio's own, or beside another clock
    ├── ClockStuck (TimeoutError)            nothing can go on in a time machine; says why
    ├── StorageError                         a fault at a partition; names the partition
    │   ├── PartitionOffline (ConnectionError)   it cannot be reached; nothing was changed
    │   │   └── OutcomeUnknown               it was lost half-way: the change may or may not have happened
    │   │       └── NotReplicated            the change happened, but too few replicas had it in time
    │   ├── StorageFull                      Redis is out of memory; nothing was changed
    │   │   ├── HintsFull                    no more hints may wait for a partition that is offline
    │   │   └── QueuesFull                   a namespace can have no more queues
    │   ├── StorageRefused                   Redis answers but will not carry this out (access, disk, script)
    │   ├── UnknownNamespace (LookupError)   there is no such namespace, and connect(create=False) makes none
    │   └── UnsuitableServer                 a version, role, eviction policy, schema, certificate, folder of no use
    │       └── PartitionMismatch            another list of partitions is in use for this namespace
    │           └── PartitionListChanged     the list was changed: restart with the new one
    └── LockError
        ├── LockTimeout (TimeoutError)       a lock was not free in time
        └── LockLost                         a held lock could not be renewed in time

Bad input raises before any I/O and changes nothing. No message carries a password.
"""

from .backup import BackupCutShort, InvalidLine
from .calls import (
    AlreadyExecuting,
    BadPayload,
    ClockCannotBeMoved,
    ClockStuck,
    ConfigurationError,
    ConfigurationTypeError,
    ExecutionEnded,
    GroupNeedsTag,
    InvalidType,
    InvalidValue,
    LockError,
    LockLost,
    LockTimeout,
    NotAcceptingTasks,
    NotConnected,
    OutsideRun,
    RunCancelled,
    RunTimeout,
    SchedulerError,
    TooManyCrashes,
    TooManyRemovals,
    WouldDeadlock,
    WrongEventLoop,
)
from .storage import (
    HintsFull,
    NotReplicated,
    OutcomeUnknown,
    PartitionListChanged,
    PartitionMismatch,
    PartitionOffline,
    QueuesFull,
    StorageError,
    StorageFull,
    StorageRefused,
    UnknownNamespace,
    UnsuitableServer,
)

__all__ = [
    "AlreadyExecuting",
    "BackupCutShort",
    "BadPayload",
    "ClockCannotBeMoved",
    "ClockStuck",
    "ConfigurationError",
    "ConfigurationTypeError",
    "ExecutionEnded",
    "GroupNeedsTag",
    "HintsFull",
    "InvalidLine",
    "InvalidType",
    "InvalidValue",
    "LockError",
    "LockLost",
    "LockTimeout",
    "NotAcceptingTasks",
    "NotConnected",
    "NotReplicated",
    "OutcomeUnknown",
    "OutsideRun",
    "PartitionListChanged",
    "PartitionMismatch",
    "PartitionOffline",
    "QueuesFull",
    "RunCancelled",
    "RunTimeout",
    "SchedulerError",
    "StorageError",
    "StorageFull",
    "StorageRefused",
    "TooManyCrashes",
    "TooManyRemovals",
    "UnknownNamespace",
    "UnsuitableServer",
    "WouldDeadlock",
    "WrongEventLoop",
]
