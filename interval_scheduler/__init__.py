"""Very many dynamic interval tasks on Redis: assigned, changed, removed and run with asyncio.

Start with `Scheduler` and `IntervalTask`.
"""

from .config.flat import FlatOptions
from .config.instance import RedisInstance
from .config.options import SchedulerOptions, StorageOptions
from .errors import (
    AlreadyExecuting,
    ClockCannotBeMoved,
    ClockStuck,
    ConfigurationError,
    ConfigurationTypeError,
    ExecutionEnded,
    GroupNeedsTag,
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
    QueuesFull,
    RunCancelled,
    RunTimeout,
    SchedulerError,
    StorageError,
    StorageFull,
    StorageRefused,
    TooManyCrashes,
    TooManyRemovals,
    UnsuitableServer,
    WouldDeadlock,
    WrongEventLoop,
)
from .execution.batch_failed import BatchFailed
from .execution.executor import Retry
from .execution.run import TaskRun, current_run
from .facade.acting import acting_as
from .facade.blocking import BlockingScheduler
from .facade.scheduler import Scheduler
from .model.audit import AuditReport, Problem
from .model.health import Finding, Health, PartitionHealth
from .model.past import PastRun
from .model.quotas import Rate
from .model.reports import AssignCounts, PartitionMove, SyncChange, SyncCounts, SyncPlan, TaskPage
from .model.rules import Rules
from .model.steering import Action, ActionPage, PausedState
from .model.task import DeadTask, IntervalTask, ScheduledTask, Task
from .services.locks import Lock
from .support.publishing import publish as _publish

__version__ = "0.1.0"

__all__ = [
    "Action",
    "ActionPage",
    "AlreadyExecuting",
    "AssignCounts",
    "AuditReport",
    "BatchFailed",
    "BlockingScheduler",
    "ClockCannotBeMoved",
    "ClockStuck",
    "ConfigurationError",
    "ConfigurationTypeError",
    "DeadTask",
    "ExecutionEnded",
    "Finding",
    "FlatOptions",
    "GroupNeedsTag",
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
    "PastRun",
    "PausedState",
    "Problem",
    "QueuesFull",
    "Rate",
    "RedisInstance",
    "Retry",
    "Rules",
    "RunCancelled",
    "RunTimeout",
    "ScheduledTask",
    "Scheduler",
    "SchedulerError",
    "SchedulerOptions",
    "StorageError",
    "StorageFull",
    "StorageOptions",
    "StorageRefused",
    "SyncChange",
    "SyncCounts",
    "SyncPlan",
    "Task",
    "TaskPage",
    "TaskRun",
    "TooManyCrashes",
    "TooManyRemovals",
    "UnsuitableServer",
    "WouldDeadlock",
    "WrongEventLoop",
    "acting_as",
    "current_run",
]

_publish(__name__, [globals()[name] for name in __all__])
