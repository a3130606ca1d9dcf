"""The monotonic clock of the library: one name, so that `interval_scheduler.testing` can put its own there.

The library uses it only to wait and to measure durations. The clock of the Redis server decides if something is due.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: The clock: it returns seconds from any origin, and never goes back.
monotonic: Callable[[], float] = time.monotonic
