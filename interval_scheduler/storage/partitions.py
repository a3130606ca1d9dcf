"""All partitions: which one a task belongs to, and what concerns them together."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Final

from anyio.abc import TaskGroup

from ..errors import PartitionMismatch
from . import commands
from .batching import MAX_BATCH
from .commands import DeadRow, Place, Row
from .hint_keeper import HintKeeper
from .hints import Hints
from .locating import open_locators
from .partition import Partition
from .placement import homes
from .session import Session

if TYPE_CHECKING:
    from ..log import Log
    from ..options import SchedulerOptions
    from ..task import State

_PAGE: Final = 250


class Partitions:
    """The partitions of a scheduler, from its options."""

    def __init__(self, options: SchedulerOptions, log: Log, on_state: Callable[[Partition], None]) -> None:
        self._log = log
        self._patience_seconds = options.storage.operation_timeout_seconds
        self._locators: Final = open_locators(options.storage)
        self.all: Final[Sequence[Partition]] = [
            Partition(instance, options, log, on_state, locator)
            for instance, locator in zip(options.storage.instances, self._locators, strict=True)
        ]
        self.master: Final = self.all[options.storage.master_index]
        self._home = homes([partition.name for partition in self.all])
        self._keeper: HintKeeper | None = None
        if options.on_offline == "hint":
            for partition in self._others():
                partition.hints = Hints(partition, self.master, options, log)
            hints = [partition.hints for partition in self.all if partition.hints is not None]
            if hints:
                self._keeper = HintKeeper(self.master, hints, options.check_tasks_every_seconds, log)

    def home(self, raw_id: bytes) -> Partition:
        """The partition that a task id belongs to; raises unless it is online."""
        partition = self.all[self._home(raw_id)]
        partition.require_online()
        return partition

    def writable(self, raw_id: bytes) -> Partition:
        """The same, for assigning, removing and looking up: raises unless it is online or hints are kept for it."""
        partition = self.all[self._home(raw_id)]
        partition.require_writable()
        return partition

    async def connect(self, group: TaskGroup) -> None:
        """Start all partitions in `group`; returns once each was tried and at least one is online.

        Raises:
            UnsuitableServer: one of them must not be used (nothing was written then).
            StorageRefused: one of them refuses.
            PartitionOffline: none of them can be reached.
        """
        for partition in self.all:
            group.start_soon(partition.run)
        for partition in self.all:
            await partition.first_try()
        self._raise_unusable()
        self._raise_same_database()
        # The others ask the master for hints before they are online.
        for partition in (self.master, *self._others()):
            await partition.admit()
        self._raise_unusable()
        problems = [partition.problem for partition in self.all if partition.problem is not None]
        if len(problems) == len(self.all):
            raise problems[0]
        for problem in problems:
            self._log.warning("%s", problem)
        if self._keeper is not None:
            group.start_soon(self._keeper.run)

    def _others(self) -> list[Partition]:
        return [partition for partition in self.all if partition is not self.master]

    async def hint_counts(self) -> dict[Partition, int]:
        """How many hints wait for each partition but the master, whether or not this scheduler keeps any.

        Raises:
            PartitionOffline: the master cannot be reached.
        """
        others = self._others()
        if not others:
            return {}
        keys = [self.master.keys.hints_for(partition.name) for partition in others]
        return dict(zip(others, await commands.hint_counts(self.master, keys), strict=True))

    async def _settle(self) -> None:
        """What goes over all tasks goes behind the hints that are known."""
        for partition in self.all:
            if partition.hints is not None:
                await partition.hints.passable()
            partition.require_online()

    def _raise_unusable(self) -> None:
        for partition in self.all:
            problem = partition.problem
            if problem is not None and not isinstance(problem, ConnectionError):
                raise problem

    def _raise_same_database(self) -> None:
        names: dict[str, str] = {}
        for partition in self.all:
            if partition.database is not None:
                other = names.setdefault(partition.database, partition.name)
                if other != partition.name:
                    raise PartitionMismatch(partition.name, f"is the same database as {other!r}: name each only once")

    async def sizes(self) -> tuple[int, int]:
        """How many tasks there are, and how many are due now, over all partitions."""
        tasks = due = 0
        for partition in self.all:
            sizes = await commands.sizes(partition)
            tasks += sizes.tasks
            due += sizes.due_now
        return tasks, due

    async def clear(self) -> tuple[int, bool]:
        """Take every task off the schedule: how many there were, and whether one was leased."""
        await self._settle()
        removed, any_leased = 0, False
        for partition in self.all:
            some, leased = await commands.clear(Session(partition, self._patience_seconds), partition.keys)
            removed += some
            any_leased = any_leased or leased
        return removed, any_leased

    async def halt(self, *, pause: bool) -> None:
        """Pause all partitions, or resume them."""
        for partition in self.all:
            partition.require_online()
        for partition in self.all:
            await commands.halt(Session(partition, self._patience_seconds), partition.keys, pause=pause)

    async def bury(self) -> int:
        """Forget all dead tasks: how many there were."""
        forgotten = 0
        for partition in self.all:
            session = Session(partition, self._patience_seconds)
            while some := await commands.bury(session, partition.keys, MAX_BATCH):
                forgotten += some
        return forgotten

    async def dead_rows(self) -> AsyncIterator[tuple[Partition, DeadRow]]:
        """The dead tasks, partition by partition, the oldest first."""
        for partition in self.all:
            after = None
            while True:
                rows, after = await commands.dead_page(partition, _PAGE, after)
                for row in rows:
                    yield partition, row
                if after is None:
                    break

    async def rows(self, state: State | None) -> AsyncIterator[tuple[Partition, Row]]:
        """Tasks page by page: those leased, those that wait in due order, those paused; or only those in one state."""
        places: Sequence[tuple[Place, State]] = (
            ("leased", "leased"),
            ("parked", "waiting"),
            ("waiting", "waiting"),
            ("paused", "paused"),
        )
        for place, its_state in places:
            if state in (None, its_state):
                streams = [_stream(partition, place) for partition in self.all]
                async for found in _merge(streams):
                    yield found


async def _stream(partition: Partition, place: Place) -> AsyncIterator[tuple[Partition, Row]]:
    """The tasks of one partition at one place.

    A task that runs meanwhile moves to a later place, where a reader slower than the schedule would meet it again and
    again. So the list ends where it ended when it was begun, and after twice as many tasks as there were.
    """
    sizes = await commands.sizes(partition)
    left = 2 * sizes.tasks + _PAGE
    after = None
    while True:
        found = await commands.page(partition, place, limit=_PAGE, after=after)
        for row in found.rows:
            if left <= 0 or (place == "waiting" and row.due_ms > sizes.last_due_ms):
                return
            left -= 1
            yield partition, row
        after = found.after
        if after is None:
            return


async def _merge(streams: Sequence[AsyncIterator[tuple[Partition, Row]]]) -> AsyncIterator[tuple[Partition, Row]]:
    """Several streams in due order as one, holding one row of each."""
    heads: list[tuple[int, int, tuple[Partition, Row]]] = []
    for index, stream in enumerate(streams):
        async for found in stream:
            heapq.heappush(heads, (found[1].due_ms, index, found))
            break
    while heads:
        _, index, found = heads[0]
        yield found
        async for following in streams[index]:
            heapq.heapreplace(heads, (following[1].due_ms, index, following))
            break
        else:
            heapq.heappop(heads)
