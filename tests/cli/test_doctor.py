"""`doctor`: what it says of schedules, made real on a real server, and how it tells it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Rate, Scheduler
from tests.cli.conftest import Result, run_command
from tests.cli.terminal import Terminal
from tests.cli.watched import DEADLINE_SECONDS, diagnoses, told
from tests.servers import RedisServer
from tests.waiting import Recorder, until

Command = Callable[..., Result]
NewServer = Callable[..., RedisServer]

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


async def test_nothing_is_wrong(own_server: NewServer, namespace: str) -> None:
    server = own_server(appendonly="yes")
    async with Scheduler.from_url(server.url, namespace=namespace) as worker:
        await worker.assign_task(IntervalTask("a", every=900, start=FAR))
        await worker.start_task_execute(Recorder())
        await told(worker)
        # In a thread, so that the worker goes on, and tells that it is alive.
        words = ("doctor", "--strict", "--as-worker", "--redis", server.url, "-n", namespace)
        ended = await asyncio.to_thread(run_command, *words)
    assert ended == Result(0, "", "Nothing is wrong.\n")


async def test_warnings_fail_only_if_they_should(command: Command, redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace, actor="ada") as scheduler:
        await scheduler.pause("deploy")
    ended = command("doctor")
    assert ended.code == 0
    head, *lines = [line.split("\t") for line in ended.out.splitlines()]
    assert head == ["severity", "kind", "queue", "partition", "fact", "advice"]
    paused = next(line for line in lines if line[1] == "paused")
    assert paused[0] == "warning"
    assert "by ada (deploy)" in paused[4]
    assert "interval-scheduler resume" in paused[5]
    assert ended.err == "2 warnings.\n"
    assert command("doctor", "--strict").code == 1


async def test_on_a_terminal(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("now"))
    where = ("doctor", "--redis", redis_server.url, "-n", namespace)
    with Terminal(*where, columns=60) as terminal, Terminal(*where, "--no-color", columns=60) as plain:
        assert (terminal.wait(), plain.wait()) == (1, 1)
        lines = terminal.text.splitlines()
        assert terminal.raw.startswith("\x1b[31m\x1b[1mproblem")
        assert "\x1b[" not in plain.raw
    assert lines[0].startswith("problem  Nobody executes the namespace: 1 task is due")
    assert "         → Start a worker: interval-scheduler run" in lines
    assert max(map(len, lines)) <= 60


async def test_nobody_is_alive(command: Command, redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("later", start=FAR))
        assert [(each.kind, each.severity) for each in await diagnoses([redis_server.url], namespace)] == [
            ("nobody", "warning")
        ]
        await scheduler.assign_task(IntervalTask("now"))
    ended = command("doctor", "--json")
    assert ended.code == 1
    first = json.loads(ended.out.splitlines()[0])
    assert (first["kind"], first["severity"], first["queue"]) == ("nobody", "problem", None)
    assert "1 task is due" in first["fact"]
    assert "interval-scheduler run" in first["advice"]


async def test_nobody_executes_a_queue(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.queue("mail").assign_task(IntervalTask("m"))
        await worker.assign_task(IntervalTask("a", start=FAR))
        await worker.start_task_execute(Recorder())
        await told(worker)
        found = await diagnoses([redis_server.url], namespace)
        assert [(each.kind, each.queue) for each in found] == [("nobody", "mail")]
        assert await diagnoses([redis_server.url], namespace, "mail") == found


async def test_claims_of_nobody_known(redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, statistics=False) as worker:
        await worker.assign_task(IntervalTask("a"))
        await worker.start_task_execute(recorder)
        await recorder.ran(1, DEADLINE_SECONDS)
        found = await diagnoses([redis_server.url], namespace)
        recorder.gate.set()
    assert [(each.kind, each.severity) for each in found] == [("uncounted", "warning")]


async def test_workers_do_not_keep_up(redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, concurrency=1) as worker:
        start = time.time() - 3600
        await worker.assign_tasks([IntervalTask(f"t{n}", every=10, start=start) for n in range(100)])
        await worker.start_task_execute(recorder)
        await told(worker)
        found = await diagnoses([redis_server.url], namespace)
        await worker.pause()
        paused = await diagnoses([redis_server.url], namespace)
        recorder.gate.set()
    assert [(each.kind, each.severity) for each in found] == [("behind", "problem")]
    assert "the oldest by 1h" in found[0].fact
    assert "Runs come due at 10 a second, and ended at none at all." in found[0].fact
    assert "paused" in {each.kind for each in paused}
    assert "behind" not in {each.kind for each in paused}, "who paused it knows"


async def test_a_backlog_that_is_worked_off(redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, concurrency=1, prefetch=0) as worker:
        await worker.assign_tasks([IntervalTask(f"done{n}") for n in range(50)])
        await worker.start_task_execute(recorder)
        await recorder.ran(50, DEADLINE_SECONDS)
        await worker.stop_task_execute()  # reports what was counted
        recorder.gate.clear()
        await worker.assign_tasks([IntervalTask(f"t{n}", start=time.time() - 60) for n in range(50)])
        await worker.start_task_execute(recorder)
        await told(worker)
        found = await diagnoses([redis_server.url], namespace)
        recorder.gate.set()
    assert [(each.kind, each.severity) for each in found] == [("behind", "warning")]
    assert "at this pace it is done in" in found[0].fact


async def test_a_rate_is_too_low(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"t{n}", every=1, start=time.time() + 1) for n in range(50)])
        await worker.set_rate(Rate(10, per=60))
        found = await diagnoses([redis_server.url], namespace)
    rate = next(each for each in found if each.kind == "rate")
    assert rate.severity == "problem"
    assert "a rate of 10 a minute, and runs come due at 50 a second" in rate.fact


async def test_runs_fail_and_tasks_die(redis_server: RedisServer, namespace: str) -> None:
    async def fails(data: str) -> None:
        raise ValueError(data)

    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"t{n}", every=3600) for n in range(25)])
        await worker.assign_task(IntervalTask("once", retries=0))
        await worker.start_task_execute(fails)

        async def are_over() -> bool:
            found = await worker.overview()
            return (found.failing, found.dead) == (25, 1)

        await until(are_over, DEADLINE_SECONDS)
        await worker.stop_task_execute()  # reports what was counted
        found = {each.kind: each for each in await diagnoses([redis_server.url], namespace)}
    assert "In the namespace 1 task is dead" in found["dead"].fact
    assert "26 of 26 runs of the namespace failed" in found["failing"].fact


async def test_runs_are_lost(own_server: NewServer, namespace: str) -> None:
    server, recorder = own_server(appendonly="yes", appendfsync="always"), Recorder()
    recorder.gate.clear()
    away, back = asyncio.Event(), asyncio.Event()
    async with Scheduler.from_url(server.url, namespace=namespace) as worker:
        worker.on("db-disconnect", lambda _: away.set())
        worker.on("db-reconnect", lambda _: back.set())
        await worker.assign_task(IntervalTask("gone"))
        await worker.start_task_execute(recorder)
        await recorder.ran(1, DEADLINE_SECONDS)
        server.kill()
        await asyncio.wait_for(away.wait(), DEADLINE_SECONDS)
        server.start()
        await asyncio.wait_for(back.wait(), DEADLINE_SECONDS)
        await worker.remove_task("gone")  # as a server that took over and lacks the claim
        recorder.gate.set()
        await until(lambda: recorder.active == 0, DEADLINE_SECONDS)
        await worker.stop_task_execute()  # reports what was counted
        found = await diagnoses([server.url], namespace)
    assert [each.kind for each in found] == ["lost"]


async def test_the_key_space_has_a_fault(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(3)])
        partition = (await worker.overview()).partitions[0].name
        with redis_server.client() as client:
            assert client.zrem(f"{{{namespace}:{partition}}}:due", "t1") == 1
        found = {each.kind: each for each in await diagnoses([redis_server.url], namespace)}
    assert "1 orphan" in found["audit"].fact
    assert "audit --repair" in found["audit"].advice
