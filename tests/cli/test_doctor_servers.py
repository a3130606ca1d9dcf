"""`doctor`: what it says of servers that are away, strange or refuse, and of partitions; all of it made real."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from tests.cli.conftest import run_command
from tests.cli.watched import DEADLINE_SECONDS, diagnoses, told
from tests.faults.skewed import SkewedClock
from tests.proxy import Proxy
from tests.rights import published_rules, restrict
from tests.servers import RedisServer, free_port
from tests.waiting import Recorder, until

NewServer = Callable[..., RedisServer]

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000


async def test_a_partition_is_down(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(*(each.url for each in servers), namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(20)])
    servers[1].kill()
    where = [word for each in servers for word in ("--redis", each.url)]
    ended = run_command("doctor", "-n", namespace, "--json", *where)
    assert ended.code == 1
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [(each["kind"], each["partition"]) for each in found if each["severity"] == "problem"] == [
        ("offline", f"127.0.0.1:{servers[1].port}/0"),
        ("nobody", None),
    ], "it says the rest all the same, and no failed call twice"


async def test_clocks_differ(own_server: NewServer, namespace: str, tmp_path: Path) -> None:
    assert SkewedClock.is_possible(), "the tests need a C compiler"
    clock = SkewedClock(tmp_path, 330)
    servers = [own_server(), own_server(environment=clock.environment)]
    urls = [each.url for each in servers]
    async with Scheduler.from_url(*urls, namespace=namespace):
        found = {each.kind: each for each in await diagnoses(urls, namespace)}
        clock.set(20)
        later = {each.kind: each for each in await diagnoses(urls, namespace)}
    assert set(found) == {"clocks", "clock"}
    assert found["clocks"].severity == "problem"
    assert found["clocks"].partition == found["clock"].partition == f"127.0.0.1:{servers[1].port}/0"
    assert re.search("is 5m [0-9]+s ahead of", found["clocks"].fact), "by how much depends on how busy the machine is"
    assert later["clocks"].severity == "warning"


async def test_the_server_is_not_as_it_should_be(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace):
        with server.client() as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            found = await diagnoses([server.url], namespace)
            client.config_set("maxmemory", "1gb")
            ended = run_command("doctor", "--redis", server.url, "-n", namespace)
    assert [(each.kind, each.severity) for each in found] == [("eviction", "warning")]
    assert "CONFIG SET maxmemory-policy noeviction" in found[0].advice
    assert ended.code == 78, "nobody may connect to it"
    assert "maxmemory-policy" in ended.out


async def test_data_were_lost(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace) as worker:
        await worker.assign_task(IntervalTask("a", start=FAR))
        with server.client() as client:
            client.flushall()
        await worker.assign_task(IntervalTask("b", start=FAR))

        async def is_noticed() -> bool:
            health = await worker.check_health()
            return any(each.code == "data-lost" for each in health.partitions[0].findings)

        await until(is_noticed, DEADLINE_SECONDS)
        found = {each.kind: each for each in await diagnoses([server.url], namespace)}
    assert "acknowledge_data_loss" in found["data-lost"].advice


async def test_rights_to_read_are_missing(own_server: NewServer, namespace: str) -> None:
    rules = published_rules(namespace)
    server = own_server(rights=rules)
    async with Scheduler.from_url(server.url, namespace=namespace) as worker:
        await worker.assign_task(IntervalTask("a", start=FAR))
    url = restrict(server, [rule for rule in rules if rule != "+zcount"])
    ended = run_command("doctor", "--json", "--redis", url, "-n", namespace)
    assert ended.code == 1
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert "rights" in {each["kind"] for each in found}
    assert "password" not in ended.out + ended.err


async def test_rights_to_work_are_missing(own_server: NewServer, namespace: str) -> None:
    rules = published_rules(namespace)
    server = own_server(rights=rules)
    async with Scheduler.from_url(server.url, namespace=namespace):
        pass
    url = restrict(server, [rule for rule in rules if rule != "+zrem"])
    where = ("--redis", url, "-n", namespace)
    assert "rights" not in run_command("doctor", *where).out
    ended = run_command("doctor", "--as-worker", *where)
    assert ended.code == 1
    assert "ZREM" in ended.out


async def test_it_cannot_connect(redis_server: RedisServer, own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(*(each.url for each in servers), namespace=namespace):
        pass
    server = own_server(rights=["on", ">password", "+ping", "~nothing"])
    locked = own_server(requirepass="secret-word")
    away = f"redis://:hidden-word@127.0.0.1:{free_port()}/0"
    expected = {
        away: (69, "offline"),
        redis_server.url: (78, "namespace"),
        servers[0].url: (78, "list"),
        server.url: (77, "rights"),
        f"redis://:hidden-word@127.0.0.1:{locked.port}/0": (77, "login"),
        f"redis://127.0.0.1:{locked.port}/0": (77, "login"),
    }
    ask = functools.partial(run_command, "doctor", "--json", "-n", namespace, "--redis")
    for ended, (code, kind) in zip(
        await asyncio.gather(*(asyncio.to_thread(ask, url) for url in expected)), expected.values(), strict=True
    ):
        found = json.loads(ended.out)
        assert (ended.code, found["kind"], found["severity"]) == (code, kind, "problem")
        assert "hidden-word" not in ended.out + ended.err
    assert run_command("doctor", "--redis", "nonsense").code == 78


async def test_hints_wait(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    urls = [each.url for each in servers]
    async with Scheduler.from_url(*urls, namespace=namespace, on_offline="hint") as scheduler:
        servers[1].kill()

        async def are_kept() -> bool:
            try:
                await scheduler.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(20)])
            except PartitionOffline:  # it was just lost
                return False
            return True

        await until(are_kept, DEADLINE_SECONDS)
        found = {each.kind: each for each in await diagnoses(urls, namespace)}
    assert "changes wait on the master" in found["hints"].fact
    assert "offline" in found


async def test_tasks_move(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    urls = [each.url for each in servers]
    async with Scheduler.from_url(urls[0], namespace=namespace) as old:
        await old.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(20_000)])
    wider = Scheduler.from_url(*urls, namespace=namespace, list_epoch=2)
    await wider.connect()
    await wider.close()  # so that nobody moves them
    found = {each.kind: each for each in await diagnoses(urls, namespace, list_epoch=2)}
    assert found["moving"].partition == f"127.0.0.1:{servers[0].port}/0"


async def test_a_scheduler_reaches_only_some(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    async with Proxy(servers[1].port) as proxy:
        proxy.refusing = True
        names = [f"127.0.0.1:{each.port}/0" for each in servers]
        theirs = [servers[0].url, f"{proxy.url}?name={names[1]}"]
        async with Scheduler.from_url(*(each.url for each in servers), namespace=namespace):
            pass
        async with Scheduler.from_url(*theirs, namespace=namespace) as worker:
            await worker.start_task_execute(Recorder())
            await told(worker)
            found = await diagnoses([each.url for each in servers], namespace)
    assert [(each.kind, each.partition) for each in found] == [("reach", names[1])]
