"""Very many dynamic interval tasks on Redis: assigned, changed, removed and run with asyncio.

Start with `Scheduler` and `IntervalTask`.
"""

from .audit import AuditReport, Problem
from .bulk import AssignCounts
from .errors import (
    AlreadyExecuting,
    ClockCannotBeMoved,
    ConfigurationError,
    ConfigurationTypeError,
    HintsFull,
    InvalidType,
    InvalidValue,
    LockError,
    LockLost,
    LockTimeout,
    NotAcceptingTasks,
    NotConnected,
    NotReplicated,
    OutcomeUnknown,
    OutsideRun,
    PartitionListChanged,
    PartitionMismatch,
    PartitionOffline,
    RunTimeout,
    SchedulerError,
    StorageError,
    StorageFull,
    StorageRefused,
    TooManyCrashes,
    UnsuitableServer,
)
from .execution.executor import Retry
from .execution.run import TaskRun, current_run
from .health import Finding, Health, PartitionHealth
from .instance import RedisInstance
from .locks import Lock
from .moving import PartitionMove
from .options import SchedulerOptions, StorageOptions
from .rules import Rules
from .scheduler import Scheduler
from .sync import SyncCounts
from .task import DeadTask, IntervalTask, ScheduledTask, Task

__all__ = [
    "AlreadyExecuting",
    "AssignCounts",
    "AuditReport",
    "ClockCannotBeMoved",
    "ConfigurationError",
    "ConfigurationTypeError",
    "DeadTask",
    "Finding",
    "Health",
    "HintsFull",
    "IntervalTask",
    "InvalidType",
    "InvalidValue",
    "Lock",
    "LockError",
    "LockLost",
    "LockTimeout",
    "NotAcceptingTasks",
    "NotConnected",
    "NotReplicated",
    "OutcomeUnknown",
    "OutsideRun",
    "PartitionHealth",
    "PartitionListChanged",
    "PartitionMismatch",
    "PartitionMove",
    "PartitionOffline",
    "Problem",
    "RedisInstance",
    "Retry",
    "Rules",
    "RunTimeout",
    "ScheduledTask",
    "Scheduler",
    "SchedulerError",
    "SchedulerOptions",
    "StorageError",
    "StorageFull",
    "StorageOptions",
    "StorageRefused",
    "SyncCounts",
    "Task",
    "TaskRun",
    "TooManyCrashes",
    "UnsuitableServer",
    "current_run",
]
