"""Errors of partitions."""

from __future__ import annotations

from typing import Final

from .calls import SchedulerError


class StorageError(SchedulerError):
    """Something went wrong at a partition.

    Attributes:
        partition: the name of the partition.
    """

    def __init__(self, partition: str, problem: str) -> None:
        super().__init__(f"partition {partition!r} {problem}")
        self.partition = partition


class PartitionOffline(StorageError, ConnectionError):
    """The partition cannot be reached; nothing was changed. Try again once it is back.

    Attributes:
        partition: the name of the partition.
        reason: the reason, for programs: `"refused"`, `"timeout"`, `"name"` (of its host), `"unreachable"`, `"socket"`,
            `"clients"` (too many), `"protected"` (mode), `"protocol"` (TLS on one side only, or no Redis), `"closed"`,
            `"loading"`, `"moving"` (to another node), `"cluster"` (is down), `"folder"` (of a `local://` server) or
            `"system"` (another error of the operating system); `None`: not known. The message says it in words, with
            the remedy.
    """

    reason: str | None = None

    def __init__(
        self,
        partition: str,
        problem: str = "is offline: nothing was changed, try again later",
        reason: str | None = None,
    ) -> None:
        super().__init__(partition, problem)
        self.reason = reason


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


class QueuesFull(StorageFull):
    """The namespace has as many queues as it can have; the new one was not made.

    Attributes:
        partition: the name of the partition, the master.
        name: the name of the queue.
        limit: the most queues of a namespace.
    """

    def __init__(self, partition: str, name: str, limit: int) -> None:
        StorageError.__init__(
            self,
            partition,
            f"knows {limit} queues of this namespace already: {name!r} was not made; use one of those that exist, or "
            "another namespace, and for tenants a group each",
        )
        self.name = name
        self.limit = limit


class StorageRefused(StorageError):
    """Redis answers, but refuses: missing rights, a disk that cannot be written, a broken key.

    Attributes:
        partition: the name of the partition.
        code: the error code of Redis, e.g. `"NOPERM"` or `"MISCONF"`.
    """

    def __init__(self, partition: str, code: str, problem: str) -> None:
        super().__init__(partition, f"refused: {code}: {problem}")
        self.code = code


class UnknownNamespace(StorageError, LookupError):
    """There is no such namespace, or no such queue, on the server, and `connect(create=False)` makes none.

    A partition that alone does not have it, since it was not reached yet or lost its data, raises this too, for calls
    that need it. Nothing was changed.

    Attributes:
        partition: the name of the partition that was asked; that of the master, if none has it.
        namespace: the name of the namespace.
        queue: the name of the queue; `None`: it is about the namespace itself.
    """

    def __init__(self, partition: str, namespace: str, queue: str | None = None) -> None:
        if queue is None:
            what = f"namespace {namespace!r}: look at its spelling, and at the host and the number of the database"
            maker = "a scheduler that connects without create=False makes it"
        else:
            what = (
                f"queue {queue!r} in the namespace {namespace!r}: look at its spelling, queues() lists those that exist"
            )
            maker = "a scheduler whose namespace is connected without create=False makes it"
        super().__init__(partition, f"has no {what}; {maker}")
        self.namespace = namespace
        self.queue = queue


class UnsuitableServer(StorageError):
    """The server must not be used: version, role, eviction policy, schema, certificate, or the folder of `local://`."""


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


#: By these a look over several partitions leaves one out, and names it.
AWAY: Final = (PartitionOffline, UnknownNamespace)
