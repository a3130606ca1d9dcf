"""Which list of partitions a database belongs to: what stands there, and what this configuration wants. Pure.

Every database of a namespace remembers the whole list and its own place in it. So two processes that are configured
differently meet an error at connect, instead of scheduling the same task twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from ..errors import PartitionMismatch, UnsuitableServer

if TYPE_CHECKING:
    from ..options import StorageOptions

#: The version of the layout of keys and records.
SCHEMA_VERSION: Final = b"1"


class Enrollment(NamedTuple):
    """What stands in a database of a namespace."""

    schema: bytes
    partition: bytes
    list: bytes
    master: bytes

    @classmethod
    def wanted(cls, name: str, storage: StorageOptions) -> Enrollment:
        """What the options want to stand in the database of the partition `name`."""
        names = ",".join(sorted(instance.partition_name for instance in storage.instances))
        return cls(SCHEMA_VERSION, name.encode(), names.encode(), storage.master.partition_name.encode())

    @classmethod
    def stored(cls, fields: Mapping[bytes, bytes]) -> Enrollment:
        """What stands there, from the fields of the hash."""
        return cls(*(fields.get(field.encode(), b"") for field in cls._fields))

    def require(self, stored: Enrollment, key: bytes) -> None:
        """Raise unless that is what stands there.

        Args:
            stored: what stands there.
            key: where it stands, for the message.

        Raises:
            UnsuitableServer: written by another version of the layout.
            PartitionMismatch: in use with another list of partitions, another name or another master.
        """
        if stored.schema != self.schema:
            raise UnsuitableServer(
                self.partition.decode(),
                f"has schema version {stored.schema.decode(errors='replace')}, this library writes "
                f"{self.schema.decode()}: use the version of the library that wrote it, or another namespace",
            )
        for what, theirs, ours in (
            ("partition", stored.partition, self.partition),
            ("list of partitions", stored.list, self.list),
            ("master", stored.master, self.master),
        ):
            if theirs != ours:
                raise PartitionMismatch(
                    self.partition.decode(),
                    f"is in use with another configuration: its {what} is {theirs.decode(errors='replace')}, "
                    f"here it is {ours.decode()}. Configure all schedulers of a namespace alike (RedisInstance.name "
                    "fixes a name where addresses differ, ?partitions= says how many a cluster has); to start anew, "
                    f"stop them all and delete {key.decode()} in each database, in a cluster that of each partition",
                )
