"""The tally of a process for one partition: numbers that only go up, and the edges of the lags that it counts.

It costs a few additions where a batch of runs ends and where a claim comes. Only what is rare is counted run by run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from .wire import LATEST_MS, moment_of

#: The counts, and their names in Redis, which keep a record small.
NAMES: Final = {
    "runs": b"r",
    "failures": b"f",
    "timeouts": b"t",
    "postponed": b"p",
    "retries": b"a",
    "crashed": b"c",
    "dead": b"d",
    "lost_leases": b"l",
    "gone": b"g",
    "skipped": b"s",
    "handed_back": b"h",
}
#: The edges between two neighbouring classes of lags, in ms: each has the edge below it, and not the one above.
EDGES_MS: Final = (3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 60_000, 600_000)
#: The names of all counts in Redis: those above, and the classes of lags by their number.
WIRE_NAMES: Final[tuple[bytes, ...]] = (*NAMES.values(), *(b"%d" % n for n in range(len(EDGES_MS) + 1)))


class Tally:
    """The counts of a process for one partition since it connected.

    Attributes:
        runs: runs that ended by themselves, well or not.
        failures: those of them that failed.
        timeouts: those of the failed ones whose time was up.
        postponed: runs that asked to be tried again later.
        retries: failed runs that get another attempt.
        crashed: runs that were not started, since too many deliveries had ended without a result.
        dead: tasks that were set aside.
        lost_leases: runs that lost their lease, or whose end came too late.
        gone: runs whose task was removed or replaced meanwhile.
        skipped: runs that were left out, since they came too late for their deadline or were missed.
        handed_back: claimed tasks that were handed back.
        lags: for each class, how many tasks were claimed with such a lag.
    """

    __slots__ = (*NAMES, "lags")

    def __init__(self) -> None:
        self.runs = self.failures = self.timeouts = self.postponed = self.retries = 0
        self.crashed = self.dead = self.lost_leases = self.gone = self.skipped = self.handed_back = 0
        self.lags = [0] * (len(EDGES_MS) + 1)

    def counts(self) -> list[int]:
        """Return all counts, in the order of `WIRE_NAMES`."""
        return [*(getattr(self, name) for name in NAMES), *self.lags]

    def note_claim(self, now_ms: int, dues: Sequence[bytes]) -> None:
        """Count the lags of claimed tasks.

        Args:
            now_ms: the time of the server at the claim.
            dues: when they were due, in ms, as Redis says it.
        """
        if not dues:
            return
        ordered = sorted(dues)  # they come sorted, but for those of groups: then this only looks
        lags = self.lags
        if not len(ordered[0]) == len(ordered[-1]) == len(b"%d" % now_ms):
            for due in dues:
                lags[bisect_right(EDGES_MS, now_ms - _moment(due))] += 1
            return
        # As many digits as now: they are in order as numbers too, and a few looks find how many are of each class.
        left = len(ordered)
        for number, edge in enumerate(EDGES_MS):
            later = bisect_right(ordered, b"%d" % (now_ms - edge), hi=left)
            lags[number] += left - later
            if later == 0:
                return
            left = later
        lags[-1] += left


def _moment(due: bytes) -> int:
    try:
        return min(int(due), LATEST_MS)
    except ValueError:
        return moment_of(due)
