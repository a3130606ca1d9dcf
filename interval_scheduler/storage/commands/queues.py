"""Commands on the list of the queues of a namespace, which its master keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...errors import PartitionMismatch, QueuesFull
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import ScriptRunner

#: The most queues of a namespace: each has its own keys, leases and looks for due tasks.
MOST_QUEUES: Final = 256


class QueueEntry(NamedTuple):
    """The place of a queue in the list of its namespace."""

    name: str
    #: The keys of the namespace on its master; `None` on another partition, where there is no list.
    keys: Keys | None


async def enter_queue(partition: ScriptRunner, entry: QueueEntry, names: bytes) -> None:
    """Enter a queue into the list of its namespace unless it is there; do nothing on another partition than the master.

    Args:
        partition: the partition of the queue.
        entry: the place of the queue.
        names: the list of partitions of this scheduler, as it is stored.

    Raises:
        QueuesFull: the list of queues is full.
        PartitionMismatch: the queue is new, and the namespace has another list of partitions by now.
        RedisError: the master cannot be reached, or refuses.
    """
    if entry.keys is None:
        return
    script, keys = scripts.ENTER_QUEUE, entry.keys.of[scripts.ENTER_QUEUE]
    queues = _names(await partition.evaluate(script, keys, (entry.name.encode(), MOST_QUEUES, names)))
    if entry.name not in queues:
        if len(queues) >= MOST_QUEUES:
            raise QueuesFull(partition.name, entry.name, MOST_QUEUES)
        raise PartitionMismatch(
            partition.name,
            f"has another list of partitions by now, so the queue {entry.name!r} was not made: restart this process "
            "with that list",
        )


async def list_queues(partition: ScriptRunner, keys: Keys, *, is_online: bool = True) -> Sequence[str]:
    """List the names of the queues of a namespace, sorted; where it is not online yet, ask once, and raise as Redis."""
    send = partition.read if is_online else partition.evaluate
    return sorted(_names(await send(scripts.QUEUES, keys.of[scripts.QUEUES], (MOST_QUEUES,))))


def _names(reply: Sequence[bytes]) -> Sequence[str]:
    return [each.decode(errors="backslashreplace") for each in reply]
