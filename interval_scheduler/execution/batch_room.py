"""The room of an execution in batches.

Permits are counted in runs, as ever. A place is one call of the executor at a time, and has room for a whole batch:
what a batch in progress leaves of its place unfilled is nobody's. So nothing is claimed, beyond the prefetch window,
that would have to wait for a place while another scheduler has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Final

from ..errors import ConfigurationError
from ..model.checks import check_whole_option
from .room import MAX_CLAIM, Limits, Room
from .run import TaskRun

#: The most runs that the batches of one execution may have at once: bounds the memory.
_MOST_RUNS: Final = 1_000_000


def check_batch(size: int, concurrency: int) -> None:
    """Check the most runs of a batch, beside the most batches at once.

    Raises:
        ConfigurationError: it is not from 1 to the 500 tasks that one claim may bring, or too much in all.
    """
    check_whole_option("batch", size, at_least=1, at_most=MAX_CLAIM)
    if size * concurrency > _MOST_RUNS:
        raise ConfigurationError(
            "batch", f"times concurrency must be at most {_MOST_RUNS:,} runs, got {size} * {concurrency}"
        )


class BatchRoom(Room):
    """The permits of one execution in batches.

    Args:
        limits: the most that may be claimed at once: of batches in progress, and of runs beyond these.
        queue: the claimed tasks that have not started; a live view.
        size: the most runs of a batch.
        running: the runs in progress; a live view.
    """

    def __init__(self, limits: Limits, queue: Sized, size: int, running: Iterable[TaskRun] = ()) -> None:
        super().__init__(limits._replace(concurrency=limits.concurrency * size), queue, running)
        self._size = size
        #: How many more runs the batches in progress might have.
        self._unfilled = 0

    def enter(self, runs: int) -> None:
        """Give a place to a batch of some runs, which hold a permit each."""
        self._unfilled += self._size - runs

    def shrink(self, runs: int) -> None:
        """Free the permits of some runs that leave a batch before the others."""
        self._unfilled += runs
        self.give_back(runs)

    def leave(self, runs: int) -> None:
        """Free the place of a batch, and the permits of the runs that it had in the end."""
        self._unfilled -= self._size - runs
        self.give_back(runs)

    def places(self, permits: int) -> int:
        """Tell how many runs of a claim that reserved some permits find a free place at once."""
        return max(0, super().places(permits) - self._unfilled)

    def _share(self) -> int:
        free = self._limits.concurrency + self._window - self.taken - self._unfilled
        if free <= 0:
            return 0
        size, share = self._size, max(1, free // self._limits.sources)
        if free < size:
            return share
        # Whole places: of two claims for parts of one, what the second brings would wait for the first.
        return min(MAX_CLAIM - MAX_CLAIM % size, max(size, share - share % size))
