"""Garbage in every field of every key, one at a time, while other tasks run: row 34."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler, SchedulerError
from interval_scheduler.config.options import Delivery
from interval_scheduler.errors import StorageError
from tests.faults.figures import often, tell
from tests.faults.garbage import BAD, Garbage, forget, kinds, write_type, wrong_types
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

OTHERS = {f"t{n}" for n in range(20)}
_TAG = "{%s:p}:"


def _scheduler(server: RedisServer, namespace: str, delivery: Delivery) -> Scheduler:
    return Scheduler.from_url(
        f"{server.url}?name=p",
        namespace=namespace,
        delivery=delivery,
        lease_seconds=1,
        lease_renewal_seconds=0.3,
        check_tasks_every_seconds=0.1,
        group_concurrency=3,
        operation_timeout_seconds=20,
    )


async def _assign_others(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(
        IntervalTask(f"t{n}", every=0.1, group="g" if n % 4 == 0 else None, max_runs=10**6 if n % 4 == 1 else None)
        for n in range(20)
    )


async def _stands_still(recorder: Recorder) -> bool:
    """Tell if one of the other tasks does not run on."""
    before = len(recorder.runs)
    try:
        await until(lambda: {run.id for run in itertools.islice(recorder.runs, before, None)} >= OTHERS)
    except AssertionError:  # that is the answer
        return True
    return False


async def _raw_errors(scheduler: Scheduler, task_id: str) -> list[str]:
    """Make every call that could meet the task, and list those that raise something else than a typed error."""

    async def listed() -> None:
        async for _ in scheduler.tasks():
            pass

    async def dead() -> None:
        async for _ in scheduler.dead_tasks():
            pass

    found = []
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "tasks": listed,
        "dead_tasks": dead,
        "get_task": lambda: scheduler.get_task(task_id),
        "is_scheduled": lambda: scheduler.is_scheduled(task_id),
        "audit": scheduler.audit,
        "actions": scheduler.actions,
        "paused": scheduler.paused,
        "check_health": scheduler.check_health,
        "task_size": scheduler.task_size,
        "queue_size": scheduler.queue_size,
        "pause_task": lambda: scheduler.pause_task(task_id),
        "resume_task": lambda: scheduler.resume_task(task_id),
        "run_task_now": lambda: scheduler.run_task_now(task_id),
        "cancel_run": lambda: scheduler.cancel_run(task_id),
        "assign_task": lambda: scheduler.assign_task(IntervalTask(task_id, "bad", every=60)),
        "count_tasks": lambda: scheduler.count_tasks(prefix="{t}"),
        "pause_tasks": lambda: scheduler.pause_tasks(prefix="{t}"),
        "remove_task": lambda: scheduler.remove_task(task_id),
    }
    for name, call in calls.items():
        try:
            await call()
        except SchedulerError:  # an error of the library's own is how it should end
            pass
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            found.append(f"{name}: {error!r}")
    return found


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_garbage_of_one_task(own_server: Callable[..., RedisServer], namespace: str, delivery: Delivery) -> None:
    """That task is set aside, or runs; the others go on, and no call raises what is not typed."""
    server, recorder = own_server(), Recorder()
    tag = (_TAG % namespace).encode()
    stalls, raw, kept, aside = [], [], [], 0
    everything = list(kinds())[:: often(7, 1)]
    async with _scheduler(server, namespace, delivery) as scheduler:
        await _assign_others(scheduler)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        with server.client() as client:

            async def is_aside(kind: Garbage) -> bool:
                return client.zscore(tag + b"dead", kind.raw_id) is not None

            for kind in everything:
                kind.write(client, tag)
                if kind.result == "aside":
                    try:
                        await until(lambda kind=kind: is_aside(kind))  # type: ignore[misc]
                        aside += client.hget(tag + b"errors", kind.raw_id) not in (None, b"")
                    except AssertionError:
                        kept.append(kind.name)
                if await _stands_still(recorder) or not scheduler.executing_tasks:
                    stalls.append(kind.name)
                if kind.raw_id == BAD:
                    kind.write(client, tag)  # it may have run already
                    raw += [f"{kind.name}: {each}" for each in await _raw_errors(scheduler, BAD.decode())]
                else:
                    raw += [f"{kind.name}: {each}" for each in await _raw_errors(scheduler, "t1000")]
                forget(client, tag, kind.raw_id)
                del recorder.runs[:-100]
            await scheduler.audit(repair=True)
            assert (await scheduler.audit(repair=True)).ok
            assert not await _stands_still(recorder)
    wanted = sum(kind.result == "aside" for kind in everything)
    tell(
        34,
        f"garbage in a field of a task, of its group or of a session ({delivery})",
        count=f"{len(everything)} kinds, one at a time, 20 tasks beside",
        expected="that task set aside where it cannot run, the others go on; stalls 0, errors that are not typed 0",
        figure=f"set aside {aside} of {wanted}; stalls {len(stalls)}, errors that are not typed {len(raw)}"
        + "".join(f"; {each}" for each in [*stalls, *raw, *kept][:10]),
        holds=not stalls and not raw and not kept and aside == wanted,
    )


async def test_keys_of_another_type(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """Calls that need the key raise an error that names it, health tells it, and once it is away all goes on."""
    server, recorder = own_server(), Recorder()
    tag = (_TAG % namespace).encode()
    named = told = 0
    stalls, raw = [], []
    everything = list(wrong_types())[:: often(4, 1)]
    async with _scheduler(server, namespace, "at-least-once") as scheduler:
        await _assign_others(scheduler)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(40)
        with server.client() as client:
            for name, kind in everything:
                key = tag + name.encode()
                write_type(client, key, kind)
                health = await scheduler.check_health()
                told += not health.ok and any(key.decode() in each.message for each in health.partitions[0].findings)
                raw += [f"{name}: {each}" for each in await _raw_errors(scheduler, "bad")]
                try:
                    await scheduler.audit()
                except StorageError as error:
                    named += key.decode() in str(error)
                assert scheduler.executing_tasks
                client.delete(key)
                await _assign_others(scheduler)
                await scheduler.audit(repair=True)
                if await _stands_still(recorder):
                    stalls.append(name)
                del recorder.runs[:-100]
    unread = ("epoch", "outbox", "moves", "group:room", "tag:now", "actions")
    read = [name for name, _ in everything if name not in unread]
    tell(
        34,
        "a key has another type than it should",
        count=f"{len(everything)} keys, one at a time, 20 tasks beside",
        expected="a typed error and a finding of check_health name the key; all goes on once it is deleted",
        figure=f"found by check_health {told} of {len(everything)}; named by the audit {named} of {len(read)}; "
        f"stalls afterwards {len(stalls)}, errors that are not typed {len(raw)}"
        + "".join(f"; {each}" for each in [*stalls, *raw][:10]),
        holds=told == len(everything) and named == len(read) and not stalls and not raw,
    )
