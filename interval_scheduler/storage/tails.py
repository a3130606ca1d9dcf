"""The face of the storage for watching runs: hears what schedulers tell of runs that ended, on a connection of its own.

A connection of its own ends with the watching: so schedulers learn that nobody listens any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from ..errors import StorageRefused
from ..model.tailed import BadTail, TailedRun, decode
from ..support.log import Log
from .connection.failures import FAILED
from .connection.subscription import Subscription
from .partitions import Partition

__all__ = ["Partition", "Tail"]

_PAUSE_SECONDS: Final = 0.5


class Tail:
    """Hears of the runs of one partition.

    Args:
        partition: the partition.
        time_out_seconds: the time without a message after which the connection is examined.
        log: the log.
    """

    def __init__(self, partition: Partition, time_out_seconds: float, log: Log) -> None:
        self._partition = partition
        self._time_out_seconds = time_out_seconds
        self._log = log

    async def hear(self, on_run: Callable[[TailedRun], object]) -> None:
        """Call `on_run` with each run that is told, until cancelled; go on after the partition was lost.

        Raises:
            StorageRefused: this user may not listen.
        """
        partition = self._partition

        def hear(message: bytes) -> None:
            try:
                runs = decode(partition.name, message)
            except BadTail as problem:
                self._log.debug("partition %s: a message about runs is ignored: %s", partition.name, problem)
                return
            for run in runs:
                on_run(run)

        while True:
            await partition.wait_online()
            is_embedded = partition.instance.memory is not None
            subscription = Subscription(partition.link.client, self._time_out_seconds, unsubscribes=is_embedded)
            try:
                if not await subscription.hear(partition.keys.tail, hear):
                    channel = partition.keys.tail.decode(errors="backslashreplace")
                    raise StorageRefused(partition.name, "NOPERM", f"this user may not subscribe to {channel}")
            except FAILED as error:
                self._log.debug("partition %s: watching was interrupted: %s", partition.name, type(error).__name__)
            await anyio.sleep(_PAUSE_SECONDS)
