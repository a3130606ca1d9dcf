"""Calls that begin and end things, cancelled half-way at every point: closing again works, and nothing is left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import count
from typing import Any

import anyio
import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, Scheduler, current_run
from tests.faults.figures import often
from tests.faults.interrupting import interrupt, interrupt_after
from tests.integration.processes import check_key_space
from tests.leaks import leases_left
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

LEASE_SECONDS = 0.2


class Scene:
    """Schedulers one after the other on one namespace, each with runs in progress, and what was run in all."""

    def __init__(self, url: str, namespace: str) -> None:
        self.namespace = namespace
        self.assigned: set[str] = set()
        self.ended: Counter[str] = Counter()
        self.active = 0
        #: What is left is run without ado.
        self.is_over = False
        self._url = url
        self._numbers = count()

    async def executor(self, task_id: str) -> None:
        """Takes its time, according to the id."""
        assert task_id == current_run().id
        self.active += 1
        try:
            if not self.is_over:
                # The run takes so long.
                await asyncio.sleep({"quick": 0, "short": 0.002, "long": 0.2}[task_id.partition(" ")[0]])
        finally:
            self.active -= 1
        self.ended[task_id] += 1

    async def fresh(self) -> Scheduler:
        """A scheduler that is not connected."""
        return Scheduler.from_url(
            self._url,
            namespace=self.namespace,
            concurrency=4,
            drain_seconds=0.02,
            lease_seconds=LEASE_SECONDS,
            check_tasks_every_seconds=0.2,
            max_crashes=100_000,  # a drain that is cut short leaves tasks to their leases, which counts as a crash
        )

    async def connected(self) -> Scheduler:
        """A scheduler with tasks that are due."""
        scheduler = await self.fresh()
        await scheduler.start_task_accept()
        ids = [f"{kind} {next(self._numbers)}" for kind in ("quick", "short", "long") for _ in range(4)]
        self.assigned |= set(ids)
        await scheduler.assign_tasks([IntervalTask(task_id, task_id) for task_id in ids])
        return scheduler

    async def executing(self) -> Scheduler:
        """A scheduler with runs in progress."""
        scheduler = await self.connected()
        await scheduler.start_task_execute(self.executor)
        await until(lambda: self.active)
        return scheduler

    async def use(self, scheduler: Scheduler) -> None:
        """All of its life in one block."""
        async with scheduler:
            task_id = f"short {next(self._numbers)}"
            await scheduler.assign_task(IntervalTask(task_id, task_id))
            await scheduler.start_task_execute(self.executor)
            await until(lambda: self.ended[task_id])


#: What is interrupted: how the scheduler is got ready, and the call.
CALLS: dict[str, tuple[Callable[[Scene], Any], Callable[[Scene, Scheduler], Coroutine[Any, Any, None]]]] = {
    "connect": (Scene.fresh, lambda _, scheduler: scheduler.connect()),
    "start_task_accept": (Scene.fresh, lambda _, scheduler: scheduler.start_task_accept()),
    "start_task_execute": (Scene.fresh, lambda scene, scheduler: scheduler.start_task_execute(scene.executor)),
    "start again": (Scene.connected, lambda scene, scheduler: scheduler.start_task_execute(scene.executor)),
    "stop_task_execute": (Scene.executing, lambda _, scheduler: scheduler.stop_task_execute()),
    "close": (Scene.executing, lambda _, scheduler: scheduler.close()),
    "a block": (Scene.fresh, Scene.use),
}
every_call = pytest.mark.parametrize("name", CALLS)


@pytest_asyncio.fixture
async def scene(url: str, namespace: str, redis_server: RedisServer) -> AsyncIterator[Scene]:
    """A scene; in the end all that was assigned must have run, and nothing be left in Redis."""
    made = Scene(url, namespace)
    yield made
    made.is_over = True
    heir = await made.fresh()
    async with heir:
        await heir.start_task_execute(made.executor)
        await until(lambda: made.ended.keys() >= made.assigned, 60)

        async def empty() -> bool:
            return await heir.task_size() == 0

        await until(empty)
    assert await leases_left(heir) == {}
    with redis_server.client() as client:
        check_key_space(client, namespace)


async def close_again(scheduler: Scheduler, before: set[asyncio.Task[Any]]) -> None:
    """After a call that was cut short: closing works and leaves nothing behind; then the scheduler is as new."""
    async with asyncio.timeout(60):
        await scheduler.close()
        assert (scheduler.online, scheduler.executing_tasks, scheduler.accepting_tasks) == (False, False, False)
        assert asyncio.all_tasks() == before, "closed, and something is still going on"
        async with scheduler:
            assert scheduler.online
            assert await scheduler.is_scheduled("nobody") is None
        assert asyncio.all_tasks() == before


@every_call
@pytest.mark.parametrize("persistently", [False, True], ids=["once", "persistently"])
async def test_wherever_it_waits(scene: Scene, name: str, persistently: bool) -> None:  # noqa: FBT001 - a parameter
    prepare, call = CALLS[name]
    before = asyncio.all_tasks()
    for at in count():
        scheduler = await prepare(scene)
        reached = await interrupt(call(scene, scheduler), at, persistently=persistently)
        await close_again(scheduler, before)
        if not reached:
            break
    assert at > 0 or name == "start again", "it waits nowhere, which tries nothing"


@every_call
async def test_after_any_number_of_rounds_of_the_event_loop(scene: Scene, name: str) -> None:
    prepare, call = CALLS[name]
    before = asyncio.all_tasks()
    rounds, reached = 0, True
    while reached:
        scheduler = await prepare(scene)
        reached = await interrupt_after(call(scene, scheduler), rounds)
        await close_again(scheduler, before)
        rounds = max(rounds + 1, rounds * often(800, 110) // 100)


async def test_connecting_after_a_close_that_was_cut_short(scene: Scene) -> None:
    """What still ends in the background does not take the new connection with it."""
    began = asyncio.Event()

    async def slow_to_end(_: str) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)  # work that goes on after a cancel

    before = asyncio.all_tasks()
    for at in count():
        scheduler = await scene.connected()
        await scheduler.start_task_execute(slow_to_end)
        await began.wait()
        began.clear()
        old = asyncio.all_tasks() - before
        reached = await interrupt(scheduler.close(), at, persistently=True)
        async with asyncio.timeout(60):
            await scheduler.start_task_accept()
            assert [task for task in old if not task.done()] == [], "connecting waits for what still ends"
            await asyncio.wait(old)
            assert scheduler.online
            assert await scheduler.is_scheduled("nobody") is None
            await scheduler.close()
        if not reached:
            break


@pytest.mark.parametrize("persistently", [False, True], ids=["once", "persistently"])
async def test_a_holder_releases(redis_server: RedisServer, namespace: str, persistently: bool) -> None:  # noqa: FBT001
    """Also while the release waits for its turn, which on a slow network takes a while."""
    async with Proxy(redis_server.port) as proxy, Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:

        async def keep_busy() -> None:
            while True:
                await scheduler.try_lock("another")

        async def hold() -> None:
            async with scheduler.lock("name", 3600):
                await asyncio.sleep(0.001)  # the lock is held for so long

        async def is_free() -> bool:
            lock = await scheduler.try_lock("name")
            return lock is not None and await scheduler.unlock(lock)

        proxy.delay = lambda: 0.003
        busy = asyncio.create_task(keep_busy())
        for at in count():
            reached = await interrupt(hold(), at, persistently=persistently)
            await until(is_free)
            if not reached:
                break
        busy.cancel()
        await asyncio.wait([busy])
