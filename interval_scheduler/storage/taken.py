"""Tells why Redis refuses the lease of a run: it ended, or its task was removed or replaced while it went on.

Redis has no lease either way. But it lets no lease end early: while a lease goes on by the clock of its holder, only a
call can have taken it, on this very server. A server that took over from another may lack the claim, and have the task
run twice; so the lease counts as lost if the partition could not be reached for a moment since the claim.
"""

from __future__ import annotations

from typing import Protocol

from ..support import clock
from .partition.partition import Partition


class Held(Protocol):
    """A lease as its holder knows it; both moments are of the monotonic clock, in seconds."""

    @property
    def received_at(self) -> float:
        """When the claim was received."""

    @property
    def trusted_until(self) -> float:
        """Until when the lease is relied on."""


def was_taken(partition: Partition, run: Held) -> bool:
    """Tell if a lease that was just refused had not ended: its task was removed or replaced during the run."""
    return clock.monotonic() < run.trusted_until and _is_unbroken_since(partition, run.received_at)


def _is_unbroken_since(partition: Partition, moment: float) -> bool:
    return partition.state == "online" and not partition.lost.is_set() and partition.online_from <= moment
