"""The meaning of the errors that a call to Redis raises. Pure."""

from __future__ import annotations

import re
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis's own, unlike the builtin
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis's own, unlike the builtin
    TryAgainError,
)

from ...errors import (
    OutcomeUnknown,
    PartitionOffline,
    SchedulerError,
    StorageError,
    StorageFull,
    StorageRefused,
    UnknownNamespace,
    UnsuitableServer,
)
from .reasons import is_turned_away, reason_of
from .tls import certificate_problem

#: Every error that a call to Redis raises here.
FAILED: Final = (RedisError, OSError)

#: The form in which Redis 6.2 reports the error of a command inside a script.
_NESTED: Final = re.compile(r"Error running script .*?: -([A-Z]+) (.*)")
_RIGHT: Final = re.compile("NOPERM|can't (?:run this command|access)|no permissions to")
_TOO_FEW_REPLICAS: Final = (
    "fewer replicas are in touch than its min-replicas-to-write asks for: nothing was changed, try again later"
)
_IS_REPLICA: Final = "it is a read only replica: give the address of its primary"
_MOVING: Final = ("is on its way to another node of the cluster: nothing was changed, try again later", "moving")
_CLUSTER_DOWN: Final = (
    "is offline, since its cluster is down (a node is missing): nothing was changed, try again later",
    "cluster",
)
_UNENROLLED: Final = ("is not as this scheduler knew it, its data may be lost: nothing was changed, try again later",)
#: The longest text of a server that is shown.
_MOST_CHARACTERS: Final = 500
_KEPT_CODES: Final = frozenset({"BUSY", "CORRUPT", "MISCONF", "UNKILLABLE", "WRONGTYPE"})
# redis-py strips the code from the messages of the errors that have a class of their own, and a plain ERR.
_CODES: Final = {"NoPermissionError": "NOPERM", "ReadOnlyError": "READONLY", "OutOfMemoryError": "OOM"}


def is_lost(error: BaseException) -> bool:
    """Tell if the connection or the role of the server was lost, so that a command may have been lost too."""
    return isinstance(error, ConnectionError | TimeoutError | OSError) or is_replica(error) or is_moved(error)


def bug_behind(error: BaseException) -> Exception | None:
    """Return the bug because of which a connection could not be made; `None` for a failure of server or network.

    The client wraps every error of a connect into its own for a lost connection.
    """
    while isinstance(error, ConnectionError) and error.__cause__ is not None:
        error = error.__cause__
    is_foreseen = isinstance(error, (*FAILED, SchedulerError))
    return error if isinstance(error, Exception) and not is_foreseen else None


def is_replica(error: BaseException) -> bool:
    """Tell if the server refuses writes because it has become a replica."""
    return isinstance(error, ReadOnlyError) or _code(error) == "READONLY"


def is_moved(error: BaseException) -> bool:
    """Tell if the partition has moved to another node of the cluster, or has no node."""
    return isinstance(error, MovedError | ClusterDownError)


def is_gone(error: BaseException) -> bool:
    """Tell if no server can do it at the moment. A moved partition does not count: its new node is asked first.

    One of a folder that is not there was also tried to start.
    """
    behind = _unwrapped(error)
    is_without_server = isinstance(behind, PartitionOffline) and behind.reason == "folder"
    return is_without_server or is_replica(error) or isinstance(error, ClusterDownError)


def is_busy(error: BaseException) -> bool:
    """Tell if Redis refuses only for a while.

    Either another client's script keeps it from answering, or the slot of the partition is moving to another node. In
    that case its keys are on two nodes, and no script can run until all have arrived. An ASK names a node that has only
    some of them, so following it is of no use.
    """
    return is_slot_moving(error) or (isinstance(error, ResponseError) and str(error).startswith("BUSY"))


def is_slot_moving(error: BaseException) -> bool:
    """Tell if the slot of the partition is moving to another node of the cluster."""
    return isinstance(error, TryAgainError) or (isinstance(error, AskError) and not isinstance(error, MovedError))


def is_occupied(error: BaseException) -> bool:
    """Tell if the server is there but busy: it loads its data, or runs the script of another client."""
    return isinstance(error, BusyLoadingError) or is_busy(error)


def is_list_changed(error: BaseException) -> bool:
    """Tell if the request was refused because the server has another list of partitions."""
    return isinstance(error, ResponseError) and "LISTCHANGED" in str(error)


def is_unenrolled(error: BaseException) -> bool:
    """Tell if the request was refused because the sender did not enroll in the database as it is: data may be lost."""
    return isinstance(error, ResponseError) and "UNENROLLED" in str(error)


def is_wrong_type(error: BaseException) -> bool:
    """Tell if a key has another type than the command needs; the error does not name the key."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in str(error)


def is_waiting_for_hints(error: BaseException) -> bool:
    """Tell if another list of partitions was refused because hints wait."""
    return isinstance(error, ResponseError) and "HINTSWAIT" in str(error)


def is_right(text: str) -> bool:
    """Tell if a right is missing, in the words of Redis or Valkey, also from within a script."""
    return _RIGHT.search(text) is not None


def translate(partition: str, error: BaseException) -> StorageError:
    """Return the typed error for an error that a call to Redis raised."""
    error = _unwrapped(error)
    if isinstance(error, StorageError):
        return error
    if isinstance(error, AuthenticationError | AuthorizationError):
        return _not_admitted(partition, str(error))
    if is_moved(error) or is_slot_moving(error) or is_unenrolled(error):
        return PartitionOffline(partition, *_elsewhere(error))
    if isinstance(error, ResponseError) and not is_turned_away(error):
        return _refusal(partition, error)
    if problem := certificate_problem(error):
        return UnsuitableServer(partition, problem)
    return offline(partition, error)


def _elsewhere(error: BaseException) -> tuple[str, ...]:
    """Return the words, and the reason if there is one, for a server that does not have the partition as it was."""
    if isinstance(error, ClusterDownError):
        return _CLUSTER_DOWN
    return _UNENROLLED if is_unenrolled(error) else _MOVING


def offline(partition: str, error: BaseException) -> PartitionOffline:
    """Return the error for a partition that cannot be reached; the message says for which reason."""
    code, words = reason_of(error)
    return PartitionOffline(partition, f"is offline ({words}): nothing was changed, try again later", code)


def unanswered(partition: str, last: BaseException | None) -> PartitionOffline:
    """Return the error for a request that was sent again in vain; `last` is the failure of the last attempt."""
    problem = None if last is None else translate(partition, last)
    if isinstance(problem, PartitionOffline) and problem.reason not in (None, "timeout"):
        return problem
    return PartitionOffline(partition, "did not answer in time: try again later")


def still_offline(partition: str, problem: StorageError | None) -> PartitionOffline | UnknownNamespace:
    """Return the error for a call on a partition that is offline; `problem` is that of the last attempt to reach it."""
    if problem is None:
        return PartitionOffline(partition)
    if isinstance(problem, UnknownNamespace):
        return UnknownNamespace(*problem.args)
    if isinstance(problem, PartitionOffline):
        return PartitionOffline(*problem.args)  # each caller gets one with its own traceback
    words = problem.message.removeprefix(f"partition {partition!r} ")
    return PartitionOffline(partition, f"is offline ({words}): nothing was changed, try again later")


def _not_admitted(partition: str, text: str) -> StorageRefused:
    """Return the error for credentials that were not accepted. The text is not shown: it may repeat them."""
    if "Authentication required" in text or text.startswith("NOAUTH"):
        return StorageRefused(
            partition, "NOAUTH", "it wants a password, and none is given: write redis://:password@host"
        )
    if "without any password configured" in text:
        return StorageRefused(
            partition, "WRONGPASS", "a password is given, but its default user has none: leave the password out"
        )
    return StorageRefused(
        partition, "WRONGPASS", "the user name or the password is not accepted: look at both, and at its ACL"
    )


def _unwrapped(error: BaseException) -> BaseException:
    """Return the error behind a failed connect: the answer of a server, or the reason why no primary was found."""
    if isinstance(error, ConnectionError):
        if isinstance(behind := error.__cause__ or error.__context__, StorageError):
            return behind
        if isinstance(error.__cause__, RedisError):
            return error.__cause__
    return error


def _code(error: BaseException) -> str | None:
    """Return the error code of a command inside a script, which the client does not read out itself."""
    nested = _NESTED.match(str(error)) if isinstance(error, ResponseError) else None
    return nested[1] if nested else None


def _refusal(partition: str, error: ResponseError) -> StorageError:
    # A server that does not know a command repeats its arguments; the arguments of AUTH contain the password.
    text = _one_line(str(error).partition(", with args beginning with")[0])
    if "cluster support disabled" in text:
        return UnsuitableServer(partition, "is on no Redis Cluster: give the server's own URL, redis://host:port/0")
    if nested := _NESTED.match(text):
        text = f"{nested[1]} {nested[2]}"
    code, _, rest = text.partition(" ")
    if _is_out_of_memory(text):
        return StorageFull(partition)
    if code == "OUTDATED":
        return OutcomeUnknown(partition)
    if is_right(text):  # the right that is missing is for a command in the middle of a script
        return StorageRefused(partition, "NOPERM", text)
    if code == "NOREPLICAS":
        return StorageRefused(partition, code, _TOO_FEW_REPLICAS)
    name = _CODES.get(type(error).__name__, code if code in _KEPT_CODES else "ERR")
    if name == "READONLY":
        text = _IS_REPLICA
    return StorageRefused(partition, name, rest if name == code else text)


def _one_line(text: str) -> str:
    """Return the words of a server without control characters, and not more of them than can be read."""
    return "".join(each if each.isprintable() else " " for each in text[:_MOST_CHARACTERS])


def _is_out_of_memory(text: str) -> bool:
    return text.startswith("OOM") or "command not allowed when used memory" in text
