"""Servers and databases that must not be used: a typed error that names them, and nothing is changed anywhere."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from interval_scheduler import (
    IntervalTask,
    PartitionMismatch,
    Scheduler,
    SchedulerError,
    StorageRefused,
    UnsuitableServer,
)
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio


def whole(server: RedisServer, db: int = 0) -> dict[bytes, Any]:
    """Every key of a database with its value as Redis dumps it."""
    with server.client(db) as client:
        keys: list[bytes] = client.keys("*")
        return {key: client.dump(key) for key in keys}


async def refused(error: type[SchedulerError], says: str, *urls: str, **options: Any) -> SchedulerError:
    """The error of a scheduler that must not connect; whatever it was asked to do raises the same."""
    scheduler = Scheduler.from_url(*urls, **options)
    with pytest.raises(error, match=says) as caught:
        await scheduler.connect()
    assert type(caught.value) is error
    assert [scheduler.online, scheduler.accepting_tasks] == [False, False]
    with pytest.raises(error, match=says):
        await scheduler.start_task_accept()
    assert not scheduler.accepting_tasks
    with pytest.raises(error, match=says):
        async with scheduler:
            pytest.fail("connected")
    await scheduler.close()
    return caught.value


@asynccontextmanager
async def pretending(server: RedisServer, old: bytes, new: bytes) -> AsyncIterator[str]:
    """A proxy before a real server that replaces some bytes of its replies; gives its URL."""
    assert len(old) == len(new), "the length of a reply is told before it"
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, replies: bool) -> None:
        try:
            while data := await source.read(1 << 20):
                sink.write(data.replace(old, new) if replies else data)
                await sink.drain()
        except ConnectionError:  # one of both ends has gone
            pass
        finally:
            sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, mine = await asyncio.open_connection("127.0.0.1", server.port)
        for task in (
            asyncio.create_task(pipe(reader, mine, replies=False)),
            asyncio.create_task(pipe(theirs, writer, replies=True)),
        ):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{proxy.sockets[0].getsockname()[1]}/0"
    finally:
        proxy.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def test_a_server_below_6_2(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    with server.client() as client:
        info: Any = client.info("server")
    true = info["redis_version"].encode()
    false = b"6.1." + b"9" * (len(true) - 4)
    async with pretending(server, b"redis_version:" + true, b"redis_version:" + false) as url:
        await refused(UnsuitableServer, rf"runs Redis {false.decode()}: at least 6\.2", url, namespace=namespace)
    assert whole(server) == {}
    # The same way in, with nothing replaced, is fine.
    async with pretending(server, b"", b"") as url, Scheduler.from_url(url, namespace=namespace) as scheduler:
        assert scheduler.online


async def test_a_replica(own_server: Callable[..., RedisServer], namespace: str) -> None:
    primary, replica = own_server(), own_server()
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
        await until(lambda: client.info("replication")["role"] == "slave")
    await refused(UnsuitableServer, "is a replica: give the address of its primary", replica.url, namespace=namespace)
    assert whole(primary) == {}


async def test_one_replica_among_good_servers(own_server: Callable[..., RedisServer], namespace: str) -> None:
    good, primary, replica = own_server(), own_server(), own_server()
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
        await until(lambda: client.info("replication")["role"] == "slave")
    error = await refused(UnsuitableServer, "is a replica", good.url, replica.url, namespace=namespace)
    assert f"127.0.0.1:{replica.port}/0" in str(error)
    assert whole(good) == {}, "nothing is written before all that answer were looked at"


async def test_a_foreign_schema_version(redis_server: RedisServer, namespace: str) -> None:
    name = f"127.0.0.1:{redis_server.port}/6"
    fields = {"schema": "99", "partition": name, "list": name, "master": name, "more": "of the future"}
    with redis_server.client(6) as client:
        client.hset(f"{{{namespace}}}:partitions", mapping=fields)
        before = whole(redis_server, 6)
        await refused(
            UnsuitableServer,
            r"has schema version 99, this library writes 2",
            redis_server.url_of(6),
            namespace=namespace,
        )
        assert whole(redis_server, 6) == before
        client.delete(f"{{{namespace}}}:partitions")


async def test_another_list_of_partitions(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    urls = [server.url_of(db) for db in range(4)]
    async with Scheduler.from_url(*urls[:2], namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=60))
    before = [whole(server, db) for db in range(4)]
    for other in (urls[:1], urls[:3], [urls[1], urls[2]], urls[1:], [urls[3], urls[0], urls[1]]):
        error = await refused(
            PartitionMismatch, r"its list of partitions is .*, here it is ", *other, namespace=namespace
        )
        assert f"127.0.0.1:{server.port}/0,127.0.0.1:{server.port}/1" in str(error)
        assert namespace in str(error), "it says what to delete to start anew"
    assert [whole(server, db) for db in range(4)] == before
    # The order does not matter, as long as the master stays.
    async with Scheduler.from_url(*reversed(urls[:2]), namespace=namespace, master_index=1) as scheduler:
        assert await scheduler.is_scheduled("a") == ""
    # Another namespace is another matter.
    async with Scheduler.from_url(urls[0], namespace=f"{namespace}-2") as scheduler:
        assert await scheduler.task_size() == 0


async def test_another_master(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    urls = [server.url_of(db) for db in range(2)]
    async with Scheduler.from_url(*urls, namespace=namespace):
        pass
    before = [whole(server, db) for db in range(2)]
    await refused(
        PartitionMismatch,
        r"its master is 127\.0\.0\.1:\d+/0, here it is 127\.0\.0\.1:\d+/1",
        *urls,
        namespace=namespace,
        master_index=1,
    )
    assert [whole(server, db) for db in range(2)] == before


async def test_one_database_under_two_addresses(own_server: Callable[..., RedisServer], namespace: str) -> None:
    # As URLs they differ, so only the database itself can tell. The mistake must not leave a mark in it, or the
    # corrected configuration would be refused as well.
    server = own_server()
    twice = [server.url, server.url_of(0, "localhost")]
    await refused(PartitionMismatch, r"is the same database as .*: name each only once", *twice, namespace=namespace)
    assert whole(server) == {}
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        assert scheduler.online


async def test_one_database_under_another_address(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace):
        pass
    other = server.url_of(0, "localhost")
    await refused(PartitionMismatch, r"RedisInstance\.name fixes a name", other, namespace=namespace)
    named = f"{other}?name=127.0.0.1:{server.port}/0"
    async with Scheduler.from_url(named, namespace=namespace) as scheduler:
        assert scheduler.online


async def test_an_eviction_policy(
    own_server: Callable[..., RedisServer], namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_server(maxmemory="100mb", maxmemory_policy="volatile-lru")
    await refused(UnsuitableServer, "maxmemory-policy volatile-lru.*noeviction", server.url, namespace=namespace)
    assert whole(server) == {}
    caplog.clear()
    async with Scheduler.from_url(server.url, namespace=namespace, allow_eviction=True) as scheduler:
        assert scheduler.online
    assert "maxmemory-policy volatile-lru" in caplog.text


async def test_persistence_that_is_off_is_a_warning(
    own_server: Callable[..., RedisServer], namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    lasting = own_server(appendonly="yes")
    with caplog.at_level(logging.WARNING):
        async with Scheduler.from_url(lasting.url, namespace=namespace):
            pass
        assert caplog.text == ""
        async with Scheduler.from_url(own_server().url, namespace=namespace):
            pass
    assert caplog.text.count("has persistence switched off") == 1


@pytest.mark.parametrize(
    ("credentials", "says"),
    [
        ("", "NOAUTH: it wants a password, and none is given"),
        (":wrong-hunter3@", "user name or the password is not accepted"),
        ("nobody:wrong-hunter3@", "user name or the password is not accepted"),
    ],
)
async def test_wrong_credentials(
    own_server: Callable[..., RedisServer],
    namespace: str,
    credentials: str,
    says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = own_server()
    url = f"redis://{credentials}127.0.0.1:{server.port}/0"
    with server.client() as client, caplog.at_level(logging.DEBUG):
        client.config_set("requirepass", "right-hunter2")
        error = await refused(StorageRefused, says, url, namespace=namespace)
        right = f"redis://:right-hunter2@127.0.0.1:{server.port}/0"
        async with Scheduler.from_url(right, namespace=namespace) as scheduler:
            assert scheduler.online
            assert "hunter" not in repr(scheduler)
        client.config_set("requirepass", "")  # the server is looked at from outside once more
    assert "hunter" not in f"{error!r} {error}"
    assert "hunter" not in caplog.text


def _linked(socket: Path) -> str:
    path = Path(socket.parent, "a b", "été 時.sock")
    path.parent.mkdir()
    path.symlink_to(socket)
    return str(path)


@pytest.mark.parametrize("encoded", [True, False])
async def test_a_unix_socket_at_a_path_with_blanks_and_letters_of_other_alphabets(
    own_server: Callable[..., RedisServer], namespace: str, *, encoded: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        own_server(unixsocket=f"{folder}/plain.sock")
        path = _linked(Path(folder, "plain.sock"))
        url = f"unix://{quote(path) if encoded else path}"
        async with Scheduler.from_url(url, namespace=namespace) as scheduler:
            assert await scheduler.assign_task(IntervalTask("t", every=1000))
            (health,) = (await scheduler.check_health()).partitions
            assert health.name == f"{folder}/a%20b/%C3%A9t%C3%A9%20%E6%99%82.sock/0"


async def test_wrong_credentials_on_a_unix_socket(own_server: Callable[..., RedisServer], namespace: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not that of the test: the path of a socket must be short
        socket = f"{folder}/redis"
        server = own_server(unixsocket=socket)
        error = await refused(
            StorageRefused,
            "user name or the password is not accepted",
            f"unix://nobody:hunter2@{socket}",
            namespace=namespace,
        )
        assert "hunter2" not in repr(error)
        url = server.url.replace("redis:", "unix:").replace(f"127.0.0.1:{server.port}/0", socket)
        async with Scheduler.from_url(url, namespace=namespace) as scheduler:
            assert scheduler.online


async def test_a_password_that_the_server_does_not_ask_for(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    server = own_server()
    url = f"redis://:hunter2@127.0.0.1:{server.port}/0"
    error = await refused(
        StorageRefused, "a password is given, but its default user has none", url, namespace=namespace
    )
    assert "hunter2" not in str(error)


async def test_a_user_without_the_rights(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server()
    with server.client() as client:
        client.acl_setuser("weak", enabled=True, passwords=["+hunter2"], keys=["*"], commands=["+ping", "+info"])
    url = f"redis://weak:hunter2@127.0.0.1:{server.port}/0"
    error = await refused(StorageRefused, "NOPERM", url, namespace=namespace)
    assert isinstance(error, StorageRefused)
    assert error.code == "NOPERM"
    assert "hunter2" not in str(error)
    assert whole(server) == {}


async def test_a_database_that_the_server_does_not_have(own_server: Callable[..., RedisServer], namespace: str) -> None:
    server = own_server(databases="2")
    error = await refused(StorageRefused, "index is out of range", server.url_of(5), namespace=namespace)
    assert isinstance(error, StorageRefused)
    assert error.code == "ERR"
    assert "DB index is out of range" in str(error)
