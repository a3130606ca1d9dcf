"""The runs of a task that ended, as far as they are kept."""

from __future__ import annotations

from typing import Final

from ..errors import StorageRefused
from ..model.past import BadHistory, PastRun, read_history
from ..model.policy import BadPolicy, of_header
from ..model.wire import readable
from .commands import history
from .partitions import Partitions

#: A task that moves is looked for so often: at its old home, on its way, and at its new one.
_MOST_HOMES: Final = 3


class History:
    """The part of the storage that knows ended runs.

    Args:
        partitions: the partitions.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def runs(self, raw_id: bytes) -> tuple[PastRun, ...]:
        """Read the last runs of a task, the latest first; none for a task that does not ask for them.

        Raises:
            StorageRefused: they cannot be read.
        """
        for _ in range(_MOST_HOMES):
            partition, row = await self._partitions.locate(raw_id)
            kept = await history.run_history(partition.gate, raw_id)
            if kept.header or row is None:
                break  # else it has moved on since it was located
        if not kept.runs:
            return ()
        try:
            return read_history(kept.runs)[: of_header(kept.header).history]
        except (BadHistory, BadPolicy) as problem:
            task_id = readable(raw_id)
            raise StorageRefused(
                partition.name, "CORRUPT", f"the history of task {task_id!r} cannot be read: {problem}"
            ) from None
