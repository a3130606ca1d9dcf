"""Storms of cancelled calls and of cut connections: no reply goes to another, no task and no connection is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import pytest
import redis

from interval_scheduler import IntervalTask, Scheduler, StorageError
from tests.faults.figures import often, tell
from tests.integration.processes import check_key_space
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

FAR = 4e9
NewServer = Callable[..., RedisServer]


def connections(direct: redis.Redis) -> int:
    """How many connections the server has."""
    return int(direct.info("clients")["connected_clients"])


class Callers:
    """Calls of all kinds, of which each knows what it must get."""

    def __init__(self, scheduler: Scheduler, dice: random.Random) -> None:
        self._scheduler = scheduler
        self._dice = dice
        self.known = [f"known {n}" for n in range(20)]
        self.locks: list[str] = []
        self.wrong: list[str] = []
        self.answered = 0

    async def call(self, number: int) -> None:
        """One call by chance."""
        kinds = (self._look, self._assign, self._remove, self._steer, self._lock, self._count, self._list)
        await self._dice.choice(kinds)(number)
        self.answered += 1

    def _holds(self, what: str, found: bool) -> None:  # noqa: FBT001 - what was found
        if found is not True:
            self.wrong.append(f"{what}: {found!r}")

    def _expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.wrong.append(f"{what}: {found!r} instead of {expected!r}")

    async def _look(self, number: int) -> None:
        task_id = self.known[number % 20]
        self._expect(task_id, await self._scheduler.is_scheduled(task_id), task_id)
        found = await self._scheduler.get_task(f"unknown {number}")
        self._expect(f"unknown {number}", found, None)

    async def _assign(self, number: int) -> None:
        task = IntervalTask(f"new {number}", f"new {number}", start=FAR)
        self._holds(task.id, await self._scheduler.assign_task(task))
        self._expect(task.id, await self._scheduler.is_scheduled(task.id), task.id)
        self._holds(task.id, not await self._scheduler.assign_task(task))

    async def _remove(self, number: int) -> None:
        task_id = f"short-lived {number}"
        await self._scheduler.assign_task(IntervalTask(task_id, start=FAR))
        self._holds(task_id, await self._scheduler.remove_task(task_id))
        self._holds(task_id, not await self._scheduler.remove_task(task_id))

    async def _steer(self, number: int) -> None:
        self._holds("run_task_now", not await self._scheduler.run_task_now(f"unknown {number}"))
        task_id = self.known[number % 20]
        self._holds("resume_task", await self._scheduler.resume_task(task_id))

    async def _lock(self, number: int) -> None:
        name = f"lock {number}"
        self.locks.append(name)
        async with self._scheduler.lock(name, 3600) as lock:
            self._expect(name, lock.name, name)

    async def _count(self, _: int) -> None:
        # This and the next do not go by the batchers, but each by a connection of its own.
        self._holds("task_size", await self._scheduler.task_size() >= len(self.known))

    async def _list(self, number: int) -> None:
        task_id = self.known[number % 20]
        found = [task.data async for task in self._scheduler.tasks(prefix=task_id) if task.id == task_id]
        self._expect(f"tasks like {task_id}", found, [task_id])


async def test_cancel_storm(own_server: NewServer, namespace: str) -> None:
    server, dice = own_server(), random.Random(18)
    wanted, cancelled, number, most = often(500, 10_000), 0, 0, 0
    with server.client() as direct:
        before = connections(direct)
        async with Proxy(server.port) as proxy:
            async with Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
                callers = Callers(scheduler, dice)
                await scheduler.assign_tasks([IntervalTask(name, name, every=60, start=FAR) for name in callers.known])
                proxy.delay = lambda: dice.choice((0, 0.001, 0.003))
                calls: set[asyncio.Task[None]] = set()

                def goes_on() -> bool:
                    """A busy machine answers less between two cancels, so the storm lasts until enough was answered."""
                    return cancelled < wanted or callers.answered <= wanted / 10

                while goes_on() or calls:
                    while goes_on() and len(calls) < 100:
                        calls.add(asyncio.create_task(callers.call(number)))
                        number += 1
                    await asyncio.sleep(dice.choice((0, 0, 0.001)))  # the moments of calls and cancels are drawn
                    for call in dice.sample(sorted(calls, key=id), min(len(calls), dice.randrange(10))):
                        call.cancel()
                    for call in [call for call in calls if call.done()]:
                        calls.discard(call)
                        cancelled += call.cancelled()
                        if not call.cancelled():
                            call.result()
                    most = max(most, connections(direct))
                proxy.delay = lambda: 0.0
                free = await asyncio.gather(*(is_soon_free(scheduler, name) for name in callers.locks))
                held = free.count(False)
                for name in callers.known:
                    await callers.call(int(name.split(" ")[1]) + number)
            with contextlib.suppress(AssertionError):  # the figure tells it
                await until(lambda: connections(direct) == before)
            leaked = connections(direct) - before
        check_key_space(direct, namespace)
    tell(
        18,
        "cancel storm",
        count=f"{cancelled} cancelled awaits",
        expected="wrong replies 0, leaked connections 0, locks held by nobody 0",
        figure=f"wrong replies {len(callers.wrong)} of {callers.answered} calls that were answered, leaked connections "
        f"{leaked} (at most {most - before} at once), locks held by nobody {held}" + "".join(callers.wrong[:3]),
        holds=not callers.wrong and leaked == 0 and held == 0,
    )
    assert callers.answered > wanted / 10, "hardly anything was answered, which tries nothing"


async def is_soon_free(scheduler: Scheduler, name: str) -> bool:
    """Whether a lock whose taking was cancelled can be taken."""

    async def is_free() -> bool:
        lock = await scheduler.try_lock(name)
        return lock is not None and await scheduler.unlock(lock)

    try:
        await until(is_free)
    except AssertionError:  # that is the answer
        return False
    return True


class KillStorm:
    """Kills one connection of a server after the other, of all but its own, and counts those that are made."""

    def __init__(self, direct: redis.Redis, dice: random.Random) -> None:
        self._direct = direct
        self._dice = dice
        self._samples: list[tuple[float, int]] = []
        self.killed: Counter[str] = Counter()

    async def kill(self) -> None:
        """Ten a second."""
        me = self._direct.client_id()
        while True:
            others = [client for client in self._direct.client_list() if int(client["id"]) != me]
            if others:
                victim = self._dice.choice(others)
                self._direct.client_kill_filter(_id=victim["id"])
                self.killed["subscription" if victim["sub"] != "0" else "other"] += 1
            await asyncio.sleep(0.1)  # the rate of the storm: faster, and nothing stays connected long enough to work

    async def count(self) -> None:
        """How many connections were made so far, again and again."""
        while True:
            made = int(self._direct.info("stats")["total_connections_received"])
            self._samples.append((time.monotonic(), made))
            await asyncio.sleep(0.05)  # a sample of what the server has counted

    @property
    def most_in_a_second(self) -> int:
        """How many connections were made within one second at the most."""
        pairs = ((one, other) for one in self._samples for other in self._samples)
        return max(made - before for (when, before), (moment, made) in pairs if when <= moment <= when + 1)


@contextlib.asynccontextmanager
async def beside(work: Awaitable[None]) -> AsyncIterator[None]:
    """Something goes on beside the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def assign_until_it_is_done(scheduler: Scheduler, task: IntervalTask) -> int:
    """Assign a task, again where its outcome is not known: how often in vain."""
    for times in count():
        with contextlib.suppress(StorageError):  # it is tried again, and counted
            await scheduler.assign_task(task)
            return times
        await asyncio.sleep(0.01)  # a caller that tries again soon
    raise AssertionError


async def test_connection_kill_storm(own_server: NewServer, namespace: str) -> None:
    server, dice, seconds, many = own_server(), random.Random(19), often(2, 60), 5
    recorder = Recorder()
    assigned: set[str] = set()
    repeated = 0

    def not_run() -> set[str]:
        return assigned - {run.id for run in recorder.runs}

    with server.client() as direct:
        storm = KillStorm(direct, dice)
        async with contextlib.AsyncExitStack() as stack:
            schedulers = [
                await stack.enter_async_context(
                    Scheduler.from_url(server.url, namespace=namespace, lease_seconds=5, reconnect_interval_seconds=0.1)
                )
                for _ in range(many)
            ]
            for scheduler in schedulers:
                await scheduler.start_task_execute(recorder)
            await stack.enter_async_context(beside(storm.count()))
            end = time.monotonic() + seconds
            async with beside(storm.kill()):
                while time.monotonic() < end:
                    task = IntervalTask(f"t{len(assigned)}")
                    repeated += await assign_until_it_is_done(dice.choice(schedulers), task)
                    assigned.add(task.id)
                    await asyncio.sleep(0.01)  # a load of calls beside the storm
            ended = time.monotonic()
            with contextlib.suppress(AssertionError):  # the figure tells it
                await until(lambda: not not_run(), 60)
            caught_up = time.monotonic() - ended

            async def is_empty() -> bool:
                return await schedulers[0].task_size() == 0

            await until(is_empty, 60)
        check_key_space(direct, namespace)
    tell(
        19,
        "connection kill storm",
        count=f"{storm.killed.total()} connections killed in {seconds} s, {storm.killed['subscription']} of them "
        f"subscriptions, of {many} schedulers",
        expected="lost 0; no more than 10 connections a second for each scheduler",
        figure=f"lost {len(not_run())} of {len(assigned)}, run twice {len(recorder.runs) - len(assigned)}, calls that "
        f"had to be repeated {repeated}; at most {storm.most_in_a_second} connections in a second; caught up "
        f"{caught_up:.2f} s after the storm",
        holds=not not_run() and storm.most_in_a_second <= 10 * many,
    )
