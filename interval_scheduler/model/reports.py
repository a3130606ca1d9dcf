"""What calls on many tasks report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class AssignCounts(NamedTuple):
    """What `assign_tasks` did."""

    assigned: int
    """How many tasks are newly assigned."""
    updated: int
    """How many were scheduled before and are updated."""


class SyncCounts(NamedTuple):
    """What `sync_tasks` did."""

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
    """How far tasks have moved away from one partition, after the list of partitions was changed.

    Attributes:
        partition: the name of the partition, one of the old list.
        moved: how many tasks have left it so far.
        left: about how many tasks there have not been looked at yet; only a part of them will have to move.
    """

    partition: str
    moved: int
    left: int
