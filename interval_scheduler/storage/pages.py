"""Pages of tasks of all partitions together, in one order: those in one state, dead ones, failing ones.

A mark is a place in that order, not a number of tasks: whatever comes or goes meanwhile, a task that keeps its place is
listed once. Waiting tasks come in two lists, one after the other: the parked ones, which lie group by group in a set of
their own, and those that no group holds up, in due order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from ..errors import StorageRefused
from ..errors.storage import AWAY
from ..model.cursors import bad_mark, is_score, read_mark, to_mark
from ..model.looking import DeadPage, TaskPage
from ..model.task import ScheduledTask, State
from ..model.wire import whole
from ..support.log import Log
from .commands import history, looking, lookup
from .commands.lookup import DeadRow, PageMark, Row, StateSet
from .mapping import to_dead_task, to_scheduled_task
from .merging import Fetch, Merged, Place, merged
from .partitions import Partition, Partitions

Listed = State | Literal["dead", "failing"]

#: The kinds of marks, by the list and by the direction.
_KINDS: Final[dict[Listed, str]] = {"waiting": "w", "leased": "l", "paused": "p", "dead": "d", "failing": "f"}
#: The time by which the clock of a server may differ from what is known of it, in ms.
_CLOCKS_MS: Final = 60_000


class After(NamedTuple):
    """The place behind which a page begins.

    Attributes:
        from_ms: the least due time of the tasks to be shown; 0 for any.
        is_parked: True if it is among the parked tasks.
        mark: the place; `None`: before all.
    """

    from_ms: int
    is_parked: bool
    mark: PageMark | None


def read_after(listed: Listed, after: object, *, from_ms: int = 0, newest_first: bool = False) -> After:
    """Return the place that a mark of the application tells.

    Raises:
        InvalidType, InvalidValue: it is no mark of this list.
    """
    parts = read_mark(_kind(listed, newest_first=newest_first), 4, after)
    if parts is None:
        # No id is empty, so that this comes before all tasks of that due time.
        return After(from_ms, listed == "waiting", PageMark(b"%d" % from_ms, b"") if from_ms else None)
    least, is_parked, score, member = parts
    if whole(least) is None or is_parked not in (b"0", b"1") or not is_score(score):
        raise bad_mark()
    return After(int(least), is_parked == b"1", PageMark(score, member))


def _kind(listed: Listed, *, newest_first: bool) -> str:
    return _KINDS[listed] + ("n" if newest_first else "o")


def _to_mark(listed: Listed, after: After, last: PageMark, *, newest_first: bool = False) -> str:
    kind = _kind(listed, newest_first=newest_first)
    return to_mark(kind, b"%d" % after.from_ms, b"%d" % after.is_parked, last.score, last.id)


class Pages:
    """Pages of all partitions.

    Args:
        partitions: the partitions.
        log: the log for tasks that are left out of a page.
    """

    def __init__(self, partitions: Partitions, log: Log) -> None:
        self._partitions = partitions
        self._log = log

    async def tasks(self, state: State, after: After, limit: int) -> TaskPage:
        """List tasks in one state; a task whose record cannot be read is left out, and written to the log."""
        parked = Merged[Row]((), None, ())
        if after.is_parked:
            if not await self._is_to_come(after.from_ms):
                place = after.mark if after.mark is None or after.mark.id else None
                parked = await merged(self._partitions.all, _rows("parked", after.from_ms), limit, place)
            if parked.last is not None:
                return self._page(parked, _to_mark(state, after, parked.last))
            first = PageMark(b"%d" % after.from_ms if after.from_ms else b"-inf", b"")
            after = After(after.from_ms, is_parked=False, mark=first)
            if len(parked.rows) == limit:
                return self._page(parked, _to_mark(state, after, first))
        found = await merged(self._partitions.all, _rows(state, 0), limit - len(parked.rows), after.mark)
        mark = None if found.last is None else _to_mark(state, after, found.last)
        offline = tuple(dict.fromkeys((*parked.offline, *found.offline)))
        return self._page(Merged((*parked.rows, *found.rows), found.last, offline), mark)

    async def dead(self, after: After, limit: int, *, newest_first: bool) -> DeadPage:
        """List dead tasks in the order in which they were set aside."""

        async def fetch(
            partition: Partition, count: int, mark: PageMark | None
        ) -> tuple[Sequence[Place[DeadRow]], bool]:
            rows, may_follow = await looking.dead_page(partition.gate, count, mark, newest_first=newest_first)
            return [Place(mark, row, len(row.record)) for mark, row in rows], may_follow

        found = await merged(self._partitions.all, fetch, limit, after.mark, reverse=newest_first)
        mark = None if found.last is None else _to_mark("dead", after, found.last, newest_first=newest_first)
        return DeadPage(tuple(to_dead_task(where.name, row) for where, row in found.rows), mark, found.offline)

    async def failing(self, after: After, limit: int, *, newest_first: bool) -> TaskPage:
        """List failing tasks in the order in which they last failed; as `tasks`."""

        async def fetch(
            partition: Partition, count: int, mark: PageMark | None
        ) -> tuple[Sequence[Place[PageMark]], bool]:
            marks = await history.failing(partition.gate, count, mark, newest_first=newest_first)
            return [Place(mark, mark, 0) for mark in marks], len(marks) == count

        found = await merged(self._partitions.all, fetch, limit, after.mark, reverse=newest_first)
        rows, offline = await self._look(found.rows)
        shown: list[tuple[Partition, Row]] = []
        last, weight = found.last, 0
        for n, (partition, place) in enumerate(found.rows):
            row = rows[partition].get(place.id)
            is_unread = partition.name not in offline and place.id not in rows[partition]
            weight += 0 if row is None else len(row.record)
            if n and (is_unread or weight > lookup.MAX_READ_BYTES):
                last = found.rows[n - 1][1]
                break
            if row is not None:  # else it was removed since, or died
                shown.append((partition, row))
        mark = None if last is None else _to_mark("failing", after, last, newest_first=newest_first)
        return self._page(Merged(shown, last, (*found.offline, *offline)), mark)

    async def _look(
        self, places: Sequence[tuple[Partition, PageMark]]
    ) -> tuple[dict[Partition, dict[bytes, Row | None]], list[str]]:
        """Look tasks up, the first of each partition within a bound in bytes; also name those that went offline."""
        ids: dict[Partition, list[bytes]] = {}
        for partition, place in places:
            ids.setdefault(partition, []).append(place.id)
        offline: list[str] = []

        async def look(partition: Partition) -> dict[bytes, Row | None]:
            try:
                return dict(zip(ids[partition], await lookup.look(partition.gate, ids[partition]), strict=False))
            except AWAY:
                offline.append(partition.name)
                return {}

        rows = await asyncio.gather(*map(look, ids))
        return dict(zip(ids, rows, strict=True)), offline

    async def _is_to_come(self, from_ms: int) -> bool:
        """Tell if a due time is so late that no task which is due by now, as all parked ones are, has a later one."""
        if from_ms == 0:
            return False
        for partition in self._partitions.all:
            try:
                partition.require_online()
                return from_ms > await partition.now_ms() + _CLOCKS_MS
            except AWAY:
                continue
        return False

    def _page(self, found: Merged[Row], mark: str | None) -> TaskPage:
        tasks: list[ScheduledTask] = []
        for partition, row in found.rows:
            try:
                tasks.append(to_scheduled_task(partition.name, row))
            except StorageRefused as error:
                self._log.error("left out of the page: %s", error)
        return TaskPage(tuple(tasks), mark, found.offline)


def _rows(state_set: StateSet, from_ms: int) -> Fetch[Row]:
    """Return what reads tasks at one place, and passes over those due before a moment."""

    async def fetch(partition: Partition, count: int, mark: PageMark | None) -> tuple[Sequence[Place[Row]], bool]:
        found, may_follow = await looking.placed_page(partition.gate, state_set, count, mark)
        return [
            Place(place, None if row is None or row.due_ms < from_ms else row, 0 if row is None else len(row.record))
            for place, row in found
        ], may_follow

    return fetch
