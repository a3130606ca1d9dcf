"""Workers: long-lived coroutines that run claimed tasks, and the room they have for more.

::

    reserve ──▶ claim in flight ──feed──▶ queued ──▶ running ──▶ finished
                                            │            │
                                 started too late    cut short
                                            └────────────┴──▶ handed back

Every claimed task holds one permit from the moment its claim is sent until its run ends. There are
`concurrency + prefetch window` permits, so memory is bounded. The prefetch window is the number of tasks that may be
claimed beyond the running ones. It grows to `prefetch` while claimed tasks start at once, and shrinks when they have to
wait: fast tasks are claimed ahead to hide the round trip, slow ones are left to whoever is free.

A run that may be what processes die of is carried out alone: what is queued beside it is handed back, and nothing is
claimed until it ends. So others, which would be charged with its crashes, are not; runs in progress go on.

Raw asyncio, not an anyio task a run: a cancel scope alone costs as much as the whole rest of the hand-over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from typing import Final, NamedTuple

from anyio.abc import TaskGroup

from ..model.records import CorruptRecord
from ..support import clock
from .executor import Executor, within
from .run import TaskRun, ends_process
from .run_handler import RunHandler

#: Starting sooner than this after the claim lets the prefetch window grow; later than that shrinks it.
_PROMPT_SECONDS: Final = 0.05
_SLOW_SECONDS: Final = 0.25
#: How long a run that is cut short may take to end.
_GRACE_SECONDS: Final = 1.0
#: The most tasks of one claim: keeps the script within a few milliseconds.
MAX_CLAIM: Final = 500


class Limits(NamedTuple):
    """The most that an execution may hold at once.

    Attributes:
        concurrency: the most runs at once.
        prefetch: the most tasks claimed beyond the running ones.
        sources: how many partitions share the room.
        timeout: how long a run may take, in seconds, unless its task says otherwise; `None` for ever.
    """

    concurrency: int
    prefetch: int
    sources: int
    timeout: float | None


class Workers:
    """The workers of one scheduler.

    Args:
        executor: what is called with each payload.
        limits: how much may be claimed and run at once, and for how long.
        runs: decides which runs are carried out, and deals with those that ended.
    """

    def __init__(
        self,
        executor: Executor,
        limits: Limits,
        runs: RunHandler,
    ) -> None:
        self._executor = executor
        self._concurrency, self._prefetch, self._sources, self._timeout = limits
        self._runs = runs
        self._queue: deque[TaskRun] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._waking = False
        self._newcomers: deque[Coroutine[None, None, None]] = deque()
        self._count = 0
        self._permits_taken = 0
        self._prefetch_window = min(self._prefetch, self._concurrency)
        self._asking: deque[asyncio.Future[None]] = deque()
        self._group: TaskGroup | None = None
        self._all_ended = asyncio.Event()
        self._all_ended.set()
        self._accepting = True
        #: Whether a run goes on that no other may be started beside.
        self._alone = False
        self._landed = asyncio.Event()
        #: The runs in progress.
        self.running: Final[set[TaskRun]] = set()

    def start(self, group: TaskGroup) -> None:
        """Let workers be spawned, in `group`, as they are needed."""
        self._group = group

    def close(self) -> None:
        """To be called when the group has ended."""
        # Where the event loop itself is ended, a worker may be cancelled before it begins; anyio leaves its coroutine
        # as it is, and Python complains that nobody awaited it.
        for newcomer in self._newcomers:
            newcomer.close()

    # Room

    async def reserve(self) -> int:
        """Wait for room, and take permits for one claim: a fair share of the free ones. Give each back in the end."""
        while (permits := self._share()) == 0:
            waiter = asyncio.get_running_loop().create_future()
            self._asking.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._asking:
                    self._asking.remove(waiter)
        self._permits_taken += permits
        self._offer_room()
        return permits

    def overdraw(self, permits: int) -> None:
        """Take permits without waiting: a claim that was in doubt got more than is reserved now."""
        self._permits_taken += permits

    def give_back(self, permits: int) -> None:
        """Free permits that were reserved and not needed, or whose runs ended."""
        self._permits_taken -= permits
        if self._alone:
            self._landed.set()
        self._offer_room()

    def _share(self) -> int:
        if self._alone or len(self._queue) > self._prefetch_window // 2:
            return 0
        free = self._concurrency + self._prefetch_window - self._permits_taken
        if free <= 0:
            return 0
        # A share of what is free, even if nobody else asks: a claim that hangs must not hold all the room.
        return min(MAX_CLAIM, max(1, free // self._sources))

    def _offer_room(self) -> None:
        if self._asking and self._share() > 0:
            waiter = self._asking.popleft()
            if not waiter.done():
                waiter.set_result(None)

    # Runs

    def feed(self, runs: Iterable[TaskRun]) -> None:
        """Queue claimed runs, whose permits are reserved."""
        self._queue.extend(runs)
        if self._alone or not self._accepting:
            self.return_queued()
        elif self._queue:
            self._wake_one()

    def return_queued(self) -> None:
        """Hand every run back that has not started."""
        while self._queue:
            self._runs.hand_back(self._queue.popleft())
            self.give_back(1)

    async def drain(self, seconds: float) -> None:
        """Start no further run, wait for those in progress, then cut them short."""
        self._accepting = False
        self.return_queued()
        for limit, then in ((seconds, "handed back"), (_GRACE_SECONDS, "abandoned")):
            if not self.running:
                return
            self._all_ended.clear()
            try:
                async with asyncio.timeout(limit):
                    await self._all_ended.wait()
            except TimeoutError:
                for run in list(self.running):
                    run.cut(then)

    def _wake_one(self) -> None:
        # One at a time: a woken worker wakes the next if there is more, so that tasks that never suspend are all
        # run by one worker, without switching.
        if self._waking:
            return
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                self._waking = True
                waiter.set_result(None)
                return
        if self._count < self._concurrency and self._group is not None:
            self._waking = True
            self._count += 1
            newcomer = self._work()
            self._newcomers.append(newcomer)
            self._group.start_soon(lambda: newcomer)

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - for the type checker
        del self._newcomers[0]  # they begin in the order in which they were spawned
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._waking = False
                await self._work_off(me)
                waiter = loop.create_future()
                self._idle.append(waiter)
                self._offer_room()
                await waiter
        finally:
            self._count -= 1
            if not self.running:
                self._all_ended.set()

    async def _work_off(self, me: asyncio.Task[None]) -> None:  # noqa: C901 - the hot path, in one piece
        """Run what is queued, until nothing is."""
        queue, running, monotonic = self._queue, self.running, clock.monotonic
        executor, timeout = self._executor, self._timeout
        while queue:
            run = queue.popleft()
            now = monotonic()
            if now > run.start_by:
                self._prefetch_window = 0
                self._runs.hand_back(run)
            else:
                if not queue:
                    self._adapt(now - run.received_at)
                elif not self._waking:
                    self._wake_one()
                try:
                    run.begin(me, now)
                except CorruptRecord as error:
                    self._runs.set_aside(run, error)
                else:
                    if run.is_plain and timeout is None:
                        # As `_run`, which is not called here: one coroutine more costs a tenth of all that is done.
                        running.add(run)
                        try:
                            await executor(run.data)
                        except BaseException as error:  # noqa: BLE001 - `_end` raises what is not the run's result
                            self._end(run, me, error)
                        else:
                            self._end(run, me, None)
                    else:
                        await self._ask_and_run(run, me)
            self._permits_taken -= 1
            if self._asking:
                self._offer_room()

    async def _ask_and_run(self, run: TaskRun, me: asyncio.Task[None]) -> None:
        admission = "yes" if run.is_plain else self._runs.admit(run)
        seconds = run.policy.timeout_seconds(self._timeout)
        if admission == "yes":
            await self._run(run, me, seconds)
        elif admission == "alone":
            await self._run_alone(run, me, seconds)

    async def _run_alone(self, run: TaskRun, me: asyncio.Task[None], seconds: float | None) -> None:
        """Run when nothing else is held here that has not started, as far as Redis knows too; else hand it back."""
        self._alone = True
        try:
            self.return_queued()
            try:
                async with asyncio.timeout(run.start_by - clock.monotonic()):
                    while self._permits_taken > len(self.running) + 1:  # claims are in flight
                        self._landed.clear()
                        await self._landed.wait()
                    await self._runs.flushed()
            except TimeoutError:
                self._runs.hand_back(run)
            else:
                await self._run(run, me, seconds)
        finally:
            self._alone = False
            self._offer_room()

    async def _run(self, run: TaskRun, me: asyncio.Task[None], seconds: float | None) -> None:
        self.running.add(run)
        try:
            await (self._executor(run.data) if seconds is None else within(seconds, self._executor(run.data)))
        except BaseException as error:  # noqa: BLE001 - as above
            self._end(run, me, error)
        else:
            self._end(run, me, None)

    def _end(self, run: TaskRun, me: asyncio.Task[None], error: BaseException | None) -> None:
        """Say what a run came to. Raises what is not its result, but the end of its worker."""
        self.running.discard(run)
        if error is not None and not run.is_result(error):
            raise ends_process(error) or error  # not the group: the event loop ends only for the error itself
        if run.cut_short is not None:
            me.uncancel()
        if run.cut_short is not None and error is not None:
            self._runs.hand_back(run)
        else:
            self._runs.finish(run, error)
        if not self._accepting and not self.running:
            self._all_ended.set()

    def _adapt(self, waited: float) -> None:
        """The queue ran empty: claim more ahead if its last run started promptly, less if it waited."""
        if waited < _PROMPT_SECONDS:
            self._prefetch_window = min(self._prefetch, max(1, 2 * self._prefetch_window))
        elif waited > _SLOW_SECONDS:
            self._prefetch_window //= 2
        self._offer_room()
