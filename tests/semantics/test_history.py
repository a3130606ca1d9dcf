"""Why a task fails, and its last runs: of `get_task`, `run_history` and `failing_page`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import (
    BlockingScheduler,
    IntervalTask,
    InvalidType,
    InvalidValue,
    PastRun,
    Retry,
    ScheduledTask,
    Scheduler,
    StorageRefused,
    current_run,
)
from interval_scheduler.model.checks import MAX_ID_BYTES
from tests.waiting import until, until_outside

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


async def executor(data: str) -> None:
    """Does what the payload says, word by word, one run after the other."""
    words = data.split()
    word = words[min(current_run().attempt, len(words)) - 1]
    if word == "fail":
        raise ValueError("no such account\nsecond line")
    if word == "hang":
        await asyncio.sleep(HOUR)  # until it is cut short
    if word == "later":
        raise Retry(after=HOUR)


async def has_runs(scheduler: Scheduler, task_id: str, count: int) -> bool:
    return len(await scheduler.run_history(task_id)) >= count


async def fails(scheduler: Scheduler, *ids: str) -> bool:
    return {task.id for task in (await scheduler.failing_page()).tasks} == set(ids)


async def test_how_runs_ended(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(executor)
    tasks = {
        "ok": IntervalTask("ok", "ok", every=HOUR, history=3),
        "fail": IntervalTask("fail", "fail fail ok", every=HOUR, history=3, retries=2, backoff=0.01),
        "hang": IntervalTask("hang", "hang", every=HOUR, history=3, timeout=0.02),
        "later": IntervalTask("later", "later", every=HOUR, history=3),
    }
    before = time.time()
    await scheduler.assign_tasks(tasks.values())
    for task_id, count in {"ok": 1, "fail": 3, "hang": 1, "later": 1}.items():
        await until(lambda task_id=task_id, count=count: has_runs(scheduler, task_id, count))  # type: ignore[misc]
    found = {task_id: await scheduler.run_history(task_id) for task_id in tasks}
    assert {task_id: [run.outcome for run in runs] for task_id, runs in found.items()} == {
        "ok": ["ok"],
        "fail": ["ok", "failed", "failed"],
        "hang": ["timed out"],
        "later": ["postponed"],
    }
    assert found["ok"][0].error is None
    assert found["fail"][1].error == r"ValueError: no such account\nsecond line"
    assert (found["hang"][0].error or "").startswith("RunTimeout")
    assert found["hang"][0].duration >= 0.02
    for run in (run for runs in found.values() for run in runs):
        assert before - 1 < run.started < time.time() + 1
        assert run.started_at.timestamp() == pytest.approx(run.started)
        assert 0 <= run.lag < 60
        assert 0 <= run.duration < 60
    ok = await scheduler.get_task("ok")
    assert ok is not None
    assert (ok.last_run, ok.last_error, ok.failed_at) == (found["ok"][0], None, None)
    assert ok.to_task().rules.history == 3


async def test_only_so_many_are_kept_and_none_of_others(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(executor)
    await scheduler.assign_tasks(
        [IntervalTask("a", "ok", every=0.01, history=4), IntervalTask("plain", "fail", every=0.01)]
    )
    first: list[tuple[PastRun, ...]] = []

    async def went_on() -> bool:
        first.append(await scheduler.run_history("a"))
        return len(first[-1]) == 4 and not set(first[-1]) & set(next(each for each in first if len(each) == 4))

    await until(went_on)
    started = [run.started for run in first[-1]]
    assert started == sorted(started, reverse=True)
    assert await scheduler.run_history("plain") == ()
    assert await scheduler.run_history("unknown") == ()


async def test_why_a_recurring_task_fails_is_known_until_it_succeeds(scheduler: Scheduler) -> None:
    is_well = False

    async def moody(_: str) -> None:
        if not is_well:
            raise ValueError("x" * 5000)

    await scheduler.start_task_execute(moody)
    before = time.time()
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await until(lambda: fails(scheduler, "a"))
    found = await scheduler.get_task("a")
    assert found is not None
    assert found.last_error == f"ValueError: {'x' * 5000}"[:1000]
    assert found.failed_at is not None
    assert before - 1 < found.failed_at < time.time() + 1
    assert found.last_run is None
    assert [task async for task in scheduler.tasks()] == [found]
    assert (await scheduler.failing_page()).tasks == (found,)
    is_well = True
    assert await scheduler.run_task_now("a")
    await until(lambda: fails(scheduler))
    found = await scheduler.get_task("a")
    assert found is not None
    assert (found.last_error, found.failed_at) == (None, None)


@pytest.mark.parametrize("end", ["remove", "clear", "die"])
async def test_what_is_not_scheduled_does_not_fail(scheduler: Scheduler, end: str) -> None:
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "fail", every=HOUR, max_runs=2, history=5))
    await until(lambda: fails(scheduler, "a"))
    if end == "remove":
        assert await scheduler.remove_task("a")
    elif end == "clear":
        assert await scheduler.clear_all_tasks() == 1
    else:
        assert await scheduler.run_task_now("a")
        await until(lambda: fails(scheduler))
        assert [task.error async for task in scheduler.dead_tasks()] == [r"ValueError: no such account\nsecond line"]
        assert len(await scheduler.run_history("a")) == 2, "those of a dead task stay with it"
        assert await scheduler.clear_dead_tasks() == 1
    assert await fails(scheduler)
    assert await scheduler.run_history("a") == ()
    assert (await scheduler.audit()).ok


async def test_a_task_that_asks_no_more_loses_its_runs(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "ok", every=HOUR, history=5))
    await until(lambda: has_runs(scheduler, "a", 1))
    assert not await scheduler.assign_task(IntervalTask("a", "ok", every=HOUR, history=1))
    assert await has_runs(scheduler, "a", 1)
    assert not await scheduler.assign_task(IntervalTask("a", "ok", every=HOUR))
    assert not await scheduler.assign_task(IntervalTask("a", "ok", every=HOUR, history=5))
    assert not await has_runs(scheduler, "a", 1)


async def test_a_task_that_asks_for_fewer_shows_fewer(scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "ok", every=0.01, history=5))
    await until(lambda: has_runs(scheduler, "a", 3))
    await scheduler.stop_task_execute()
    assert not await scheduler.assign_task(IntervalTask("a", "ok", every=0.01, history=2))
    assert len(await scheduler.run_history("a")) == 2


async def test_a_run_that_is_handed_back_is_none(scheduler: Scheduler) -> None:
    started = asyncio.Event()

    async def hangs(_: str) -> None:
        started.set()
        await asyncio.sleep(HOUR)  # until it is handed back

    await scheduler.start_task_execute(hangs)
    await scheduler.assign_task(IntervalTask("a", every=HOUR, history=5))
    await started.wait()
    await scheduler.stop_task_execute(drain_seconds=0)
    assert await scheduler.run_history("a") == ()
    assert await fails(scheduler)


async def test_at_most_once_too(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(delivery="at-most-once")
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "fail", every=HOUR, history=5))
    await until(lambda: fails(scheduler, "a"))
    assert [run.outcome for run in await scheduler.run_history("a")] == ["failed"]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_pages_over_partitions(namespace: str, limit: int, *, newest_first: bool) -> None:
    urls = [f"memory://{namespace}-{n}" for n in range(3)]
    ids = [f"t{n:02}" for n in range(20)]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        await scheduler.start_task_execute(executor)
        for task_id in ids:
            await scheduler.assign_task(IntervalTask(task_id, "fail", every=HOUR))
        await until(lambda: fails(scheduler, *ids))
        seen: list[ScheduledTask] = []
        after, pages = None, 0
        while True:
            page = await scheduler.failing_page(after, limit, newest_first=newest_first)
            assert len(page.tasks) <= limit
            seen += page.tasks
            after, pages = page.after, pages + 1
            if after is None:
                break
        assert pages <= -(-len(ids) // limit) + 1
        assert sorted(task.id for task in seen) == ids
        assert len({task.partition for task in seen}) == 3
        order = [(task.failed_at or 0, task.id) for task in seen]
        assert order == sorted(order, reverse=newest_first)


async def test_a_blocking_scheduler_tells_the_same(namespace: str) -> None:
    def work() -> tuple[int, list[str], str | None]:
        with BlockingScheduler.from_url("memory://", namespace=namespace) as scheduler:
            scheduler.start_task_execute(executor)
            scheduler.assign_task(IntervalTask("a", "fail", every=HOUR, history=5))
            until_outside(lambda: scheduler.failing_page().tasks)
            found = scheduler.get_task("a")
            ids = [task.id for task in scheduler.failing_page(None, 5, newest_first=False).tasks]
            return len(scheduler.run_history("a")), ids, None if found is None else found.last_error

    assert await asyncio.to_thread(work) == (1, ["a"], r"ValueError: no such account\nsecond line")


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        ({"after": 5}, InvalidType, "after"),
        ({"after": ""}, InvalidValue, "after"),
        ({"after": "5"}, InvalidValue, "after"),
        ({"after": "x a"}, InvalidValue, "after"),
        ({"after": "5 "}, InvalidValue, "after"),
        ({"after": f"5 {'x' * (MAX_ID_BYTES + 1)}"}, InvalidValue, "after"),
        ({"limit": 0}, InvalidValue, "limit"),
        ({"limit": 1001}, InvalidValue, "limit"),
        ({"limit": 5.0}, InvalidType, "limit"),
        ({"limit": True}, InvalidType, "limit"),
        ({"newest_first": 1}, InvalidType, "newest_first"),
    ],
)
async def test_bad_input(arguments: dict[str, Any], error: type[Exception], field: str) -> None:
    # It is not connected: nothing is asked before the arguments are checked.
    with pytest.raises(error, match=f"^{field} "):
        await Scheduler.from_url("memory://").failing_page(**arguments)


@pytest.mark.parametrize("way", ["update", "assign", "assign anew"])
@pytest.mark.parametrize("error", [None, ValueError("no luck")], ids=["well", "failed"])
async def test_who_asks_for_none_during_a_run_gets_none(
    scheduler: Scheduler, way: str, error: Exception | None
) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def executor(_: object) -> None:
        begun.set()
        await may_end.wait()
        if error is not None:
            raise error

    scheduler.on("run", lambda _: ended.set())
    await scheduler.assign_task(IntervalTask("a", every=HOUR, history=5))
    await scheduler.start_task_execute(executor)
    await begun.wait()
    if way == "update":
        assert await scheduler.update_task("a", history=0)
    else:
        await scheduler.assign_task(
            IntervalTask("a", every=HOUR), reschedule="start" if way == "assign anew" else "keep"
        )
    may_end.set()
    await ended.wait()
    await scheduler.stop_task_execute()
    assert (await scheduler.audit()).ok
    assert await scheduler.update_task("a", history=5)
    assert await scheduler.run_history("a") == ()


async def test_a_task_that_moves_on_is_followed(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was located at its old home, and is at the new one by the time of the look."""
    await scheduler.assign_task(IntervalTask("a", every=HOUR, history=5))
    await scheduler.start_task_execute(executor)
    await until(lambda: _has_run(scheduler, "a"))
    async with Scheduler.from_url(f"memory://{uuid.uuid4().hex}") as elsewhere:
        partitions = scheduler._lifespan.require().partitions
        homes = iter([elsewhere._lifespan.require().partitions.master, *[partitions.master] * 5])
        row = await partitions.look(b"a")

        async def locate(_: bytes) -> tuple[Any, Any]:
            return next(homes), row

        monkeypatch.setattr(partitions, "locate", locate)
        assert len(await scheduler.run_history("a")) == 1


async def _has_run(scheduler: Scheduler, task_id: str) -> bool:
    return len(await scheduler.run_history(task_id)) == 1


async def test_a_history_that_cannot_be_read(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", start=time.time() + HOUR, every=HOUR, history=5))
    partition = scheduler._lifespan.require().partitions.master
    await partition._client.hset(partition.keys.history, "a", b"\x05garbage")
    with pytest.raises(StorageRefused, match="the history of task 'a' cannot be read"):
        await scheduler.run_history("a")
    found = await scheduler.get_task("a")
    assert found is not None
    assert found.last_run is None
    report = await scheduler.audit(repair=True)
    assert report.counts == {"garbled": 1}
    assert await scheduler.run_history("a") == ()
