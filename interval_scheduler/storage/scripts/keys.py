"""The names of all keys: built here and nowhere else.

All keys of a partition carry the hash tag `{namespace:partition}`, so that they live on one node of a Redis Cluster.
The membership of a database carries `{namespace}`, in a cluster the tag of its partition. A colon in the namespace is
doubled in the tag, and no partition name starts with a colon: so two namespaces never share a key.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from ..connection.slots import slot_of, tag_of

#: The keys that scripts share: the type and the content of each. The headers in `lua/` name them, and `Keys` has an
#: attribute of the same name for each. The reply is the exception: its key belongs to a session, which sends it.
SHARED: Final = {
    "reply": "string, the number of the session's last request and its reply",
    "tasks": "hash, id -> record",
    "due": "sorted set, id -> due time, ms, of the waiting tasks",
    "leased": "sorted set, id -> deadline of the lease, ms; .5 more if its run may not have begun, .25 if put off",
    "leases": "hash, id -> lease",
    "attempts": "hash, id -> deliveries that failed; 0 if there was one that may not have begun",
    "dead": "sorted set, id -> when it was set aside, ms",
    "errors": "hash, id -> of a dead task: deliveries that failed, a blank, the error",
    "paused": "sorted set, id -> due time, ms, of the paused tasks",
    "runs": "hash, id -> runs that ended, of a task with a limit on its runs",
    "failures": "hash, id -> occurrences that failed for good",
    "history": "hash, id -> the last runs, of a task that asks for them (see _history.lua)",
    "failing": "sorted set, id -> when its last run failed, ms, of a task that goes on",
    "causes": "hash, id -> of a failing task: when it failed, ms, a blank, the error",
    "pauses": "hash, id -> of a paused task: when it was paused, ms, a blank, who, a line break, the reason",
    "groups": "prefix of the keys of groups (see _groups.lua)",
    "fence": "string, the last fencing token",
    "longest": "string, the longest lease of all schedulers, ms; absent unless one is longer than six minutes",
    "halt": "string, when the namespace was paused, ms, a blank, who, a line break, the reason; absent while it is not",
    "actions": "sorted set, who steered what -> number, counted up; the last 10,000 (see _actions.lua)",
    "outbox": "hash, id -> a task that moves to another partition, with all its state",
    "moves": "hash, numbers of the last batches out and in, and the progress of the move",
    "hinted": "string, the number of the last hint that was applied here",
    "membership": "hash, schema, partition, list, master, epoch, from, born and lost: what is known of this database",
    "epoch": "string, the epoch of the list of partitions, a colon, and when the database became a partition, µs",
    "queues": "sorted set, name of a queue -> when it connected for the first time, ms; of the master only",
    "counts": "prefix of the records of what was counted in each minute and in each ten (see report.lua)",
    "seen": "sorted set, id of a scheduler -> when it reported last, ms; of a namespace, not of its queues",
    "cards": "hash, id of a scheduler -> what it tells of itself, JSON",
    "probe": "any type, only for the time of this script",
}


class TakesKeys(Protocol):
    """A script, of which only the keys matter here."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the keys that it takes from `Keys`."""


class _KeysOfScripts(dict[TakesKeys, tuple[bytes, ...]]):
    """A dictionary, so that claims and completions, which are frequent, neither build the tuple nor call anything."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __missing__(self, script: TakesKeys) -> tuple[bytes, ...]:
        found = self[script] = tuple(getattr(self._keys, name) for name in script.keys)
        return found


class HintKeys(NamedTuple):
    """The keys of the hints for one partition; they belong to the master."""

    order: bytes
    says: bytes
    of: bytes


class Keys:
    """The keys of one partition, as bytes.

    Args:
        namespace: the namespace.
        partition: the name of the partition.
        shard: the number of the partition in a Redis Cluster; `None` outside of a cluster.
    """

    __slots__ = (
        "_tag",
        "actions",
        "attempts",
        "cards",
        "causes",
        "counts",
        "dead",
        "due",
        "epoch",
        "errors",
        "failing",
        "failures",
        "fence",
        "groups",
        "halt",
        "hinted",
        "history",
        "leased",
        "leases",
        "longest",
        "membership",
        "moves",
        "nowhere",
        "of",
        "outbox",
        "parked",
        "paused",
        "pauses",
        "probe",
        "queues",
        "runs",
        "seen",
        "tags",
        "tail",
        "tasks",
        "wake",
    )

    def __init__(self, namespace: str, partition: str, shard: int | None = None) -> None:
        #: The keys that a script takes from here, in the order of its header: `keys.of[scripts.CLAIM]`.
        self.of: Final = _KeysOfScripts(self)
        escaped = namespace.replace(":", "::")
        prefix = f"{escaped}:{partition}"
        self._tag: Final = f"{{{prefix if shard is None else tag_of(prefix, shard)}}}:".encode()
        self.tasks: Final = self._tag + b"tasks"
        self.due: Final = self._tag + b"due"
        self.leased: Final = self._tag + b"leased"
        self.leases: Final = self._tag + b"leases"
        self.fence: Final = self._tag + b"fence"
        self.attempts: Final = self._tag + b"attempts"
        self.dead: Final = self._tag + b"dead"
        self.errors: Final = self._tag + b"errors"
        self.paused: Final = self._tag + b"paused"
        self.runs: Final = self._tag + b"runs"
        self.failures: Final = self._tag + b"failures"
        #: The last runs of tasks with the rule `history`.
        self.history: Final = self._tag + b"history"
        #: The tasks whose last run failed, and their errors.
        self.failing: Final = self._tag + b"failing"
        self.causes: Final = self._tag + b"causes"
        #: Who paused tasks, and why; `pauses_of` in `_tags.lua` derives this name too.
        self.pauses: Final = self._tag + b"pauses"
        #: A prefix; `_groups.lua` lists the keys that start with it.
        self.groups: Final = self._tag + b"group:"
        self.parked: Final = self.groups + b"parked"
        #: A prefix, of the index of hash tags; `_tags.lua` derives it from the key of the tasks, and lists the keys.
        self.tags: Final = self._tag + b"tag:"
        self.halt: Final = self._tag + b"halt"
        #: Who steered what, and when.
        self.actions: Final = self._tag + b"actions"
        #: The longest lease that a scheduler took, by which an audit tells leases that are stuck.
        self.longest: Final = self._tag + b"longest"
        #: The number of the last hint that was applied here.
        self.hinted: Final = self._tag + b"hinted"
        #: The epoch and the birth, which every request names. `list_changed` in `_requests.lua` derives this name too.
        self.epoch: Final = self._tag + b"epoch"
        #: Tasks that move to another partition, and the progress of the migration.
        self.outbox: Final = self._tag + b"outbox"
        self.moves: Final = self._tag + b"moves"
        #: The queues of the namespace, if this is the master.
        self.queues: Final = self._tag + b"queues"
        #: What was counted, by minutes: a prefix; and the schedulers of the namespace.
        self.counts: Final = self._tag + b"count:"
        self.seen: Final = self._tag + b"seen"
        self.cards: Final = self._tag + b"cards"
        #: The pub/sub channel on which scripts announce a nearer due time.
        self.wake: Final = self._tag + b"wake"
        #: A key and a channel on which `probe.lua` tries all commands out. Nobody listens to the channel.
        self.probe: Final = self._tag + b"probe"
        #: The channel of those who watch runs. Its name is one that the rights for the other channels allow.
        self.tail: Final = f"{{{escaped}:{partition}:tail}}:wake".encode()
        self.nowhere: Final = f"{{{escaped}:{partition}:nowhere}}:wake".encode()
        self.membership: Final = f"{{{escaped}}}:partitions".encode() if shard is None else self._tag + b"partitions"

    @property
    def slot(self) -> int:
        """The slot of all these keys in a Redis Cluster."""
        return slot_of(self.tasks)

    def reply(self, session: bytes) -> bytes:
        """Name the key of the last reply to a session."""
        return self._tag + b"reply:" + session

    def taken(self, session: bytes) -> bytes:
        """Name the key of the tasks that the last at-most-once claim of a session took.

        They are kept in case the reply is lost.
        """
        return self._tag + b"taken:" + session

    def wanted(self, sync: bytes) -> bytes:
        """Name the key of the ids that a sync wants to keep."""
        return self._tag + b"wanted:" + sync

    def lock(self, name: bytes) -> bytes:
        """Name the key of a lock: it has the token of the holder."""
        return self._tag + b"lock:" + name

    def hints_for(self, partition: str) -> HintKeys:
        """Name the keys of the hints for another partition: order, content, and the latest hint of each id."""
        return HintKeys(
            *(b"%shint-%s:%s" % (self._tag, name, partition.encode()) for name in (b"order", b"says", b"of"))
        )
