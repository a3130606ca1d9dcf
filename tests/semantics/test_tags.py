"""Hash tags, and all calls on the tasks with a prefix: those are found, and nobody else's are touched."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import (
    IntervalTask,
    InvalidType,
    InvalidValue,
    NotConnected,
    Scheduler,
    SchedulerError,
    SyncCounts,
    TooManyRemovals,
)
from interval_scheduler.storage import prefixes
from interval_scheduler.storage.scripts import loader as scripts
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
FAR = 4_000_000_000
OTHERS = [f"tenant-7:{n}" for n in range(3)] + ["{tenant-77}:1", "{tenant-7", "x{tenant-8}", "{}tenant-7"]


def mine(count: int = 5) -> list[str]:
    return [f"{{tenant-7}}:{n:04}" for n in range(count)]


async def assign(scheduler: Scheduler, ids: list[str], **more: Any) -> None:
    await scheduler.assign_tasks(
        [IntervalTask(task_id, task_id, start=FAR + n, **more) for n, task_id in enumerate(ids)]
    )


async def listed(scheduler: Scheduler, prefix: str, **more: Any) -> list[str]:
    return [task.id async for task in scheduler.tasks(prefix=prefix, **more)]


async def states(scheduler: Scheduler) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    async for task in scheduler.tasks():
        found.setdefault(task.state, set()).add(task.id)
    return found


@pytest.mark.parametrize("prefix", ["{tenant-7}", "{tenant-7}:", "{tenant-7}:00"])
async def test_all_calls_on_a_tag(scheduler: Scheduler, prefix: str) -> None:
    await assign(scheduler, [*mine(), *OTHERS])
    assert await scheduler.count_tasks(prefix=prefix) == 5
    assert await listed(scheduler, prefix) == mine()
    assert await scheduler.pause_tasks(prefix=prefix) == 5
    assert await states(scheduler) == {"paused": set(mine()), "waiting": set(OTHERS)}
    assert await scheduler.pause_tasks(prefix=prefix) == 5, "again is no harm"
    assert await scheduler.resume_tasks(prefix=prefix) == 5
    assert await states(scheduler) == {"waiting": {*mine(), *OTHERS}}
    assert await scheduler.clear_tasks(prefix=prefix) == 5
    assert await states(scheduler) == {"waiting": set(OTHERS)}
    assert await scheduler.clear_tasks(prefix=prefix) == 0
    assert await scheduler.count_tasks(prefix=prefix) == 0
    assert (await scheduler.audit()).ok


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("tenant-7:", {"tenant-7:0", "tenant-7:1", "tenant-7:2"}),
        ("{tenant-7", {*mine(), "{tenant-77}:1", "{tenant-7"}),
        ("x{tenant-8", {"x{tenant-8}"}),
        ("x{tenant-8}", {"x{tenant-8}"}),
        ("{}", {"{}tenant-7"}),
        ("none", set[str]()),
    ],
)
async def test_all_calls_on_other_prefixes(scheduler: Scheduler, prefix: str, expected: set[str]) -> None:
    await assign(scheduler, [*mine(), *OTHERS])
    everything = {*mine(), *OTHERS}
    assert await scheduler.count_tasks(prefix=prefix) == len(expected)
    assert set(await listed(scheduler, prefix)) == expected
    assert await scheduler.pause_tasks(prefix=prefix) == len(expected)
    assert (await states(scheduler)).get("paused", set()) == expected
    assert await scheduler.resume_tasks(prefix=prefix) == len(expected)
    assert await scheduler.clear_tasks(prefix=prefix) == len(expected)
    assert await states(scheduler) == {"waiting": everything - expected}


async def test_a_list_of_a_tag_is_in_the_order_of_any_list(scheduler: Scheduler) -> None:
    ids = mine(700)
    starts = {task_id: FAR + n for n, task_id in enumerate(random.Random(7).sample(ids, len(ids)))}
    await scheduler.assign_tasks([IntervalTask(task_id, start=start) for task_id, start in starts.items()])
    await scheduler.pause_task(ids[0])
    await scheduler.pause_task(ids[1])
    in_order = [*sorted(ids[2:], key=starts.__getitem__), *sorted(ids[:2], key=starts.__getitem__)]
    assert await listed(scheduler, "{tenant-7}") == in_order
    assert await listed(scheduler, "{tenant-7") == in_order
    assert await listed(scheduler, "{tenant-7}", state="waiting") == in_order[:-2]
    assert await listed(scheduler, "{tenant-7}", state="paused") == in_order[-2:]
    assert await listed(scheduler, "{tenant-7}", state="leased") == []
    found = [task async for task in scheduler.tasks(prefix=ids[5])]
    assert [(task.id, task.next_run, task.state) for task in found] == [(ids[5], starts[ids[5]], "waiting")]


async def test_a_tag_that_is_too_large_to_sort_is_listed_all_the_same(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "_MOST_SORTED", 3)
    await assign(scheduler, [*mine(), *OTHERS])
    assert await listed(scheduler, "{tenant-7}") == mine()


async def test_a_tag_costs_what_the_tag_costs(make_scheduler: MakeScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request reads more than the tasks of the tag, however many others there are."""
    scheduler = await make_scheduler(statistics=False)  # a report would be one request more
    await assign(scheduler, [*mine(20), *(f"other:{n}" for n in range(1_500))])
    partition = scheduler._lifespan.require().partitions.master
    evaluate, sent, read = partition.sender.evaluate, list[str](), 0

    async def noted(script: Any, keys: Any, args: Any) -> Any:
        nonlocal read
        reply = await evaluate(script, keys, args)
        sent.append(script.name)
        if script is scripts.SWEEP:
            read += reply[2]
        return reply

    monkeypatch.setattr(partition.sender, "evaluate", noted)
    desired = [IntervalTask(task_id, task_id, start=FAR) for task_id in mine(19)]
    assert (await scheduler.sync_tasks(desired, scope="{tenant-7}")).removed == 1
    assert (sent.count("sweep"), read) == (1, 20)
    assert "page" not in sent
    for call in (scheduler.count_tasks, scheduler.pause_tasks, scheduler.resume_tasks, scheduler.clear_tasks):
        sent.clear()
        read = 0
        assert await call(prefix="{tenant-7}") == 19
        assert (sent.count("sweep"), read) == (1, 19)
        assert len(sent) <= 3
    await assign(scheduler, mine(20))
    sent.clear()
    assert await listed(scheduler, "{tenant-7}") == mine(20)
    assert sent == ["sweep", "look", "look"]


async def test_the_progress_is_told(scheduler: Scheduler) -> None:
    await assign(scheduler, [*mine(1_200), *(f"other:{n}" for n in range(800))])
    told: list[tuple[int, int]] = []
    for call in (scheduler.count_tasks, scheduler.pause_tasks, scheduler.resume_tasks, scheduler.clear_tasks):
        told.clear()
        assert await call(prefix="{tenant-7}", progress=lambda *numbers: told.append(numbers)) == 1_200
        assert told == [(500, 500), (1_000, 1_000), (1_200, 1_200)]
        await assign(scheduler, mine(1_200))
    told.clear()
    assert await scheduler.count_tasks(prefix="other:", progress=lambda *numbers: told.append(numbers)) == 800
    assert told[-1] == (800, 2_000)
    assert len(told) >= 3, "in steps"
    assert told == sorted(told)


async def test_whoever_asks_for_the_progress_may_end_the_call(scheduler: Scheduler) -> None:
    await assign(scheduler, mine(1_200))

    def end(done: int, looked: int) -> None:
        if done >= 500:
            raise RuntimeError(looked)

    with pytest.raises(RuntimeError):
        await scheduler.clear_tasks(prefix="{tenant-7}", progress=end)
    assert await scheduler.task_size() == 700
    assert await scheduler.clear_tasks(prefix="{tenant-7}") == 700


async def test_dead_tasks_are_not_counted_and_go_with_a_clear(scheduler: Scheduler) -> None:
    async def fail(data: str) -> None:
        raise LookupError(data)

    await scheduler.assign_tasks([IntervalTask("{tenant-7}:dead"), IntervalTask("{tenant-8}:dead")])
    await scheduler.start_task_execute(fail)
    await until(lambda: _dead(scheduler, 2))
    await assign(scheduler, mine(2))
    assert await scheduler.count_tasks(prefix="{tenant-7}") == 2
    assert await scheduler.pause_tasks(prefix="{tenant-7}") == 2
    assert await scheduler.resume_tasks(prefix="{tenant-7}") == 2
    assert await listed(scheduler, "{tenant-7}") == mine(2)
    assert await scheduler.sync_tasks([], scope="{tenant-7}", allow_empty=True) == SyncCounts(0, 0, 0, 2)
    assert len([task async for task in scheduler.dead_tasks()]) == 2, "a sync leaves them alone, as without a tag"
    await assign(scheduler, mine(2))
    assert await scheduler.clear_tasks(prefix="{tenant-7}") == 2
    assert [task.id async for task in scheduler.dead_tasks()] == ["{tenant-8}:dead"]
    assert await scheduler.revive_task("{tenant-8}:dead")
    await until(lambda: _dead(scheduler, 1))
    assert await scheduler.clear_dead_tasks() == 1
    assert (await scheduler.audit()).ok


async def _dead(scheduler: Scheduler, count: int) -> bool:
    return len([task async for task in scheduler.dead_tasks()]) == count


async def test_runs_in_progress_end_as_by_calls_on_each(scheduler: Scheduler) -> None:
    begun, go_on = asyncio.Queue[str](), asyncio.Event()

    async def executor(data: str) -> None:
        begun.put_nowait(data)
        await go_on.wait()

    ids = ["{t}:pause", "{u}:clear"]
    await scheduler.assign_tasks([IntervalTask(task_id, task_id, every=3600) for task_id in ids])
    await scheduler.start_task_execute(executor)
    assert {await begun.get() for _ in ids} == set(ids)
    assert await listed(scheduler, "{t}", state="leased") == ["{t}:pause"]
    assert await scheduler.pause_tasks(prefix="{t}") == 1
    assert await scheduler.clear_tasks(prefix="{u}") == 1
    go_on.set()
    await until(lambda: _is_paused(scheduler, "{t}:pause"))
    assert await listed(scheduler, "") == ["{t}:pause"]
    assert (await scheduler.audit()).ok


async def _is_paused(scheduler: Scheduler, task_id: str) -> bool:
    found = await scheduler.get_task(task_id)
    return found is not None and found.state == "paused"


async def test_a_resumed_tag_goes_on_on_the_grid_of_each(scheduler: Scheduler) -> None:
    soon = time.time() + 0.2
    await scheduler.assign_tasks(
        [
            IntervalTask("{t}:rate", every=3600, start=soon),
            IntervalTask("{t}:cron", cron="0 0 1 1 *"),
            IntervalTask("{t}:once", start=soon),
            IntervalTask("{t}:over", every=3600, start=soon, until=soon + 1),
        ]
    )
    before = {task.id: task.next_run async for task in scheduler.tasks()}
    assert await scheduler.pause_tasks(prefix="{t}") == 4
    await until(lambda: time.time() > soon)
    assert await scheduler.resume_tasks(prefix="{t}") == 3, "the time of one is over"
    after = {task.id: task.next_run async for task in scheduler.tasks(prefix="{t}")}
    assert after.keys() == before.keys() - {"{t}:over"}
    assert after["{t}:rate"] == pytest.approx(before["{t}:rate"] + 3600)
    assert after["{t}:cron"] == before["{t}:cron"]
    assert after["{t}:once"] <= time.time()


async def test_a_sync_of_a_tag_has_its_limits(scheduler: Scheduler) -> None:
    await assign(scheduler, [*mine(10), *OTHERS])
    with pytest.raises(TooManyRemovals) as caught:
        await scheduler.sync_tasks([IntervalTask(mine()[0])], scope="{tenant-7}", max_removed=0.5)
    assert (caught.value.removed, caught.value.scheduled) == (9, 10)
    plan = await scheduler.sync_tasks([IntervalTask("{tenant-7}:new")], scope="{tenant-7}", dry_run=True)
    assert (plan.counts.added, plan.counts.removed) == (1, 10)
    assert await scheduler.count_tasks(prefix="{tenant-7}") == 10


@pytest.mark.parametrize("name", ["count_tasks", "pause_tasks", "resume_tasks", "clear_tasks"])
async def test_bad_arguments_change_nothing(scheduler: Scheduler, name: str) -> None:
    await assign(scheduler, mine())
    call = getattr(scheduler, name)
    bad: dict[Any, type[InvalidType | InvalidValue]] = {
        7: InvalidType,
        b"{t}": InvalidType,
        None: InvalidType,
        "": InvalidValue,
        "\ud800": InvalidValue,
    }
    for prefix, kind in bad.items():
        with pytest.raises(kind, match=r"^prefix "):
            await call(prefix=prefix)
    for bad_progress in ("yes", asyncio.sleep):
        with pytest.raises(InvalidType, match="progress"):
            await call(prefix="{t}", progress=bad_progress)
    assert await states(scheduler) == {"waiting": set(mine())}


async def test_a_prefix_that_is_no_text_is_refused_by_each_call(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidValue, match=r"^prefix must not contain lone surrogates"):
        await listed(scheduler, "{t}\ud800")
    with pytest.raises(InvalidValue, match=r"^scope must not contain lone surrogates"):
        await scheduler.sync_tasks([], scope="{t}\ud800", allow_empty=True)


async def test_a_closed_scheduler_refuses(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    await scheduler.close()
    for call in (scheduler.count_tasks, scheduler.pause_tasks, scheduler.resume_tasks, scheduler.clear_tasks):
        with pytest.raises(NotConnected):
            await call(prefix="{t}")


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_the_index_follows_tasks_that_end(make_scheduler: MakeScheduler, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery)
    ids = [f"{{t{n % 7}}}:{n}" for n in range(70)]
    await scheduler.assign_tasks([IntervalTask(task_id) for task_id in ids])
    await scheduler.start_task_execute(Recorder())
    await until(lambda: _is_empty(scheduler))
    assert await scheduler.count_tasks(prefix="{t3}") == 0
    assert (await scheduler.audit()).ok
    assert await _has_no_index(scheduler)


async def _is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


async def test_a_clear_of_all_leaves_nothing_of_a_tag(scheduler: Scheduler) -> None:
    many = [f"{{tenant-{n}}}" for n in range(1_300)]
    for _ in range(2):
        await assign(scheduler, many)
        assert await scheduler.count_tasks(prefix="{tenant-7}") == 1
        assert await scheduler.clear_all_tasks() == 1_300
        assert await scheduler.count_tasks(prefix="{tenant-7}") == 0
    assert await _has_no_index(scheduler)


async def _has_no_index(scheduler: Scheduler) -> bool:
    partition = scheduler._lifespan.require().partitions.master
    return await partition._client.get(partition.keys.tags + b"now") is None


async def test_an_error_of_one_batch_is_that_of_the_call(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    await assign(scheduler, mine(3))
    partition = scheduler._lifespan.require().partitions.master
    evaluate = partition.sender.evaluate

    async def refused(script: Any, keys: Any, args: Any) -> Any:
        if script is scripts.CONTROL:
            return await evaluate(script, [keys[0], keys[0], *keys[2:]], args)  # the tasks are of another type there
        return await evaluate(script, keys, args)

    await scheduler.pause_task(mine()[0])  # so that the session has a reply
    monkeypatch.setattr(partition.sender, "evaluate", refused)
    with pytest.raises(SchedulerError):
        await scheduler.resume_tasks(prefix="{tenant-7}")


async def test_no_run_starts_after_a_clear(scheduler: Scheduler) -> None:
    """A task that was claimed a moment before may be about to start: the call waits, as `remove_task`."""
    begun = asyncio.Event()

    async def executor(_: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    await scheduler.assign_task(IntervalTask("{t}:1"))
    await scheduler.start_task_execute(executor)
    await begun.wait()
    found = await scheduler.get_task("{t}:1")
    assert found is not None
    assert found.claimed_at is not None
    assert await scheduler.clear_tasks(prefix="{t}") == 1
    assert time.time() >= found.claimed_at + 0.99
