"""The order of one scheduler's calls: whatever is in doubt took effect before every later call, or never does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, OutcomeUnknown, PartitionOffline, Scheduler
from interval_scheduler.storage.scripts import loader as scripts
from tests.integration.hinting import Trio, back, gone
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000
#: The scripts of the changes, as they are called.
CHANGES = [script.sha.encode() for script in (scripts.ASSIGN, scripts.REMOVE, scripts.CONTROL, scripts.CLEAR)]
Call = Callable[[Scheduler], Awaitable[Any]]


def assign(data: str) -> Call:
    return lambda scheduler: scheduler.assign_task(IntervalTask("x", data, every=3600, start=FAR))


def remove(scheduler: Scheduler) -> Awaitable[Any]:
    return scheduler.remove_task("x")


def clear(scheduler: Scheduler) -> Awaitable[Any]:
    return scheduler.clear_all_tasks()


def pause(scheduler: Scheduler) -> Awaitable[Any]:
    return scheduler.pause_task("x")


def resume(scheduler: Scheduler) -> Awaitable[Any]:
    return scheduler.resume_task("x")


async def state(scheduler: Scheduler) -> tuple[str, str] | None:
    """The data of the task and its state."""
    task = await scheduler.get_task("x")
    return None if task is None else (str(task.data), task.state)


#: What was before, the call in doubt, the call after it, and the end.
ORDERS: dict[str, tuple[Call, Call, Call, tuple[str, str] | None]] = {
    "remove, assign": (assign("old"), remove, assign("new"), ("new", "waiting")),
    "assign, remove": (remove, assign("late"), remove, None),
    "assign, assign": (remove, assign("late"), assign("new"), ("new", "waiting")),
    "clear, assign": (assign("old"), clear, assign("new"), ("new", "waiting")),
    "assign, clear": (remove, assign("late"), clear, None),
    "pause, resume": (assign("old"), pause, resume, ("old", "waiting")),
    "resume, pause": (assign("old"), resume, pause, ("old", "paused")),
    "remove, pause": (assign("old"), remove, pause, ("old", "paused")),
}
every_order = pytest.mark.parametrize(("before", "first", "later", "end"), ORDERS.values(), ids=ORDERS)


async def acknowledged(scheduler: Scheduler, call: Call) -> Any:
    """The result of a call, made again until there is one."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await call(scheduler)
            except (OutcomeUnknown, PartitionOffline):
                await asyncio.sleep(0.01)  # nothing tells that a call would pass by now


def outdated(server: RedisServer) -> int:
    """How many requests the server has refused because a later one of their session was carried out."""
    with server.client() as client:
        return int(client.info("errorstats").get("errorstat_OUTDATED", {}).get("count", 0))


async def cut_short(scheduler: Scheduler, call: Call, is_sent: Callable[[], bool], *, gives_up: bool) -> None:
    """Make a call that gets no answer; its caller may give up once it was sent."""
    calling = asyncio.ensure_future(call(scheduler))
    await until(is_sent)
    if gives_up:
        calling.cancel()
    with pytest.raises((asyncio.CancelledError, OutcomeUnknown)):  # its outcome is not known, which is the point
        await calling


@pytest_asyncio.fixture
async def behind(redis_server: RedisServer, namespace: str) -> AsyncIterator[tuple[Scheduler, Proxy]]:
    """A scheduler that reaches its server through a proxy, and sends nothing but what is asked of it."""
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(
            proxy.url,
            namespace=namespace,
            operation_timeout_seconds=0.6,
            reconnect_interval_seconds=0.05,
            statistics=False,
        ) as scheduler,
    ):
        yield scheduler, proxy


@pytest.mark.parametrize("gives_up", [False, True], ids=["in doubt", "given up"])
@every_order
async def test_a_late_copy_changes_nothing(
    behind: tuple[Scheduler, Proxy],
    redis_server: RedisServer,
    before: Call,
    first: Call,
    later: Call,
    end: tuple[str, str] | None,
    gives_up: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The bytes of a call that ended in doubt arrive after a later call was acknowledged."""
    scheduler, proxy = behind
    for call in (before, first, before):  # the first call loads its script: a copy could not do that
        await acknowledged(scheduler, call)
    passing = proxy.hold_open(*CHANGES)
    await cut_short(scheduler, first, lambda: proxy.held > 0, gives_up=gives_up)
    await acknowledged(scheduler, later)
    assert proxy.held > 0, "the copy is still on its way"
    before_copy = outdated(redis_server)
    passing.set()
    await until(lambda: outdated(redis_server) > before_copy)
    assert await acknowledged(scheduler, state) == end


@every_order
async def test_a_call_that_its_caller_gave_up_is_not_sent_again_after_the_next(
    redis_server: RedisServer,
    namespace: str,
    before: Call,
    first: Call,
    later: Call,
    end: tuple[str, str] | None,
) -> None:
    """Redis stands still, a caller gives up, and the connection of its call is cut: then the next call is made."""
    async with Scheduler.from_url(
        redis_server.url,
        namespace=namespace,
        operation_timeout_seconds=20,
        reconnect_interval_seconds=0.05,
        statistics=False,
    ) as scheduler:
        await before(scheduler)
        with redis_server.client() as client:

            def is_sent() -> bool:
                return any("b" in about["flags"] and "eval" in about["cmd"] for about in client.client_list())

            client.execute_command("CLIENT PAUSE", 60_000, "WRITE")
            try:
                await cut_short(scheduler, first, is_sent, gives_up=True)
                for about in client.client_list():
                    if about["cmd"].startswith("eval"):
                        client.client_kill_filter(_id=about["id"])
                calling = asyncio.ensure_future(acknowledged(scheduler, later))
                await until(is_sent)
            finally:
                client.execute_command("CLIENT UNPAUSE")
            await calling
        assert await state(scheduler) == end


def last_hint(trio: Trio) -> int:
    """The number of the last hint that the master kept."""
    with trio.servers[0].client() as client:
        return int(client.get(f"{{{trio.namespace}:p0}}:fence") or 0)


async def hinting(trio: Trio, proxies: tuple[Proxy | None, Proxy | None, Proxy | None]) -> tuple[Scheduler, str]:
    """A scheduler that keeps hints, and the id of a task that belongs to the partition that goes away."""
    scheduler = await trio.scheduler(proxies, operation_timeout_seconds=4, statistics=False)
    return scheduler, trio.some("x", 1)[0]


@pytest.mark.parametrize("first", ["assign", "remove"])
async def test_an_applied_hint_outdates_what_was_in_doubt(
    own_server: Callable[..., RedisServer], namespace: str, first: str
) -> None:
    """A call is in doubt at a partition, the next one becomes a hint, and the copy arrives after the hint."""
    async with Trio(own_server, namespace) as trio, Proxy(trio.lost.port) as proxy:
        scheduler, task_id = await hinting(trio, (None, None, proxy))

        def assign_it(data: str) -> Call:
            return lambda scheduler: scheduler.assign_task(IntervalTask(task_id, data, every=3600, start=FAR))

        def remove_it(scheduler: Scheduler) -> Awaitable[Any]:
            return scheduler.remove_task(task_id)

        await assign_it("old")(scheduler)
        await remove_it(scheduler)
        calls: tuple[Call, Call] = (assign_it("late"), remove_it)
        if first == "remove":
            await assign_it("old")(scheduler)
            calls = remove_it, assign_it("new")
        passing = proxy.hold_open(*CHANGES)
        proxy.refusing = True
        await cut_short(scheduler, calls[0], lambda: proxy.held > 0, gives_up=True)
        await gone(scheduler)
        await acknowledged(scheduler, calls[1])
        assert trio.waiting() > 0, "it became a hint"
        proxy.refusing = False
        await back(scheduler)
        await until(lambda: trio.waiting() == 0)
        refused = outdated(trio.lost)
        passing.set()
        await until(lambda: outdated(trio.lost) > refused)
        assert await scheduler.is_scheduled(task_id) == (None if first == "assign" else "new")


async def test_a_hint_that_comes_late_is_left_out(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """A hint is in doubt at the master, and the next call is acknowledged at the partition before the hint arrives."""
    async with (
        Trio(own_server, namespace) as trio,
        Proxy(trio.servers[0].port) as master,
        Proxy(trio.lost.port) as there,
    ):
        scheduler, task_id = await hinting(trio, (master, None, there))
        other = trio.some("y", 1)[0]
        there.refusing = True
        there.cut()
        await gone(scheduler)
        await scheduler.remove_task(other)  # loads the script
        passing = master.hold_open(scripts.HINT.sha.encode())
        await cut_short(
            scheduler,
            lambda it: it.assign_task(IntervalTask(task_id, "late", start=FAR)),
            lambda: master.held > 0,
            gives_up=True,
        )
        there.refusing = False
        await back(scheduler)
        assert await acknowledged(scheduler, lambda it: it.assign_task(IntervalTask(task_id, "new", start=FAR))) is True
        assert master.held > 0, "the hint is still on its way"
        counted = last_hint(trio)
        passing.set()
        await until(lambda: last_hint(trio) > counted)
        await until(lambda: trio.waiting() == 0)
        assert await scheduler.is_scheduled(task_id) == "new"


@pytest.mark.parametrize("was_carried_out", [True, False])
async def test_a_repetition_without_those_who_gave_up(
    redis_server: RedisServer, namespace: str, *, was_carried_out: bool
) -> None:
    """A batch is in doubt, and some of its callers give up: each of the others has its own result."""
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(
            proxy.url, namespace=namespace, operation_timeout_seconds=30, reconnect_interval_seconds=0.05
        ) as scheduler,
    ):
        await scheduler.assign_tasks([IntervalTask(f"t{n}", "old", start=FAR) for n in range(0, 6, 2)])
        calls = [
            asyncio.ensure_future(scheduler.assign_task(IntervalTask(f"t{n}", "new", start=FAR))) for n in range(6)
        ]
        proxy.refusing = True
        if was_carried_out:
            proxy.drop_next(scripts.ASSIGN.sha.encode())
        else:
            proxy.hold_open(scripts.ASSIGN.sha.encode())
            await until(lambda: proxy.held > 0)
            proxy.cut()
        await until(lambda: not scheduler.online)
        for call in calls[:4]:
            call.cancel()
        proxy.refusing = False
        assert await asyncio.gather(*calls[4:]) == [False, True]
        data = [await scheduler.is_scheduled(f"t{n}") for n in range(6)]
        expected = ["new"] * 6 if was_carried_out else ["old", None, "old", None, "new", "new"]
        assert data == expected


@pytest.mark.parametrize("seed", range(5))
async def test_calls_that_nobody_waits_for_in_between_keep_their_order(
    redis_server: RedisServer, namespace: str, seed: int
) -> None:
    """Many calls on few ids at once, while replies are lost: the last one on each id decides."""
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(
            proxy.url, namespace=namespace, operation_timeout_seconds=20, reconnect_interval_seconds=0.05
        ) as scheduler,
    ):
        await _call_many(scheduler, proxy, random.Random(seed))


async def _call_many(scheduler: Scheduler, proxy: Proxy, chosen: random.Random) -> None:
    latest: dict[str, str | None] = {}
    calls: list[asyncio.Future[Any]] = []
    for number in range(600):
        task_id = f"t{chosen.randrange(8)}"
        if chosen.random() < 0.5:
            latest[task_id] = None
            calls.append(asyncio.ensure_future(scheduler.remove_task(task_id)))
        else:
            latest[task_id] = f"data{number}"
            task = IntervalTask(task_id, latest[task_id] or "", every=3600, start=FAR)
            calls.append(asyncio.ensure_future(scheduler.assign_task(task)))
        if number % 50 == 0:
            await asyncio.sleep(0)  # lets the calls begin, and some batches be sent
        if number % 200 == 199:
            proxy.drop_next(b"EVALSHA")
    await asyncio.gather(*calls)
    left = {task_id: data for task_id, data in latest.items() if data is not None}
    assert {task.id: task.data async for task in scheduler.tasks()} == left


@pytest.mark.parametrize("later", ["pause", "remove"])
@pytest.mark.parametrize("cron", [None, "0 4 * * *"])
async def test_a_resume_is_not_overtaken(
    redis_server: RedisServer, namespace: str, later: str, cron: str | None
) -> None:
    """Its look at the record belongs to its turn."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        for n in range(10):
            await scheduler.assign_task(IntervalTask("x", every=None if cron else 60, cron=cron, start=FAR))
            await scheduler.pause_task("x")
            second = scheduler.pause_task("x") if later == "pause" else scheduler.remove_task("x")
            assert list(await asyncio.gather(scheduler.resume_task("x"), second)) == [True, True], n
            task = await scheduler.get_task("x")
            assert (None if task is None else task.state) == ("paused" if later == "pause" else None)


async def test_what_concerns_all_tasks_comes_before_later_calls_on_every_partition(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    servers = [own_server() for _ in range(3)]
    async with Scheduler.from_url(*(server.url for server in servers), namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"old{n}", start=FAR) for n in range(60)])
        new = [scheduler.assign_task(IntervalTask(f"new{n}", start=FAR)) for n in range(60)]
        cleared, *assigned = await asyncio.gather(scheduler.clear_all_tasks(), *new)
        assert (cleared, assigned) == (60, [True] * 60)
        assert await scheduler.task_size() == 60
        await asyncio.gather(scheduler.pause(), scheduler.resume())
        ran = Recorder()
        await scheduler.start_task_execute(ran)
        await scheduler.assign_tasks([IntervalTask(f"now{n}") for n in range(30)])
        await ran.ran(30)
