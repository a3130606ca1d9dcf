"""`Counts`: what one scheduler counted in this process, and how it is; and the ledger that outlives a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .tally import NAMES, Tally


@dataclass(frozen=True, slots=True)
class PartitionCounts:
    """The counts of a scheduler on one partition since it was made; `Point` tells what each number means.

    A run that was counted may turn out to be none a moment later, so that `runs` can go down by one for that time.

    Attributes:
        name: the name of the partition.
        online: true if it can be reached; `None` while the scheduler is not connected.
        runs: the number of runs that ended by themselves, well or not.
        failures: the number of those that failed.
        timeouts: the number of those of the failed ones whose time was up.
        postponed: the number of runs that raised `Retry`.
        retries: the number of failed runs whose task is tried again.
        crashed: the number of occurrences that were not run any more.
        dead: the number of tasks that were set aside.
        lost_leases: the number of runs that lost their lease, so that their tasks may have run twice.
        gone: the number of runs whose task was removed or replaced meanwhile.
        skipped: the number of runs that were left out.
        handed_back: the number of claimed tasks that were handed back.
        clock_jumps: the number of times that the clock of its server jumped while tasks were executed.
    """

    name: str
    online: bool | None = None
    runs: int = 0
    failures: int = 0
    timeouts: int = 0
    postponed: int = 0
    retries: int = 0
    crashed: int = 0
    dead: int = 0
    lost_leases: int = 0
    gone: int = 0
    skipped: int = 0
    handed_back: int = 0
    clock_jumps: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one scheduler in this process since it was made, and how it is at the moment.

    Attributes:
        namespace: its namespace; that of a queue is `<namespace>.<name>`.
        assigned: the number of tasks that its calls assigned or updated.
        places: the most calls of its executor at once; 0 while it executes nothing.
        places_used: the number of those that are in progress.
        loop_blocked: how many times its event loop stood still for so long that leases were in danger.
        partitions: its partitions, as far as it has been connected to them.
        queues: the same of each queue that this process asked for, by name; empty for a queue.
    """

    namespace: str
    assigned: int
    places: int
    places_used: int
    loop_blocked: int
    partitions: tuple[PartitionCounts, ...]
    queues: Mapping[str, Counts] = field(default_factory=dict, hash=False)


class Ledger:
    """The counts of a scheduler over all of its connections, each of which has tallies of its own.

    It may be read from any thread.
    """

    def __init__(self) -> None:
        # Both in one, so that a reader in another thread never sees a connection in both or in none of them.
        self._kept: tuple[Mapping[str, Mapping[str, int]], Mapping[str, Tally]] = ({}, {})

    def open(self, tallies: Mapping[str, Tally]) -> None:
        """Count with the tallies of another connection from now on."""
        self._kept = self.totals(), tallies

    def totals(self) -> dict[str, dict[str, int]]:
        """Return all counts of each partition by its name."""
        past, present = self._kept
        return {
            name: {
                count: past.get(name, {}).get(count, 0) + (getattr(present[name], count) if name in present else 0)
                for count in NAMES
            }
            for name in (*past, *(name for name in present if name not in past))
        }
