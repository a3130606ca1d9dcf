"""Tells why Redis refuses the lease of a run: it ended, or its task was removed or replaced while it went on.

Redis has no lease either way. But a server lets no lease end early as long as its clock goes on evenly: while a lease
goes on by the clock of its holder, only a call can have taken it. A server that took over from another may lack the
claim, and after a jump of its clock another worker may have the task: both have it run twice. So the lease counts as
lost if a connection was lost since the claim, or a jump was noticed; and always where nobody may subscribe, since a
server that is replaced between two requests is not noticed then. A jump is noticed by the next claim here. Before that,
a lease that it ended is taken for one of a task that was replaced.
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
    if clock.monotonic() >= run.trusted_until or partition.state != "online" or partition.lost.is_set():
        return False
    return not partition.ear.is_refused and partition.unbroken.holds_from(run.received_at)
