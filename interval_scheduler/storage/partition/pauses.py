"""The pauses before a lost partition is tried again."""

from __future__ import annotations

import functools
import random
from typing import Final

from ...support import clock
from ...support.backoff import delays
from ..connection.failures import is_occupied

_PROBE_JITTER_SECONDS: Final = 0.05
#: The longest delay before a lost partition is tried again; the shorter one if Sentinels or cluster nodes are asked.
_LONGEST_DELAY_SECONDS: Final = 5.0
_LONGEST_LOCATED_DELAY_SECONDS: Final = 1.0
#: After a connection that lasted less than this, the next attempt waits for a growing delay.
_STEADY_SECONDS: Final = 1.0


class Pauses:
    """The pauses of one partition.

    Args:
        seconds: the first pause.
        is_located: True if Sentinels or cluster nodes are asked for the server.
    """

    def __init__(self, seconds: float, *, is_located: bool) -> None:
        longest = _LONGEST_LOCATED_DELAY_SECONDS if is_located else _LONGEST_DELAY_SECONDS
        self._anew = functools.partial(delays, seconds, max(seconds, longest))
        self._waits = self._anew()

    def after_failure(self, error: BaseException) -> float:
        """Return the seconds to wait after an attempt that failed."""
        if is_occupied(error):
            self._waits = self._anew()  # the server is there, so frequent attempts do no harm
        return next(self._waits)

    def after_loss(self, online_from: float) -> float:
        """Return the seconds to wait after a connection was lost.

        Args:
            online_from: the moment from which the partition was online, monotonic seconds.
        """
        if clock.monotonic() - online_from > _STEADY_SECONDS:
            # One lost connection is not a lost partition: try at once, but not all schedulers at the same moment.
            self._waits = self._anew()
            return random.uniform(0, _PROBE_JITTER_SECONDS)
        return next(self._waits)
