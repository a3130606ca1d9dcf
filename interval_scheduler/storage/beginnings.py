"""The face of the storage for telling that runs begin, before they do.

Most runs begin untold: their claim says that they find a place at once, or they are quick. A task whose worker died
while it may have waited for a place is told, so that the next death counts if it is the task's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from .commands import running
from .commands.running import ClaimedTask
from .partition.partition import Partition
from .requests.batching import BatchedCalls
from .requests.session import Session

__all__ = ["Beginnings"]


class Beginnings:
    """Tells one partition of runs that begin.

    Args:
        partition: the partition.
        lease_seconds: how long a lease lasts from then.
        retry_for_seconds: how long a request in doubt is sent again.
    """

    def __init__(self, partition: Partition, lease_seconds: float, retry_for_seconds: float) -> None:
        session, lease_ms = Session(partition, retry_for_seconds), round(1000 * lease_seconds)

        async def send(runs: Sequence[ClaimedTask]) -> Sequence[bool]:
            # One that is cancelled does not begin.
            return [told == "1" for told in await running.renewed(session, partition.keys, lease_ms, runs)]

        self._calls: BatchedCalls[ClaimedTask, bool] = BatchedCalls(partition.name, send)
        #: Sends what was told, until cancelled.
        self.run = self._calls.run

    async def tell(self, run: ClaimedTask) -> bool:
        """Tell that a run begins now. Return whether it may: its lease is held, from now on, and it is not cancelled.

        Raises:
            StorageError: the partition was lost or refused.
        """
        return await self._calls.submit(run)
