"""Since when a server is surely the same one, with a clock that goes on evenly.

Redis lets no lease end early while that holds. What ends it: a connection that was lost, behind which another server
may answer by now, and a jump of the server's clock.
"""

from __future__ import annotations

from ...support import clock


class Unbroken:
    """Knows the last moment at which anything was broken."""

    def __init__(self) -> None:
        self._since = float("inf")

    def note_break(self) -> None:
        """Have it begin anew now."""
        self._since = clock.monotonic()

    def holds_from(self, moment: float) -> bool:
        """Tell if nothing was broken since a moment, monotonic seconds."""
        return self._since <= moment
