"""Thousands of per-user interval tasks, live, with a scheduler killed in the middle.

    python docs/examples/demo.py [URL] [--tasks N] [--seconds S] [--every S]

Two schedulers, A and B, share the work; half-way the busier one is killed without a goodbye, and C comes. In the end
the demo looks whether each task is still scheduled and ran again after the kill; if not, it exits with 1.

On a Redis server the schedulers are processes of their own, and the kill is SIGKILL. On the embedded engine (memory://,
the default) they live in this process, and the kill cancels everything that it does in the background at once.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable

from demo_schedulers import LEASE_SECONDS, WORK_SECONDS, InProcess, Member, Plan, Run, Worker, work
from demo_screen import Screen, percentiles

from interval_scheduler import ConfigurationError, IntervalTask, Scheduler, StorageError

PATIENCE_SECONDS = 12.0  # how much longer than planned the demo waits for tasks that did not run again yet


class Tally:
    """What ran."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.first_ms = 0
        self.lags: list[float] = []
        self.taken_over = 0
        self.killed_at = float("inf")
        self.ran_again: set[int] = set()
        self._ran: list[set[int]] = [set() for _ in range(plan.tasks)]

    def start_ms(self, number: int) -> int:
        """When a task runs first: spread over the interval."""
        return self.first_ms + round(1000 * self.plan.every * number / self.plan.tasks)

    def add(self, run: Run) -> None:
        """A run ended."""
        self.lags.append(run.lag)
        self.taken_over += run.attempt > 1  # its claim died with the one that was killed
        self._ran[run.number].add((run.due_ms - self.start_ms(run.number)) // round(1000 * self.plan.every))
        if run.started > self.killed_at:
            self.ran_again.add(run.number)

    def never_skipped(self, until_ms: float) -> int:
        """How many tasks ran in each of their intervals up to that moment."""
        every_ms = 1000 * self.plan.every
        return sum(
            ran.issuperset(range(int((until_ms - self.start_ms(number)) // every_ms)))
            for number, ran in enumerate(self._ran)
        )


class Demo:
    """The play."""

    def __init__(self, plan: Plan, screen: Screen, control: Scheduler) -> None:
        self._plan = plan
        self._screen = screen
        self._control = control  # assigns and looks, runs nothing
        self._tally = Tally(plan)
        self._members: list[Member] = []
        self._takeover_told = False

    async def run(self) -> bool:
        """Whether nothing was lost."""
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
        self._summary(seconds, len(still_scheduled), judged_until_ms)
        return len(still_scheduled) == len(tally.ran_again) == plan.tasks

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
        # What is leased for the same run a while later is held by nobody alive.
        before = await self._leased()
        await asyncio.sleep(10 * WORK_SECONDS)  # ten times what a run of somebody alive takes
        held = len(before.items() & (await self._leased()).items())
        self._screen.say(
            f"scheduler {member.name} killed with {held} tasks claimed; their leases end in {LEASE_SECONDS:g} s"
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
                self._screen.say(f"the leases ended; the others took {self._tally.taken_over} tasks over")
            lags = self._tally.lags[seen:]
            running = " ".join(f"{member.name} {member.running}" for member in self._members)
            self._screen.progress(
                [
                    ("scheduled", f"{await self._control.task_size():,}"),
                    ("runs", f"{len(self._tally.lags):,}"),
                    ("in the last second", f"{len(lags):,}"),
                    ("running", running),
                    ("lag p50 / p99 ms", percentiles(lags, 0.5, 0.99)),
                ]
            )

    def _summary(self, seconds: float, still_scheduled: int, judged_until_ms: float) -> None:
        plan, tally = self._plan, self._tally
        runs, of_all = len(tally.lags), f"of {plan.tasks:,}"
        self._screen.summary(
            [
                ("runs", f"{runs:,} in {seconds:.0f} s, {runs / seconds:,.0f} a second"),
                ("lag p50 / p90 / p99 / max", f"{percentiles(tally.lags, 0.5, 0.9, 0.99, 1)} ms"),
                ("taken over", f"{tally.taken_over:,} runs, late by what was left of the lease"),
                (
                    "ran in every interval",
                    f"{tally.never_skipped(judged_until_ms):,} {of_all} tasks; a late run stands for those it missed",
                ),
                ("still scheduled at the end", f"{still_scheduled:,} {of_all} tasks"),
                ("ran again after the kill", f"{len(tally.ran_again):,} {of_all} tasks"),
            ]
        )


async def perform(plan: Plan) -> bool:
    instance = plan.instance
    place = f"Redis at {instance.address}" if instance.memory is None else "the embedded engine, no server"
    async with plan.scheduler() as control:
        try:
            with Screen() as screen:
                screen.say(f"{plan.tasks:,} tasks on {place}")
                nothing_lost = await Demo(plan, screen, control).run()
        finally:
            await control.clear_all_tasks()
    print("\nNothing was lost." if nothing_lost else "\nTasks were lost, or did not run again in time.")
    return nothing_lost


def main() -> int:
    parser = argparse.ArgumentParser(description="Interval tasks live, with a scheduler killed in the middle.")
    parser.add_argument("url", nargs="?", default="memory://demo", help="redis://..., default: the embedded engine")
    parser.add_argument("--tasks", type=int, default=10_000, help="how many, default 10000")
    parser.add_argument("--seconds", type=float, default=20, help="how long they run, default 20")
    parser.add_argument("--every", type=float, help="the interval in seconds, default 2; embedded: 4")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.tasks < 1 or args.seconds <= 0:
        parser.error("--tasks and --seconds must be above 0")
    # A quarter of what the embedded engine manages on a fast machine.
    every = args.every or (4.0 if args.url.startswith("memory:") else 2.0)
    plan = Plan(args.url, args.tasks, args.seconds, every)
    # The demo itself tells of a kill and of its effects.
    logging.getLogger("interval_scheduler").setLevel(logging.CRITICAL)
    try:
        instance = plan.instance
        if args.worker:
            asyncio.run(work(plan))
            return 0
        return 0 if asyncio.run(perform(plan)) else 1
    except ConfigurationError as error:
        parser.error(str(error))
    except StorageError as error:
        print(f"{instance.address} cannot be used: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
