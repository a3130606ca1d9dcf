"""Looking: counts, listing in due order, clearing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, InvalidValue, Scheduler
from tests.servers import RedisServer
from tests.waiting import Recorder

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
START = 4_000_000_000


async def test_sizes(scheduler: Scheduler) -> None:
    assert (await scheduler.task_size(), await scheduler.queue_size()) == (0, 0)
    await scheduler.assign_tasks([IntervalTask(f"later{n}", start=START) for n in range(3)])
    await scheduler.assign_tasks([IntervalTask(f"now{n}") for n in range(2)])
    assert (await scheduler.task_size(), await scheduler.queue_size()) == (5, 2)


async def test_tasks_are_listed_in_due_order_page_by_page(scheduler: Scheduler) -> None:
    many = [IntervalTask(f"t{n:04}", start=START + n // 700) for n in reversed(range(1600))]
    await scheduler.assign_tasks(many)
    listed = [task async for task in scheduler.tasks()]
    assert [task.id for task in listed] == sorted(task.id for task in many)
    assert [task.next_run for task in listed] == sorted(task.next_run for task in listed)


async def test_listing_by_prefix_and_state(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_tasks(
        [IntervalTask("a:1"), IntervalTask("a:2", start=START), IntervalTask("b:1", start=START)]
    )
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert [task.id async for task in scheduler.tasks()] == ["a:1", "a:2", "b:1"]
    assert [task.id async for task in scheduler.tasks(state="leased")] == ["a:1"]
    assert [task.id async for task in scheduler.tasks(state="waiting", prefix="a:")] == ["a:2"]
    with pytest.raises(InvalidValue, match="state"):
        _ = [task async for task in scheduler.tasks(state="done")]  # type: ignore[arg-type]
    recorder.gate.set()


async def test_the_list_of_a_live_schedule_ends(scheduler: Scheduler) -> None:
    """A reader slower than the schedule meets the tasks that ran meanwhile at their later places."""

    async def executor(data: str) -> None:
        pass

    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(200)])
    await scheduler.assign_task(IntervalTask("last", start=START))
    await scheduler.start_task_execute(executor)
    listed: list[str] = []
    async with asyncio.timeout(60):
        async for task in scheduler.tasks():
            listed.append(task.id)
            await asyncio.sleep(0.002)  # a slow reader: tasks move meanwhile
    assert len(listed) <= 2 * 201 + 2 * 250


async def test_an_unknown_id(scheduler: Scheduler) -> None:
    assert await scheduler.get_task("nobody") is None
    assert await scheduler.is_scheduled("nobody") is None
    assert await scheduler.remove_task("nobody") is False


async def test_clearing_touches_this_namespace_only(make_scheduler: MakeScheduler, namespace: str) -> None:
    mine, other = await make_scheduler(), await make_scheduler(namespace=f"{namespace}-other")
    await mine.assign_tasks([IntervalTask(f"t{n}", start=START) for n in range(1200)])
    await other.assign_task(IntervalTask("t1", "kept", start=START))
    assert await mine.clear_all_tasks() == 1200
    assert await mine.task_size() == 0
    assert await other.is_scheduled("t1") == "kept"
    assert await mine.clear_all_tasks() == 0


async def test_clearing_while_running(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.assign_task(IntervalTask("a", every=0.01))
    await scheduler.start_task_execute(recorder)
    await recorder.ran(1)
    assert await scheduler.clear_all_tasks() == 1
    recorder.gate.set()
    await scheduler.stop_task_execute()
    assert (await scheduler.task_size(), len(recorder.runs)) == (0, 1)


async def test_tasks_over_three_partitions(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    urls = [server.url_of(db) for db in range(3)]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        many = [IntervalTask(f"t{n:03}", start=START + n) for n in range(300)]
        await scheduler.assign_tasks(many)
        listed = [task async for task in scheduler.tasks()]
        assert [task.id for task in listed] == [task.id for task in many]
        assert {task.partition for task in listed} == {f"127.0.0.1:{server.port}/{db}" for db in range(3)}
        for db in range(3):
            with server.client(db) as client:
                assert 60 < client.zcard(f"{{{namespace}:127.0.0.1:{server.port}/{db}}}:due") < 140
        assert await scheduler.task_size() == 300
        recorder = Recorder()
        await scheduler.assign_tasks([IntervalTask(f"t{n:03}") for n in range(300)], reschedule="start")
        await scheduler.start_task_execute(recorder)
        await recorder.ran(300)
        assert len({run.id for run in recorder.runs}) == 300
        await scheduler.stop_task_execute()
        assert await scheduler.clear_all_tasks() == 0
