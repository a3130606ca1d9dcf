"""Who steered what, when and why: `paused`, `actions`, `acting_as`, and the reasons of pauses."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from interval_scheduler import (
    Action,
    ActionPage,
    BlockingScheduler,
    IntervalTask,
    InvalidType,
    InvalidValue,
    PartitionOffline,
    PausedState,
    Rate,
    Scheduler,
    acting_as,
)
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
FAR = 4_000_000_000


def later(*ids: str) -> list[IntervalTask]:
    return [IntervalTask(task_id, "secret payload", every=100, start=FAR) for task_id in ids]


async def all_actions(scheduler: Scheduler, limit: int = 100) -> list[Action]:
    found: list[Action] = []
    after: str | None = None
    for _ in range(1000):
        page = await scheduler.actions(after, limit)
        assert len(page.actions) <= limit
        assert page.offline == ()
        found += page.actions
        if (after := page.after) is None:
            return found
    pytest.fail("the list does not end")


async def test_a_pause_tells_who_when_and_why(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(actor="deploy-bot")
    await scheduler.assign_tasks(later("a", "b"))
    assert await scheduler.paused() is None
    before = time.time()
    await scheduler.pause("a release")
    await scheduler.pause_task("a", "bad credentials")
    found, task = await scheduler.paused(), await scheduler.get_task("a")
    assert found is not None
    assert (found.who, found.reason) == ("deploy-bot", "a release")
    assert found.at is not None
    assert before - 1 < found.at < time.time() + 1
    assert task is not None
    assert task.paused is not None
    assert (task.paused.who, task.paused.reason) == ("deploy-bot", "bad credentials")
    other = await scheduler.get_task("b")
    assert other is not None
    assert other.paused is None
    assert {task.id: task.paused and task.paused.reason async for task in scheduler.tasks()} == {
        "a": "bad credentials",
        "b": None,
    }
    await scheduler.resume()
    assert await scheduler.resume_task("a")
    assert await scheduler.paused() is None
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.paused is None


async def test_a_pause_without_a_reason_has_none(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(later("a"))
    await scheduler.pause()
    await scheduler.pause_tasks(prefix="a")
    task = await scheduler.get_task("a")
    assert task is not None
    for found in (await scheduler.paused(), task.paused):
        assert found is not None
        assert found.reason is None
        assert found.who
    await scheduler.resume()


async def test_a_running_task_tells_that_it_is_paused(scheduler: Scheduler) -> None:
    running, goes_on = asyncio.Event(), asyncio.Event()

    async def executor(_: str) -> None:
        running.set()
        await goes_on.wait()

    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", every=1000, retries=1))
    await running.wait()
    await scheduler.pause_task("a", "after this one")

    async def told(state: str) -> bool:
        found = await scheduler.get_task("a")
        assert found is not None
        assert found.paused is not None
        assert found.paused.reason == "after this one"
        return found.state == state

    assert await told("leased")
    goes_on.set()
    await until(lambda: told("paused"))


async def test_each_call_that_steers_is_told(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(actor="bot")
    ids = [f"t{n}" for n in range(30)]
    await scheduler.assign_tasks(later("a", "b", *ids))
    await scheduler.remove_task("b")
    with acting_as("alice@example.com"):
        await scheduler.pause("why")
        await scheduler.resume()
        await scheduler.pause_task("a", "why a")
        await scheduler.resume_task("a")
        await scheduler.pause_tasks(prefix="t", reason="why t")
        await scheduler.resume_tasks(prefix="t")
        await scheduler.run_task_now("a")
        await scheduler.update_task("a", every=50, data="another secret payload")
        await scheduler.set_rate(Rate(100, per=60))
        await scheduler.set_rate(None)
        await scheduler.set_group_concurrency({"g": 3})
        await scheduler.clear_tasks(prefix="t")
    await scheduler.clear_all_tasks()
    found = await all_actions(scheduler)
    assert [(each.kind, each.task_id, each.prefix, each.count, each.details) for each in reversed(found)] == [
        ("pause", None, None, 1, "why"),
        ("resume", None, None, 1, None),
        ("pause_task", "a", None, 1, "why a"),
        ("resume_task", "a", None, 1, None),
        ("pause_tasks", None, "t", 30, "why t"),
        ("resume_tasks", None, "t", 30, None),
        ("run_task_now", "a", None, 1, None),
        ("update_task", "a", None, 1, "every, data"),
        ("set_rate", None, None, 1, "none -> 100 in 60 s, burst 1"),
        ("set_rate", None, None, 1, "100 in 60 s, burst 1 -> none"),
        ("set_group_concurrency", None, None, 1, "none -> g: 3"),
        ("clear_tasks", None, "t", 30, None),
        ("clear_all_tasks", None, None, 1, None),
    ]
    assert {each.who for each in found[1:]} == {"alice@example.com"}
    assert found[0].who == "bot"
    assert "secret" not in repr(found)
    assert all(first.at >= second.at for first, second in itertools.pairwise(found))
    assert await all_actions(scheduler, limit=4) == found


async def test_dead_tasks_and_runs_in_progress(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(actor="bot")
    running = asyncio.Event()

    async def executor(data: str) -> None:
        if data == "fail":
            raise ValueError
        running.set()
        await asyncio.sleep(FAR)  # until it is cancelled

    async def dead() -> bool:
        return {task.id async for task in scheduler.dead_tasks()} == {"a", "b"}

    await scheduler.start_task_execute(executor)
    await scheduler.assign_tasks([IntervalTask("a", "fail"), IntervalTask("b", "fail"), IntervalTask("r", every=1000)])
    await running.wait()
    await until(dead)
    assert await scheduler.cancel_run("r")
    assert await scheduler.revive_task("a")
    await until(dead)
    assert await scheduler.clear_dead_tasks() == 2
    assert await scheduler.clear_dead_tasks() == 0
    found = await all_actions(scheduler)
    assert [(each.kind, each.task_id, each.count) for each in found] == [
        ("clear_dead_tasks", None, 2),
        ("revive_task", "a", 1),
        ("cancel_run", "r", 1),
    ]


async def test_what_changes_nothing_is_not_told(scheduler: Scheduler) -> None:
    assert not await scheduler.pause_task("unknown")
    assert not await scheduler.update_task("unknown", retries=3)
    assert await scheduler.pause_tasks(prefix="unknown") == 0
    assert await scheduler.clear_tasks(prefix="unknown") == 0
    assert await scheduler.clear_all_tasks() == 0
    await scheduler.assign_tasks(later("a"))
    assert await scheduler.update_task("a")
    await scheduler.set_rate(None)
    assert await scheduler.actions() == ActionPage((), None)


async def test_many_calls_together_are_one_entry(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(later(*[f"t{n}" for n in range(500)]))
    assert all(await asyncio.gather(*(scheduler.pause_task(f"t{n}", "all") for n in range(500))))
    found = await all_actions(scheduler)
    assert sum(each.count for each in found) == 500
    assert len(found) <= 3, "one, unless the server took seconds"


async def test_who_asks_belongs_to_the_task_that_asks(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(later(*[f"t{n}" for n in range(20)]))

    async def act(n: int) -> None:
        with acting_as(f"person {n}"):
            await asyncio.sleep(0)  # the others begin meanwhile
            await scheduler.pause_task(f"t{n}")

    await asyncio.gather(*(act(n) for n in range(20)))
    found = await all_actions(scheduler)
    assert {(each.who, each.task_id) for each in found} == {(f"person {n}", f"t{n}") for n in range(20)}


async def test_a_queue_has_a_log_of_its_own(scheduler: Scheduler) -> None:
    queue = scheduler.queue("mail")
    await queue.pause("the relay is down")
    assert await scheduler.paused() is None
    assert await scheduler.actions() == ActionPage((), None)
    found = await queue.paused()
    assert found is not None
    assert found.reason == "the relay is down"
    assert [each.kind for each in (await queue.actions()).actions] == ["pause"]
    await queue.resume()


async def test_without_an_event_loop(url: str, namespace: str) -> None:
    def work() -> tuple[PausedState | None, set[str]]:
        with BlockingScheduler.from_url(url, namespace=namespace, actor="bot") as scheduler:
            with acting_as("alice"):
                scheduler.pause("why")
            paused = scheduler.paused()

            def other() -> None:
                scheduler.resume()

            with acting_as("nobody in that thread"):
                thread = threading.Thread(target=other)
                thread.start()
                thread.join()
            return paused, {f"{each.who} {each.kind}" for each in scheduler.actions(limit=10).actions}

    paused, found = await asyncio.to_thread(work)
    assert paused is not None
    assert (paused.who, paused.reason) == ("alice", "why")
    assert found == {"alice pause", "bot resume"}


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"after": 5}, InvalidType, "^after must be a str"),
        ({"after": "x"}, InvalidValue, "^after must be what"),
        ({"after": ""}, InvalidValue, "^after must be what"),
        ({"after": "é"}, InvalidValue, "^after must be what"),
        ({"after": "W10="}, InvalidValue, "^after must be what"),
        ({"after": "eyJhIjotMX0="}, InvalidValue, "^after must be what"),
        ({"after": "eyJhIjp0cnVlfQ=="}, InvalidValue, "^after must be what"),
        ({"limit": 0}, InvalidValue, "^limit must be from 1 to 1,000"),
        ({"limit": 1001}, InvalidValue, "^limit must be from 1 to 1,000"),
        ({"limit": 5.0}, InvalidType, "^limit must be a whole number"),
        ({"limit": True}, InvalidType, "^limit must be a whole number"),
    ],
)
async def test_bad_arguments_are_told_before_anything_is_asked(
    arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        await Scheduler.from_url("memory://").actions(**arguments)


async def test_bad_reasons_change_nothing(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(later("a"))
    with pytest.raises(InvalidValue, match=r"^reason"):
        await scheduler.pause("a\nb")
    with pytest.raises(InvalidValue, match=r"^reason"):
        await scheduler.pause_task("a", "x" * 501)
    with pytest.raises(InvalidType, match=r"^reason"):
        await scheduler.pause_tasks(prefix="a", reason=5)  # type: ignore[arg-type]
    assert await scheduler.paused() is None
    task = await scheduler.get_task("a")
    assert task is not None
    assert task.state == "waiting"


# Several partitions


async def test_actions_of_several_partitions_are_merged_by_time(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    servers = [own_server() for _ in range(3)]
    urls = [server.url for server in servers]
    ids = [f"t{n}" for n in range(60)]
    async with Scheduler.from_url(
        *urls, namespace=namespace, actor="bot", operation_timeout_seconds=60, reconnect_interval_seconds=0.05
    ) as scheduler:
        lost: list[str] = []
        scheduler.on("db-disconnect", lost.append)
        await scheduler.assign_tasks(later(*ids))
        await scheduler.pause("why")
        await scheduler.pause_tasks(prefix="t")
        for n, task_id in enumerate(ids):
            with acting_as(f"person {n}"):
                await scheduler.resume_task(task_id)
        found = await all_actions(scheduler, limit=7)
        assert [each.kind for each in found] == [*["resume_task"] * 60, *["pause_tasks"] * 3, "pause"]
        assert sorted(each.who for each in found[:60]) == sorted(f"person {n}" for n in range(60))
        assert sum(each.count for each in found[60:63]) == 60
        assert len({each.partition for each in found}) == 3
        state = await scheduler.paused()
        page = await scheduler.actions(limit=7)
        servers[1].stop()
        await until(lambda: lost)
        begin = time.monotonic()
        still = await scheduler.paused()
        assert state is not None
        assert still is not None
        assert (still.who, still.reason) == (state.who, state.reason) == ("bot", "why")
        rest = await scheduler.actions(limit=100)
        assert time.monotonic() - begin < 30, "at once, and not after the time-out"
        gone = [each for each in found if each.partition.endswith(f"{servers[1].port}/0")]
        assert set(rest.actions) == set(found) - set(gone)
        assert rest.offline == (gone[0].partition,)
        assert rest.after is None
        more = await scheduler.actions(page.after, 100)
        assert set(more.actions) == set(rest.actions) - set(page.actions)
        with pytest.raises(PartitionOffline):
            await scheduler.pause("again")
        servers[0].stop()
        servers[2].stop()
        await until(lambda: len(lost) == 3)
        with pytest.raises(PartitionOffline):
            await scheduler.actions()
        with pytest.raises(PartitionOffline):
            await scheduler.paused()


# What somebody else wrote


@pytest.mark.parametrize("places", [{}, {"elsewhere": 5}, {"elsewhere": 5, "nowhere": 1}], ids=repr)
async def test_a_mark_for_no_partition_is_refused(scheduler: Scheduler, places: dict[str, int]) -> None:
    mark = base64.urlsafe_b64encode(json.dumps(places).encode()).decode()
    with pytest.raises(InvalidValue, match=r"^after must be what the page before has"):
        await scheduler.actions(mark)


async def test_entries_that_somebody_else_wrote_are_left_out_and_told(
    redis_server: RedisServer, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever stands there, the list ends, has what can be read, and each moment is one that a datetime can tell."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace, actor="bot") as scheduler:
        await scheduler.assign_tasks(later("a"))
        await scheduler.pause_task("a")
        key = scheduler._lifespan.require().partitions.master.keys.actions
        far = b"5 999999999999999 999999999999999 1 pause -\nbot\n\n"
        with redis_server.client() as client:
            client.zadd(key, {f"junk {n}": -n for n in range(1, 200)})  # below all numbers: no page could go on there
            client.zadd(key, {f"more {n}": 5 + n for n in range(120)})
            client.zadd(key, {far: float("inf"), b"": 3.5})
        found = await all_actions(scheduler)
        assert [each.kind for each in found] == ["pause", "pause_task"]
        assert datetime.fromtimestamp(found[0].at, UTC).year == 9999
    told = [record.message for record in caplog.records if "of the log of actions of partition" in record.message]
    assert len(told) == 121
    assert all("cannot be read" in each and each.startswith("left out: entry ") for each in told)
