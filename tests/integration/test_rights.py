"""The minimal ACL of docs/guarantees.md, as it stands there; less than that; and rights that change meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler, StorageRefused
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"

NewServer = Callable[..., RedisServer]


def published_rules() -> list[str]:
    """The rules of the page, without `ACL SETUSER` and the name."""
    found = re.search(r"ACL SETUSER scheduler ([^`]+)```", PAGE.read_text())
    assert found is not None
    return found[1].split()


def restrict(server: RedisServer, rules: list[str]) -> str:
    """Make the user, and return the URL to connect as it."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "scheduler", "reset", *rules)
    return server.url.replace("//", "//scheduler:password@")


def refused_commands(server: RedisServer) -> set[str]:
    """What was refused; but for CLIENT SETINFO, by which redis-py tells its name, and which it can do without."""
    with server.client() as client:
        return {str(entry["object"]) for entry in client.acl_log()} - {"client", "client|setinfo"}


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_the_published_acl_is_enough(own_server: NewServer, delivery: str) -> None:
    server = own_server()
    recorder = Recorder()
    url = restrict(server, published_rules())
    async with Scheduler.from_url(url, namespace="app", delivery=delivery, lease_seconds=1) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(5)])
        await scheduler.assign_task(IntervalTask("once"))
        await recorder.ran(12)
        await scheduler.assign_task(IntervalTask("t1", every=100), reschedule="interval")
        assert await scheduler.remove_task("t2") is True
        assert await scheduler.get_task("t1") is not None
        assert len([task async for task in scheduler.tasks()]) == await scheduler.task_size() == 4
        async with scheduler.lock("name", 1):
            recorder.gate.clear()
            started = len(recorder.runs)
            await recorder.ran(started + 1)
            await scheduler.stop_task_execute(drain_seconds=0.5)  # long enough for a renewal
        await scheduler.clear_all_tasks()
    assert refused_commands(server) == set()


async def test_the_published_acl_is_enough_for_all_controls(own_server: NewServer) -> None:
    server = own_server()
    url = restrict(server, published_rules())

    async def execute(data: str) -> None:
        if data == "bad":
            raise RuntimeError

    async with Scheduler.from_url(url, namespace="app", group_concurrency=1) as scheduler:
        await scheduler.start_task_execute(execute)
        await scheduler.assign_tasks([IntervalTask(f"g{n}", group="g", every=0.05) for n in range(5)])
        await scheduler.assign_task(IntervalTask("cron", cron="* * * * *", max_runs=3))
        await scheduler.assign_task(IntervalTask("bad", "bad", retries=1, backoff=0.01))
        assert await scheduler.pause_task("cron")
        assert await scheduler.run_task_now("g1")
        assert await scheduler.resume_task("cron")
        await scheduler.pause()
        await scheduler.resume()
        assert (await scheduler.sync_tasks([IntervalTask("s:1", every=60)], scope="s:")).added == 1
        assert (await scheduler.sync_tasks([], scope="s:")).removed == 1
        await until(lambda: _dead(scheduler))
        assert await scheduler.revive_task("bad")
        await until(lambda: _dead(scheduler))
        assert await scheduler.clear_dead_tasks() == 1
        await scheduler.remove_task("g2")
        await scheduler.clear_all_tasks()
    assert refused_commands(server) == set()


async def _dead(scheduler: Scheduler) -> list[str]:
    return [task.id async for task in scheduler.dead_tasks()]


async def test_another_namespace_is_out_of_reach(own_server: NewServer) -> None:
    server = own_server()
    url = restrict(server, published_rules())
    with pytest.raises(StorageRefused, match="NOPERM") as caught:
        await Scheduler.from_url(url, namespace="another").connect()
    assert "password" not in str(caught.value)


async def test_without_the_right_to_subscribe(own_server: NewServer, caplog: pytest.LogCaptureFixture) -> None:
    server = own_server()
    recorder = Recorder()
    url = restrict(server, [*published_rules(), "-subscribe"])
    async with Scheduler.from_url(url, namespace="app", operation_timeout_seconds=0.5) as scheduler:
        await scheduler.start_task_execute(recorder)
        await until(lambda: "subscribe" in caplog.text)
        await scheduler.assign_task(IntervalTask("a", every=0.1))
        await recorder.ran(10)
        assert scheduler.online
    assert caplog.text.count("subscribe") == 1, "it is told once, not at every look"


async def assign_and_remove(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("more", every=1000))
    await scheduler.remove_task("more")


async def test_a_right_that_is_withdrawn_and_given_back(own_server: NewServer) -> None:
    server = own_server()
    recorder = Recorder()
    url = restrict(server, published_rules())
    async with Scheduler.from_url(url, namespace="app", lease_seconds=1) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.1) for n in range(10)])
        await scheduler.start_task_execute(recorder)
        await recorder.ran(20)
        for right in ("zadd", "evalsha", "hdel"):
            restrict(server, [*published_rules(), f"-{right}"])
            with pytest.raises(StorageRefused, match="NOPERM"):
                await assign_and_remove(scheduler)
            restrict(server, published_rules())
            recorder.runs.clear()
            await until(lambda: {run.id for run in recorder.runs} >= {f"t{n}" for n in range(10)}, 15)
        assert await scheduler.remove_task("more") in (True, False)
        assert await scheduler.task_size() == 10
