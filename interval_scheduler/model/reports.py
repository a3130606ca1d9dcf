"""The reports of calls on many tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class AssignCounts(NamedTuple):
    """The counts of `assign_tasks`."""

    assigned: int
    """How many tasks are newly assigned."""
    updated: int
    """How many were scheduled before and are updated."""


class SyncCounts(NamedTuple):
    """The counts of `sync_tasks`."""

    added: int
    """How many tasks are newly assigned."""
    updated: int
    """How many were scheduled before, with another payload, interval or rule."""
    unchanged: int
    """How many were scheduled before just so, and were left alone."""
    removed: int
    """How many were scheduled and are not desired."""


@dataclass(frozen=True, slots=True)
class PartitionMove:
    """The progress of a migration away from one partition, after the list of partitions was changed.

    Attributes:
        partition: the name of the partition, one of the old list.
        moved: how many tasks have left it so far.
        left: about how many tasks there have not been looked at yet; only a part of them will have to move.
    """

    partition: str
    moved: int
    left: int
