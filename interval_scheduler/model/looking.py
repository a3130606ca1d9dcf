"""The results of calls that look at many tasks: an overview, and pages of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from .quotas import Rate
from .reports import PartitionMove
from .steering import PausedState
from .task import DeadTask, ScheduledTask


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A page of scheduled tasks.

    Attributes:
        tasks: the tasks: at most as many as was asked for, and at most about a MiB of payloads. A heavier page ends
            earlier, after one task at least.
        after: the mark of the next page, to be given to the same call; `None` at the end.
        offline: the names of the partitions that could not be reached; no page from this one on has tasks of theirs,
            unless they come back.
    """

    tasks: tuple[ScheduledTask, ...]
    after: str | None
    offline: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadPage:
    """A page of dead tasks.

    Attributes:
        tasks: the tasks, as those of `TaskPage`.
        after: the mark of the next page, to be given to the same call; `None` at the end.
        offline: the names of the partitions that could not be reached, as in `TaskPage`.
    """

    tasks: tuple[DeadTask, ...]
    after: str | None
    offline: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of what a search found so far; it may be empty although another page follows.

    Attributes:
        rows: the scheduled tasks whose ids start with the prefix; the one whose id is the prefix itself comes first.
        next: the mark of the next page, to be given to the same call; `None` at the end.
        looked: about the number of tasks that were looked at for this page.
        total: the number of tasks to look at for the whole search, dead ones included: all of the namespace, or those
            of the hash tag that start with the prefix.
        offline: the names of the partitions that could not be reached, and in which nothing was looked for.
    """

    rows: tuple[ScheduledTask, ...]
    next: str | None
    looked: int
    total: int
    offline: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[ScheduledTask, ...]:
        """The same as `rows`, as other pages call it."""
        return self.rows

    @property
    def after(self) -> str | None:
        """The same as `next`, as other pages call it."""
        return self.next


@dataclass(frozen=True, slots=True)
class PartitionOverview:
    """The state of one partition at one moment of its server.

    Attributes:
        name: the name of the partition.
        online: False if it could not be reached: then all counts below are 0, and all else but `hints` is `None`.
        waiting: the number of waiting tasks, the parked ones included.
        leased: the number of tasks that were claimed: they run, or are about to.
        paused: the number of paused tasks.
        dead: the number of dead tasks.
        failing: the number of tasks whose last run failed and that go on.
        due: the number of tasks that are due now, as `queue_size` counts: waiting, parked, or with a lease that ended.
        parked: the number of waiting tasks that are due, and wait for room or for tokens of their group.
        oldest_due: epoch seconds of the earliest due time among the waiting tasks that are due now and not parked;
            `None` if there are none.
        next_due: epoch seconds of the earliest due time that is still to come; `None` if there is none.
        hints: the number of hints that wait for it on the master; `None` if the master could not be asked.
        moving: the progress of the move of its tasks to other partitions; `None` if none move.
        paused_since: epoch seconds of the moment at which the namespace, or queue, was paused; `None` if it is not.
        pause: the same, with who asked for it and why; `None` if it is not paused.
        rate: the rate of the namespace, or queue; `None`: there is none.
        server_time: epoch seconds of its server's clock, at which all this held.
    """

    name: str
    online: bool
    waiting: int = 0
    leased: int = 0
    paused: int = 0
    dead: int = 0
    failing: int = 0
    due: int = 0
    parked: int = 0
    oldest_due: float | None = None
    next_due: float | None = None
    hints: int | None = None
    moving: PartitionMove | None = None
    paused_since: float | None = None
    pause: PausedState | None = None
    rate: Rate | None = None
    server_time: float | None = None

    @property
    def server_time_at(self) -> datetime | None:
        """`server_time` as an aware datetime in UTC."""
        return None if self.server_time is None else datetime.fromtimestamp(self.server_time, UTC)


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of a namespace, or of a queue, in numbers. Sums leave out partitions that are offline.

    Attributes:
        partitions: the partitions in the order of their list; while tasks move, those that were removed from it follow.
    """

    partitions: tuple[PartitionOverview, ...]

    @property
    def online(self) -> bool:
        """True if all partitions could be reached, so that nothing is missing in the sums."""
        return all(each.online for each in self.partitions)

    @property
    def tasks(self) -> int:
        """The number of scheduled tasks, as `task_size` counts."""
        return self.waiting + self.leased + self.paused

    @property
    def waiting(self) -> int:
        """The number of waiting tasks, the parked ones included."""
        return sum(each.waiting for each in self.partitions)

    @property
    def leased(self) -> int:
        """The number of tasks that were claimed."""
        return sum(each.leased for each in self.partitions)

    @property
    def paused(self) -> int:
        """The number of paused tasks."""
        return sum(each.paused for each in self.partitions)

    @property
    def dead(self) -> int:
        """The number of dead tasks."""
        return sum(each.dead for each in self.partitions)

    @property
    def failing(self) -> int:
        """The number of tasks whose last run failed and that go on."""
        return sum(each.failing for each in self.partitions)

    @property
    def due(self) -> int:
        """The number of tasks that are due now, as `queue_size` counts."""
        return sum(each.due for each in self.partitions)

    @property
    def parked(self) -> int:
        """The number of tasks that are due, and wait for room or for tokens of their group."""
        return sum(each.parked for each in self.partitions)

    @property
    def hints(self) -> int:
        """The number of hints that wait, as far as the master could be asked."""
        return sum(each.hints or 0 for each in self.partitions)

    @property
    def oldest_due(self) -> float | None:
        """Epoch seconds of the earliest due time among the tasks that are due now; `None` if there are none."""
        return _least(each.oldest_due for each in self.partitions)

    @property
    def next_due(self) -> float | None:
        """Epoch seconds of the earliest due time that is still to come; `None` if there is none."""
        return _least(each.next_due for each in self.partitions)

    @property
    def paused_since(self) -> float | None:
        """Epoch seconds of the moment at which a partition was paused first; `None` if none is paused."""
        return _least(each.paused_since for each in self.partitions)

    @property
    def pause(self) -> PausedState | None:
        """The latest pause of a partition, as `paused()` tells it; `None` if none is paused."""
        paused = [each for each in self.partitions if each.pause is not None]
        return max(paused, key=lambda each: each.paused_since or 0).pause if paused else None

    @property
    def rate(self) -> Rate | None:
        """The rate of the namespace, or queue; `None`: there is none."""
        return next((each.rate for each in self.partitions if each.rate is not None), None)

    @property
    def moving(self) -> tuple[PartitionMove, ...]:
        """The progress of the moves of tasks between partitions; empty if no tasks move."""
        return tuple(each.moving for each in self.partitions if each.moving is not None)


def _least(moments: Iterable[float | None]) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
