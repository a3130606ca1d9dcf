"""The options of the npm original's README, under the names that it gives them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, RedisInstance, Scheduler, SchedulerOptions, StorageOptions
from interval_scheduler.storage.scripts.keys import Keys
from tests.servers import RedisServer
from tests.waiting import Recorder, until


class MyLogger:
    """What the README calls `MyLogger`: any object with these methods."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, message: str, /, *args: object) -> None:
        self.lines.append(message % args)

    info = warning = error = debug


#: Word for word.
OPTIONS: dict[str, Any] = {
    "storage": {
        "instances": [{"host": "localhost", "port": "6379", "db": 0}, {"host": "localhost", "port": "8888", "db": 0}],
        "masterIndex": 0,
        "reconnectIntervalSeconds": 5,
        "taskIntervalSeconds": 60,
    },
    "checkTasksEverySeconds": 60,
}


def test_the_options_of_the_readme_word_for_word() -> None:
    scheduler = Scheduler(OPTIONS, MyLogger())
    assert scheduler._options == SchedulerOptions(
        storage=StorageOptions(
            instances=(RedisInstance("localhost", 6379, 0), RedisInstance("localhost", 8888, 0)),
            master_index=0,
            reconnect_interval_seconds=5,
            task_interval_seconds=60,
        ),
        check_tasks_every_seconds=60,
    )
    assert "localhost:6379/0, localhost:8888/0" in repr(scheduler)


def test_the_defaults_of_the_readme() -> None:
    options = Scheduler()._options
    assert options.check_tasks_every_seconds == 10
    assert options.storage.reconnect_interval_seconds == 1
    assert options.storage.instances[0].host == "localhost"
    assert options.storage.instances[0].port == 6379
    assert options.storage.master_index == 0
    # The one that differs: exact times instead of a grid of 60 seconds, and docs/migrating.md says so.
    assert options.storage.task_interval_seconds == 0


@pytest.mark.asyncio
async def test_the_options_of_the_readme_work_on_two_servers(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    servers = [own_server(), own_server()]
    options = OPTIONS | {
        "storage": OPTIONS["storage"]
        | {
            "instances": [
                {"host": "127.0.0.1", "port": str(server.port), "db": 0, **server.credentials} for server in servers
            ],
            "masterIndex": 1,
        },
        "namespace": namespace,
    }
    recorder = Recorder()
    async with Scheduler(options, MyLogger()) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"user:{number}", every=60) for number in range(100)])
        assert await scheduler.try_lock("door")
        names = [f"127.0.0.1:{server.port}/0" for server in servers]
        held = []
        for server, name in zip(servers, names, strict=True):
            keys = Keys(namespace, name)
            with server.client() as client:
                held.append(client.hlen(keys.tasks))
                assert client.exists(keys.lock(b"door")) == (name == names[1]), "locks live on the master"
        assert sum(held) == 100
        assert min(held) > 20
        await scheduler.start_task_execute(recorder)
        await recorder.ran(100)
    assert {run.partition for run in recorder.runs} == set(names)


@pytest.mark.asyncio
async def test_execution_times_are_rounded_to_task_interval_seconds(url: str, namespace: str) -> None:
    start = time.time() + 3600
    async with Scheduler.from_url(url, namespace=namespace, task_interval_seconds=60) as scheduler:
        await scheduler.assign_task(IntervalTask("later", start=start, every=90))
        later = await scheduler.get_task("later")
        assert later is not None
        assert later.next_run % 60 == 0
        assert start - 60 < later.next_run <= start, "down, so that it is never late"

        recorder, before = Recorder(), time.time()
        await scheduler.assign_task(IntervalTask("now", every=90))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)

        async def rescheduled() -> bool:
            found = await scheduler.get_task("now")
            return found is not None and found.state == "waiting"

        await until(rescheduled)
        found = await scheduler.get_task("now")
        assert found is not None
        assert found.next_run % 60 == 0
        assert before < found.next_run <= time.time() + 150


@pytest.mark.asyncio
async def test_the_scheduler_wakes_up_every_check_tasks_every_seconds(
    redis_server: RedisServer, namespace: str
) -> None:
    # A task that nobody announced, as after a lost message: only the regular look finds it.
    keys = Keys(namespace, f"127.0.0.1:{redis_server.port}/0")
    recorder = Recorder()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, check_tasks_every_seconds=0.2) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("first"))
        await recorder.ran(1)
        with redis_server.client() as client:
            client.hset(keys.tasks, "silent", "s\ndata")
            client.zadd(keys.due, {"silent": 0})
        await recorder.ran(2)
        assert recorder.data == ["", "data"]


@pytest.mark.asyncio
async def test_the_logger_gets_what_happens(url: str, namespace: str) -> None:
    logger = MyLogger()

    async def executor(_: str) -> None:
        raise LookupError("no such user")

    async with Scheduler.from_url(url, namespace=namespace, logger=logger) as scheduler:
        await scheduler.assign_task(IntervalTask("user:1"))
        await scheduler.start_task_execute(executor)
        await until(lambda: any("'user:1' failed: LookupError: no such user" in line for line in logger.lines))
