"""The part of the facade that inspects tasks, servers and key spaces.

See `tasks.py` and `scheduler.py` for each call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from threading import get_ident

from ..config.options import SchedulerOptions
from ..errors import InvalidType, InvalidValue
from ..model.assignment import to_id
from ..model.audit import AuditReport
from ..model.checks import check_prefix, check_progress
from ..model.health import PartitionHealth
from ..model.reports import PartitionMove
from ..model.task import ScheduledTask, State, Task
from ..services.lifespan import Connected, Lifespan
from ..storage.audit import Audit
from ..support.at_once import at_once
from ..support.log import Log
from .acting import note


class Inspection:
    """The part that inspects tasks and the storage.

    Args:
        lifespan: the lifespan; it has everything that exists while connected.
        options: the scheduler's options.
        log: the log for what an audit cannot note.
    """

    def __init__(self, lifespan: Lifespan, options: SchedulerOptions, log: Log) -> None:
        self._lifespan = lifespan
        self._options = options
        self._log = log

    async def get_task(self, task_or_id: Task | str) -> ScheduledTask | None:
        raw_id = to_id(task_or_id)
        return await (await self._connected()).namespace.get(raw_id)

    async def tasks(self, state: State | None, prefix: str) -> AsyncIterator[ScheduledTask]:
        if state not in (None, "waiting", "leased", "paused"):
            raise InvalidValue("state", f"must be 'waiting', 'leased', 'paused' or None, got {state!r}")
        prefix = check_prefix("prefix", prefix)
        connected = await self._connected()
        async with aclosing(connected.namespace.tasks(state, prefix)) as pages:
            async for page in pages:
                for found in page:
                    yield found
                    # To ask for the running event loop is a system call (see `Assigning`): only if it may be another.
                    if get_ident() != connected.thread or not connected.loop.is_running():
                        self._lifespan.check_home()

    async def task_size(self) -> int:
        return (await (await self._connected()).namespace.sizes()).tasks

    async def queue_size(self) -> int:
        return (await (await self._connected()).namespace.sizes()).due_now

    async def examine(self) -> tuple[bool, tuple[PartitionHealth, ...]]:
        """Tell if the scheduler is connected, and return the health of all partitions now."""
        if self._lifespan.connected is None:
            return False, ()
        connected = self._lifespan.require()
        health = await connected.namespace.examine(self._options.storage.operation_timeout_seconds)
        if self._lifespan.connected is not connected:  # it was closed meanwhile
            return False, ()
        return True, health

    async def moving(self) -> tuple[PartitionMove, ...]:
        return await (await self._connected()).partitions.progress()

    @staticmethod
    def check_partition(partition: object) -> None:
        """Check the argument of `acknowledge_data_loss`."""
        if partition is not None and not isinstance(partition, str):
            raise InvalidType("partition", f"must be a str or None, not {type(partition).__name__}")

    async def acknowledge_data_loss(self, partition: str | None) -> bool:
        partitions = (await self._connected()).partitions
        chosen = [each for each in partitions.all if partition in (None, each.name)]
        if not chosen:
            names = ", ".join(each.name for each in partitions.all)
            raise InvalidValue("partition", f"must be one of {names}, got {partition!r}")
        for each in chosen:
            each.require_online()
        noted = note(self._lifespan.actor, "acknowledge_data_loss")
        return any(await at_once(each.handshake.acknowledge_loss(noted) for each in chosen))

    @staticmethod
    def check_audit(*, repair: object, progress: object) -> None:
        """Check the arguments of `audit`."""
        if not isinstance(repair, bool):
            raise InvalidType("repair", f"must be True or False, not {type(repair).__name__}")
        check_progress(progress)

    async def audit(self, *, repair: bool, progress: Callable[[int, int], object] | None) -> AuditReport:
        audit = Audit(
            (await self._connected()).partitions,
            repair=repair,
            progress=progress,
            note=note(self._lifespan.actor, "audit", in_steps=True),
            log=self._log,
        )
        return await audit.run()

    async def _connected(self) -> Connected:
        return await self._lifespan.enter()
