"""Counts how many times the event loop was blocked: two look at it, a thread meanwhile and a timer afterwards."""

from __future__ import annotations


class Blocks:
    """Each time for which the event loop was blocked counts once, whoever notices it.

    Attributes:
        count: how many times it was blocked for so long that leases were in danger.
    """

    def __init__(self) -> None:
        self.count = 0
        self._is_counted = False

    def meanwhile(self) -> None:
        """Count it while it lasts, from another thread."""
        self._is_counted = True
        self.count += 1

    def afterwards(self) -> None:
        """Count it in the event loop, once that is over, unless it is counted already."""
        if not self._is_counted:
            self.count += 1

    def looked(self) -> None:
        """Take what comes for another time, since the event loop goes on."""
        self._is_counted = False
