"""The membership of a database in a list of partitions: as stored there, and as this configuration wants it. Pure.

Every database of a namespace stores the whole list and its own name in it. So two processes with different
configurations get an error at connect, instead of scheduling the same task twice. A list has a number, its epoch. While
tasks move from one list to the next, the database stores the old list too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ...config.options import StorageOptions
from ...errors import PartitionListChanged, PartitionMismatch, UnsuitableServer
from ...model.wire import whole

#: The version of the layout of keys and records. Since 2, hash tags decide the homes of ids, and are indexed.
SCHEMA_VERSION: Final = b"2"
_BEFORE_TAGS: Final = b"1"


class Membership(NamedTuple):
    """The membership of one database."""

    schema: bytes
    partition: bytes
    list: bytes
    master: bytes
    epoch: bytes = b""
    from_list: bytes = b""
    #: The moment at which the database became a partition, µs: after a loss of its data it has another one.
    born: bytes = b""
    #: The moment at which a loss was noticed, ms; `0` after it was acknowledged.
    lost: bytes = b""

    @classmethod
    def expected(cls, name: str, storage: StorageOptions) -> Membership:
        """Make the membership that the options want for the partition `name`."""
        names = join(instance.partition_name for instance in storage.instances)
        return cls(SCHEMA_VERSION, name.encode(), names, storage.master.partition_name.encode())

    @classmethod
    def stored(cls, fields: Mapping[bytes, bytes]) -> Membership:
        """Read the membership from the fields of the hash."""
        return cls(*(fields.get(field, b"") for field in _FIELDS))

    @property
    def number(self) -> int:
        """The epoch as a number: 1 for the first list, whose epoch is not stored; 0 if it cannot be read."""
        return whole(self.epoch or b"1") or 0

    @property
    def stamp(self) -> bytes:
        """The text that each request of a scheduler with this membership carries."""
        return b"%d:%s" % (self.number, self.born)

    @property
    def lost_ms(self) -> int | None:
        """The moment at which a loss of data was noticed that nobody has acknowledged, ms; `None`: there is none."""
        return whole(self.lost) or None

    @property
    def is_migrating(self) -> bool:
        """True while tasks may have to move from the list before."""
        return self.from_list != b""

    def require_same_layout(self, stored: Membership, key: bytes) -> None:
        """Raise unless the stored membership has the same version of the layout.

        Args:
            stored: the stored membership.
            key: its key, for the message.

        Raises:
            UnsuitableServer: another version of the library wrote it, or its epoch cannot be read.
        """
        if stored.schema == _BEFORE_TAGS:
            raise UnsuitableServer(
                self.partition.decode(),
                "has schema version 1, of a release without hash tags, and this library writes 2. Stop all schedulers "
                "of that release. Where no id has a '{', or there is one partition only, set the field schema of the "
                f"key {key.decode()} to 2 in each database, and then call audit(repair=True). Else use another "
                "namespace, and assign the tasks there",
            )
        if stored.schema != self.schema:
            raise UnsuitableServer(
                self.partition.decode(),
                f"has schema version {stored.schema.decode(errors='replace')}, this library writes "
                f"{self.schema.decode()}: use the version of the library that wrote it, or another namespace",
            )
        if stored.number == 0:
            raise UnsuitableServer(
                self.partition.decode(),
                f"has {stored.epoch[:40]!r} as the field epoch of its membership, the key that ends in "
                "'partitions', which is no number: set it to the number of the list, or delete it for the first list",
            )

    def require(self, stored: Membership, key: bytes) -> None:
        """Raise unless the stored membership is this one.

        Args:
            stored: the stored membership.
            key: its key, for the message.

        Raises:
            UnsuitableServer: another version of the library wrote it.
            PartitionListChanged: the database has a newer list of partitions.
            PartitionMismatch: the database has another list, another name or another master.
        """
        self.require_same_layout(stored, key)
        if stored.list != self.list and stored.number > self.number:
            raise PartitionListChanged(self.partition.decode(), stored.number, stored.list.decode(errors="replace"))
        for what, theirs, ours in (
            ("partition", stored.partition, self.partition),
            ("list of partitions", stored.list, self.list),
            ("master", stored.master, self.master),
            ("list_epoch", b"%d" % stored.number, b"%d" % self.number),
        ):
            if theirs != ours:
                shown = theirs.decode(errors="replace")
                hint = f"If it moved from there, add ?name={shown} to its URL. " if self._has_moved(stored) else ""
                raise PartitionMismatch(
                    self.partition.decode(),
                    f"is in use with another configuration: its {what} is {shown}, "
                    f"here it is {ours.decode()}. {hint}"
                    "Configure all schedulers of a namespace alike (RedisInstance.name fixes a name where "
                    "addresses differ, ?partitions= says how many a cluster has, list_epoch changes "
                    f"the list); to start anew, stop them all and delete {key.decode()} in each database, in a cluster "
                    "that of each partition",
                )

    def _has_moved(self, stored: Membership) -> bool:
        """Tell if both are a list of one: then the address is probably the only difference."""
        return stored.list == stored.partition and self.list == self.partition


_FIELDS: Final = (b"schema", b"partition", b"list", b"master", b"epoch", b"from", b"born", b"lost")


def join(names: Iterable[str]) -> bytes:
    """Encode a list of partitions as it is stored."""
    return ",".join(sorted(names)).encode()


def split(stored: bytes) -> list[str]:
    """Decode the names of a stored list of partitions."""
    return [name for name in stored.decode(errors="replace").split(",") if name]
