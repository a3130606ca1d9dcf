"""The part of the facade that looks whether all is well: with the servers, and with what stands in them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import anyio

from ..config.options import SchedulerOptions
from ..errors import InvalidType, StorageError
from ..model.audit import AuditReport
from ..model.health import Health, PartitionHealth, hints_wait
from ..model.reports import PartitionMove
from ..services.lifespan import Connection
from ..services.rebalancer import progress
from ..storage.audit import Audit
from ..storage.partition.partition import Partition


class Upkeep(ABC):
    """What a `Scheduler` can tell of itself and of its storage."""

    _options: SchedulerOptions
    _accepting: bool

    @abstractmethod
    def _connected(self) -> Connection:
        """What exists while connected."""

    @property
    @abstractmethod
    def _connection(self) -> Connection | None:
        """The same, or `None` while not connected."""

    @property
    @abstractmethod
    def executing_tasks(self) -> bool:
        """Whether tasks are being executed."""

    async def check_health(self) -> Health:
        """Look at all partitions now: whether they answer to a script, and what is to be known of their servers.

        It asks what `connect` asks: version, role, eviction policy, persistence, the difference of the clocks, the
        rights of this user, and whether writes pass. It raises nothing, leaves nothing behind in Redis, and takes no
        longer than `operation_timeout_seconds`. So it suits the health check of an application:

        Example:
            ```text
            @app.get("/health")
            async def health() -> JSONResponse:
                health = await scheduler.check_health()
                return JSONResponse(dataclasses.asdict(health), 200 if health.ok else 503)
            ```

        Returns:
            How each partition is; truthy if all is well, warnings aside.
        """
        connection = self._connection
        partitions = [] if connection is None else connection.partitions.all
        found: dict[str, PartitionHealth] = {}
        waiting: dict[str, int] = {}

        async def examine(partition: Partition) -> None:
            found[partition.name] = await partition.examine()

        async def count_hints() -> None:
            with (
                contextlib.suppress(StorageError),
                anyio.move_on_after(self._options.storage.operation_timeout_seconds),
            ):
                counts = {} if connection is None else await connection.partitions.hint_counts()
                waiting.update({partition.name: count for partition, count in counts.items() if count})

        async with anyio.create_task_group() as group:
            group.start_soon(count_hints)
            for partition in partitions:
                group.start_soon(examine, partition)
        for name, count in waiting.items():
            found[name] = replace(found[name], findings=(*found[name].findings, hints_wait(name, count)))
        return Health(
            connected=connection is not None,
            accepting=self._accepting,
            executing=self.executing_tasks,
            partitions=tuple(found[partition.name] for partition in partitions),
        )

    async def moving(self) -> tuple[PartitionMove, ...]:
        """How far tasks have moved to their new homes, after the list of partitions was changed.

        Returns:
            One entry for each partition of the old list; empty when all tasks have moved, as most of the time.

        Raises:
            NotConnected: call `connect` first.
            PartitionOffline: one of them cannot be reached.
        """
        return await progress(self._connected().partitions.moves)

    async def audit(self, *, repair: bool = False, progress: Callable[[int, int], object] | None = None) -> AuditReport:
        """Walk everything that stands in Redis of this namespace, and tell what is not as it should be.

        The library keeps its key space in order by itself; a server that lost part of it, rights that were cut in the
        middle of a script, or hands from outside can leave something behind. An audit goes in steps of about a hundred
        tasks, so that it may be run beside schedulers at work. It does not find keys that belong to nothing, and counts
        the runs of groups only where a partition has no more than 10,000 leased tasks.

        Args:
            repair: whether to mend what is safe to mend (see `Problem`): a task never falls out of the schedule by
                that, but it may run once more than it should.
            progress: called after each step with how many tasks were looked at, and about how many there are.

        Raises:
            InvalidType: an argument of the wrong type.
            NotConnected: call `connect` first.
            PartitionOffline: a partition cannot be reached.
        """
        if not isinstance(repair, bool):
            raise InvalidType("repair", f"must be True or False, not {type(repair).__name__}")
        if progress is not None and not callable(progress):
            raise InvalidType("progress", f"must be a function, not {type(progress).__name__}")
        audit = Audit(
            self._connected().partitions,
            lease_seconds=self._options.lease_seconds,
            patience_seconds=self._options.storage.operation_timeout_seconds,
            repair=repair,
            progress=progress,
        )
        return await audit.run()
