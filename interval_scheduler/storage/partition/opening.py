"""Makes the partitions of a scheduler from its options; none of them is connected yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...config.instance import RedisInstance
from ...config.options import SchedulerOptions
from ...support.log import Log
from ..commands.queues import QueueEntry
from ..connection.link import Links
from ..scripts.keys import Keys
from .partition import Partition
from .place import Place


class QueueOf(NamedTuple):
    """A queue, by the namespace that it is in and its name."""

    namespace: str
    name: str


def open_partitions(
    options: SchedulerOptions,
    log: Log,
    links: Links,
    on_state: Callable[[Partition], None],
    queue: QueueOf | None,
    *,
    creates: bool,
) -> list[Partition]:
    """Make the partitions of the list, in its order, and then those that were removed from it.

    Args:
        options: the options.
        log: the log of the partitions.
        links: the links to the servers.
        on_state: called with a partition that goes offline, and when it is back.
        queue: the queue whose partitions they are; `None`: they are those of no queue.
        creates: False if nothing is made that is not there.
    """
    namespace = options.namespace if queue is None else queue.namespace
    opened = []
    for instance in (*options.storage.instances, *options.storage.leaving):
        keys = _keys(options.namespace, instance)
        entry = None
        if queue is not None:
            is_master = instance is options.storage.master
            entry = QueueEntry(queue.name, _keys(queue.namespace, instance) if is_master else None)
        place = Place(namespace, entry, creates)
        opened.append(Partition(links.open(instance, keys.slot), options, keys, log, on_state, place))
    return opened


def _keys(namespace: str, instance: RedisInstance) -> Keys:
    return Keys(namespace, instance.partition_name, instance.shard if instance.cluster else None)
