"""The weight of a claim: how many bytes it may bring, so that they arrive in time.

::

    begin small ──at once─────────────▶ doubled, up to what a claim may bring
             ├────in a while──────────▶ a quarter more
             ├────in about half a second   as before
             └────late, or lost ──────▶ half as heavy, or less: what would have taken half a second

A claimed task has to start within the start window. Over a slow link, a heavy claim arrives later than that: its tasks
would be handed back and come again, for ever. So a claim is as heavy as the link can carry within a part of the window,
going by the claims before. One that is much lighter than the goal says nothing, unless it is late all the same.
"""

from __future__ import annotations

from typing import Final

from ..storage.claims import MAX_CLAIM_BYTES, START_WINDOW_SECONDS

#: The goal of the first claim: a link of 5 Mbit/s carries it in time.
_FIRST: Final = 512 << 10
_LEAST: Final = 32 << 10
#: A claim that takes less than the first lets the goal double, less than the second grow. One that takes more than the
#: third cuts it down to what would have taken as long as the second.
AT_ONCE_SECONDS: Final = START_WINDOW_SECONDS / 10
_AIM_SECONDS: Final = START_WINDOW_SECONDS / 2
_NEARLY_LATE_SECONDS: Final = START_WINDOW_SECONDS * 3 / 4

#: The line of the log about a link that cannot carry claims as heavy as they may be: partition, seconds, KiB.
SLOW: Final = (
    "a claim on partition %r took %.1f s to arrive, since the link is slow or the event loop was busy: claims bring at "
    "most %d KiB for now, so that their tasks can start within a second; a task that takes longer than that cannot run"
)


class ClaimWeight:
    """The weight of the claims of one partition, as they learn it from one another."""

    def __init__(self) -> None:
        #: The most bytes of records that the next claim may bring, unless one task alone has more.
        self.goal = _FIRST
        self._slow_ones, self._is_told = 0, False

    def note(self, weight: int, seconds: float) -> bool:
        """Learn from a claim that brought this many bytes within this time after it was sent.

        Returns:
            True if the link proves slow for the first time: the second such claim in a row.
        """
        is_heavy, is_late = 2 * weight > self.goal, seconds > START_WINDOW_SECONDS
        if not weight or not (is_heavy or is_late):
            return False
        if is_late:
            self.goal = max(_LEAST, min(self.goal // 2, int(weight * _AIM_SECONDS / seconds)))
        elif seconds > _NEARLY_LATE_SECONDS:
            self.goal = max(_LEAST, min(self.goal, int(weight * _AIM_SECONDS / seconds)))
        elif seconds < _AIM_SECONDS:
            more = self.goal if seconds < AT_ONCE_SECONDS else self.goal // 4
            self.goal = min(MAX_CLAIM_BYTES, self.goal + more)
        self._slow_ones = self._slow_ones + 1 if seconds >= _AIM_SECONDS else 0
        if self._slow_ones < 2 or self._is_told:
            return False
        self._is_told = True
        return True

    def note_lost(self) -> None:
        """Learn that a claim got no answer in time: it may have been too heavy."""
        self.goal = max(_LEAST, self.goal // 2)
