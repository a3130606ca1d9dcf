"""The public calls that show what schedulers do: counts, cards and a live tail; `Scheduler` has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

from ..model.cards import SchedulerCard
from ..model.series import Resolution, Series, check_resolution, check_times
from ..model.tailed import TailedRun
from ..services.tailing import Tailing
from ..storage.figures import Figures
from .core import Core


class StatisticsCalls:
    """The calls of a `Scheduler` that show what schedulers do.

    Args:
        core: the parts of the scheduler.
        root: those of its namespace; the same, unless it is a queue.
    """

    def __init__(self, core: Core, root: Core) -> None:
        self._counted = core
        self._counted_in = root

    async def statistics(
        self, since: float | datetime, until: float | datetime | None = None, *, resolution: Resolution = "1m"
    ) -> Series:
        """Read what all schedulers counted in some time: runs, failures, lags and more, summed over the partitions.

        Schedulers count unless their option `statistics` is False, and report every five seconds; the counts of a
        process that was killed since its last report are lost. A time without any count is a point of zeros. A
        partition that cannot be read is named in `Series.missing`.

        Args:
            since: the beginning: epoch seconds or an aware datetime. It is rounded down to a whole minute, or ten.
            until: the end, rounded up in the same way. Default: now; what is later is left out.
            resolution: `"1m"` for points of a minute, which are kept for three hours, or `"10m"` for points of ten
                minutes, which are kept for eight days. Default `"1m"`.

        Returns:
            The points, at most 182 or 1,154.

        Raises:
            InvalidValue, InvalidType: a bad argument, or a time of which the counts are not kept any more.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition can be reached.
            StorageRefused: Redis refuses.
        """
        kind = check_resolution(resolution)
        since_ms, until_ms = check_times(since, until)
        core = self._counted
        return await Figures((await core.lifespan.enter()).partitions, core.log).series(kind, since_ms, until_ms)

    async def schedulers(self) -> list[SchedulerCard]:
        """List the schedulers that accept or execute tasks of the namespace, as they told of themselves.

        Each tells every five seconds, unless its option `statistics` is False. One that is closed is gone at once, and
        one that was killed, or cut off, after 15 seconds. One process is listed once, with what it executes of the
        namespace and of its queues. For a queue, those are listed that execute it, with their work in it.

        Returns:
            Their cards, sorted by host and process; up to 1,000 of each partition.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: no partition can be reached.
            StorageRefused: Redis refuses.
        """
        core, root = self._counted, self._counted_in
        await core.lifespan.enter()
        figures = Figures((await root.lifespan.enter()).partitions, core.log)
        return await figures.cards(None if core is root else core.name)

    async def tail(self) -> AsyncGenerator[TailedRun, None]:
        """Watch runs as they end: a sample of up to 50 a second of each scheduler, for as long as somebody watches.

        It begins within five seconds (of a queue that is idle, with the report of its next runs), and costs schedulers
        nothing before and afterwards. It needs a connection to each
        partition. Runs can be missed, as when a partition is lost, or when more than 1,000 wait to be looked at. Close
        it, as by `contextlib.aclosing`; closing the scheduler ends it. Schedulers whose option `statistics` is False
        tell nothing.

        Yields:
            Runs that ended, well or not.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            StorageRefused: Redis refuses the subscription.
        """
        core = self._counted
        connected = await core.lifespan.enter()
        runs = Tailing(connected, core.options.storage.operation_timeout_seconds, core.log).runs()
        try:
            async for run in runs:
                yield run
        finally:
            await runs.aclose()
