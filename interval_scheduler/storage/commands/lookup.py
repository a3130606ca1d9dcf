"""Commands that read tasks and change nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from ...model.records import Garbled
from ...model.task import State
from ...model.wire import moment_of, whole
from ..scripts import loader as scripts
from ..scripts.ports import ScriptRunner

_LEASE: Final = re.compile(rb"(\d{1,16}) (\S{1,24})(?: [^p]*(p)?|$)")


class Row(NamedTuple):
    """A task as Redis has it. A listing makes one for each task: a named tuple costs a third of a frozen dataclass."""

    id: bytes
    record: bytes
    due_ms: int
    state: State
    failed: int
    failures: int = 0
    claimed_us: int | None = None
    #: The last run that ended, as the history of the task has it.
    last_run: bytes | None = None
    #: Of a failing task: when it failed, ms, a blank, the error.
    cause: bytes | None = None
    #: Of a task that is paused, or will be after its run: when, by whom and why; empty: that is not known.
    pause: bytes | None = None


#: The most bytes of records in one reply to a look or for a page, unless one task alone has more.
MAX_READ_BYTES: Final = 1 << 20


async def look(partition: ScriptRunner, ids: Sequence[bytes], weight: int = MAX_READ_BYTES) -> list[Row | None]:
    """Look tasks up by id; None for an id that is not scheduled.

    The result has fewer rows than there are ids, but one at least, if the records are heavier than `weight` bytes: look
    for the others again.
    """
    records, scores, leases, failed, paused, *others = await _read(partition, ids, weight)
    ids = ids[: len(records)]
    none = [None] * len(ids)
    return [
        row_of(raw_id, record, due, lease, pause, extras)
        for raw_id, record, due, lease, pause, *extras in zip(
            ids,
            records,
            scores,
            leases,
            paused or none,
            failed or none,
            *(other or none for other in others),
            strict=True,
        )
    ]


async def are_scheduled(partition: ScriptRunner, ids: Sequence[bytes]) -> list[bool]:
    """Tell of each id if it is scheduled; no record is sent."""
    return [row is not None for row in await look(partition, ids, -1)]


async def exist(partition: ScriptRunner, ids: Sequence[bytes]) -> list[bool]:
    """Tell of each id if there is a task, dead ones too; no record is sent."""
    records, *_ = await _read(partition, ids, -1)
    return [record is not None for record in records]


async def _read(partition: ScriptRunner, ids: Sequence[bytes], weight: int) -> Sequence[Any]:
    found: Sequence[Any] = await partition.read(scripts.LOOK, partition.keys.of[scripts.LOOK], (weight, *ids))
    return found


class Page(NamedTuple):
    """Some tasks, and the mark of the next page (None: there is no further page)."""

    rows: list[Row]
    after: PageMark | None


class PageMark(NamedTuple):
    """The end of a page: the score and the id of its last task."""

    score: bytes
    id: bytes


StateSet = Literal["waiting", "leased", "paused", "parked"]


async def page(partition: ScriptRunner, state_set: StateSet, limit: int, after: PageMark | None) -> Page:
    """List one page of the tasks at one place: in due order, the leased ones in the order of their deadlines.

    Parked tasks wait for room in their group; they come group by group.
    """
    found, mark = await found_page(partition, state_set, limit, after)
    if state_set == "waiting" and found.is_plain:  # nearly always
        waiting = [
            Row(raw_id, record, moment_of(score), "waiting", 0)
            for raw_id, record, score in zip(found.ids, found.records, found.scores, strict=True)
            if record is not None
        ]
        return Page(waiting, mark)
    return Page([row for row in rows_of(state_set, found) if row is not None], mark)


def rows_of(state_set: StateSet, found: Found) -> list[Row | None]:
    """Make the rows of a page; `None` for a task without a record."""
    return [
        row_of(
            raw_id,
            record,
            score if state_set in ("waiting", "parked") else None,
            lease if state_set == "leased" else None,
            score if state_set == "paused" else None,
            extras,
        )
        for raw_id, record, lease, score, *extras in zip(
            found.ids, found.records, found.leases, found.scores, *found.extras, strict=True
        )
    ]


class DeadRow(NamedTuple):
    """A dead task as Redis has it."""

    id: bytes
    record: bytes
    died_ms: int
    attempts: int
    error: str


async def dead_page(
    partition: ScriptRunner, limit: int, after: PageMark | None
) -> tuple[list[DeadRow], PageMark | None]:
    """List one page of the dead tasks, the oldest first."""
    found, mark = await _page(partition, partition.keys.dead, limit, after)
    rows = []
    for raw_id, score, record, error in zip(found.ids, found.scores, found.records, found.errors, strict=True):
        rows.append(dead_row(raw_id, score, record, error))
    return rows, mark


async def look_dead(partition: ScriptRunner, raw_id: bytes) -> DeadRow | None:
    """Look a dead task up by its id; None for an id that is not dead."""
    found = await partition.read(scripts.LOOK_DEAD, partition.keys.of[scripts.LOOK_DEAD], (raw_id,))
    return dead_row(raw_id, *found) if found else None


def dead_row(raw_id: bytes, score: bytes, record: bytes | None, error: bytes | None) -> DeadRow:
    """Make a row from the fields of a dead task."""
    attempts, _, text = (error or b"1 ").partition(b" ")
    if whole(attempts) is None:
        attempts, text = b"1", error or b""
    return DeadRow(raw_id, record or b"", moment_of(score), whole(attempts) or 0, text.decode(errors="replace"))


class Found(NamedTuple):
    """The fields of the tasks of a page, as they stand in Redis."""

    ids: Sequence[bytes]
    scores: Sequence[bytes]
    records: Sequence[bytes | None]
    leases: Sequence[bytes | None]
    #: The failed deliveries, the failed runs, the last runs, the last errors and the pauses.
    extras: Sequence[Sequence[bytes | None]]
    errors: Sequence[bytes | None]
    #: Of parked tasks the members of their set, else empty.
    members: Sequence[bytes]
    #: True if none of the extras is there.
    is_plain: bool


async def found_page(
    partition: ScriptRunner, state_set: StateSet, limit: int, after: PageMark | None
) -> tuple[Found, PageMark | None]:
    """Read one page of the tasks at one place, as they stand in Redis, and the mark of the next page."""
    keys = partition.keys
    walked = {"waiting": keys.due, "leased": keys.leased, "paused": keys.paused, "parked": keys.parked}[state_set]
    return await _page(partition, walked, limit, after)


async def _page(
    partition: ScriptRunner, walked: bytes, limit: int, after: PageMark | None
) -> tuple[Found, PageMark | None]:
    keys = partition.keys
    ids, scores, records, leases, *extras, errors, members, may_follow = await partition.read(
        scripts.PAGE,
        (*keys.of[scripts.PAGE], walked),
        (limit, MAX_READ_BYTES, *(after or (b"", b""))),
    )
    none = [None] * len(ids)
    # The page of parked tasks ends at a member of their set, where every score is 0.
    last = None if not may_follow else PageMark(b"0", members[-1]) if members else PageMark(scores[-1], ids[-1])
    each = [extra or none for extra in extras]
    return Found(ids, scores, records, leases or none, each, errors or none, members, not any(extras)), last


class Sizes(NamedTuple):
    """The number of tasks, the number of those that are due now, and the last due time (-1: no task waits)."""

    tasks: int
    due_now: int
    last_due_ms: int


async def sizes(partition: ScriptRunner) -> Sizes:
    """Count the tasks of a partition."""
    keys = partition.keys
    return Sizes(*await partition.read(scripts.SIZE, keys.of[scripts.SIZE], ()))


def row_of(
    raw_id: bytes,
    record: bytes | None,
    due: bytes | None,
    lease: bytes | None,
    paused: bytes | None,
    extras: Sequence[bytes | None],
) -> Row | None:
    """Make a row from the fields of a task; None if it is not scheduled."""
    if record is None:
        return None
    *counts, last_run, cause, pause = extras
    for extra, name in zip(counts, ("attempts", "failures"), strict=True):
        if extra is not None and whole(extra) is None:
            record = Garbled(record, f"its field in the key {name} is no number")
    failed, failures = (whole(extra) or 0 for extra in counts)
    state: State
    claimed_us, is_paused = None, False
    if due is not None:
        due_ms, state = moment_of(due), "waiting"
    elif lease is not None:
        claim, state = _LEASE.match(lease), "leased"
        if claim is None:
            due_ms, record = 0, Garbled(record, "its field in the key leases is no lease")
        else:
            due_ms, claimed_us, is_paused = moment_of(claim[2]), int(claim[1]), claim[3] is not None
    elif paused is not None:
        due_ms, state, is_paused = moment_of(paused), "paused", True
    else:
        return None
    return Row(
        raw_id,
        record,
        due_ms,
        state,
        failed,
        failures,
        claimed_us,
        last_run,
        cause,
        (pause or b"") if is_paused else None,
    )
