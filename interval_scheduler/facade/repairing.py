"""The public calls on partitions that change and on faults in Redis, with their documentation; `Scheduler` has them."""

from __future__ import annotations

from collections.abc import Callable

from ..model.audit import AuditReport
from ..model.health import Health
from ..model.reports import PartitionMove
from .covering import Covering


class RepairCalls:
    """The calls of a `Scheduler` on health, moves and repairs; those of a namespace cover its queues.

    Args:
        covering: the part that carries them out.
    """

    def __init__(self, covering: Covering) -> None:
        self._covering = covering

    async def check_health(self) -> Health:
        """Examine all partitions now: their answers to a script, and the state of their servers.

        It makes the same checks as `connect`: version, role, eviction policy, persistence, the difference of the
        clocks, the rights of this user, and the success of writes. It leaves nothing in Redis, and takes no
        longer than `operation_timeout_seconds`. So it suits the health check of an application:

        Example:
            ```text
            @app.get("/health")
            async def health() -> JSONResponse:
                health = await scheduler.check_health()
                return JSONResponse(dataclasses.asdict(health), 200 if health.ok else 503)
            ```

        Returns:
            The state of each partition, with findings, and that of each queue of the namespace; truthy if all is well,
                warnings aside.

        Raises:
            WrongEventLoop: another event loop connected the scheduler. It raises nothing else.
        """
        return await self._covering.health()

    async def moving(self) -> tuple[PartitionMove, ...]:
        """Tell how far tasks have moved to their new homes, after the list of partitions was changed.

        Returns:
            One entry for each partition of the old list, and each queue with tasks there; no entry when all tasks have
                moved, as is usual.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: one of the partitions cannot be reached.
            StorageRefused: Redis refuses.
        """
        return await self._covering.moving()

    async def acknowledge_data_loss(self, partition: str | None = None) -> bool:
        """Take the finding `data-lost` off `check_health`, for all schedulers, once the tasks were assigned anew.

        The finding tells that a partition came back without its data while a scheduler was connected to it, after a
        restart without persistence or a FLUSHALL for example. It stays in Redis until this call. All queues of the
        namespace are acknowledged too.

        Args:
            partition: the name of the partition. Default: all partitions.

        Returns:
            True if there was such a finding; a call again returns False, and changes nothing. If a reply was lost, it
                may be False although this call took the finding off.

        Raises:
            InvalidType, InvalidValue: `partition` is not the name of a partition.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: one of the partitions cannot be reached.
            StorageRefused: Redis refuses.
        """
        return await self._covering.acknowledge_data_loss(partition)

    async def audit(self, *, repair: bool = False, progress: Callable[[int, int], object] | None = None) -> AuditReport:
        """Check everything that this namespace and its queues have in Redis, and return the faults.

        The library keeps its key space in order by itself, but a server that lost part of it, rights that were removed
        in the middle of a script, or changes from outside can cause faults. An audit goes in steps of about a hundred
        tasks, so it may be run beside working schedulers. It does not find keys that belong to no task, and it counts
        the runs of groups only on partitions that have no more than 10,000 leased tasks.

        Args:
            repair: mend the faults that are safe to mend (see `Problem`). No task falls out of the schedule by this,
                but a task may run once more than it should. Default False.
            progress: called after each step with the number of checked tasks, and about the number of all tasks.

        Raises:
            InvalidType: an argument has the wrong type.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached.
            StorageRefused: Redis refuses.
        """
        return await self._covering.audit(repair=repair, progress=progress)
