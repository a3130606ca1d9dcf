"""The play: tasks are assigned, a scheduler is killed, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ... import IntervalTask, Scheduler
from .schedulers import LEASE_SECONDS, WORK_SECONDS, InProcess, Member, Plan, Run, Worker
from .screen import Screen, percentiles

#: The demo waits so much longer than planned for tasks that did not run again yet.
PATIENCE_SECONDS: Final = 12.0


@dataclass(frozen=True)
class Summary:
    """The outcome.

    Attributes:
        tasks: the number of tasks.
        seconds: the seconds for which they ran.
        runs: the number of runs.
        lags: how late each was, in seconds.
        taken_over: the number of runs whose claim died with the scheduler that was killed.
        in_every_interval: the number of tasks that ran in each of their intervals.
        still_scheduled: the number of tasks that are scheduled at the end.
        ran_again: the number of tasks that ran after the kill.
    """

    tasks: int
    seconds: float
    runs: int
    lags: list[float]
    taken_over: int
    in_every_interval: int
    still_scheduled: int
    ran_again: int

    @property
    def nothing_lost(self) -> bool:
        """Whether all tasks are still scheduled, and all ran again."""
        return self.still_scheduled == self.ran_again == self.tasks

    def rows(self) -> dict[str, str]:
        """Tell it in words."""
        of_all = f"of {self.tasks:,}"
        return {
            "runs": f"{self.runs:,} in {self.seconds:.0f} s, {self.runs / self.seconds:,.0f} a second",
            "lag p50 / p90 / p99 / max": f"{percentiles(self.lags, 0.5, 0.9, 0.99, 1)} ms",
            "taken over": f"{self.taken_over:,} runs, late by the rest of the lease",
            "ran in every interval": f"{self.in_every_interval:,} {of_all} tasks; late runs count",
            "still scheduled at the end": f"{self.still_scheduled:,} {of_all} tasks",
            "ran again after the kill": f"{self.ran_again:,} {of_all} tasks",
        }


class Tally:
    """The runs so far.

    Args:
        plan: the plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.first_ms = 0
        self.lags: list[float] = []
        self.taken_over = 0
        self.killed_at = float("inf")
        self.ran_again: set[int] = set()
        self._ran: list[set[int]] = [set() for _ in range(plan.tasks)]

    def start_ms(self, number: int) -> int:
        """Return when a task runs first, in ms: they are spread over the interval."""
        return self.first_ms + round(1000 * self.plan.every * number / self.plan.tasks)

    def add(self, run: Run) -> None:
        """Count a run that ended."""
        self.lags.append(run.lag)
        self.taken_over += run.attempt > 1  # its claim died with the one that was killed
        self._ran[run.number].add((run.due_ms - self.start_ms(run.number)) // round(1000 * self.plan.every))
        if run.started > self.killed_at:
            self.ran_again.add(run.number)

    def never_skipped(self, until_ms: float) -> int:
        """Count the tasks that ran in each of their intervals up to a moment, in ms."""
        every_ms = 1000 * self.plan.every
        return sum(
            ran.issuperset(range(int((until_ms - self.start_ms(number)) // every_ms)))
            for number, ran in enumerate(self._ran)
        )


class Demo:
    """The play.

    Args:
        plan: the plan.
        screen: where it is told.
        control: a scheduler that assigns and looks, and runs nothing.
    """

    def __init__(self, plan: Plan, screen: Screen, control: Scheduler) -> None:
        self._plan = plan
        self._screen = screen
        self._control = control
        self._tally = Tally(plan)
        self._members: list[Member] = []
        self._takeover_told = False

    async def run(self) -> Summary:
        """Play it to its end."""
        plan, tally, say = self._plan, self._tally, self._screen.say
        await self._control.clear_all_tasks()
        try:
            await self._enter("A")
            await self._enter("B")
            await self._assign()
            began_at = time.monotonic()
            end_at = began_at + plan.seconds
            await self._watch(lambda: time.monotonic() >= began_at + plan.seconds / 2)
            await self._kill_busiest()
            await self._enter("C")
            # On a slow machine a little longer: what counts is whether all come again.
            await self._watch(lambda: time.monotonic() >= end_at and len(tally.ran_again) == plan.tasks, end_at)
            # An interval that ended just now may have its run still under way.
            judged_until_ms = 1000 * (time.time() - 1)
            seconds = time.monotonic() - began_at
        finally:
            for member in self._members:
                await member.stop()
        say("the schedulers stopped; looking for each task")
        still_scheduled = {task.data async for task in self._control.tasks()}.intersection(map(str, range(plan.tasks)))
        return Summary(
            tasks=plan.tasks,
            seconds=seconds,
            runs=len(tally.lags),
            lags=tally.lags,
            taken_over=tally.taken_over,
            in_every_interval=tally.never_skipped(judged_until_ms),
            still_scheduled=len(still_scheduled),
            ran_again=len(tally.ran_again),
        )

    async def _enter(self, name: str) -> None:
        kind = Worker if self._plan.instance.memory is None else InProcess
        member: Member = kind(name, self._plan, self._tally.add)
        await member.start()
        self._members.append(member)
        self._screen.say(f"scheduler {name} started")

    async def _assign(self) -> None:
        plan, tally = self._plan, self._tally
        began_at = time.monotonic()
        tally.first_ms = round(1000 * (time.time() + 1))
        counts = await self._control.assign_tasks(
            IntervalTask(f"user:{number}", str(number), every=plan.every, start=tally.start_ms(number) / 1000)
            for number in range(plan.tasks)
        )
        seconds = time.monotonic() - began_at
        self._screen.say(f"assigned {counts.assigned:,} tasks in {seconds:.2f} s, each to run every {plan.every:g} s")

    async def _kill_busiest(self) -> None:
        member = max(self._members, key=lambda member: member.running)
        self._members.remove(member)
        await member.kill()
        self._tally.killed_at = time.time()
        before = await self._leased()
        await asyncio.sleep(
            10 * WORK_SECONDS
        )  # runs of those alive take a tenth: what is held still was the dead one's
        held = len(before.items() & (await self._leased()).items())
        self._screen.say(
            f"scheduler {member.name} killed with {held:,} tasks claimed; their leases end in {LEASE_SECONDS:g} s"
        )

    async def _leased(self) -> dict[str, float]:
        leased = {}
        async for task in self._control.tasks():
            if task.state != "leased":  # they come first; the others move while one reads
                break
            leased[task.id] = task.next_run
        return leased

    async def _watch(self, is_over: Callable[[], bool], end_at: float = float("inf")) -> None:
        """Show what goes on, each second, until it is over or takes too long."""
        while not is_over() and time.monotonic() < end_at + PATIENCE_SECONDS:
            seen = len(self._tally.lags)
            await asyncio.sleep(min(1, self._plan.seconds / 2))
            if self._tally.taken_over and not self._takeover_told:
                self._takeover_told = True
                self._screen.say(f"the leases ended; so far {self._tally.taken_over:,} runs are taken over")
            lags = self._tally.lags[seen:]
            running = " ".join(f"{member.name} {member.running}" for member in self._members)
            self._screen.progress(
                [
                    ("tasks", f"{await self._control.task_size():,}"),
                    ("runs/s", f"{len(lags):,}"),
                    ("running", running),
                    ("lag p99", f"{percentiles(lags, 0.99)} ms"),
                ]
            )


async def perform(plan: Plan, screen: Screen) -> Summary:
    """Play it, and leave no task behind.

    Raises:
        StorageError: the server cannot be used.
    """
    instance = plan.instance
    place = f"Redis at {instance.address}"
    if instance.folder is not None:
        place = "a server in a folder (local://)"
    elif instance.memory is not None:
        place = "the embedded engine, no server"
    async with plan.scheduler() as control:
        try:
            with screen:
                screen.say(f"{plan.tasks:,} tasks on {place}")
                return await Demo(plan, screen, control).run()
        finally:
            await control.clear_all_tasks()
