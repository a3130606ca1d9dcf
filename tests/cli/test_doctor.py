"""`doctor`: each sort of finding is made real on real servers, and told with what to do."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Rate, Scheduler
from tests.cli.conftest import Result, run_command
from tests.cli.terminal import Terminal
from tests.cli.watched import DEADLINE_SECONDS, diagnoses, told
from tests.faults.skewed import SkewedClock
from tests.proxy import Proxy
from tests.rights import published_rules, restrict
from tests.servers import RedisServer, free_port
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
        ended = run_command("doctor", "--strict", "--as-worker", "--redis", server.url, "-n", namespace)
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


async def test_runs_are_lost(redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_task(IntervalTask("gone"))
        await worker.start_task_execute(recorder)
        await recorder.ran(1, DEADLINE_SECONDS)
        await worker.remove_task("gone")
        recorder.gate.set()
        await until(lambda: recorder.active == 0, DEADLINE_SECONDS)
        await worker.stop_task_execute()  # reports what was counted
        found = await diagnoses([redis_server.url], namespace)
    assert [each.kind for each in found] == ["lost"]


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
    clock = SkewedClock(tmp_path, 300)
    servers = [own_server(), own_server(environment=clock.environment)]
    urls = [each.url for each in servers]
    async with Scheduler.from_url(*urls, namespace=namespace):
        found = {each.kind: each for each in await diagnoses(urls, namespace)}
        clock.set(20)
        later = {each.kind: each for each in await diagnoses(urls, namespace)}
    assert set(found) == {"clocks", "clock"}
    assert found["clocks"].severity == "problem"
    assert found["clocks"].partition == found["clock"].partition == f"127.0.0.1:{servers[1].port}/0"
    assert "5m ahead" in found["clocks"].fact
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
    rules = [*published_rules(namespace), "+eval_ro", "+evalsha_ro"]
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
    away = f"redis://:hidden-word@127.0.0.1:{free_port()}/0"
    expected = {
        away: (69, "offline"),
        redis_server.url: (78, "namespace"),
        servers[0].url: (78, "list"),
        server.url: (77, "rights"),
    }
    ask = functools.partial(run_command, "doctor", "--json", "--timeout", "1s", "-n", namespace, "--redis")
    for ended, (code, kind) in zip(
        await asyncio.gather(*(asyncio.to_thread(ask, url) for url in expected)), expected.values(), strict=True
    ):
        found = json.loads(ended.out)
        assert (ended.code, found["kind"], found["severity"]) == (code, kind, "problem")
        assert "hidden-word" not in ended.out + ended.err
    assert run_command("doctor", "--redis", "nonsense").code == 78


async def test_the_key_space_has_a_fault(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"t{n}", start=FAR) for n in range(3)])
        partition = (await worker.overview()).partitions[0].name
        with redis_server.client() as client:
            assert client.zrem(f"{{{namespace}:{partition}}}:due", "t1") == 1
        found = {each.kind: each for each in await diagnoses([redis_server.url], namespace)}
    assert "1 orphan" in found["audit"].fact
    assert "audit --repair" in found["audit"].advice


async def test_hints_wait(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    urls = [each.url for each in servers]
    async with Scheduler.from_url(
        *urls, namespace=namespace, on_offline="hint", operation_timeout_seconds=1
    ) as scheduler:
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
