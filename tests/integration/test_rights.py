"""The minimal ACL of docs/guarantees.md, as it stands there; less than that; and rights that change meanwhile."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError, ResponseError

from interval_scheduler import Finding, IntervalTask, Scheduler, StorageRefused
from interval_scheduler.config.options import Delivery
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.keys import Keys
from tests.proxy import Proxy
from tests.rights import published_rules, refused, restrict
from tests.servers import PASSWORD, USER, RedisServer
from tests.waiting import Recorder, until

NewServer = Callable[..., RedisServer]

#: What is sent beside the scripts: at connect, to find the time and the partitions, to subscribe, to run the scripts.
DIRECT = {"select", "ping", "info", "config|get", "time", "hgetall", "subscribe", "eval", "evalsha"}


def test_no_right_is_published_that_nothing_needs() -> None:
    folder = Path(scripts.__file__).parent / "lua"
    calls = [call for file in folder.glob("*.lua") for call in re.findall(r"p?call\(([^,)]+)", file.read_text())]
    needed = {name.lower() for call in calls for name in re.findall(r"'([A-Z]+)'", call)} | DIRECT
    assert {rule[1:] for rule in published_rules() if rule[0] == "+"} == needed


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
@pytest.mark.asyncio
async def test_the_published_acl_is_enough(own_server: NewServer, delivery: Delivery) -> None:
    server = own_server()
    recorder = Recorder()
    url = restrict(server, published_rules())
    key = Keys("app", f"127.0.0.1:{server.port}/0").lock(b"name")
    async with Scheduler.from_url(
        url, namespace="app", delivery=delivery, lease_seconds=8, lease_renewal_seconds=0.3
    ) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.2) for n in range(5)])
        await scheduler.assign_task(IntervalTask("once"))
        await recorder.ran(12)
        await scheduler.assign_task(IntervalTask("t1", every=100), reschedule="interval")
        assert await scheduler.remove_task("t2") is True
        assert await scheduler.get_task("t1") is not None
        assert len([task async for task in scheduler.tasks()]) == await scheduler.task_size() == 4
        async with scheduler.lock("name", 8):
            recorder.gate.clear()
            started = len(recorder.runs)
            await recorder.ran(started + 1)
            with server.client() as client:
                await until(lambda: client.pttl(key) < 7000)
                await until(lambda: client.pttl(key) > 7500)  # it is renewed, and so are the leases meanwhile
            await scheduler.stop_task_execute(drain_seconds=0.5)
        await scheduler.clear_all_tasks()
    assert refused(server) == set()


@pytest.mark.asyncio
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
        assert (await scheduler.sync_tasks([], scope="s:", allow_empty=True)).removed == 1
        await until(lambda: _dead(scheduler))
        assert await scheduler.revive_task("bad")
        await until(lambda: _dead(scheduler))
        assert await scheduler.clear_dead_tasks() == 1
        await scheduler.remove_task("g2")
        await scheduler.clear_all_tasks()
    assert refused(server) == set()


def calls(server: RedisServer, command: str) -> int:
    """How often the server carried a command out."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


@pytest.mark.asyncio
async def test_the_published_acl_is_enough_where_nothing_is_heard_for_long(own_server: NewServer) -> None:
    server = own_server()
    url = restrict(server, published_rules())
    async with Scheduler.from_url(url, namespace="app", operation_timeout_seconds=0.5):
        before = calls(server, "ping")
        await until(lambda: calls(server, "ping") > before + 1)
    assert refused(server) == set()


@pytest.mark.asyncio
async def test_the_published_acl_is_enough_where_a_claim_is_repeated(own_server: NewServer) -> None:
    server = own_server()
    recorder = Recorder()
    restrict(server, published_rules())
    with server.client() as client:
        client.script_load(scripts.CLAIM_ONCE.text)  # or the reply that is dropped would be NOSCRIPT
    async with Proxy(server.port) as proxy:
        url = proxy.url.replace("//", f"//{USER}:{PASSWORD}@")
        async with Scheduler.from_url(url, namespace="app", delivery="at-most-once") as scheduler:
            await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(5)])
            proxy.drop_next(scripts.CLAIM_ONCE.sha.encode())
            await scheduler.start_task_execute(recorder)
            await recorder.ran(5)
    assert proxy.dropped == 1
    assert calls(server, "lrange") > 0, "what was taken is read from where it was noted"
    assert refused(server) == set()


async def _dead(scheduler: Scheduler) -> list[str]:
    return [task.id async for task in scheduler.dead_tasks()]


@pytest.mark.asyncio
@pytest.mark.parametrize("another", ["another", "app:inner", "app2", "ap"])
async def test_another_namespace_is_out_of_reach(own_server: NewServer, another: str) -> None:
    server = own_server()
    url = restrict(server, published_rules())
    with pytest.raises(StorageRefused, match="NOPERM") as caught:
        await Scheduler.from_url(url, namespace=another).connect()
    assert PASSWORD not in str(caught.value)
    with server.client() as client:
        assert client.keys("*") == []


def foreign_keys() -> list[bytes]:
    """Keys of others that look like those of the namespace `app`, as near as it gets."""
    others = [Keys(namespace, "localhost:6379/0") for namespace in ("app:inner", "app:", "app2", "xapp", "other")]
    plain = [b"app", b"app:due", b"{app", b"{app:x}", b"{app:x}due", b"{app}", b"{app}x:due", b"x{app}:due", b"a", b""]
    return [
        key for keys in others for key in (keys.tasks, keys.due, keys.wake, keys.membership, keys.lock(b"a"))
    ] + plain


def uses(key: bytes) -> list[tuple[Any, ...]]:
    """What a user might try on a key, reading and writing, by commands that it may use and from inside of a script."""
    direct: list[tuple[Any, ...]] = [
        ("GET", key),
        ("SET", key, "x"),
        ("DEL", key),
        ("UNLINK", key),
        ("EXISTS", key),
        ("PEXPIRE", key, 1),
        ("HGETALL", key),
        ("HSET", key, "a", "x"),
        ("ZADD", key, 1, "a"),
        ("ZRANGE", key, 0, -1),
        ("RPUSH", key, "x"),
        ("SADD", key, "x"),
    ]
    named = [("EVAL", "return redis.call(unpack(ARGV))", 1, key, *command) for command in direct]
    unnamed = [("EVAL", "return redis.call(unpack(ARGV))", 0, *command) for command in direct]
    return [*direct, *named, *unnamed]


def test_a_key_outside_of_the_namespace_can_be_neither_read_nor_written(own_server: NewServer) -> None:
    server = own_server()
    restrict(server, published_rules())
    with (
        server.client() as outside,
        redis.Redis(port=server.port, username=USER, password=PASSWORD, protocol=2) as user,
    ):
        for key in foreign_keys():
            outside.set(key, "theirs")
        for key in foreign_keys():
            for command in uses(key):
                with pytest.raises(ResponseError, match=r"permission|can't (run|access)"):
                    user.execute_command(*command)
        for channel in (*foreign_keys(), b"{app}:wake", b"{app:x}:due", b"{app:x}:wake:more"):
            with pytest.raises(NoPermissionError):
                user.execute_command("PUBLISH", channel, "0")
            with pytest.raises(NoPermissionError):
                user.execute_command("SUBSCRIBE", channel)
        for words in ("FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "SCRIPT FLUSH", "ACL WHOAMI"):
            with pytest.raises(NoPermissionError):
                user.execute_command(*words.split())
        with pytest.raises(NoPermissionError):
            user.execute_command("CONFIG", "SET", "maxmemory", "1")
        assert {outside.get(key) for key in foreign_keys()} == {b"theirs"}
        assert outside.dbsize() == len(set(foreign_keys()))


@pytest.mark.asyncio
async def test_without_the_right_to_subscribe(own_server: NewServer, caplog: pytest.LogCaptureFixture) -> None:
    server = own_server()
    recorder = Recorder()
    url = restrict(server, [*published_rules(), "-subscribe"])
    async with Scheduler.from_url(url, namespace="app", operation_timeout_seconds=0.5) as scheduler:
        await scheduler.start_task_execute(recorder)
        await until(lambda: "subscribe" in caplog.text)
        await scheduler.assign_task(IntervalTask("a", every=0.1))
        await recorder.ran(10)
        await until(lambda: scheduler.online)  # a slow machine may have missed one of the short time-outs
    assert caplog.text.count("subscribe") == 1, "it is told once, not at every look"


@pytest.mark.asyncio
async def test_without_the_right_to_subscribe_what_is_refused_is_lost(own_server: NewServer) -> None:
    """A server that is replaced between two requests is not noticed there, and the task may have run twice."""
    server, recorder = own_server(), Recorder()
    recorder.gate.clear()
    url = restrict(server, [*published_rules(), "-subscribe"])
    async with Scheduler.from_url(url, namespace="app", lease_seconds=60) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=3600))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
        assert await scheduler.remove_task("a")
        recorder.gate.set()
        await until(lambda: scheduler.counts().partitions[0].lost_leases)
        assert scheduler.counts().partitions[0].gone == 0


@pytest.mark.asyncio
async def test_without_the_right_to_read_the_configuration(
    own_server: NewServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_server()
    url = restrict(server, [rule for rule in published_rules() if rule != "+config|get"])
    async with Scheduler.from_url(url, namespace="app") as scheduler:
        assert await scheduler.assign_task(IntervalTask("a", every=60)) is True
    assert "persistence" not in caplog.text, "what cannot be seen is not told"


async def assign_and_remove(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("more", every=1000))
    await scheduler.remove_task("more")


@pytest.mark.asyncio
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
            await until(lambda: {run.id for run in recorder.runs} >= {f"t{n}" for n in range(10)})
        assert await scheduler.remove_task("more") in (True, False)
        assert await scheduler.task_size() == 10


@pytest.mark.asyncio
async def test_health_tells_that_claims_are_refused(own_server: NewServer) -> None:
    server = own_server()
    url = restrict(server, published_rules())
    async with Scheduler.from_url(url, namespace="app", lease_seconds=1, check_tasks_every_seconds=0.1) as scheduler:

        async def refusals() -> list[Finding]:
            (partition,) = (await scheduler.check_health()).partitions
            return [finding for finding in partition.findings if finding.code == "claims"]

        recorder = Recorder()
        await scheduler.assign_task(IntervalTask("t", every=0.1))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1, 60)
        assert await refusals() == []
        restrict(server, [*published_rules(), "-zadd"])
        await until(refusals, 60)
        [finding] = await refusals()
        assert finding.severity == "error"
        assert not (await scheduler.check_health()).ok
        assert finding.message.startswith("no tasks can be claimed: partition ")
        assert "NOPERM" in finding.message
        restrict(server, published_rules())
        begun = len(recorder.runs)
        await recorder.ran(begun + 2, 60)
        assert await refusals() == []
        assert (await scheduler.check_health()).ok
        restrict(server, [*published_rules(), "-zadd"])
        await until(refusals, 60)
        restrict(server, published_rules())
        await scheduler.stop_task_execute()
        assert await refusals() == [], "nothing is claimed any more"


@pytest.mark.asyncio
async def test_what_is_found_at_connect_is_logged(own_server: NewServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    url = restrict(own_server(), [*published_rules(), "-zscan"])
    async with Scheduler.from_url(url, namespace="app"):
        assert "persistence switched off" in caplog.text
        assert "does not let this user run ZSCAN: audit fails" in caplog.text
