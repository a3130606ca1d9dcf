"""Turns hints into batches for `assign` and `remove`, and into the rows that look-ups show. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..commands.handoff import Hint
from ..commands.lookup import Row
from ..requests.batching import MAX_BATCH


def batches(hints: Sequence[Hint], last: int) -> Iterator[Sequence[Hint]]:
    """Yield the hints after the number `last`, in order, in batches of at most `MAX_BATCH`.

    The hints of a batch are of one kind, and one writer wrote them, in the order of its numbers.
    """
    batch: list[Hint] = []
    for hint in hints:
        if hint.number <= last:
            continue
        if batch and (not _belongs(hint, batch[-1]) or len(batch) >= MAX_BATCH):
            yield batch
            batch = []
        batch.append(hint)
    if batch:
        yield batch


def _belongs(hint: Hint, before: Hint) -> bool:
    """Tell if a hint belongs in the batch of the one before it."""
    return hint.is_removal == before.is_removal and hint.session == before.session and hint.sequence >= before.sequence


def row_of(hint: Hint, grid_ms: int) -> Row:
    """Return the row of the task that the hint makes, if no task has its id."""
    kind, *policy = hint.code[1:].split(b";", 1)
    is_cron = any(control.startswith(b"c") for control in policy[0].split(b";")) if policy else False
    grid = max(1, 1 if is_cron else grid_ms)
    start = int(hint.start.partition(b"/")[0])
    header = kind
    if hint.interval:
        interval, _, phase = hint.interval.partition(b"/")
        every = int(interval)
        if phase:
            start += (int(phase) - start) % every
        header += b" %d %d" % (every, int(phase or start % every))
        if grid > 1:
            header += b" %d" % grid
    header += b"".join(b";" + control for control in policy)
    return Row(hint.id, header + b"\n" + hint.data, start - start % grid, "waiting", 0)
