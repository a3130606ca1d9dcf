"""Very many dynamic interval tasks on Redis: assigned, changed, removed and run with asyncio.

Start with `Scheduler` and `IntervalTask`.
"""

from .bulk import AssignCounts
from .errors import (
    AlreadyExecuting,
    ConfigurationError,
    ConfigurationTypeError,
    InvalidType,
    InvalidValue,
    LockError,
    LockLost,
    LockTimeout,
    NotAcceptingTasks,
    NotConnected,
    OutcomeUnknown,
    OutsideRun,
    PartitionMismatch,
    PartitionOffline,
    SchedulerError,
    StorageError,
    StorageFull,
    StorageRefused,
    UnsuitableServer,
)
from .execution.run import TaskRun, current_run
from .instance import RedisInstance
from .locks import Lock
from .options import SchedulerOptions, StorageOptions
from .scheduler import Scheduler
from .task import IntervalTask, ScheduledTask, Task

__all__ = [
    "AlreadyExecuting",
    "AssignCounts",
    "ConfigurationError",
    "ConfigurationTypeError",
    "IntervalTask",
    "InvalidType",
    "InvalidValue",
    "Lock",
    "LockError",
    "LockLost",
    "LockTimeout",
    "NotAcceptingTasks",
    "NotConnected",
    "OutcomeUnknown",
    "OutsideRun",
    "PartitionMismatch",
    "PartitionOffline",
    "RedisInstance",
    "ScheduledTask",
    "Scheduler",
    "SchedulerError",
    "SchedulerOptions",
    "StorageError",
    "StorageFull",
    "StorageOptions",
    "StorageRefused",
    "Task",
    "TaskRun",
    "UnsuitableServer",
    "current_run",
]
