"""Turns hints into batches for `assign` and `remove`, and into the rows that look-ups show. Pure functions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from ...model.jitter import put_off
from ...model.policy import BadPolicy, of_header
from ..commands.handoff import Hint
from ..commands.lookup import Row
from ..requests.batching import MAX_BATCH

Problem = TypeVar("Problem")


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
    due = start - start % grid
    if hint.interval and b";j" in header:
        with contextlib.suppress(BadPolicy):
            due = put_off(of_header(header), hint.id, start)
    return Row(hint.id, header + b"\n" + hint.data, due, "waiting", 0)


def looked_up(
    ids: Sequence[bytes],
    hints: Sequence[Hint | None],
    rows: Mapping[bytes, Row | None],
    problem: Problem | None,
    grid_ms: int,
) -> list[Row | Problem | None]:
    """Put the answers to a look together, up to the first id that neither the master nor the partition came to.

    Args:
        ids: what was asked for.
        hints: the latest hints of the first ids.
        rows: what the partition has of the ids without a hint, or of the first of them.
        problem: why it could not be asked; it stands for all of these.
        grid_ms: the rounding grid.
    """
    answers: list[Row | Problem | None] = []
    for raw_id, hint in zip(ids, hints, strict=False):
        if hint is not None:
            answers.append(None if hint.is_removal else row_of(hint, grid_ms))
        elif problem is not None:
            answers.append(problem)
        elif raw_id in rows:
            answers.append(rows[raw_id])
        else:
            break
    return answers
