"""Replies that get lost, and requests that nobody answers: rows 4 and 5."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Rate, RestoreCounts, Retry, Scheduler, current_run
from interval_scheduler.config.options import Delivery
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell, unless_full
from tests.faults.measuring import machine
from tests.integration.processes import check_key_space
from tests.proxy import Proxy, nth
from tests.servers import RedisServer
from tests.waiting import Recorder, surely, until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


async def story(url: str, namespace: str, delivery: Delivery) -> None:
    """Every script once or more; fails if anything was not applied exactly once."""
    runs: dict[str, int] = {}
    slow = asyncio.Event()

    async def executor(data: str) -> None:
        run = current_run()
        runs[run.id] = runs.get(run.id, 0) + 1
        if data == "again" and runs[run.id] == 1:
            raise Retry(after=0.01)
        if data in ("bad", "fails"):
            raise ValueError(data)
        if data == "slow":
            await slow.wait()

    scheduler = Scheduler.from_url(
        url,
        namespace=namespace,
        delivery=delivery,
        operation_timeout_seconds=20,
        lease_seconds=60,
        lease_renewal_seconds=0.1,
        group_concurrency=5,
    )
    with contextlib.suppress(PartitionOffline):  # the block below connects again
        await scheduler.connect()
    async with scheduler:  # a connection that was lost while it was made is made here
        counts = await scheduler.assign_tasks([IntervalTask(f"once{n}") for n in range(20)])
        assert counts.assigned == 20
        assert await scheduler.assign_task(IntervalTask("grouped", group="g", retries=1)) is True
        assert await scheduler.assign_task(IntervalTask("again", "again", retries=3)) is True
        assert await scheduler.assign_task(IntervalTask("bad", "bad", retries=1, backoff=0.01)) is True
        assert await scheduler.assign_task(IntervalTask("fails", "fails", every=1000, history=2)) is True
        assert await scheduler.assign_task(IntervalTask("rests", start=FAR)) is True
        await _rest(scheduler)
        await _update(scheduler, "rests")
        await _set_quotas(scheduler)
        await _sync(scheduler)
        await scheduler.start_task_execute(executor)
        await until(lambda: _dead(scheduler))
        await until(lambda: _size_is(scheduler, 2))
        assert runs == {**{f"once{n}": 1 for n in range(20)}, "grouped": 1, "again": 2, "bad": 2, "fails": 1}
        await _told(scheduler, "fails")
        dead = await scheduler.get_dead_task("bad")
        assert dead is not None
        assert dead.id == "bad"
        assert await scheduler.clear_dead_tasks() == 1
        await _corrupt(scheduler, "broken")
        await until(lambda: _dead(scheduler))
        await _cancel(scheduler, runs)
        await _hand_back(scheduler, runs)
        await _lock(scheduler)
        assert {task.id async for task in scheduler.tasks()} == {"slow", "rests"}
        await _look_after(scheduler)
        await _back_up(scheduler)
        await _counted(scheduler)
        assert await scheduler.remove_task("slow") is True
        await _tags(scheduler)
        assert await scheduler.clear_all_tasks() == 520


async def _lock(scheduler: Scheduler) -> None:
    async with scheduler.lock("name", 60):
        assert await scheduler.try_lock("name") is None
    assert await scheduler.try_auto_lock("name", 1) is True


async def _sync(scheduler: Scheduler) -> None:
    assert (await scheduler.sync_tasks([IntervalTask("s:1", start=FAR)], scope="s:")).added == 1
    assert (await scheduler.sync_tasks([], scope="s:", allow_empty=True)).removed == 1


async def _tags(scheduler: Scheduler) -> None:
    """So many that a clear leaves some to be unlinked."""
    tags = [IntervalTask(f"{{t{n}}}", start=FAR) for n in range(520)]
    assert (await scheduler.assign_tasks(tags)).assigned == 520
    assert await scheduler.pause_tasks(prefix="{t7}") == 1
    assert await scheduler.resume_tasks(prefix="{t7}") == 1
    assert await scheduler.count_tasks(prefix="{t7") == 11
    assert await scheduler.clear_tasks(prefix="{t7}") == 1


async def _update(scheduler: Scheduler, task_id: str) -> None:
    assert await scheduler.has_task(task_id)
    assert await scheduler.update_task(task_id, start=FAR + 1, retries=2)
    found = await scheduler.get_task(task_id)
    assert found is not None
    assert (found.next_run, found.rules.retries) == (FAR + 1, 2)


async def _set_quotas(scheduler: Scheduler) -> None:
    """While the namespace is paused."""
    await scheduler.pause()
    await scheduler.set_rate(Rate(100_000))
    await scheduler.set_rate(Rate(100_000), group="g")
    await scheduler.set_group_concurrency({"g": 4})
    assert (await scheduler.get_rate(), await scheduler.get_group_concurrency()) == (Rate(100_000), {"g": 4})
    await scheduler.resume()


async def _rest(scheduler: Scheduler) -> None:
    assert await scheduler.pause_task("rests", "why")
    assert await scheduler.resume_task("rests")
    await scheduler.pause("why")
    assert await scheduler.paused() is not None
    await scheduler.resume()
    assert await scheduler.assign_task(IntervalTask("{t}:rests", start=FAR)) is True
    assert await scheduler.clear_tasks(prefix="{t}") == 1
    found = [(each.kind, each.count) for each in reversed((await scheduler.actions()).actions)]
    wanted = ["pause_task", "resume_task", "pause", "resume", "clear_tasks"]
    assert found == [(kind, 1) for kind in wanted], "each is told once"


async def _told(scheduler: Scheduler, task_id: str) -> None:
    """Look at a task that failed, and remove it."""
    assert [task.last_error for task in (await scheduler.failing_page()).tasks] == ["ValueError: fails"]
    assert [past.error for past in await scheduler.run_history(task_id)] == ["ValueError: fails"]
    assert (await scheduler.overview()).failing == 1
    assert [task.id for task in (await scheduler.search(task_id)).rows] == [task_id]
    assert [task.id for task in (await scheduler.page(limit=1000)).tasks if task.last_error] == [task_id]
    assert task_id not in [task.id for task in (await scheduler.dead_page()).tasks]
    ahead = await scheduler.forecast(2000, 2)
    assert (ahead.sampled, ahead.missing) == (ahead.tasks, ())
    assert ahead.total >= 1
    assert await scheduler.remove_task(task_id)
    assert (await scheduler.failing_page()).tasks == ()
    assert await scheduler.upcoming(FAR - 1, 10, 2) == [1, 0]


async def _back_up(scheduler: Scheduler) -> None:
    lines = [line async for line in scheduler.export()]
    count = len(lines) - 2
    assert await scheduler.restore(lines) == RestoreCounts(skipped=count)
    assert await scheduler.queue("copy").restore(lines) == RestoreCounts(restored=count)
    assert await scheduler.queue("copy").clear_all_tasks() == count


async def _hand_back(scheduler: Scheduler, runs: dict[str, int]) -> None:
    assert await scheduler.assign_task(IntervalTask("slow", "slow", retries=1)) is True
    await until(lambda: "slow" in runs)
    await asyncio.sleep(0.15)  # for a renewal
    await scheduler.stop_task_execute(drain_seconds=0)
    task = await scheduler.get_task("slow")
    assert task is not None
    assert (task.state, task.attempt) == ("waiting", 1)


async def _counted(scheduler: Scheduler) -> None:
    """Each run of the story, one of which was cancelled, is counted once."""
    series = await scheduler.statistics(time.time() - 600)
    assert (series.total.runs, series.missing) == (27, ())
    assert [card.runs for card in await scheduler.schedulers()] == [0], "it accepts tasks, and executes none any more"


async def _look_after(scheduler: Scheduler) -> None:
    mail = scheduler.queue("mail")
    assert await mail.assign_task(IntervalTask("once")) is True
    assert await scheduler.queues() == ["mail"]
    assert await mail.remove_task("once") is True
    assert (await scheduler.audit()).ok
    assert (await scheduler.check_health()).connected
    assert await scheduler.acknowledge_data_loss() is False


async def _dead(scheduler: Scheduler) -> bool:
    return bool([task async for task in scheduler.dead_tasks()])


async def _cancel(scheduler: Scheduler, runs: dict[str, int]) -> None:
    assert await scheduler.assign_task(IntervalTask("long", "slow", retries=1, backoff=3600)) is True
    await until(lambda: "long" in runs)
    assert await scheduler.cancel_run("long") is True
    await until(lambda: _attempts_are(scheduler, "long", 2))
    assert await scheduler.cancel_run("long") is False
    assert await scheduler.remove_task("long") is True


async def _attempts_are(scheduler: Scheduler, task_id: str, attempt: int) -> bool:
    found = await scheduler.get_task(task_id)
    return found is not None and (found.attempt, found.state) == (attempt, "waiting")


async def _size_is(scheduler: Scheduler, size: int) -> bool:
    return await scheduler.task_size() == size


async def _corrupt(scheduler: Scheduler, task_id: str) -> None:
    """A due task whose record cannot be read, put there from outside."""
    partition = scheduler._lifespan.require().partitions.master
    await partition._client.hset(partition.keys.tasks, task_id, b"?\nx")
    await partition._client.zadd(partition.keys.due, {task_id: 1})
    partition.announce(0)


#: Tried in `test_moves.py`, where tasks move.
_MOVING = ("adopt_list", "move_done", "move_in", "move_out", "migration_status", "finish_migration", "scan_ids")


async def test_lost_replies(redis_server: RedisServer, namespace: str) -> None:
    """Row 4: the k-th reply to each script is thrown away, and the connection cut."""
    with redis_server.client() as client:
        for script in scripts.ALL:
            client.script_load(script.text)  # or the reply that is dropped would be NOSCRIPT
    dropped: dict[str, int] = {}
    stories = 0
    async with Proxy(redis_server.port) as proxy:
        # Tokens are taken where there are several partitions: test_quotas.py.
        elsewhere = {
            "take_tokens",
            "tail",  # test_statistics.py
            *_MOVING,
            *(script.name for script in scripts.OF_HINTS),
        }  # test_hints.py has the latter
        for script in (script for script in scripts.ALL if script.name not in elsewhere):
            for k in range(often(1, 4)):
                proxy.dropped = 0
                proxy.drop_reply = nth(script.sha.encode(), k)
                delivery: Delivery = "at-most-once" if script is scripts.CLAIM_ONCE else "at-least-once"
                here = f"{namespace}-{script.name}-{k}"
                await story(proxy.url, here, delivery)
                stories += 1
                dropped[script.name] = dropped.get(script.name, 0) + proxy.dropped
                with redis_server.client() as client:
                    check_key_space(client, here)
    never = sorted(name for name, times in dropped.items() if times == 0)
    tell(
        4,
        "a proxy throws away the k-th reply to a script and cuts the connection, for every script",
        count=f"{sum(dropped.values())} replies of {len(dropped)} scripts, in {stories} stories",
        expected="every change applied once; stranded tasks 0",
        figure="every change applied once; stranded tasks 0"
        + (f"; no such reply to {', '.join(never)}" if never else ""),
        holds=not never,
    )


async def test_black_hole(redis_server: RedisServer, namespace: str) -> None:
    """Row 5: bytes vanish in both directions, and connections stay open."""
    time_out, rounds = 0.5, often(1, 10)
    recorder = Recorder()
    longest = late = 0.0
    silent: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(redis_server.port))
        scheduler = Scheduler.from_url(
            proxy.url,
            namespace=namespace,
            operation_timeout_seconds=time_out,
            connect_timeout_seconds=time_out,
            reconnect_interval_seconds=0.1,
            lease_seconds=5,
        )
        await surely(scheduler.start_task_accept)
        await stack.enter_async_context(scheduler)
        await surely(lambda: scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(20)]))
        await scheduler.start_task_execute(recorder)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "assign_task": lambda: scheduler.assign_task(IntervalTask("t1", every=0.1)),
            "remove_task": lambda: scheduler.remove_task("none"),
            "pause_task": lambda: scheduler.pause_task("none"),
            "cancel_run": lambda: scheduler.cancel_run("none"),
            "get_task": lambda: scheduler.get_task("t1"),
            "task_size": scheduler.task_size,
            "try_lock": lambda: scheduler.try_lock("name"),
            "pause": scheduler.pause,
            "audit": scheduler.audit,
        }
        for _ in range(rounds):
            await recorder.ran(len(recorder.runs) + 20)
            proxy.swallowing = True
            began = time.monotonic()
            with machine() as watched:
                results = await asyncio.gather(*(call() for call in calls.values()), return_exceptions=True)
            longest, late = max(longest, time.monotonic() - began), max(late, watched.latest)
            for name, result in zip(calls, results, strict=True):
                if not isinstance(result, PartitionOffline):
                    silent.append(f"{name}: {result!r}")
            assert not (await scheduler.check_health()).ok
            proxy.swallowing = False
            proxy.cut()
            before = len(recorder.runs)
            await until(lambda before=before: len({r.id for r in recorder.runs[before:]}) == 20)  # type: ignore[misc]
        await surely(scheduler.resume)
        await scheduler.stop_task_execute()
        assert await surely(scheduler.task_size) == 20
    with redis_server.client() as client:
        check_key_space(client, namespace)
    tell(
        5,
        "a proxy swallows all bytes and keeps the connections open",
        count=f"{rounds} times, {len(calls)} calls each",
        expected=f"every call raises within twice the time-out ({time_out} s) and 0.5 s; runs go on afterwards",
        figure=f"calls without an error {len(silent)}; longest call {longest:.2f} s",
        holds=not silent and longest <= 2 * time_out + 0.5 + unless_full(late),
    )
