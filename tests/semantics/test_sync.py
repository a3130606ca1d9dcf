"""Making the tasks of a prefix equal to a desired set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from interval_scheduler import (
    IntervalTask,
    InvalidType,
    InvalidValue,
    NotAcceptingTasks,
    Scheduler,
    StorageRefused,
    SyncCounts,
    TooManyRemovals,
)
from interval_scheduler.storage.commands import sync as sync_commands
from tests.waiting import Recorder, runs_before, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


def feed(n: int, data: str = "x", **more: float) -> IntervalTask:
    return IntervalTask(f"feed:{n:04}", data, every=more.pop("every", HOUR), start=time.time() + HOUR)


async def ids(scheduler: Scheduler, prefix: str = "") -> list[str]:
    return sorted([task.id async for task in scheduler.tasks(prefix=prefix)])


async def test_it_adds_updates_leaves_alone_and_removes(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(1_500)])
    await scheduler.assign_task(IntervalTask("other", start=time.time() + HOUR))
    before = await scheduler.get_task("feed:0600")
    desired = [feed(n, "new" if n < 600 else "x") for n in range(500, 2_000)]
    assert await scheduler.sync_tasks(desired, scope="feed:") == SyncCounts(500, 100, 900, 500)
    assert await ids(scheduler) == [f"feed:{n:04}" for n in range(500, 2_000)] + ["other"]
    assert await scheduler.is_scheduled("feed:0599") == "new"
    assert await scheduler.get_task("feed:0600") == before
    assert await scheduler.sync_tasks(desired, scope="feed:") == SyncCounts(0, 0, 1_500, 0)


async def test_what_counts_as_different(scheduler: Scheduler) -> None:
    tasks = {
        "data": IntervalTask("s:a", "1", every=HOUR),
        "kind": IntervalTask("s:b", "1", every=HOUR),
        "interval": IntervalTask("s:c", every=HOUR),
        "once": IntervalTask("s:d", every=HOUR),
        "repeat": IntervalTask("s:e", every=HOUR),
        "rule": IntervalTask("s:f", every=HOUR, retries=1),
        "phase": IntervalTask("s:g", every=HOUR),
        "same": IntervalTask("s:h", every=HOUR, retries=2, group="g", spread=True),
        "start": IntervalTask("s:i", every=HOUR, start=time.time() + 5),
    }
    await scheduler.assign_tasks(tasks.values())
    changed = [
        IntervalTask("s:a", "2", every=HOUR),
        IntervalTask("s:b", b"1", every=HOUR),
        IntervalTask("s:c", every=2 * HOUR),
        IntervalTask("s:d"),
        IntervalTask("s:e", every=HOUR, repeat="delay"),
        IntervalTask("s:f", every=HOUR, retries=2),
        IntervalTask("s:g", every=HOUR, spread=True),
        tasks["same"],
        IntervalTask("s:i", every=HOUR, start=time.time() + 500),
    ]
    assert await scheduler.sync_tasks(changed, scope="s:") == SyncCounts(0, 7, 2, 0)


async def test_an_empty_set_removes_all_of_the_scope(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(5)])
    await scheduler.assign_task(IntervalTask("feedback", start=time.time() + HOUR))
    await scheduler.pause_task("feed:0003")
    assert await scheduler.sync_tasks([], scope="feed:", allow_empty=True) == SyncCounts(0, 0, 0, 5)
    assert await ids(scheduler) == ["feedback"]


async def test_a_running_task_that_is_not_desired_does_not_come_back(scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("s:a", every=0.05))
    await recorder.ran(1)
    assert (await scheduler.sync_tasks([], scope="s:", allow_empty=True)).removed == 1
    recorder.gate.set()
    assert len(await runs_before(scheduler, recorder, 0.2)) == 1, "in the time of four more intervals"


async def test_dead_tasks_are_not_scheduled_and_not_touched(scheduler: Scheduler) -> None:
    async def fail(_: str) -> None:
        raise RuntimeError

    await scheduler.start_task_execute(fail)
    await scheduler.assign_task(IntervalTask("s:a"))
    await until(lambda: _any_dead(scheduler))
    assert await scheduler.sync_tasks([], scope="s:", allow_empty=True) == SyncCounts(0, 0, 0, 0)
    assert [task.id async for task in scheduler.dead_tasks()] == ["s:a"]


async def _any_dead(scheduler: Scheduler) -> bool:
    return bool([task async for task in scheduler.dead_tasks()])


async def test_it_takes_generators(scheduler: Scheduler) -> None:
    def some() -> Iterator[IntervalTask]:
        yield from (feed(n) for n in range(3))

    async def others() -> AsyncIterator[IntervalTask]:
        for n in range(1, 4):
            yield feed(n)

    assert await scheduler.sync_tasks(some(), scope="feed:") == SyncCounts(3, 0, 0, 0)
    assert await scheduler.sync_tasks(others(), scope="feed:") == SyncCounts(1, 0, 2, 1)


async def test_a_bad_set_changes_nothing(scheduler: Scheduler) -> None:
    await scheduler.assign_task(feed(1))
    with pytest.raises(InvalidValue, match="desired has a task whose id 'other' does not start with scope='feed:'"):
        await scheduler.sync_tasks([feed(2), IntervalTask("other")], scope="feed:")
    with pytest.raises(InvalidValue, match="scope"):
        await scheduler.sync_tasks([], scope="")
    assert await ids(scheduler) == ["feed:0001"]


async def test_a_set_that_breaks_half_way_removes_nothing(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(3)])

    def breaking() -> Iterator[IntervalTask]:
        yield feed(7)
        raise LookupError("the database went away")

    with pytest.raises(LookupError):
        await scheduler.sync_tasks(breaking(), scope="feed:")
    assert {"feed:0000", "feed:0001", "feed:0002"} <= set(await ids(scheduler))


async def test_several_may_do_it_at_once(make_scheduler: MakeScheduler) -> None:
    schedulers = [await make_scheduler() for _ in range(4)]
    desired = [feed(n) for n in range(600)]
    await schedulers[0].assign_tasks([feed(n) for n in range(300, 900)])
    counts = await asyncio.gather(*(one.sync_tasks(desired, scope="feed:") for one in schedulers))
    assert await ids(schedulers[0]) == [f"feed:{n:04}" for n in range(600)]
    assert sum(count.added for count in counts) == 300
    assert sum(count.removed for count in counts) == 300


async def test_not_accepting_it_does_nothing(scheduler: Scheduler) -> None:
    await scheduler.stop_task_accept()
    with pytest.raises(NotAcceptingTasks):
        await scheduler.sync_tasks([], scope="feed:", allow_empty=True)


@pytest.mark.parametrize("kind", [list, iter], ids=["a list", "an iterator"])
async def test_a_task_that_is_given_often_is_one_task_for_the_limit(scheduler: Scheduler, kind: Any) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(10)])
    with pytest.raises(TooManyRemovals):
        await scheduler.sync_tasks(kind([feed(0)] * 90), scope="feed:", max_removed=0.1)
    assert await scheduler.task_size() == 10
    plan = await scheduler.sync_tasks([*map(feed, range(10)), feed(11), feed(11)], scope="feed:", dry_run=True)
    assert plan.counts == (1, 0, 10, 0)


async def test_of_a_task_that_is_given_in_two_forms_the_last_one_counts(scheduler: Scheduler) -> None:
    desired = [feed(0), feed(0, "other")]
    assert await scheduler.sync_tasks(desired, scope="feed:") == (1, 0, 0, 0)
    for _ in range(2):
        assert await scheduler.sync_tasks(desired, scope="feed:") == (0, 0, 1, 0)
        assert await scheduler.is_scheduled("feed:0000") == "other"


async def test_lost_marks_remove_nothing(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(3)])
    marking = sync_commands.mark

    async def forgetful(session: Any, keys: Any, sync: bytes, ttl_ms: int, ids: Any) -> list[bool]:
        marked = await marking(session, keys, sync, ttl_ms, ids)
        await marking(session, keys, sync, ttl_ms, [])
        return marked

    monkeypatch.setattr("interval_scheduler.storage.commands.sync.mark", forgetful)
    with pytest.raises(StorageRefused, match="call it again"):
        await scheduler.sync_tasks([feed(n) for n in range(3)], scope="feed:")
    assert await scheduler.task_size() == 3


async def test_one_scope_is_for_one_at_a_time(scheduler: Scheduler) -> None:
    async with scheduler.lock("sync:feed:", 60):
        waiting = asyncio.ensure_future(scheduler.sync_tasks([feed(1)], scope="feed:"))
        assert (await scheduler.sync_tasks([IntervalTask("s:1", every=HOUR)], scope="s:")).added == 1
        assert not waiting.done()
        assert await ids(scheduler) == ["s:1"]
    assert (await waiting).added == 1


async def test_a_task_whose_record_is_damaged_is_assigned_anew(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(3)])
    partition = scheduler._lifespan.require().partitions.master
    for n, damaged in enumerate((b"", b"garbage", b"no record of a task")):
        await partition._client.hset(partition.keys.tasks, f"feed:{n:04}", damaged)
    assert await scheduler.sync_tasks([feed(n) for n in range(3)], scope="feed:") == SyncCounts(0, 3, 0, 0)
    assert await scheduler.is_scheduled("feed:0002") == "x"


async def test_an_empty_set_is_refused_unless_it_is_meant(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(3)])
    used_up = (feed(n) for n in range(0))
    empties: list[Any] = [[], (), {}, used_up, _nothing()]
    for empty in empties:
        with pytest.raises(InvalidValue, match=r"^desired is empty, .* allow_empty=True$"):
            await scheduler.sync_tasks(empty, scope="feed:")
    assert len(await ids(scheduler)) == 3


async def _nothing() -> AsyncIterator[IntervalTask]:
    for n in range(0):
        yield feed(n)


@pytest.mark.parametrize(
    ("limit", "passes"), [(0, False), (3, False), (4, True), (0.39, False), (0.4, True), (1.0, True)]
)
@pytest.mark.parametrize("kind", [list, iter])
async def test_a_limit_of_what_may_be_removed(
    scheduler: Scheduler,
    limit: float,
    passes: bool,  # noqa: FBT001 - a case
    kind: Callable[[list[IntervalTask]], Any],
) -> None:
    await scheduler.assign_tasks([feed(n) for n in range(10)])
    await scheduler.assign_task(IntervalTask("other", start=time.time() + HOUR))
    desired = [feed(0, "new"), *(feed(n) for n in range(1, 6)), feed(20)]
    if passes:
        counts = await scheduler.sync_tasks(kind(desired), scope="feed:", max_removed=limit)
        assert counts == SyncCounts(1, 1, 5, 4)
        assert len(await ids(scheduler)) == 8
        return
    with pytest.raises(TooManyRemovals, match="'feed:' would remove 4 of 10 tasks") as caught:
        await scheduler.sync_tasks(kind(desired), scope="feed:", max_removed=limit)
    assert (caught.value.scope, caught.value.removed, caught.value.scheduled) == ("feed:", 4, 10)
    # A list is refused before anything is changed; of another iterable, nothing is removed.
    assert len(await ids(scheduler)) == (11 if kind is list else 12)
    assert await scheduler.is_scheduled("feed:0000") == ("x" if kind is list else "new")


async def test_a_plan_changes_nothing(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    await scheduler.assign_tasks([feed(n) for n in range(4)])
    before = [task async for task in scheduler.tasks()]
    plan = await scheduler.sync_tasks([feed(1), feed(2, "new"), feed(9)], scope="feed:", max_removed=0, dry_run=True)
    assert plan.counts == SyncCounts(1, 1, 1, 2)
    assert sorted(plan.changes) == [
        ("add", "feed:0009"),
        ("remove", "feed:0000"),
        ("remove", "feed:0003"),
        ("update", "feed:0002"),
    ]
    empty = await scheduler.sync_tasks([], scope="feed:", dry_run=True)
    assert empty.counts == SyncCounts(0, 0, 0, 4)
    assert [task async for task in scheduler.tasks()] == before


async def test_a_plan_names_so_many_changes_at_most(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interval_scheduler.services.sync._CHANGES_KEPT", 3)
    plan = await scheduler.sync_tasks([feed(n) for n in range(5)], scope="feed:", dry_run=True)
    assert (plan.counts.added, len(plan.changes)) == (5, 3)


async def test_the_next_run_of_what_is_updated(scheduler: Scheduler) -> None:
    at = float(round(time.time()) + HOUR)
    for rule, expected in (("keep", 0), ("interval", 60 - HOUR), ("start", 5)):
        await scheduler.clear_all_tasks()
        await scheduler.assign_task(IntervalTask("s:a", every=HOUR, start=at))
        desired = [IntervalTask("s:a", every=60, start=at + 5)]
        assert (await scheduler.sync_tasks(desired, scope="s:", reschedule=rule)).updated == 1  # type: ignore[call-overload]
        found = await scheduler.get_task("s:a")
        assert found is not None
        assert found.next_run - at == expected
        assert (await scheduler.sync_tasks(desired, scope="s:")).unchanged == 1


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"reschedule": "later"}, "reschedule"),
        ({"allow_empty": 1}, "allow_empty"),
        ({"dry_run": "yes"}, "dry_run"),
        ({"max_removed": -1}, "max_removed"),
        ({"max_removed": 1.5}, "max_removed"),
        ({"max_removed": float("nan")}, "max_removed"),
        ({"max_removed": True}, "max_removed"),
        ({"max_removed": "10%"}, "max_removed"),
    ],
)
async def test_limits_that_cannot_be_used(scheduler: Scheduler, limits: dict[str, Any], field: str) -> None:
    with pytest.raises((InvalidValue, InvalidType), match=rf"^{field} must be "):
        await scheduler.sync_tasks([feed(1)], scope="feed:", **limits)
    assert await scheduler.task_size() == 0


async def test_a_task_that_would_never_run_keeps_no_other_out_of_sync(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([feed(1), feed(2)])
    over = IntervalTask("feed:over", every=60, until=time.time() - 60)
    for _ in range(2):
        with pytest.raises(InvalidValue, match="feed:over") as caught:
            await scheduler.sync_tasks([over, feed(2), feed(3)], scope="feed:")
        assert caught.value.field == "until"
        assert await ids(scheduler) == ["feed:0002", "feed:0003"]
