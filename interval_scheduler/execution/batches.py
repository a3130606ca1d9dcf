"""The runner of batches: gives the executor many runs at once. See `runner.py` for what it shares with single runs.

::

    queued ──▶ gathered ──▶ told (if delivered before) ──▶ running ──▶ each run by itself: done, or failed
       │          │                                           │
    too late   of another kind: stays queued              cut short: all of it

A batch never waits to be filled: it has what is queued when a place is free. So little load makes small batches at
once, and large ones gather while the batches before are in progress.

A batch is cut as a whole: at its time-out, which all of its runs have in common, when a drain is over, and when *all*
runs are lost or cancelled. One run does not take the others down, which would run a second time for nothing: it is
marked and told, and the batch goes on. If it lost its lease (`TaskRun.lost`), Redis refuses its completion if its task
went elsewhere. If it was cancelled by a call (`TaskRun.cancelled`), it ends as that says, whatever its batch came to.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from contextvars import Context
from typing import Final, Protocol

from ..errors import RunCancelled
from ..model.records import CorruptRecord
from ..support import clock
from ..support.guests import ends_process, retrieve
from ..support.log import Log
from .batch import Batch, Kind
from .batch_failed import results
from .batch_room import BatchRoom
from .executor import AnyCall, Retry
from .in_progress import was_abandoned
from .leaving import as_result, is_result
from .room import Limits
from .run import Cut, TaskRun, enter_batch
from .run_handler import RunHandler
from .runner import Runner
from .timing_out import within

#: Why one run is cut, of a batch that goes on.
_OF_ONE_RUN: Final[tuple[Cut, ...]] = (
    "its lease was lost",
    "replaced",
    "cancelled",
    "cancelled, to be handed back",
)


class BatchHandler(RunHandler, Protocol):
    """The handler of runs in batches: of these, the runner asks and tells more. `runs.py` is the real one."""

    def is_suspect(self, run: TaskRun) -> bool:
        """Tell if a run that has begun may be what processes die of."""

    async def begin(self, runs: Sequence[TaskRun]) -> Sequence[bool]:
        """Tell that runs begin which were delivered before; return which of them may."""

    def tell_failed(self, runs: Sequence[TaskRun], error: BaseException) -> None:
        """Log the one error of several runs."""

    def finish_told(self, run: TaskRun, error: BaseException) -> None:
        """End a run that failed with an error that is in the log already."""


class BatchRunner(Runner):
    """Carries out the runs of one scheduler in batches.

    Args:
        executor: the coroutine function that is called with a list of runs.
        size: the most runs of a batch.
        limits: the most batches at once, and the most tasks that may be claimed beyond.
        timeout: the longest time of a batch whose tasks have no time-out of their own, in seconds; `None` for any time.
        grace: the time that a cancelled batch may take to end, in seconds.
        runs: decides which runs are carried out, and deals with those that ended.
        context: each batch starts in a copy of it.
        log: where batches that do not end are told.
    """

    room: BatchRoom
    LOST = "the run of task %r lost its lease, while its batch goes on: %s"

    def __init__(
        self,
        executor: AnyCall,
        size: int,
        limits: Limits,
        timeout: float | None,
        grace: float,
        runs: BatchHandler,
        context: Context,
        log: Log,
    ) -> None:
        self._size = size
        super().__init__(executor, limits, timeout, grace, runs, context, log)
        self._handler: Final = runs
        self._ordinary = Kind(timeout)
        #: The batches in progress, by the asyncio tasks that carry them out.
        self._batches: Final[dict[asyncio.Task[None], Batch]] = {}

    def _new_room(self, limits: Limits) -> BatchRoom:
        return BatchRoom(limits, self.queued, self._size, self.running)

    @property
    def places_taken(self) -> int:
        """The number of batches in progress."""
        return len(self._batches)

    def cut(self, run: TaskRun, why: Cut) -> None:
        """Cancel the batch of a run, and give it up if it does not end within the grace.

        A run that lost its lease, or is cancelled by a call, is marked only, unless all of its batch are.
        """
        batch = None if run.asyncio_task is None else self._batches.get(run.asyncio_task)
        if batch is None:
            return
        if why in _OF_ONE_RUN:
            if run.cut_short is None:
                run.cut_short = why
                batch.marked += 1
            if batch.marked < len(batch.runs):
                return
        self._cut(batch, why)

    def _cut(self, batch: Batch, why: Cut) -> None:
        if batch.cut(why):
            self._loop.call_later(self._grace, self._give_up_batch, batch)

    def _give_up_batch(self, batch: Batch) -> None:
        self._in_progress.give_up(*batch.runs)
        if not self._accepting:
            self._in_progress.abandon_given_up()

    def _give_up_all(self) -> None:
        for batch in self._batches.values():
            self._in_progress.give_up(*batch.runs)
        super()._give_up_all()

    async def _carry(self) -> None:
        """Carry out one batch of what is queued."""
        self._newcomer = None
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - for the type checker
        try:
            now = clock.monotonic()
            batch = self._gathered(me, now)
            self.room.adapt(now)
            self._start_queued()
            if batch is not None:
                await self._carry_out(batch, now)
        except (SystemExit, KeyboardInterrupt):
            me.add_done_callback(retrieve)
            raise
        finally:
            self._carriers -= 1
            self._start_queued()
            if not self.running:
                self._in_progress.all_ended()

    def _gathered(self, me: asyncio.Task[None], now: float) -> Batch | None:
        """Take a batch off the queue: the first run that is carried out, and those of its kind that are queued.

        A task that is queued twice, as may be at most once, is in it once.
        """
        batch: Batch | None = None
        most, ids, left = self._size, set[bytes](), list[TaskRun]()
        while self.queued and (batch is None or len(batch.runs) < most) and len(left) < self._size:
            run = self.queued.popleft()
            kind = self._begun(run, me, now)
            if kind is None:
                self.room.give_back(1)
            elif batch is not None and (kind != batch.kind or run.raw_id in ids):
                run.asyncio_task = None
                left.append(run)
            elif kind.alone is None and not run.is_plain and self._runs.admit(run) != "yes":
                self.room.give_back(1)
            else:
                if batch is None:
                    batch, most = Batch(kind, me), kind.most(self._size)
                batch.runs.append(run)
                ids.add(run.raw_id)
        self.queued.extendleft(reversed(left))
        return batch

    def _begun(self, run: TaskRun, me: asyncio.Task[None], now: float) -> Kind | None:
        """Begin a run and return its kind; `None` for one that cannot start, and was dealt with."""
        if now > run.start_by:
            self.room.claim_nothing_ahead()
            self._runs.hand_back(run)
            return None
        try:
            run.begin(me, now)
        except CorruptRecord as error:
            self._runs.set_aside(run, error)
            return None
        if run.is_plain:
            return self._ordinary
        timeout = run.policy.timeout_seconds(self._timeout)
        if run.failed is None:
            return Kind(timeout)
        alone = run.raw_id if self._handler.is_suspect(run) else None
        return Kind(timeout, run.partition, max(0, run.charged - run.policy.retries), alone)

    async def _carry_out(self, batch: Batch, now: float) -> None:
        self._batches[batch.asyncio_task] = batch
        self.running.update(batch.runs)
        self.room.enter(len(batch.runs))
        try:
            if batch.kind.alone is not None:
                await self._ask_and_run(batch.runs[0])
            else:
                if batch.kind.told_at is not None:
                    await self._tell(batch)
                if batch.runs:
                    await self._execute(batch)
            if clock.monotonic() - now < self.room.quick_seconds:
                self.room.quick += len(batch.runs)
            else:
                self.room.note_slow()
        finally:
            del self._batches[batch.asyncio_task]
            self._forget(batch.runs)
            self.room.leave(len(batch.runs))

    def _forget(self, runs: Sequence[TaskRun]) -> None:
        for run in runs:
            run.asyncio_task = None
            self.running.discard(run)

    async def _tell(self, batch: Batch) -> None:
        """Tell that the runs of a batch begin, and hand those back that may not."""
        may: Sequence[bool] = [False] * len(batch.runs)
        try:
            async with asyncio.timeout(min(run.start_by for run in batch.runs) - clock.monotonic()):
                may = await self._handler.begin(batch.runs)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if batch.cut_short is None:
                raise  # everything ends
        is_on = batch.cut_short is None and self._accepting
        begin = {
            run for run, may_begin in zip(batch.runs, may, strict=True) if may_begin and is_on and not run.cut_short
        }
        back = [run for run in batch.runs if run not in begin]
        batch.runs, batch.marked = [run for run in batch.runs if run in begin], 0
        self._forget(back)
        self.room.shrink(len(back))
        for run in back:
            self._runs.hand_back(run)

    async def _run(self, run: TaskRun) -> None:
        """Carry out a run that goes by itself."""
        assert run.asyncio_task is not None  # noqa: S101 - for the type checker
        await self._execute(self._batches[run.asyncio_task])

    async def _execute(self, batch: Batch) -> None:
        """Call the executor."""
        if self._renew_decimals is not None:
            self._renew_decimals()
        enter_batch(tuple(batch.runs))
        try:
            cut = functools.partial(self._cut, batch, "timed out")
            await within(batch.kind.timeout, batch, self._executor, list(batch.runs), cut)
        except BaseException as error:  # noqa: BLE001 - `_end_batch` raises what is not the result of its runs
            self._end_batch(batch, error)
        else:
            self._end_batch(batch, None)

    def _end_batch(self, batch: Batch, error: BaseException | None) -> None:
        """Say what each run came to. Raises what is not their result, but the end of everything around."""
        over = {run for run in batch.runs if run.is_given_up and was_abandoned(run)}
        if error is not None and not is_result(batch, error, ending=self._ending or self._host.cancelling() > 0):
            raise ends_process(error) or error
        ended: list[tuple[TaskRun, BaseException | None]] = []
        for run, one in zip(batch.runs, results(batch.runs, error), strict=True):
            if run in over:
                continue
            if run.cancelled and (one is not None or run.cut_short != batch.cut_short):
                if run.cut_short == "cancelled":
                    ended.append((run, RunCancelled() if one is None else as_result(run, one)))
                else:
                    self._runs.hand_back(run, has_started=True)
            elif one is None or batch.cut_short is None or batch.cut_short == "timed out":
                ended.append((run, one))
            else:
                self._runs.hand_back(run, has_started=True)
        self._finish(ended)

    def _finish(self, ended: Sequence[tuple[TaskRun, BaseException | None]]) -> None:
        """End runs; an error that several of them have is told once."""
        alike: dict[int, list[TaskRun]] = {}
        for run, error in ended:
            if error is not None and not isinstance(error, Retry | RunCancelled):
                alike.setdefault(id(error), []).append(run)
        for run, error in ended:
            runs = alike.get(id(error), ())
            if error is None or len(runs) < 2:
                self._handler.finish(run, error)
                continue
            if run is runs[0]:
                self._handler.tell_failed(runs, error)
            self._handler.finish_told(run, error)
