"""Updates tasks: sends the changes, with what no script can work out, in the turn of their calls.

::

    update ──▶ script ──▶ done
                │  ▲
       needs a  │  │ next occurrences of the expression that the task has
       plan     ▼  │
            look at the record ──▶ (what it would ask for does not fit) the error of the call

The look belongs to the turn. Before it, a later call on the same task could overtake this one. A plan holds for one
cron expression in one time zone. Any other change of the task, by whomever, leaves it valid; so a call is repeated only
if another one changed the expression in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...errors import InvalidType, InvalidValue, StorageError, StorageRefused
from ...model.assignment import NeverRuns
from ...model.updating import TaskUpdate, UpdateAnswer
from ..commands import lookup
from ..commands.lookup import Row
from ..commands.updating import Updated, update
from ..mapping import to_scheduled_task
from ..requests.callers import Callers
from ..requests.session import BatchSession, NotAllExist, Session
from ..scripts.ports import Reachable

#: The most attempts. Each after the second means that another call changed an expression between look and change.
_MOST_ATTEMPTS: Final = 1000


class Updates(NamedTuple):
    """The updates of one batch, and how they are sent.

    Attributes:
        calls: the updates.
        callers: their callers.
        grid_ms: the rounding grid of the scheduler.
        replicas: the number of replicas that are waited for.
        if_exists: True if only tasks that exist there are changed.
    """

    calls: Sequence[TaskUpdate]
    callers: Callers
    grid_ms: int
    replicas: int
    if_exists: bool


async def carry_out(
    partition: Reachable, session: Session, batch: Updates
) -> tuple[Sequence[UpdateAnswer | None], int]:
    """Carry updates out, in their order. Return their answers, and the earliest new due time in ms (-1: none).

    An answer may be an error, and is `None` for a task that is no longer there, if only those are changed that are.
    Fewer answers than updates: send the other ones again.

    Raises:
        StorageError: as `Session.request`; nothing was changed, or the batch is in doubt.
        NotAllExist: a task does not exist there, and only those that do are to be changed; nothing was changed.
    """
    work = _Work(partition, session, batch)
    while work.left:
        try:
            await work.attempt()
        except StorageError as error:
            if not work.answers:
                raise
            work.answers |= dict.fromkeys(work.left, error)  # of these only: the others were answered before
            break
        except NotAllExist as refused:
            if not work.answers:
                raise
            gone = [position for position, exists in zip(work.left, refused.flags, strict=True) if not exists]
            work.answers |= dict.fromkeys(gone)
    return [work.answers[position] for position in range(work.count)], work.earliest_ms


class _Work:
    """The state of a batch between its attempts.

    Attributes:
        count: the number of its updates that are carried out now.
        answers: the answers that are known.
        earliest_ms: the earliest new due time in ms; -1: none.
    """

    def __init__(self, partition: Reachable, session: Session, batch: Updates) -> None:
        self._partition = partition
        self._session = session
        self._batch = batch
        self._attempts = 0
        self.count = len(batch.calls)
        self.answers: dict[int, UpdateAnswer | None] = {}
        self.earliest_ms = -1

    @property
    def left(self) -> list[int]:
        """The positions of the updates without an answer."""
        return [position for position in range(self.count) if position not in self.answers]

    async def attempt(self) -> None:
        """Send the updates that are left, each with a plan where it needs one, as far as is known."""
        plans = await self._plans()
        left, batch = self.left, self._batch
        if not left:
            return
        self._attempts += 1
        if self._attempts > _MOST_ATTEMPTS:
            raise StorageRefused(
                self._partition.name, "BUSY", "the cron expression is changed all the time; nothing was changed"
            )
        session = BatchSession(self._session, batch.callers.only(left), batch.replicas, if_exists=batch.if_exists)
        sent = [batch.calls[position] for position in left]
        result = await update(session, self._partition.keys, batch.grid_ms, sent, [plans[each] for each in left])
        self._note(left, result)

    def _note(self, left: Sequence[int], result: Updated) -> None:
        problem = self._session.not_replicated
        for position, letter in zip(left, result.results, strict=False):
            if letter == "1":
                self.answers[position] = problem or True
            elif letter == "0":
                self.answers[position] = False
            elif letter == "u":
                self.answers[position] = NeverRuns(self._batch.calls[position].id)
        if self._attempts == 1:  # the others come again by themselves
            self.count = len(result.results)
        if result.earliest_ms >= 0:
            self.earliest_ms = min(
                result.earliest_ms, self.earliest_ms if self.earliest_ms >= 0 else result.earliest_ms
            )

    async def _plans(self) -> dict[int, bytes]:
        """Return the plan of each update that is left; answer those that cannot be carried out."""
        left, calls = self.left, self._batch.calls
        if not self._attempts:
            if not any(calls[position].asked.get("cron") for position in left):
                return dict.fromkeys(left, b"")
            rows: dict[bytes, Row | None] | None = None
        else:
            rows = await self._rows([calls[position].id for position in left])
        now_ms = await self._partition.now_ms()
        plans, seen = dict.fromkeys(left, b""), set[bytes]()
        for position in left:
            call = calls[position]
            row = None if rows is None else rows[call.id]
            try:
                if row is not None or call.asked.get("cron"):
                    found = None if row is None else to_scheduled_task(self._partition.name, row)
                    plans[position] = call.plan(call.task(found).rules, now_ms)
            except (InvalidValue, InvalidType, StorageRefused) as error:
                if call.id not in seen:  # else an earlier update, which is left too, may make it fit
                    self.answers[position] = error
            seen.add(call.id)
        return plans

    async def _rows(self, ids: Sequence[bytes]) -> dict[bytes, Row | None]:
        rows: dict[bytes, Row | None] = {}
        while unknown := [raw_id for raw_id in dict.fromkeys(ids) if raw_id not in rows]:
            rows |= zip(unknown, await lookup.look(self._partition, unknown), strict=False)
        return rows
