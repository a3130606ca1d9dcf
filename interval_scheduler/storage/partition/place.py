"""The place of a partition: the namespace, or the queue, that it is a part of."""

from __future__ import annotations

from typing import NamedTuple

from ...errors import UnknownNamespace
from ..commands.queues import QueueEntry


class Place(NamedTuple):
    """The place of a partition.

    Attributes:
        namespace: the name of the namespace; that of a queue is in the namespace around it.
        entry: the place of the queue in the list of queues; `None`: it is the partition of no queue.
        creates: True if the scheduler makes what is not there yet; False if it only uses what is there.
    """

    namespace: str
    entry: QueueEntry | None
    creates: bool

    def unknown(self, partition: str) -> UnknownNamespace:
        """Return the error for a partition that has no such namespace or queue."""
        return UnknownNamespace(partition, self.namespace, None if self.entry is None else self.entry.name)
