"""The parts of one scheduler, put together: that of a namespace, or that of a queue."""

from __future__ import annotations

from typing import Final

from ..config.options import SchedulerOptions
from ..execution.observers import Observers
from ..model.counts import Counts, Ledger, PartitionCounts
from ..model.health import Health
from ..services.connected import Connected
from ..services.heartbeat import Heartbeat
from ..services.lifespan import Lifespan
from ..services.unasked import in_words
from ..storage.namespace import QueueOf
from ..support import clock
from ..support.events import Events
from ..support.log import GuardedLog
from .assigning import Assigning
from .census import Census, Member, no_card
from .control import Control
from .executing import Executing
from .inspection import Inspection


class Core:
    """The parts of one scheduler.

    Args:
        options: its options.
        log: the log.
        outer: the parts of the namespace that this queue is in; `None`: it is no queue.
        name: the name of this queue; empty: it is no queue.
    """

    def __init__(self, options: SchedulerOptions, log: GuardedLog, outer: Core | None = None, name: str = "") -> None:
        self.options: Final = options
        self.log: Final = log
        self.name: Final = name
        self.events: Final = Events(log)
        if outer is None:
            self.lifespan = Lifespan(options, self.events, log)
        else:
            queue = QueueOf(outer.options.namespace, name)
            self.lifespan = Lifespan(options, self.events, log, outer.lifespan, queue)
        namespace = options.namespace if outer is None else f"{outer.options.namespace}.{name}"
        self.observers: Final[Observers] = Observers.of(namespace, log, None if outer is None else outer.observers)
        self.ledger: Final = Ledger()
        self.executing: Final = Executing(self.lifespan, options, self.events, self.observers, log)
        self.assigning: Final = Assigning(self.lifespan, options, self.executing.is_in_progress, self.observers)
        self.control: Final = Control(self.lifespan)
        self.inspection: Final = Inspection(self.lifespan, options, log)
        self.census: Final[Census] = Census() if outer is None else outer.census
        self.census.enter(Member(name, self.lifespan, self.executing, self.assigning))
        make_card, of_namespace = (self.census.card, None) if outer is None else (no_card, outer.heartbeat)
        self.heartbeat: Final[Heartbeat] = Heartbeat(
            make_card, options.storage.operation_timeout_seconds, log, of_namespace
        )
        if outer is None:
            self.census.on_change = self.heartbeat.hurry
        self.assigning.on_change = self.executing.on_start = self.census.changed
        self.executing.on_stop = self._on_stop
        self.lifespan.begin = self._begin
        #: True if this queue was closed while its namespace stays connected: only who connects it opens it again.
        self.is_shut = False
        #: False if it is to be used only if it is there already.
        self.creates = True

    def settle(self) -> None:
        """Raise in another event loop than the connection's; give up what was left behind in a closed one."""
        if self.lifespan.settle():
            self.heartbeat.forget()
            self.assigning.refuse()
            self.executing.forget()

    async def connect(self) -> None:
        """Connect unless connected, and tell so."""
        if await self.lifespan.connect(creates=self.creates) and self.lifespan.is_online:
            self.events.emit("online")

    def _begin(self, connected: Connected) -> None:
        self.ledger.open(connected.tallies)
        if self.options.statistics:
            self.heartbeat.start(connected)

    def counts(self) -> Counts:
        """Return what was counted so far, without the queues; it may be called in any thread."""
        connected, execution = self.lifespan.connected, self.executing.current
        online = {} if connected is None else {each.name: each.state == "online" for each in connected.partitions.all}
        return Counts(
            namespace=self.observers.namespace,
            assigned=self.assigning.assigned,
            places=0 if execution is None else execution.places,
            places_used=0 if execution is None else execution.places_used,
            loop_blocked=self.observers.blocks.count,
            partitions=tuple(
                PartitionCounts(name, online.get(name), **counted, clock_jumps=self.observers.jumps[name])
                for name, counted in self.ledger.totals().items()
            ),
        )

    async def _on_stop(self, drain_seconds: float) -> None:
        self.census.changed()
        await self.heartbeat.report(drain_seconds)

    async def drain(self, drain_seconds: float) -> None:
        """Let runs and handlers end within that time, in seconds."""
        give_up_at = clock.monotonic() + drain_seconds
        await self.executing.stop(drain_seconds)
        await self.events.drain(max(0.0, give_up_at - clock.monotonic()))
        await self.heartbeat.end(drain_seconds)

    async def health(self) -> Health:
        """Examine all partitions now."""
        connected, partitions = await self.inspection.examine()
        # The flags are read after the examination, so that they are up to date.
        return Health(
            connected=connected,
            accepting=self.assigning.accepting,
            executing=self.executing.is_on,
            partitions=tuple(map(self.executing.examined, partitions)),
            findings=self.executing.findings,
            stopped=None if self.executing.failure is None else in_words(self.executing.failure),
        )
