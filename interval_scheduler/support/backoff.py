"""The delays between attempts: they double up to a bound, with jitter, so that many processes do not act in step."""

from __future__ import annotations

import random
from collections.abc import Iterator


def delays(first_seconds: float, longest_seconds: float) -> Iterator[float]:
    """Yield delays in seconds, each between half of a bound and the whole; the bound doubles from the first on.

    This is "equal jitter" of Brooker, "Exponential Backoff And Jitter" (2015).

    Args:
        first_seconds: the first bound.
        longest_seconds: the greatest bound.
    """
    bound = min(first_seconds, longest_seconds)
    while True:
        yield bound * random.uniform(0.5, 1)
        bound = min(2 * bound, longest_seconds)
