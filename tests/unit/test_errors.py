"""The error tree: as its module's docstring draws it, and with messages that say what each class promises."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

import interval_scheduler
from interval_scheduler import errors
from interval_scheduler.errors import (
    AlreadyExecuting,
    ConfigurationError,
    ConfigurationTypeError,
    ExecutionEnded,
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
    SchedulerError,
    StorageError,
    StorageFull,
    StorageRefused,
    UnknownNamespace,
    UnsuitableServer,
)
from tests.public import NAMES

_LINE = re.compile(r"^(?P<indent> {4}[│├└─ ]*)(?P<name>[A-Z]\w+)(?: \((?P<builtin>\w+)\))?(?:  +(?P<text>.*))?$")


def drawn() -> dict[str, set[str]]:
    """Each class of the docstring's tree with its bases there."""
    tree: dict[str, set[str]] = {}
    path: list[tuple[int, str]] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        column = len(found["indent"])
        while path and path[-1][0] >= column:
            path.pop()
        bases = {path[-1][1]} if path else {"Exception"}
        if found["builtin"]:
            bases.add(found["builtin"])
        if also := re.search(r"\(also an? (\w+)\)", found["text"] or ""):
            bases.add(also[1])
        tree[found["name"]] = bases
        path.append((column, found["name"]))
    return tree


def real() -> dict[str, set[str]]:
    """Each class of the module with its bases."""
    return {
        name: {base.__name__ for base in thing.__bases__}
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, errors.SchedulerError)
    }


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn() == real()


def test_every_error_is_public() -> None:
    assert set(real()) <= set(NAMES)
    for name in real():
        assert getattr(interval_scheduler, name) is getattr(errors, name)


@pytest.mark.parametrize("kind", [InvalidValue, InvalidType, ConfigurationError, ConfigurationTypeError])
def test_bad_input_names_its_field(
    kind: type[InvalidValue | InvalidType],
) -> None:
    error = kind("storage.master_index", "must be from 0 to 1, got 5")
    assert str(error) == "storage.master_index must be from 0 to 1, got 5"
    assert error.field == "storage.master_index"


@pytest.mark.parametrize(
    "error",
    [
        StorageError("here:1/0", "has a problem"),
        PartitionOffline("here:1/0"),
        PartitionOffline("here:1/0", "is away"),
        OutcomeUnknown("here:1/0"),
        NotReplicated("here:1/0", 0, 1),
        StorageFull("here:1/0"),
        HintsFull("here:1/0", 1000),
        QueuesFull("here:1/0", "mail", 256),
        StorageRefused("here:1/0", "NOPERM", "no permission"),
        UnknownNamespace("here:1/0", "app"),
        UnknownNamespace("here:1/0", "app", "mail"),
        UnsuitableServer("here:1/0", "is a replica"),
        PartitionMismatch("here:1/0", "is in use"),
        PartitionListChanged("here:1/0", 2, "a,b"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_storage_errors_name_the_partition(error: StorageError) -> None:
    assert error.partition == "here:1/0"
    assert str(error).startswith("partition 'here:1/0' ")


@pytest.mark.parametrize(
    "error", [LockError("door", "is odd"), LockTimeout("door", "was not free"), LockLost("door", "")]
)
def test_lock_errors_name_the_lock(error: LockError) -> None:
    assert error.name == "door"
    assert str(error).startswith("lock 'door' ")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (NotAcceptingTasks(), "^not accepting tasks: .*start_task_accept"),
        (AlreadyExecuting(), "^already executing .*stop_task_execute"),
        (NotConnected(), "^not connected: .*connect.*async with"),
        (OutsideRun(), r"current_run\(\).* inside of an executor"),
        (OutsideRun(in_batch=True), r"no single run here: the executor of a batch gets its runs as its argument"),
        (PartitionOffline("p"), "nothing was changed.*again"),
        (OutcomeUnknown("p"), "may or may not have happened.*repeat"),
        (NotReplicated("p", 1, 2), "carried it out, but 1 of 2 replicas .*a failover may undo it.*repeat the call"),
        (StorageFull("p"), "out of memory: nothing was changed.*maxmemory"),
        (QueuesFull("p", "mail", 256), "knows 256 queues .*'mail' was not made; use .*another namespace"),
        (HintsFull("p", 1000), "1,000 hints .*nothing was changed.*max_hints"),
        (
            UnknownNamespace("p", "app"),
            "^partition 'p' has no namespace 'app': look at its spelling.*without create=False",
        ),
        (UnknownNamespace("p", "app", "mial"), "has no queue 'mial' in the namespace 'app': .*queues\\(\\) lists"),
        (StorageRefused("p", "MISCONF", "the disk is full"), "refused: MISCONF: the disk is full"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_messages_say_what_happened_and_what_to_do(error: SchedulerError, says: str) -> None:
    assert re.search(says, str(error))


def test_storage_refused_tells_the_code_of_redis() -> None:
    assert StorageRefused("p", "NOPERM", "no").code == "NOPERM"


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (InvalidValue, ValueError),
        (InvalidType, TypeError),
        (ConfigurationError, ValueError),
        (ConfigurationTypeError, TypeError),
        (ConfigurationTypeError, ConfigurationError),
        (PartitionOffline, ConnectionError),
        (OutcomeUnknown, PartitionOffline),
        (NotReplicated, OutcomeUnknown),
        (UnknownNamespace, LookupError),
        (PartitionMismatch, UnsuitableServer),
        (PartitionListChanged, PartitionMismatch),
        (LockTimeout, TimeoutError),
        (OutsideRun, LookupError),
        (errors.ClockStuck, TimeoutError),
    ],
)
def test_errors_can_be_caught_as_what_they_are(kind: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)
    assert issubclass(kind, SchedulerError)


EACH = [
    SchedulerError("something"),
    InvalidValue("id", "must not be empty"),
    InvalidType("id", "must be a str, not int"),
    ConfigurationError("port", "must be from 1 to 65535, got 0"),
    ConfigurationTypeError("tls", "must be True or False"),
    NotAcceptingTasks(),
    AlreadyExecuting(),
    NotConnected(),
    OutsideRun(),
    errors.WrongEventLoop("wrong event loop: it belongs to another"),
    errors.WouldDeadlock("called from its own thread"),
    errors.RunCancelled(),
    errors.BadPayload("JSON is malformed"),
    errors.RunTimeout(1.5),
    errors.TooManyCrashes(10),
    errors.GroupNeedsTag("feed:1", "tenant-7"),
    errors.TooManyRemovals("tenant-7:", 3, 9),
    errors.InvalidLine(3, "rules.cron", "must be a cron expression"),
    errors.BackupCutShort(5, None, 4, 1, 0),
    errors.ClockCannotBeMoved(),
    errors.ClockCannotBeMoved("time.time was replaced"),
    errors.ClockStuck("nothing went on"),
    StorageError("here:1/0", "has a problem"),
    PartitionOffline("here:1/0"),
    PartitionOffline("here:1/0", "is away"),
    OutcomeUnknown("here:1/0"),
    NotReplicated("here:1/0", 0, 1),
    StorageFull("here:1/0"),
    HintsFull("here:1/0", 1000),
    QueuesFull("here:1/0", "mail", 256),
    StorageRefused("here:1/0", "NOPERM", "no permission"),
    UnknownNamespace("here:1/0", "app", "mail"),
    UnsuitableServer("here:1/0", "is a replica"),
    PartitionMismatch("here:1/0", "is in use"),
    PartitionListChanged("here:1/0", 2, "a,b"),
    LockError("door", "is odd"),
    LockTimeout("door", "was not free"),
    LockLost("door", "was lost"),
    ExecutionEnded("ValueError: a bug"),
]


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_every_error_can_be_copied_and_pickled(
    error: SchedulerError, copied: Callable[[SchedulerError], SchedulerError]
) -> None:
    found = copied(error)
    assert type(found) is type(error)
    assert (str(found), found.args, vars(found)) == (str(error), error.args, vars(error))
    assert {type(each).__name__ for each in EACH} == set(real())


def test_an_error_may_be_made_with_names() -> None:
    error = StorageRefused(partition="p", code="NOPERM", problem="no")
    assert str(error) == str(StorageRefused("p", "NOPERM", "no"))


def test_every_error_has_a_docstring() -> None:
    assert [name for name in real() if not vars(getattr(errors, name)).get("__doc__")] == []
