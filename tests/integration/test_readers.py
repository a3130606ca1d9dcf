"""`connect(create=False)`: it writes nothing, needs the published right to read alone, and makes nothing anew."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import redis

from interval_scheduler import (
    BlockingScheduler,
    IntervalTask,
    InvalidType,
    PartitionMismatch,
    PartitionOffline,
    Scheduler,
    StorageRefused,
    UnknownNamespace,
    UnsuitableServer,
)
from interval_scheduler.storage.commands import auditing
from interval_scheduler.storage.scripts import loader as scripts
from tests.reading import IDLE, OTHERS, READING, WRITING, fill
from tests.rights import published_rules, refused, restrict
from tests.servers import PASSWORD, RedisServer, binaries
from tests.waiting import until

NewServer = Callable[..., RedisServer]

_PAGE = Path(__file__).parents[2] / "docs" / "read-only.md"
#: The commands that write; a user with the published rights has none of them.
WRITES = {
    *("del", "hdel", "hincrby", "hset", "pexpire", "publish", "rpush", "sadd", "set"),
    *("unlink", "zadd", "zrem", "zremrangebyrank"),
}
#: What is sent beside the scripts.
DIRECT = {"config|get", "get", "hgetall", "info", "ping", "select", "subscribe", "time"}


def rules_of(version: int) -> list[str]:
    """The published rules for a reader of the namespace and its queues, for a major version of Redis."""
    page = _PAGE.read_text()
    found: list[str] = re.findall(r"ACL SETUSER reader on ([^`]+)```", page)
    of_queues = re.search(r"```text\n(%R~[^`]+)```", page)
    assert len(found) == 2
    assert of_queues is not None
    words = of_queues[1] if version >= 7 else of_queues[1].replace("%R", "")
    return ["on", *found[version < 7].split(), *words.split()]


def version_of(server: RedisServer) -> int:
    with server.client() as client:
        return int(str(client.info("server")["redis_version"]).partition(".")[0])


def as_reader(server: RedisServer, *, without: str = "") -> str:
    """The URL of the user that has the published rights to read."""
    return restrict(server, [rule for rule in rules_of(version_of(server)) if rule != without])


def changes(server: RedisServer) -> int:
    """How many changes the server has made to its data since it started."""
    with server.client() as client:
        return int(client.info("persistence")["rdb_changes_since_last_save"])


def written(server: RedisServer) -> dict[str, int]:
    """How often each command that can write was carried out, by a script or without."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    counts = {name.removeprefix("cmdstat_"): int(about["calls"]) for name, about in stats.items()}
    return {name: count for name, count in counts.items() if name in WRITES}


def pings(server: RedisServer) -> int:
    """How often the server was pinged."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_ping", {}).get("calls", 0))


SERVERS = [
    pytest.param(path, marks=pytest.mark.any_server, id=Path(path).parent.parent.name)
    for path in sorted(set(binaries().values()))
]


@pytest.fixture(scope="module", params=SERVERS)
def filled(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server whose namespace `app` has something for each call to see."""

    async def fill_it(url: str) -> None:
        async with Scheduler.from_url(url, namespace="app") as scheduler:
            await fill(scheduler)

    with RedisServer(request.param, save="") as server:
        asyncio.run(fill_it(server.url))
        yield server


@pytest_asyncio.fixture
async def reader(filled: RedisServer) -> AsyncIterator[Scheduler]:
    """A scheduler that is connected with the right to read alone."""
    scheduler = Scheduler.from_url(as_reader(filled), namespace="app")
    with filled.client() as client:
        client.acl_log_reset()
    await scheduler.connect(create=False)
    yield scheduler
    await scheduler.close()


@pytest.mark.asyncio
async def test_each_public_call_is_in_a_table() -> None:
    calls = {
        name
        for name, thing in inspect.getmembers(Scheduler, inspect.isfunction)
        if not name.startswith("_")
        and (
            inspect.iscoroutinefunction(thing)
            or re.search("Iterator|Generator|ContextManager", str(thing.__annotations__))
        )
    }
    named = {name.partition(" ")[0] for table in (READING, WRITING, IDLE) for name in table} | OTHERS
    assert named == calls


@pytest.mark.asyncio
async def test_no_right_is_published_that_no_reading_call_needs() -> None:
    texts = [script.text for script in scripts.ALL if script.reads_only] + [auditing.LOOKS_ONLY.text]
    words = {word.lower() for text in texts for word in re.findall(r"p?call\((?:[^()']*')?'?([A-Z]{3,})'", text)}
    words |= {
        word.lower() for word in re.findall(r"\{ '([A-Z]+)'", next(s for s in scripts.ALL if s is scripts.TYPES).text)
    }
    rights = {rule[1:] for rule in rules_of(7) if rule[0] == "+"}
    assert rights == (words - WRITES) | DIRECT | {"eval_ro", "evalsha_ro"}
    assert {rule[1:] for rule in rules_of(6) if rule[0] == "+"} == (rights - {"eval_ro", "evalsha_ro"}) | {
        "eval",
        "evalsha",
    }


@pytest.mark.parametrize("script", [each for each in scripts.ALL if each.reads_only], ids=lambda each: each.name)
@pytest.mark.asyncio
async def test_a_script_that_says_so_calls_no_command_that_writes(script: scripts.Script) -> None:
    assert not {word.lower() for word in re.findall(r"'([A-Z]{3,})'", script.text)} & WRITES


@pytest.mark.parametrize("name", READING)
@pytest.mark.asyncio
async def test_a_reading_call_needs_the_right_to_read_only(filled: RedisServer, reader: Scheduler, name: str) -> None:
    before, before_written = changes(filled), written(filled)
    found = await READING[name](reader)
    assert found is not None
    assert changes(filled) == before
    assert written(filled) == before_written
    assert refused(filled) == set()


@pytest.mark.asyncio
async def test_the_user_of_a_worker_reads_as_well(filled: RedisServer) -> None:
    # It has no right to the commands by which Redis holds a script to reading.
    viewer = Scheduler.from_url(restrict(filled, published_rules()), namespace="app")
    await viewer.connect(create=False)
    before = changes(filled)
    assert await viewer.task_size() > 0
    assert (await viewer.overview()).tasks > 0
    assert changes(filled) == before
    await viewer.close()


@pytest.mark.asyncio
async def test_they_see_what_is_there(reader: Scheduler) -> None:
    assert await reader.task_size() == 28
    assert await READING["count_tasks"](reader) == 20
    assert [task.id for task in await READING["tasks of a tag"](reader)] == [f"{{tenant}}:{n}" for n in range(5)]
    assert [task.id for task in await READING["dead_tasks"](reader)] == ["dead"]
    assert await reader.queues() == ["mail"]
    assert await READING["task_size of a queue"](reader) == 1
    health = await reader.check_health()
    assert health.ok
    assert health.queues["mail"].ok
    assert health.partitions[0].clock_difference is not None
    assert not (await reader.audit()).problems


@pytest.mark.parametrize("name", [*WRITING, *IDLE])
@pytest.mark.asyncio
async def test_a_writing_call_is_refused_and_changes_nothing(filled: RedisServer, reader: Scheduler, name: str) -> None:
    await reader.start_task_accept()
    before = changes(filled)
    try:
        await {**WRITING, **IDLE}[name](reader)
    except StorageRefused as error:
        assert error.code == "NOPERM"  # noqa: PT017 - some need not be refused
    else:
        # Redis 6.2 runs the script, which finds nothing to do.
        assert name in IDLE or version_of(filled) < 7
    assert changes(filled) == before


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.asyncio
async def test_a_writing_call_works_where_the_rights_allow_it(own_server: NewServer, name: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app") as scheduler:
        await fill(scheduler)
    tools = Scheduler.from_url(server.url, namespace="app")
    await tools.connect(create=False)
    await tools.start_task_accept()
    await WRITING[name](tools)
    await tools.close()


@pytest.mark.parametrize("without", ["", "+subscribe", "+config|get"])
@pytest.mark.asyncio
async def test_connecting_and_staying_writes_nothing(
    filled: RedisServer, without: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = as_reader(filled, without=without)
    before, before_written = changes(filled), written(filled)
    scheduler = Scheduler.from_url(url, namespace="app", operation_timeout_seconds=0.2)
    await scheduler.connect(create=False)
    first = pings(filled)
    await until(lambda: pings(filled) > first + 1)  # it stays connected for longer than a time-out
    await until(lambda: scheduler.online)  # a slow machine may have missed one of the short time-outs
    await scheduler.close()
    assert (changes(filled), written(filled)) == (before, before_written)
    assert "subscribe" not in caplog.text, "who only looks misses nothing"


async def seen_by(monitor: Any, until_text: str) -> list[str]:
    """The commands that a MONITOR tells of, up to one with some text in it."""
    found: list[str] = []
    while not found or until_text not in found[-1]:
        found.append(str(await asyncio.to_thread(lambda: monitor.next_command()["command"])))
    return found


@pytest.mark.asyncio
async def test_a_monitor_sees_no_write_by_an_all_powerful_user(filled: RedisServer) -> None:
    with redis.Redis(port=filled.port, protocol=2) as watching, watching.monitor() as monitor:
        scheduler = Scheduler.from_url(filled.url, namespace="app")
        await scheduler.connect(create=False)
        for call in READING.values():
            await call(scheduler)
        await scheduler.close()
        with filled.client() as client:
            client.echo("that was all")
        seen = await seen_by(monitor, "that was all")
    names = {command.partition(" ")[0].lower() for command in seen}
    assert names & {"evalsha", "eval", "evalsha_ro", "eval_ro"}
    assert not names & WRITES
    if version_of(filled) >= 7:
        assert not names & {"evalsha", "eval"}


# Namespaces and queues that are not there


@pytest.mark.parametrize("url_of", [lambda filled: filled.url, as_reader], ids=["all rights", "a reader"])
@pytest.mark.asyncio
async def test_a_mistyped_namespace(filled: RedisServer, url_of: Callable[[RedisServer], str]) -> None:
    # A reader's rights are for one namespace: without another one's it is refused, and cannot know.
    url = url_of(filled)
    before = changes(filled)
    scheduler = Scheduler.from_url(url, namespace="ap")
    expected: type[Exception] = UnknownNamespace if url == filled.url else StorageRefused
    with pytest.raises(expected) as caught:
        await scheduler.connect(create=False)
    if isinstance(caught.value, UnknownNamespace):
        assert (caught.value.namespace, caught.value.queue) == ("ap", None)
        assert re.search("has no namespace 'ap': look at its spelling", str(caught.value))
    assert not scheduler.online
    assert changes(filled) == before
    with filled.client() as client:
        assert client.keys("{ap}*") == client.keys("{ap:*") == []


@pytest.mark.asyncio
async def test_an_empty_database(own_server: NewServer) -> None:
    server = own_server()
    scheduler = Scheduler.from_url(server.url)
    with pytest.raises(UnknownNamespace):
        await scheduler.connect(create=False)
    with server.client() as client:
        assert client.keys("*") == []
    await scheduler.connect()  # who may make it does
    await scheduler.close()
    await scheduler.connect(create=False)
    await scheduler.close()


@pytest.mark.asyncio
async def test_a_queue_that_is_not_there(own_server: NewServer) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app") as worker:
        viewer = Scheduler.from_url(server.url, namespace="app")
        await viewer.connect(create=False)
        mail = viewer.queue("mail")
        assert await viewer.queues() == [], "the others are listed all the same"
        for _ in range(2):
            with pytest.raises(UnknownNamespace, match="has no queue 'mail' in the namespace 'app'") as caught:
                await mail.task_size()
            assert (caught.value.namespace, caught.value.queue) == ("app", "mail")
        for attempt in (mail.connect, mail.start_task_accept, lambda: mail.connect(create=False)):
            with pytest.raises(UnknownNamespace):
                await attempt()
        assert await viewer.queues() == []
        assert (await viewer.check_health()).ok
        await worker.queue("mail").assign_task(IntervalTask("letter", every=60))
        assert await mail.task_size() == 1
        assert await viewer.queues() == ["mail"]
        await viewer.close()


@pytest.mark.asyncio
async def test_a_queue_alone_connects_its_namespace_alike(own_server: NewServer) -> None:
    server = own_server()
    queue = Scheduler.from_url(server.url, namespace="app").queue("mial")
    with pytest.raises(UnknownNamespace, match="no namespace 'app'"):
        await queue.connect(create=False)
    async with Scheduler.from_url(server.url, namespace="app") as worker:
        await worker.queue("mail").task_size()
        with pytest.raises(UnknownNamespace, match="no queue 'mial'"):
            await queue.connect(create=False)
        assert await worker.queues() == ["mail"]


@pytest.mark.asyncio
async def test_a_queue_of_a_worker_that_is_to_be_there(own_server: NewServer) -> None:
    async with Scheduler.from_url(own_server().url, namespace="app") as worker:
        queue = worker.queue("mial")
        with pytest.raises(UnknownNamespace):
            await queue.connect(create=False)
        await asyncio.sleep(0.1)  # nothing tells that it is not made in the background
        assert await worker.queues() == []
        await queue.connect()
        assert await worker.queues() == ["mial"]


@pytest.mark.asyncio
async def test_a_queue_that_was_looked_for_in_vain_stands_in_nobodys_way(own_server: NewServer) -> None:
    scheduler = Scheduler.from_url(own_server().url, namespace="app")
    await scheduler.start_task_accept()
    with pytest.raises(UnknownNamespace):
        await scheduler.queue("mial").connect(create=False)
    await scheduler.queue("mail").assign_task(IntervalTask("letter", every=60))
    await scheduler.close()
    async with scheduler:
        assert await scheduler.queues() == ["mail"]


@pytest.mark.asyncio
async def test_a_partition_without_the_namespace_is_left_out_of_looks(own_server: NewServer) -> None:
    servers = [own_server() for _ in range(2)]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(*urls, namespace="app") as worker:
        await worker.assign_tasks(IntervalTask(f"a{n}", every=60, start=4_000_000_000) for n in range(20))
        await worker.pause("why")
    with servers[1].client() as client:
        client.flushall()
    viewer = Scheduler.from_url(*urls, namespace="app")
    await viewer.connect(create=False)
    found = await viewer.overview()
    assert [each.online for each in found.partitions] == [True, False]
    for page in (await viewer.page(), await viewer.dead_page(), await viewer.failing_page(), await viewer.actions()):
        assert page.offline == (found.partitions[1].name,)
    assert (await viewer.search("a")).offline == (found.partitions[1].name,)
    assert (await viewer.paused()) is not None
    await viewer.close()


@pytest.mark.asyncio
async def test_a_queue_that_was_asked_for_before(own_server: NewServer) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app") as worker:
        await worker.queue("mail").assign_task(IntervalTask("letter", every=60))
        viewer = Scheduler.from_url(server.url, namespace="app")
        assert viewer.queue("mail")
        await viewer.connect(create=False)
        assert await viewer.queue("mail").task_size() == 1
        await viewer.close()
        viewer.queue("mial")
        with pytest.raises(UnknownNamespace, match="'mial'"):
            await viewer.connect(create=False)
        assert await worker.queues() == ["mail"]


# What is gone


@pytest.mark.asyncio
async def test_a_namespace_that_is_gone_is_not_made_anew(own_server: NewServer) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app") as worker:
        await worker.assign_task(IntervalTask("a", every=60))
    tools = Scheduler.from_url(server.url, namespace="app", operation_timeout_seconds=600)
    await tools.connect(create=False)
    await tools.start_task_accept()
    with server.client() as client:
        client.flushall()
        for call in (WRITING["assign_task"], WRITING["pause_task"], WRITING["try_lock"], WRITING["set_rate"]):
            with pytest.raises(UnknownNamespace, match="has no namespace 'app'"):
                await asyncio.wait_for(call(tools), 60)  # at once, not after the time-out of a call
        assert client.keys("*") == []
        health = await tools.check_health()
        assert not health.ok
        assert "has no namespace 'app'" in str(health.partitions[0].problem)
        async with Scheduler.from_url(server.url, namespace="app") as worker:
            await worker.assign_task(IntervalTask("b", every=60))
            await until(lambda: tools.online)
            assert await tools.task_size() == 1
            assert await tools.assign_task(IntervalTask("c", every=60)) is True
    await tools.close()


@pytest.mark.asyncio
async def test_health_notices_that_it_is_gone(own_server: NewServer) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app"):
        pass
    viewer = Scheduler.from_url(server.url, namespace="app")
    await viewer.connect(create=False)
    with server.client() as client:
        client.flushall()
        assert "has no namespace" in str((await viewer.check_health()).partitions[0].problem)
        assert client.keys("*") == []
    await viewer.close()


@pytest.mark.asyncio
async def test_what_was_made_anew_is_used_as_it_is(own_server: NewServer) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app"):
        pass
    tools = Scheduler.from_url(server.url, namespace="app")
    await tools.connect(create=False)
    await tools.start_task_accept()
    with server.client() as client:
        client.flushall()
        async with Scheduler.from_url(server.url, namespace="app"):
            before = client.hgetall("{app}:partitions")
            assert await tools.assign_task(IntervalTask("a", every=60)) is True
            assert client.hgetall("{app}:partitions") == before, "a loss is noted by those who make namespaces"
    await tools.close()


# Several partitions


@pytest.mark.asyncio
async def test_one_partition_is_offline(own_server: NewServer) -> None:
    first, second = own_server(), own_server(appendonly="yes", appendfsync="always")
    urls = (first.url, second.url)
    async with Scheduler.from_url(*urls, namespace="app") as worker:
        await worker.assign_tasks([IntervalTask(f"t{n}", every=60, start=2e9) for n in range(20)])
    second.kill()
    viewer = Scheduler.from_url(*urls, namespace="app", reconnect_interval_seconds=0.05)
    await viewer.connect(create=False)
    with pytest.raises(PartitionOffline):
        await viewer.task_size()
    second.start()
    await until(lambda: _counts(viewer))
    await viewer.close()
    first.kill()
    second.kill()
    with pytest.raises(PartitionOffline):
        await viewer.connect(create=False)


async def _counts(viewer: Scheduler) -> bool:
    try:
        return await viewer.task_size() >= 0
    except (PartitionOffline, UnknownNamespace):  # it cannot be read yet
        return False


@pytest.mark.asyncio
async def test_one_partition_does_not_have_the_namespace_yet(own_server: NewServer) -> None:
    first, second = own_server(), own_server()
    urls = (first.url, second.url)
    second.kill()
    async with Scheduler.from_url(*urls, namespace="app", reconnect_interval_seconds=600) as worker:
        second.start()
        viewer = Scheduler.from_url(*urls, namespace="app", reconnect_interval_seconds=0.05)
        await viewer.connect(create=False)
        assert viewer.online
        with pytest.raises(UnknownNamespace) as caught:
            await viewer.task_size()
        assert str(second.port) in caught.value.partition
        with second.client() as client:
            assert client.keys("*") == []
        assert worker.online
        async with Scheduler.from_url(*urls, namespace="app"):
            await until(lambda: _counts(viewer))
        await viewer.close()


@pytest.mark.asyncio
async def test_the_master_cannot_be_asked(own_server: NewServer) -> None:
    first, second = own_server(), own_server()
    viewer = Scheduler.from_url(first.url, second.url, namespace="app")
    first.kill()
    with pytest.raises(PartitionOffline):  # it may have it
        await viewer.connect(create=False)


@pytest.mark.asyncio
async def test_the_master_does_not_have_it_and_another_is_offline(own_server: NewServer) -> None:
    first, second = own_server(), own_server()
    viewer = Scheduler.from_url(first.url, second.url, namespace="app", master_index=1)
    first.kill()
    with pytest.raises(UnknownNamespace):  # the master would have it
        await viewer.connect(create=False)


@pytest.mark.asyncio
async def test_another_list_of_partitions(own_server: NewServer) -> None:
    first, second = own_server(), own_server()
    async with Scheduler.from_url(first.url, namespace="app"):
        pass
    before = changes(first)
    with pytest.raises(PartitionMismatch, match="its list of partitions is"):
        await Scheduler.from_url(first.url, second.url, namespace="app").connect(create=False)
    with pytest.raises(PartitionMismatch, match=r"epoch 1\), and connect\(create=False\) changes none"):
        await Scheduler.from_url(first.url, second.url, namespace="app", list_epoch=2).connect(create=False)
    assert changes(first) == before
    with second.client() as client:
        assert client.keys("*") == []


@pytest.mark.asyncio
async def test_an_old_schema(own_server: NewServer) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace="app"):
        pass
    with server.client() as client:
        client.hset("{app}:partitions", "schema", "1")
    with pytest.raises(UnsuitableServer, match="schema version 1"):
        await Scheduler.from_url(server.url, namespace="app").connect(create=False)


@pytest.mark.asyncio
async def test_a_move_in_progress_is_left_to_others(own_server: NewServer, caplog: pytest.LogCaptureFixture) -> None:
    first, second = own_server(), own_server()
    async with Scheduler.from_url(first.url, namespace="app") as worker:
        await worker.assign_tasks([IntervalTask(f"t{n}", every=60, start=2e9) for n in range(5_000)])
    mover = Scheduler.from_url(first.url, second.url, namespace="app", list_epoch=2)
    await mover.connect()
    await mover.close()  # it has begun to move them
    viewer = Scheduler.from_url(as_reader(first), as_reader(second), namespace="app", list_epoch=2)
    await viewer.connect(create=False)
    assert await viewer.moving()
    before = changes(first), changes(second)
    for n in range(0, 5_000, 1_000):
        assert await _is_found_or_on_its_way(viewer, f"t{n}")
    assert len([task async for task in viewer.tasks()]) > 4_000
    assert (changes(first), changes(second)) == before
    await mover.connect()
    counted = await viewer.count_tasks(prefix="t")
    assert counted == 5_000, "those on their way are waited for"
    await until(lambda: _has_moved(viewer))
    assert await viewer.count_tasks(prefix="t") == await viewer.task_size() == 5_000
    assert "held up" not in caplog.text
    await viewer.close()
    await mover.close()


async def _is_found_or_on_its_way(viewer: Scheduler, task_id: str) -> bool:
    try:
        return await viewer.get_task(task_id) is not None
    except PartitionOffline as error:
        return error.reason == "moving"  # nobody delivers the batch in which it is


async def _has_moved(scheduler: Scheduler) -> bool:
    return not await scheduler.moving()


@pytest.mark.asyncio
async def test_hints_are_left_to_others(own_server: NewServer) -> None:
    first, second = own_server(), own_server(appendonly="yes", appendfsync="always")
    urls = (first.url, second.url)
    ids = [f"t{n}" for n in range(40)]
    async with Scheduler.from_url(*urls, namespace="app", on_offline="hint") as worker:
        second.kill()
        await until(lambda: _hinted(worker, ids))
    with first.client() as client:
        waiting = client.keys("{app*hint-order*")
        assert waiting
        second.start()
        viewer = Scheduler.from_url(*urls, namespace="app", on_offline="hint")
        before = changes(first)
        await viewer.connect(create=False)
        assert await viewer.task_size() < 40
        await viewer.close()
        assert changes(first) == before
        assert client.keys("{app*hint-order*") == waiting


async def _hinted(worker: Scheduler, ids: list[str]) -> bool:
    try:
        await worker.assign_tasks([IntervalTask(each, every=60, start=2e9) for each in ids])
    except PartitionOffline:  # it was just lost
        return False
    return True


# The call itself


@pytest.mark.parametrize("create", [None, 0, "no"])
@pytest.mark.asyncio
async def test_the_argument_is_checked(own_server: NewServer, create: Any) -> None:
    with pytest.raises(InvalidType, match="create must be True or False"):
        await Scheduler.from_url("redis://nowhere.invalid").connect(create=create)


@pytest.mark.asyncio
async def test_who_is_connected_stays_so(filled: RedisServer, reader: Scheduler) -> None:
    before = changes(filled)
    await reader.connect()
    await reader.start_task_accept()
    assert changes(filled) == before


def test_blocking(filled: RedisServer) -> None:
    scheduler = BlockingScheduler.from_url(as_reader(filled), namespace="app")
    scheduler.connect(create=False)
    assert scheduler.task_size() == 28
    with pytest.raises(StorageRefused):
        scheduler.pause()
    scheduler.close()
    mistyped = BlockingScheduler.from_url(filled.url, namespace="ap")
    with pytest.raises(UnknownNamespace):
        mistyped.connect(create=False)
    mistyped.close()


@pytest.mark.asyncio
async def test_the_embedded_engine() -> None:
    with pytest.raises(UnknownNamespace):
        await Scheduler.from_url("memory://readers", namespace="app").connect(create=False)
    async with Scheduler.from_url("memory://readers", namespace="app") as worker:
        await fill(worker, runs=False)
        viewer = Scheduler.from_url("memory://readers", namespace="app")
        await viewer.connect(create=False)
        for call in READING.values():
            await call(viewer)
        assert await viewer.task_size() == 26
        assert PASSWORD
        await viewer.close()
