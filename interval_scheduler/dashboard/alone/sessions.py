"""Who is signed in: random ids, of which this process keeps the digests."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Final

#: Seconds until somebody has to sign in again.
LIFETIME_SECONDS: Final = 12 * 3600
#: The most sessions at once. One more ends the oldest.
_MOST: Final = 1_000


class Sessions:
    """The open sessions. They end with the process.

    Args:
        clock: tells the seconds. Default: a clock that nobody sets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[bytes, float] = {}

    def open(self) -> str:
        """Open a session, and return its id of 256 random bits."""
        now = self._clock()
        self._ends = {digest: end for digest, end in self._ends.items() if end > now}
        while len(self._ends) >= _MOST:
            del self._ends[next(iter(self._ends))]
        name = secrets.token_urlsafe(32)
        self._ends[_digest(name)] = now + LIFETIME_SECONDS
        return name

    def is_open(self, name: str | None) -> bool:
        """Tell if an id is that of a session which has not ended."""
        return name is not None and self._ends.get(_digest(name), 0.0) > self._clock()

    def close(self, name: str | None) -> None:
        """End a session, if there is one of this id."""
        if name is not None:
            self._ends.pop(_digest(name), None)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
