"""The reports of calls on many tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class AssignCounts(NamedTuple):
    """The counts of `assign_tasks`."""

    assigned: int
    """The number of tasks that are newly assigned."""
    updated: int
    """The number of tasks that were scheduled before and are updated."""


class SyncCounts(NamedTuple):
    """The counts of `sync_tasks`."""

    added: int
    """The number of tasks that are newly assigned."""
    updated: int
    """The number of tasks that were scheduled before, with another payload, interval or rule, and are updated."""
    unchanged: int
    """The number of tasks that were scheduled before in the desired form, and were left alone."""
    removed: int
    """The number of tasks that were scheduled but not desired, and are removed."""


class SyncChange(NamedTuple):
    """A change that a sync would make."""

    kind: Literal["add", "update", "remove"]
    """The kind of the change."""
    id: str
    r"""The id of the task, with escapes such as `\xff` for bytes that are no UTF-8."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """The changes that `sync_tasks` would make, by `dry_run=True`.

    Attributes:
        counts: the number of tasks that would be added, updated, left alone and removed.
        changes: the changes one by one, the first 10,000 of them.
    """

    counts: SyncCounts
    changes: tuple[SyncChange, ...]


@dataclass(frozen=True, slots=True)
class PartitionMove:
    """The progress of a migration away from one partition, after the list of partitions was changed.

    Attributes:
        partition: the name of the partition, one of the old list.
        moved: the number of tasks that have left it so far.
        left: about the number of its tasks that have not been looked at yet; only a part of them will have to move.
        queue: the name of the queue whose tasks move; `None`: those of the namespace itself.
    """

    partition: str
    moved: int
    left: int
    queue: str | None = None
