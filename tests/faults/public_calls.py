"""Every public call of a `Scheduler` that waits, ready to be cut short: what goes before it, and what must hold after.

Each entry of `CALLS` prepares, yields the call, and cleans up. A call that comes through checks its own result. The
name of a lock goes to `Stage.locks` where it must be free again soon after its taking was cut short.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from interval_scheduler import IntervalTask, Lock, Rate, Scheduler
from tests.faults.stage import FAR, RECURRING, RESTING, Call, Entry, Stage, of_another, plain
from tests.waiting import until


def public_calls() -> set[str]:
    """The public methods of a scheduler that wait for something."""
    found = set()
    for name, member in inspect.getmembers(Scheduler, inspect.isfunction):
        returned = str(member.__annotations__.get("return"))
        waits = inspect.iscoroutinefunction(member) or any(
            kind in returned for kind in ("AsyncIterator", "AsyncGenerator", "AsyncContextManager")
        )
        if not name.startswith("_") and waits:
            found.add(name)
    return found


async def _execute(stage: Stage, scheduler: Scheduler) -> None:
    await scheduler.start_task_execute(stage.executor)


async def _assign_task(stage: Stage) -> None:
    await stage.assigned("assigned")


async def _assign_tasks(stage: Stage) -> None:
    many = [IntervalTask(task_id, task_id, start=FAR) for task_id in (stage.new("bulk") for _ in range(300))]
    counts = await stage.scheduler.assign_tasks([*RESTING, *many])
    stage.expect("assign_tasks", counts, (len(many), len(RESTING)))


@asynccontextmanager
async def _remove_task(stage: Stage) -> AsyncIterator[Call]:
    task_id = await stage.assigned("removed")

    async def call() -> None:
        stage.holds("remove_task", await stage.scheduler.remove_task(task_id))

    yield call
    await stage.scheduler.remove_task(task_id)
    stage.expect("get_task of a removed one", await stage.scheduler.get_task(task_id), None)


@asynccontextmanager
async def _remove_tasks(stage: Stage) -> AsyncIterator[Call]:
    ids = [await stage.assigned("removed") for _ in range(5)]

    async def call() -> None:
        stage.expect("remove_tasks", await stage.scheduler.remove_tasks([*ids, "unknown"]), len(ids))

    yield call
    await stage.scheduler.remove_tasks(ids)


@asynccontextmanager
async def _sync_tasks(stage: Stage) -> AsyncIterator[Call]:
    def wanted() -> list[IntervalTask]:
        return [IntervalTask(task_id, task_id, start=FAR) for task_id in (stage.new("sync") for _ in range(5))]

    async def call() -> None:
        counts = await stage.scheduler.sync_tasks(wanted(), scope="sync ")
        stage.expect("sync_tasks", (counts.added, counts.updated, counts.unchanged), (5, 0, 0))

    yield call
    last = wanted()
    await stage.scheduler.sync_tasks(last, scope="sync ")
    found = {task.id async for task in stage.scheduler.tasks(prefix="sync ")}
    stage.expect("what is there after a sync", found, {task.id for task in last})


@asynccontextmanager
async def _clear_all_tasks(stage: Stage) -> AsyncIterator[Call]:
    async def call() -> None:
        removed = await stage.scheduler.clear_all_tasks()
        stage.holds("clear_all_tasks", removed >= len(RESTING))

    yield call
    await stage.settle()
    await stage.scheduler.assign_tasks([*RECURRING, *RESTING])


async def _is_scheduled(stage: Stage) -> None:
    for task in RESTING:
        stage.expect("is_scheduled", await stage.scheduler.is_scheduled(task), task.id)


async def _get_task(stage: Stage) -> None:
    for task in RESTING:
        found = await stage.scheduler.get_task(task.id)
        stage.expect("get_task", found and (found.id, found.data, found.every), (task.id, task.id, 1000))


async def _run_history(stage: Stage) -> None:
    for task in RESTING:
        stage.expect("run_history", await stage.scheduler.run_history(task.id), ())


async def _failing_page(stage: Stage) -> None:
    page = await stage.scheduler.failing_page()
    stage.expect("failing_page", [task.id for task in page.tasks if task.last_error is None], [])


async def _overview(stage: Stage) -> None:
    found = await stage.scheduler.overview()
    stage.holds("overview", found.online and found.tasks >= len(RESTING))


async def _page(stage: Stage) -> None:
    page = await stage.scheduler.page(due_from=FAR, limit=1000)
    found = [task.id for task in page.tasks if task.id.startswith("resting ")]
    stage.expect("page", found, [task.id for task in RESTING])


async def _get_dead_task(stage: Stage) -> None:
    for task in RESTING:
        stage.expect("get_dead_task of one that is scheduled", await stage.scheduler.get_dead_task(task.id), None)


async def _dead_page(stage: Stage) -> None:
    page = await stage.scheduler.dead_page()
    stage.expect("dead_page", [task.id for task in page.tasks if task.data != task.id], [])


async def _search(stage: Stage) -> None:
    found = await stage.scheduler.search("resting ")
    stage.expect("search", sorted(task.id for task in found.rows), [task.id for task in RESTING])


async def _upcoming(stage: Stage) -> None:
    counts = await stage.scheduler.upcoming(1_600_000_000, 200_000_000, 120)
    stage.holds("upcoming", sum(counts) <= await stage.scheduler.task_size())


async def _forecast(stage: Stage) -> None:
    found = await stage.scheduler.forecast(10, 5)
    stage.expect("forecast", (len(found.runs), found.missing), (5, ()))


async def _export(stage: Stage) -> None:
    lines = [line async for line in stage.scheduler.export("resting ")]
    stage.expect("export", sorted(json.loads(line)["id"] for line in lines[1:-1]), sorted(task.id for task in RESTING))


async def _restore(stage: Stage) -> None:
    lines = ['{"format": "interval-scheduler", "version": 1}']
    lines += [json.dumps({"id": task.id, "text": "", "state": "waiting", "due_ms": 1}) for task in RESTING]
    lines += [json.dumps({"end": True, "tasks": len(RESTING)})]
    stage.expect("restore", (await stage.scheduler.restore(lines)).skipped, len(RESTING))


async def _statistics(stage: Stage) -> None:
    series = await stage.scheduler.statistics(time.time() - 60)
    stage.holds("statistics", len(series) in (1, 2, 3) and series.missing == ())


async def _schedulers(stage: Stage) -> None:
    cards = await stage.scheduler.schedulers()
    stage.holds("schedulers", all(card.pid == os.getpid() for card in cards))


async def _tail(stage: Stage) -> None:
    runs = stage.scheduler.tail()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):  # it goes on until it is closed
                await anext(runs)
    finally:
        await runs.aclose()


async def _paused(stage: Stage) -> None:
    stage.expect("paused", await stage.scheduler.paused(), None)


async def _note_action(stage: Stage) -> None:
    await stage.scheduler.note_action("remove_task", RESTING, "why")


async def _actions(stage: Stage) -> None:
    page = await stage.scheduler.actions(limit=10)
    stage.holds("actions", len(page.actions) <= 10)


async def _tasks(stage: Stage) -> None:
    found = [task.id async for task in stage.scheduler.tasks(prefix="resting ")]
    stage.expect("tasks", found, [task.id for task in RESTING])


@asynccontextmanager
async def _update_task(stage: Stage) -> AsyncIterator[Call]:
    task_id = await stage.assigned("updated")

    async def call() -> None:
        stage.holds("update_task", await stage.scheduler.update_task(task_id, every=1000, retries=3))

    yield call
    await stage.scheduler.update_task(task_id, every=1000, retries=3)
    found = await stage.scheduler.get_task(task_id)
    stage.expect("an updated task", found and (found.data, found.every, found.rules.retries), (task_id, 1000, 3))


async def _has_task(stage: Stage) -> None:
    for task in RESTING:
        stage.holds("has_task", await stage.scheduler.has_task(task))
    stage.holds("has_task of none", not await stage.scheduler.has_task("unknown"))


async def _task_size(stage: Stage) -> None:
    stage.holds("task_size", await stage.scheduler.task_size() >= len(RESTING))


async def _queue_size(stage: Stage) -> None:
    stage.holds("queue_size", await stage.scheduler.queue_size() <= 2 * len(RECURRING))


async def _expect_state(stage: Stage, task_id: str, state: str) -> None:
    found = await stage.scheduler.get_task(task_id)
    stage.expect("the state of a task", found and (found.id, found.state), (task_id, state))


@asynccontextmanager
async def _pause_task(stage: Stage) -> AsyncIterator[Call]:
    task_id = await stage.assigned("paused")

    async def call() -> None:
        stage.holds("pause_task", await stage.scheduler.pause_task(task_id))

    yield call
    await stage.scheduler.pause_task(task_id)
    await _expect_state(stage, task_id, "paused")


@asynccontextmanager
async def _resume_task(stage: Stage) -> AsyncIterator[Call]:
    task_id = await stage.assigned("resumed")
    await stage.scheduler.pause_task(task_id)

    async def call() -> None:
        stage.holds("resume_task", await stage.scheduler.resume_task(task_id))

    yield call
    await stage.scheduler.resume_task(task_id)
    await _expect_state(stage, task_id, "waiting")


@asynccontextmanager
async def _run_task_now(stage: Stage) -> AsyncIterator[Call]:
    task_id = await stage.assigned("now")

    async def call() -> None:
        stage.holds("run_task_now", await stage.scheduler.run_task_now(task_id))

    yield call
    await stage.scheduler.run_task_now(task_id)
    await _gone(stage, task_id)


async def _cancel_run(stage: Stage) -> None:
    stage.holds("cancel_run of one that rests", not await stage.scheduler.cancel_run(RESTING[0]))


async def _gone(stage: Stage, task_id: str) -> None:
    async def is_gone() -> bool:
        return await stage.scheduler.get_task(task_id) is None

    await until(is_gone)


async def _tagged(stage: Stage, count: int = 20) -> tuple[str, list[str]]:
    """A new hash tag as a prefix, and the ids of some tasks with it."""
    prefix = f"{{{stage.new('tag')}}}"
    ids = [f"{prefix}{n:02}" for n in range(count)]
    await stage.scheduler.assign_tasks([IntervalTask(task_id, task_id, start=FAR) for task_id in ids])
    return prefix, ids


@asynccontextmanager
async def _count_tasks(stage: Stage) -> AsyncIterator[Call]:
    prefix, ids = await _tagged(stage)

    async def call() -> None:
        stage.expect("count_tasks", await stage.scheduler.count_tasks(prefix=prefix), len(ids))
        stage.expect("count_tasks", await stage.scheduler.count_tasks(prefix="resting "), len(RESTING))

    yield call
    await stage.scheduler.remove_tasks(ids)


@asynccontextmanager
async def _pause_tasks(stage: Stage) -> AsyncIterator[Call]:
    prefix, ids = await _tagged(stage)

    async def call() -> None:
        stage.expect("pause_tasks", await stage.scheduler.pause_tasks(prefix=prefix), len(ids))

    yield call
    await stage.scheduler.pause_tasks(prefix=prefix)
    found = [task.id async for task in stage.scheduler.tasks(prefix=prefix, state="paused")]
    stage.expect("the paused tasks", found, ids)
    await stage.scheduler.remove_tasks(ids)


@asynccontextmanager
async def _resume_tasks(stage: Stage) -> AsyncIterator[Call]:
    prefix, ids = await _tagged(stage)
    await stage.scheduler.pause_tasks(prefix=prefix)

    async def call() -> None:
        stage.expect("resume_tasks", await stage.scheduler.resume_tasks(prefix=prefix), len(ids))

    yield call
    await stage.scheduler.resume_tasks(prefix=prefix)
    found = [task.id async for task in stage.scheduler.tasks(prefix=prefix, state="waiting")]
    stage.expect("the resumed tasks", found, ids)
    await stage.scheduler.remove_tasks(ids)


@asynccontextmanager
async def _clear_tasks(stage: Stage) -> AsyncIterator[Call]:
    prefix, ids = await _tagged(stage)

    async def call() -> None:
        stage.expect("clear_tasks", await stage.scheduler.clear_tasks(prefix=prefix), len(ids))

    yield call
    await stage.scheduler.clear_tasks(prefix=prefix)
    stage.expect("what is left of a tag", await stage.scheduler.count_tasks(prefix=prefix), 0)


@asynccontextmanager
async def _pause(stage: Stage) -> AsyncIterator[Call]:
    yield stage.scheduler.pause
    await stage.settle()
    await stage.scheduler.resume()


@asynccontextmanager
async def _resume(stage: Stage) -> AsyncIterator[Call]:
    await stage.scheduler.pause()
    yield stage.scheduler.resume
    await stage.scheduler.resume()


async def _dead(stage: Stage) -> str:
    """The id of a dead task."""
    task_id = stage.new("dead")
    stage.failing.add(task_id)
    await stage.scheduler.assign_task(IntervalTask(task_id, task_id))

    async def is_dead() -> bool:
        return task_id in [task.id async for task in stage.scheduler.dead_tasks()]

    await until(is_dead)
    return task_id


async def _dead_tasks(stage: Stage) -> None:
    for task in [task async for task in stage.scheduler.dead_tasks()]:
        stage.expect("dead_tasks", task.data, task.id)


@asynccontextmanager
async def _revive_task(stage: Stage) -> AsyncIterator[Call]:
    task_id = await _dead(stage)
    stage.failing.clear()

    async def call() -> None:
        stage.holds("revive_task", await stage.scheduler.revive_task(task_id))

    yield call
    await stage.scheduler.revive_task(task_id)
    await _gone(stage, task_id)


@asynccontextmanager
async def _clear_dead_tasks(stage: Stage) -> AsyncIterator[Call]:
    await _dead(stage)

    async def call() -> None:
        stage.expect("clear_dead_tasks", await stage.scheduler.clear_dead_tasks(), 1)

    yield call
    await stage.settle()
    await stage.scheduler.clear_dead_tasks()


async def _try_auto_lock(stage: Stage) -> None:
    name = stage.new("lock")
    stage.locks.add(name)
    stage.holds("try_auto_lock", await stage.scheduler.try_auto_lock(name, 3600))
    stage.locks.discard(name)


@asynccontextmanager
async def _try_lock(stage: Stage) -> AsyncIterator[Call]:
    name, taken = stage.new("lock"), list[Lock]()
    stage.locks.add(name)

    async def call() -> None:
        lock = await stage.scheduler.try_lock(name)
        stage.expect("try_lock", lock and lock.name, name)
        if lock is not None:
            taken.append(lock)

    yield call
    for lock in taken:
        stage.holds("unlock", await stage.scheduler.unlock(lock))


@asynccontextmanager
async def _unlock(stage: Stage) -> AsyncIterator[Call]:
    lock = await stage.scheduler.try_lock(stage.new("lock"))
    assert lock is not None
    stage.locks.add(lock.name)

    async def call() -> None:
        stage.holds("unlock", await stage.scheduler.unlock(lock))

    yield call
    await stage.scheduler.unlock(lock)


async def _lock(stage: Stage) -> None:
    name = stage.new("lock")
    stage.locks.add(name)
    async with stage.scheduler.lock(name, 3600) as lock:
        stage.expect("lock", lock.name, name)
        stage.expect("try_lock of a held one", await stage.scheduler.try_lock(name), None)


async def _check_health(stage: Stage) -> None:
    health = await stage.scheduler.check_health()
    stage.holds("check_health", health.connected and len(health.partitions) == 1)


async def _audit(stage: Stage) -> None:
    report = await stage.scheduler.audit(repair=True)
    stage.expect("audit", report.problems, ())


async def _queues(stage: Stage) -> None:
    stage.expect("queues", await stage.scheduler.queues(), [])


async def _moving(stage: Stage) -> None:
    stage.expect("moving", await stage.scheduler.moving(), ())


async def _acknowledge_data_loss(stage: Stage) -> None:
    stage.holds("acknowledge_data_loss", not await stage.scheduler.acknowledge_data_loss())


#: A rate, and a bound of a group, that hold nothing up here.
_RATE: Final = Rate(1, per=3600)
_CAPS: Final = {"of nobody": 3}


@asynccontextmanager
async def _set_rate(stage: Stage) -> AsyncIterator[Call]:
    async def call() -> None:
        await stage.scheduler.set_rate(_RATE, group="of nobody")

    yield call
    await stage.settle()
    await call()
    stage.expect("get_rate after a set", await stage.scheduler.get_rate(group="of nobody"), _RATE)


async def _get_rate(stage: Stage) -> None:
    stage.expect("get_rate", await stage.scheduler.get_rate(), None)


@asynccontextmanager
async def _set_group_concurrency(stage: Stage) -> AsyncIterator[Call]:
    async def call() -> None:
        await stage.scheduler.set_group_concurrency(_CAPS)

    yield call
    await stage.settle()
    await call()
    stage.expect("what was set", await stage.scheduler.get_group_concurrency(), _CAPS)


async def _get_group_concurrency(stage: Stage) -> None:
    stage.holds("get_group_concurrency", await stage.scheduler.get_group_concurrency() in (None, _CAPS))


CALLS: Final[dict[str, Entry]] = {
    "connect": of_another(lambda _, other: other.connect()),
    "close": of_another(lambda _, other: other.close(), _execute),
    "start_task_accept": of_another(lambda _, other: other.start_task_accept()),
    "stop_task_accept": of_another(lambda _, other: other.stop_task_accept(), _execute),
    "start_task_execute": of_another(_execute),
    "stop_task_execute": of_another(lambda _, other: other.stop_task_execute(), _execute),
    "wait_stopped": of_another(lambda _, other: other.wait_stopped()),
    "assign_task": plain(_assign_task),
    "assign_tasks": plain(_assign_tasks),
    "remove_task": _remove_task,
    "remove_tasks": _remove_tasks,
    "sync_tasks": _sync_tasks,
    "clear_all_tasks": _clear_all_tasks,
    "is_scheduled": plain(_is_scheduled),
    "get_task": plain(_get_task),
    "has_task": plain(_has_task),
    "update_task": _update_task,
    "run_history": plain(_run_history),
    "failing_page": plain(_failing_page),
    "overview": plain(_overview),
    "page": plain(_page),
    "dead_page": plain(_dead_page),
    "get_dead_task": plain(_get_dead_task),
    "search": plain(_search),
    "upcoming": plain(_upcoming),
    "forecast": plain(_forecast),
    "export": plain(_export),
    "restore": plain(_restore),
    "statistics": plain(_statistics),
    "schedulers": plain(_schedulers),
    "tail": plain(_tail),
    "paused": plain(_paused),
    "actions": plain(_actions),
    "note_action": plain(_note_action),
    "tasks": plain(_tasks),
    "task_size": plain(_task_size),
    "queue_size": plain(_queue_size),
    "pause_task": _pause_task,
    "resume_task": _resume_task,
    "run_task_now": _run_task_now,
    "cancel_run": plain(_cancel_run),
    "count_tasks": _count_tasks,
    "pause_tasks": _pause_tasks,
    "resume_tasks": _resume_tasks,
    "clear_tasks": _clear_tasks,
    "pause": _pause,
    "resume": _resume,
    "dead_tasks": plain(_dead_tasks),
    "revive_task": _revive_task,
    "clear_dead_tasks": _clear_dead_tasks,
    "try_auto_lock": plain(_try_auto_lock),
    "try_lock": _try_lock,
    "unlock": _unlock,
    "lock": plain(_lock),
    "set_rate": _set_rate,
    "get_rate": plain(_get_rate),
    "set_group_concurrency": _set_group_concurrency,
    "get_group_concurrency": plain(_get_group_concurrency),
    "check_health": plain(_check_health),
    "audit": plain(_audit),
    "queues": plain(_queues),
    "moving": plain(_moving),
    "acknowledge_data_loss": plain(_acknowledge_data_loss),
}
