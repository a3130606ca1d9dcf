"""When tasks are due, in the order in which they are assigned: some at once, the others over the day to come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

DAY: Final = 86_400
#: The first of those that wait is due so many seconds later: longer than any measurement takes.
_SOON: Final = 3_600
#: The others became due within so many seconds before.
_LATE: Final = 60


def moments(due: int, waiting: int, now: float, *, at_random: bool) -> Iterator[float]:
    """Give the moment of each task, in epoch seconds.

    Args:
        due: how many are due before `now`.
        waiting: how many are due within the day that begins an hour later.
        now: epoch seconds.
        at_random: whether those that are due one after the other were assigned anywhere among all. Else those that wait
            come first, and each is due later than the one before, as no application does it: then Redis finds side by
            side in memory what is due one after the other.
    """
    if not at_random:
        yield from (now + _SOON + DAY * n / waiting for n in range(waiting))
        yield from (now - _LATE + _LATE * n / due for n in range(due))
        return
    dice = random.Random(7)  # the same in each round
    for left in range(due + waiting, 0, -1):
        if dice.random() * left < due:  # so many of those that are left are due: in the end all of them were
            due -= 1
            yield now - _LATE * dice.random()
        else:
            yield now + _SOON + DAY * dice.random()
