"""Commands that look at many tasks and change nothing: an overview, pages with the place of each task, and searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model.quotas import Rate
from ...model.steering import PausedState, to_paused
from ...model.wire import LATEST_MS, whole
from ..scripts import loader as scripts
from ..scripts.membership import split
from ..scripts.ports import ScriptRunner
from .lookup import MAX_READ_BYTES, DeadRow, PageMark, Row, StateSet, dead_row, found_page, rows_of

#: The most bytes of records that a step of a search finds, unless one task alone has more.
_FOUND_BYTES: Final = MAX_READ_BYTES


class Numbers(NamedTuple):
    """The state of a partition in numbers; moments in ms, -1 for none."""

    server_ms: int
    waiting: int
    leased: int
    paused: int
    dead: int
    failing: int
    due: int
    parked: int
    oldest_due_ms: int
    next_due_ms: int
    #: The moment of the pause of the namespace; None if it is not paused.
    paused_ms: int | None
    #: The same, with who asked for it and why.
    pause: PausedState | None
    #: The names of the partitions from which tasks move to others.
    moves_from: Sequence[str]
    moved: int
    looked: int
    rate: Rate | None


async def overview(partition: ScriptRunner) -> Numbers:
    """Tell the state of a partition in numbers."""
    *counts, halt, moves_from, moved, looked, rate = await partition.read(
        scripts.OVERVIEW, partition.keys.of[scripts.OVERVIEW], ()
    )
    pause = None if halt is None else to_paused(halt)
    paused_ms = None if halt is None else min(whole(halt.partition(b" ")[0]) or 0, LATEST_MS)
    rest = (paused_ms, pause, split(moves_from), int(moved), int(looked), Rate.decode(rate))
    return Numbers(*map(int, counts), *rest)  # type: ignore[call-arg,arg-type]


class Placed(NamedTuple):
    """A task and its place in the list; None for one without a record."""

    mark: PageMark
    row: Row | None


async def placed_page(
    partition: ScriptRunner, state_set: StateSet, limit: int, after: PageMark | None
) -> tuple[list[Placed], bool]:
    """List one page of the tasks at one place, with the place of each. Return True as well if a page may follow.

    Parked tasks have the members of their set as places.
    """
    found, mark = await found_page(partition, state_set, limit, after)
    is_parked = state_set == "parked"
    marks = (
        (PageMark(b"0", member) for member in found.members) if is_parked else map(PageMark, found.scores, found.ids)
    )
    return list(map(Placed, marks, rows_of(state_set, found))), mark is not None


class PlacedDead(NamedTuple):
    """A dead task and its place in the list."""

    mark: PageMark
    row: DeadRow


async def dead_page(
    partition: ScriptRunner, limit: int, after: PageMark | None, *, newest_first: bool
) -> tuple[list[PlacedDead], bool]:
    """List one page of the dead tasks, with the place of each. Return True as well if a page may follow."""
    ids, scores, records, errors, may_follow = await partition.read(
        scripts.DEAD,
        partition.keys.of[scripts.DEAD],
        (limit, MAX_READ_BYTES, b"n" if newest_first else b"o", *(after or (b"", b""))),
    )
    rows = [
        PlacedDead(PageMark(score, raw_id), dead_row(raw_id, score, record, error))
        for raw_id, score, record, error in zip(ids, scores, records, errors or [None] * len(ids), strict=True)
    ]
    return rows, bool(may_follow)


class Step(NamedTuple):
    """The result of one step of a search.

    Attributes:
        cursor: the next cursor; `b"0"`: the end is reached.
        ids: the ids that were found, those of dead tasks too.
        looked: about the number of tasks that were looked at.
        total: the number of all that there are.
    """

    cursor: bytes
    ids: Sequence[bytes]
    looked: int
    total: int


async def search(partition: ScriptRunner, cursor: bytes, count: int, wanted: int, prefix: bytes) -> Step:
    """Find tasks whose ids start with a prefix, in one step.

    Args:
        partition: the partition.
        cursor: where the step before ended; `b"0"` to begin.
        count: about the number of tasks to look at; 0 to look at none.
        wanted: the number of tasks after which the step ends.
        prefix: the prefix.
    """
    return Step(
        *await partition.read(
            scripts.SEARCH, partition.keys.of[scripts.SEARCH], (cursor, count, wanted, _FOUND_BYTES, prefix)
        )
    )
