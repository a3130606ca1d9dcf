"""The monotonic clock of the library: one name, so that `interval_scheduler.testing` can put its own there.

Only ever used for waiting and for how long something took. What is due is for the clock of the Redis server to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds, from any origin, that never go back.
monotonic: Callable[[], float] = time.monotonic
