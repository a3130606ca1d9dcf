"""How long to wait before a partition that was lost is looked for again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

#: The longest delay; shorter where others are asked, and not the server that is to be spared.
_LONGEST_SECONDS: Final = 5.0
_LONGEST_LOCATED_SECONDS: Final = 1.0


def delays(first_seconds: float, *, is_located: bool) -> Iterator[float]:
    """Jittered delays that double, in seconds.

    Args:
        first_seconds: the first.
        is_located: whether others say where the primary is.
    """
    delay = first_seconds
    longest = max(delay, _LONGEST_LOCATED_SECONDS if is_located else _LONGEST_SECONDS)
    while True:
        yield delay * random.uniform(0.5, 1)
        delay = min(2 * delay, longest)
