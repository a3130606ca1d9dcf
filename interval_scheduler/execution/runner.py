"""The runner: carries out claimed tasks, and ends those that take too long.

::

    queued ──▶ running ──▶ finished
       │          │
    too late   cut short ──▶ given up: it did not end within the grace (see `in_progress.py`)
       └──────────┴──▶ handed back

Runs are carried out by *carriers*, asyncio tasks that start in a copy of the context in which the execution was
started. No carrier ever waits for work: it ends when nothing is queued. A run that suspends has a carrier of its own,
which ends with it, so that a cancel hits the run that it is meant for, or nothing. Runs that end within one step of the
event loop share a carrier for as long as none has left anything behind: a context variable, a count of cancellations,
or somebody who still knows the carrier. An asyncio task for each would cost three tenths of the dispatches (ADR 13).
After 5 ms another carrier goes on, so that the event loop has its turn for timers, replies and the application; each
turn costs a batch of its own for what ended.
Carriers are no children of a task group: a run that ignores its cancellation would keep the scheduler from ending.

A run that may be what processes die of is carried out alone: what is queued beside it is handed back, and nothing is
claimed until it ends. So others, which would be charged with its crashes, are not; runs in progress go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextvars import Context, copy_context
from sys import getrefcount
from typing import ClassVar, Final
from weakref import getweakrefcount

from ..model.records import CorruptRecord
from ..support import clock
from ..support.guests import ends_process, retrieve
from ..support.log import Log
from .decimals import renewal
from .executor import AnyCall
from .in_progress import InProgress, was_abandoned
from .in_time import in_time
from .leaving import as_result, is_result
from .patience import Patience
from .room import Limits, Room
from .run import Cut, TaskRun, named
from .run_handler import RunHandler
from .timing_out import within
from .variables import are_same, table_of

_NAME: Final = "interval_scheduler run"
_STRETCH_SECONDS: Final = 0.005  #: How long a carrier begins runs; what is left goes on in a later round of the loop.


class Runner:
    """Carries out the runs of one scheduler.

    Args:
        executor: the coroutine function that is called with each payload.
        limits: the most that may be claimed and run at once.
        timeout: the longest time of a run whose task has no time-out of its own, in seconds; `None` for any time.
        grace: the time that a cancelled run may take to end, in seconds.
        runs: decides which runs are carried out, and deals with those that ended.
        context: each run starts in a copy of it.
        log: where runs that do not end are told.
    """

    #: The line of the log about a run that lost its lease: task, reason.
    LOST: ClassVar[str] = "the run of task %r was cancelled: %s"

    def __init__(
        self,
        executor: AnyCall,
        limits: Limits,
        timeout: float | None,
        grace: float,
        runs: RunHandler,
        context: Context,
        log: Log,
    ) -> None:
        self._executor, self._log = executor, log
        self._concurrency, self._timeout, self._grace = limits.concurrency, timeout, grace
        self._runs, self._context = runs, context
        self._renew_decimals = renewal(context)
        self.queued: deque[TaskRun] = deque()
        self._in_progress = InProgress(grace, log)
        self.running: Final = self._in_progress.runs  #: The runs in progress.
        self.room = self._new_room(limits)  #: The room for tasks that may be claimed now.
        self._patience = Patience(self.queued, self.room, runs.hand_back)
        self._carriers = 0
        self._newcomer: asyncio.Task[None] | None = None  #: A carrier that has not begun.
        self.is_full: Final = asyncio.Event()  #: Set when no further run can be started until one ends.
        self._round, self._is_round_marked = 0, False
        self._accepting = True
        #: True if everything around ends as well, so that a cancelled run is no failed one.
        self._ending = False
        #: True while a run goes on beside which no other may be started.
        self.is_alone = False

    def _new_room(self, limits: Limits) -> Room:
        return Room(limits, self.queued, self.running)

    @property
    def places_taken(self) -> int:
        """The number of places that are taken."""
        return len(self.running)

    def start(self) -> None:
        """Begin: to be called by the asyncio task that the runs must not outlive."""
        host = asyncio.current_task()
        assert host is not None  # noqa: S101 - for the type checker
        self._host, self._loop = host, asyncio.get_running_loop()

    def feed(self, runs: Iterable[TaskRun]) -> None:
        """Queue claimed runs, whose permits are reserved."""
        self.queued.extend(runs)
        if self.is_alone or not self._accepting:
            self.return_queued()
        else:
            self._start_queued()
            self._patience.watch()

    def return_queued(self) -> None:
        """Hand every run back that has not started."""
        while self.queued:
            self._runs.hand_back(self.queued.popleft())
            self.room.give_back(1)

    def withdraw(self, run: TaskRun) -> bool:
        """Take a run that has not started out of the queue; return whether it was there."""
        if is_queued := run in self.queued:
            self.queued.remove(run)
            self.room.give_back(1)
        return is_queued

    def cut(self, run: TaskRun, why: Cut) -> None:
        """Cancel a run in progress, and give it up if it does not end within the grace."""
        if run.cut(why):
            self._loop.call_later(self._grace, self._give_up, run)

    def _give_up(self, run: TaskRun) -> None:
        self._in_progress.give_up(run)
        if not self._accepting:
            self._in_progress.abandon_given_up()

    async def drain(self, seconds: float) -> None:
        """Start no further run, wait for those in progress, then cut them short; abandon those that ignore that."""
        self._accepting = False
        self.return_queued()
        self._in_progress.abandon_given_up()
        if await self._in_progress.ended_within(seconds):
            return
        self._log.warning("runs that did not end in time are cut short (%d): %s", *named(self.running))
        for run in list(self.running):
            self.cut(run, "handed back")
        await self._in_progress.ended_within_grace()
        self._give_up_all()

    def hasten(self, seconds: float) -> None:
        """Let a drain that is under way wait no longer than that from now."""
        self._in_progress.hasten(seconds)

    async def end(self) -> None:
        """End with everything around: cancel the runs in progress, which nobody can hand back any more."""
        self._accepting, self._ending = False, True
        self.queued.clear()
        if self._newcomer is not None:
            self._newcomer.cancel()
            await asyncio.wait([self._newcomer])
        for carrier in {run.asyncio_task for run in self.running if run.asyncio_task is not None}:
            carrier.cancel()
        await self._in_progress.ended_within_grace()
        self._give_up_all()

    def _give_up_all(self) -> None:
        self._in_progress.give_up_all()

    def _start_queued(self) -> None:
        """Start a carrier if there is a place: one, which starts the next if runs are left when it begins."""
        if self.queued and self._newcomer is None and self._carriers < self._concurrency:
            self._carriers += 1
            if self._carriers == self._concurrency:
                self.is_full.set()
            self._newcomer = asyncio.Task(self._carry(), loop=self._loop, name=_NAME, context=self._context.copy())

    async def _carry(self) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot path, in one piece
        """Carry out queued runs until none is left, one might leave something to the next, or a stretch is over."""
        self._newcomer = None
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - for the type checker
        queue, running, room, monotonic = self.queued, self.running, self.room, clock.monotonic
        executor, timeout, renew_decimals = self._executor, self._timeout, self._renew_decimals
        quick_seconds, rest_at = room.quick_seconds, monotonic() + _STRETCH_SECONDS
        try:
            while queue:
                run = queue.popleft()
                try:
                    now = monotonic()
                    if now > run.start_by:
                        room.claim_nothing_ahead()
                        self._runs.hand_back(run)
                        continue
                    if not queue:
                        room.adapt(now)
                    elif self._newcomer is None:
                        self._start_queued()
                    if renew_decimals is not None:
                        renew_decimals()
                    try:
                        run.begin(me, now)
                    except CorruptRecord as error:
                        self._runs.set_aside(run, error)
                        continue
                    running.add(run)
                    this_round = self._round
                    if not self._is_round_marked:
                        self._mark_round()
                    context, references, weak_references = copy_context(), getrefcount(me), getweakrefcount(me)
                    variables = table_of(context)[0]
                    if run.is_plain and timeout is None:
                        # As `_run`, which is not called here: one coroutine more costs a tenth of all that is done.
                        try:
                            await executor(run.data)
                        except BaseException as error:  # noqa: BLE001 - `_end` raises what is not the run's result
                            self._end(run, error)
                        else:
                            self._end(run, None)
                    elif not await self._ask_and_run(run):
                        room.quick -= 1  # one that was not carried out tells nothing of those that will be
                    # One that did not suspend needs no look at the clock: whatever blocks for long is soon not many.
                    if self._round == this_round or monotonic() - now < quick_seconds:
                        room.quick += 1
                    else:
                        room.note_slow()
                    if (
                        self._round != this_round
                        or me.cancelling()
                        or me._must_cancel  # type: ignore[attr-defined]  # noqa: SLF001 - asked for, taken back, and felt
                        or getrefcount(me) != references
                        or getweakrefcount(me) != weak_references
                        or me._callbacks  # noqa: SLF001 - no other way to see them
                        or me.get_name() is not _NAME
                        or now > rest_at
                        or (
                            table_of(now_there := copy_context())[0] is not variables
                            and not are_same(now_there, context)
                        )
                    ):
                        return
                finally:
                    run.asyncio_task = None
                    running.discard(run)
                    room.taken -= 1  # as `give_back`; a run that is alone waits for others, which hold a permit each
                    if room.asking:
                        room.offer()
        except (SystemExit, KeyboardInterrupt):
            me.add_done_callback(retrieve)
            raise
        finally:
            self._carriers -= 1
            self._start_queued()
            if not running:
                self._in_progress.all_ended()

    def _mark_round(self) -> None:
        """Have the rounds of the event loop counted: a run that suspends resumes in a later one, and finds it so."""
        self._is_round_marked = True
        self._loop.call_soon(self._next_round)

    def _next_round(self) -> None:
        self._round += 1
        self._is_round_marked = False

    async def _ask_and_run(self, run: TaskRun) -> bool:
        """Carry a run out, if it may begin. Return whether it was."""
        admission = "yes" if run.is_plain else self._runs.admit(run)
        if admission == "yes":
            if run.failed is None or (await in_time(run, self._runs.begins(run)) and self._accepting):
                await self._run(run)
                return True
            self._runs.hand_back(run)
        elif admission == "alone":
            self.is_alone = True
            self.is_full.set()
            self.room.close()
            try:
                if await in_time(run, self._becomes_alone(run)) and self._accepting:
                    await self._run(run)
                    return True
                self._runs.hand_back(run)
            finally:
                self.is_alone = False
                self.room.reopen()
        return False

    async def _becomes_alone(self, run: TaskRun) -> bool:
        """Wait until nothing else is held here that has not started, as far as Redis knows too, and tell of the run."""
        self.return_queued()
        await self.room.shrunk_to(self.running)
        await self._runs.flushed()
        return await self._runs.begins(run)

    async def _run(self, run: TaskRun) -> None:
        try:
            seconds = run.policy.timeout_seconds(self._timeout)
            await within(seconds, run, self._executor, run.data, lambda: self.cut(run, "timed out"))
        except BaseException as error:  # noqa: BLE001 - as above
            self._end(run, error)
        else:
            self._end(run, None)

    def _end(self, run: TaskRun, error: BaseException | None) -> None:
        """Say what a run came to. Raises what is not its result, but the end of everything around."""
        is_over = run.is_given_up and was_abandoned(run)
        if error is not None and not is_result(run, error, ending=self._ending or self._host.cancelling() > 0):
            raise ends_process(error) or error  # not the group: the event loop ends only for the error itself
        if is_over:
            return
        if error is None or run.cut_short in (None, "timed out", "cancelled"):
            self._runs.finish(run, None if error is None else as_result(run, error))
        else:
            self._runs.hand_back(run, has_started=True)
