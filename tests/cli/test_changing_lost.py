"""Changes that meet partitions that go away, replies that are lost, and signals: what was done is said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.clusters import RedisCluster
from tests.proxy import Proxy
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio
Command = Callable[..., Result]
Beside = Callable[..., Awaitable[Result]]
START = 4_000_000_000
IDS = [f"t:{n}" for n in range(4000)]


async def fill(scheduler: Scheduler, ids: list[str]) -> None:
    await scheduler.assign_tasks([IntervalTask(each, every=900, start=START) for each in ids])


async def begin(*words: str, namespace: str, urls: str) -> asyncio.subprocess.Process:
    """Start a command while this event loop goes on."""
    settings = {"INTERVAL_SCHEDULER_REDIS": urls, "INTERVAL_SCHEDULER_NAMESPACE": namespace}
    pipe = asyncio.subprocess.PIPE
    program = [sys.executable, "-m", "interval_scheduler.cli", *words]
    return await asyncio.create_subprocess_exec(
        *program, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **settings}
    )


async def end(process: asyncio.subprocess.Process, given: str = "") -> Result:
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), err.decode())


def results(ended: Result) -> dict[str, str]:
    return {each["id"]: each["result"] for each in map(json.loads, ended.out.splitlines())}


def at_request(number: int, then: Callable[[], object]) -> Callable[[bytes], bool]:
    """Do something when a step on tasks is sent for the n-th time; no reply is dropped."""
    left = number

    def decide(request: bytes) -> bool:
        nonlocal left
        if b"pause_task" in request:
            left -= 1
            if left == 0:
                then()
        return False

    return decide


async def test_a_server_is_killed_in_the_middle(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server(appendonly="yes", appendfsync="always")
    async with Proxy(server.port) as proxy:
        async with Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
            await fill(scheduler, IDS)
        proxy.drop_reply = at_request(5, server.kill)
        process = await begin("pause", "-", "--json", "--timeout", "5s", namespace=namespace, urls=proxy.url)
        ended = await end(process, "\n".join(IDS))
        proxy.drop_reply = lambda _: False
        assert ended.code == 75, ended.err
        assert "Traceback" not in ended.err
        assert "may or may not have happened" in ended.err
        told = results(ended)
        assert set(told) == set(IDS)
        assert {"paused", "not known"} <= set(told.values()) <= {"paused", "not known", "not done"}
        server.start()
        async with Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
            paused = {task.id async for task in scheduler.tasks(state="paused")}
    assert {each for each, result in told.items() if result == "paused"} <= paused, "what is said to be done is done"
    assert not paused & {each for each, result in told.items() if result == "not done"}


async def test_a_lost_reply(redis_server: RedisServer, namespace: str) -> None:
    """The request is carried out, and nobody hears of it, however often it is sent."""
    async with (
        Proxy(redis_server.port) as proxy,
        Scheduler.from_url(proxy.url, namespace=namespace) as scheduler,
    ):
        await fill(scheduler, ["a", "b"])
        await scheduler.pause_task("b")  # the server knows the scripts then
        await scheduler.update_task("b", retries=1)
        proxy.drop_reply = lambda request: b"pause_task" in request
        process = await begin("pause", "a", "--timeout", "5s", namespace=namespace, urls=proxy.url)
        ended = await end(process)
        assert (ended.code, ended.out) == (75, "id\tresult\na\tnot known\n")
        assert "repeat the call to be sure" in ended.err
        proxy.drop_reply = lambda request: b"update_task" in request
        process = await begin("edit", "a", "--retries", "3", "--timeout", "5s", namespace=namespace, urls=proxy.url)
        ended = await end(process)
        assert (ended.code, ended.out) == (75, "")
        task = await scheduler.get_task("a")
        assert task is not None
        assert (task.state, task.rules.retries) == ("paused", 3)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_an_interrupt_says_what_was_done(
    redis_server: RedisServer, namespace: str, number: signal.Signals, code: int
) -> None:
    passing = asyncio.Event()
    async with Proxy(redis_server.port) as proxy, Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
        await fill(scheduler, IDS)
        process = await begin("pause", "-", "--timeout", "5s", namespace=namespace, urls=proxy.url)

        def interrupt() -> None:
            proxy.hold(b"pause_task", passing)
            process.send_signal(number)

        proxy.drop_reply = at_request(4, interrupt)
        ended = await end(process, "\n".join(IDS))
        passing.set()
        assert ended.code == code, ended.err
        assert ended.err.endswith("interrupted\n")
        counts = Counter(line.partition("\t")[2] for line in ended.out.splitlines()[1:])
        assert 0 < counts["paused"] < len(IDS)
        assert counts["not known"] > 0
        left = len(IDS) - counts.total()
        assert f"paused: {counts['paused']:,}, not known: {counts['not known']:,}, not tried: {left:,}\n" in ended.err
        paused = [task.id async for task in scheduler.tasks(state="paused")]
        assert len(paused) >= counts["paused"]


async def test_an_interrupt_by_a_prefix(redis_server: RedisServer, namespace: str) -> None:
    async with Proxy(redis_server.port) as proxy, Scheduler.from_url(proxy.url, namespace=namespace) as scheduler:
        await fill(scheduler, IDS)
        words = ["pause", "--prefix", "t:", "--yes", "--timeout", "5s"]
        process = await begin(*words, namespace=namespace, urls=proxy.url)
        passing = asyncio.Event()

        def interrupt() -> None:
            proxy.hold(b"pause_tasks", passing)
            process.send_signal(signal.SIGINT)

        proxy.drop_reply = at_request(9, interrupt)
        ended = await end(process)
        passing.set()
    assert (ended.code, ended.out) == (130, "")
    said, _, rest = ended.err.partition(" tasks are paused. ")
    assert rest == "Run it again for the others.\ninterrupted\n"
    assert int(said.removeprefix("At least ").replace(",", "")) >= 500


async def test_a_second_signal_ends_a_command_that_does_not_heed_the_first() -> None:
    program = (  # it ends neither by itself nor when it is cancelled
        "import asyncio\nfrom interval_scheduler.cli.frame.connecting import run_async\n"
        "async def stubborn():\n"
        "    try:\n        print('begun', flush=True)\n        await asyncio.sleep(3600)\n"
        "    finally:\n        print('cancelled', flush=True)\n        await asyncio.sleep(3600)\n"
        "run_async(stubborn())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_SECONDS):
        for said in (b"begun\n", b"cancelled\n"):
            assert await process.stdout.readline() == said
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 143


async def test_one_of_three_partitions_is_down(
    beside: Beside, redis_server: RedisServer, own_server: Callable[..., RedisServer], namespace: str
) -> None:
    away = own_server()
    urls = [redis_server.url, redis_server.url_of(1), away.url]
    ids = IDS[:300]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        await fill(scheduler, ids)
        homes = {task.id: task.partition async for task in scheduler.tasks()}
    away.kill()
    settings = {"INTERVAL_SCHEDULER_REDIS": " ".join(urls)}
    ended = await beside("pause", "-", "--json", "--timeout", "5s", given="\n".join(ids), **settings)
    assert ended.code == 69, ended.err
    told = results(ended)
    for each in ids:
        assert told[each] == ("not done" if str(away.port) in homes[each] else "paused")
    assert ended.err.count("is offline") == 1, "each reason is told once"
    there, gone = (
        next(each for each in ids if (str(away.port) in homes[each]) is is_gone) for is_gone in (False, True)
    )
    assert (await beside("edit", there, "--retries", "2", "--timeout", "5s", **settings)).code == 0
    assert (await beside("assign", gone, "--every", "1h", "--timeout", "5s", **settings)).code == 69
    assert (await beside("remove", "--prefix", "t:", "--yes", "--timeout", "5s", **settings)).code == 69
    assert (await beside("pause", "--yes", "--timeout", "5s", **settings)).code == 69


async def test_on_a_cluster(beside: Beside, namespace: str) -> None:
    with RedisCluster(replicas=False) as cluster:
        settings = {"INTERVAL_SCHEDULER_REDIS": cluster.url}
        cluster.wait_well()
        assert (await beside("assign", "{t}:1", "--every", "15m", "--start", "+1h", **settings)).code == 0
        async with Scheduler.from_url(cluster.url, namespace=namespace) as scheduler:
            await fill(scheduler, IDS[:50])
        assert (await beside("edit", "{t}:1", "--retries", "2", **settings)).code == 0
        assert (await beside("pause", "--prefix", "t:", "--yes", **settings)).out == "50 paused\n"
        assert (await beside("pause", "--yes", **settings)).code == 0
        assert (await beside("remove", "-", given="\n".join(IDS[:50]), **settings)).err == "removed: 50\n"


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_partition_that_is_offline_keeps_nobody_from_tasks_of_others(
    own_server: Callable[..., RedisServer], namespace: str, lost: int
) -> None:
    servers = [own_server(), own_server()]
    urls = " ".join(server.url for server in servers)
    async with Scheduler.from_url(*urls.split(), namespace=namespace) as scheduler:
        await fill(scheduler, IDS[:20])
        online = scheduler._lifespan.require().partitions.all[1 - lost].name
        there = [task.id async for task in scheduler.tasks() if task.partition == online]
        away = next(each for each in IDS[:20] if each not in there)
    servers[lost].stop()
    words = ("--json", "--timeout", "5s")
    assigned = await end(await begin("assign", there[0], "--every", "1m", *words, namespace=namespace, urls=urls))
    assert (assigned.code, json.loads(assigned.out)["result"]) == (0, "updated"), assigned.err
    removed = await end(await begin("remove", *there[:2], away, *words, namespace=namespace, urls=urls))
    assert removed.code != 0
    told = results(removed)
    assert (told[there[0]], told[there[1]]) == ("removed", "removed"), removed.err
    assert told.get(away) != "removed"
    async with Scheduler.from_url(*urls.split(), namespace=namespace, operation_timeout_seconds=5) as scheduler:
        page = await scheduler.actions()
        assert [(each.kind, each.count, each.partition) for each in page.actions] == [
            ("remove_task", 3, online),
            ("assign_task", 1, online),
        ]
        assert page.offline
