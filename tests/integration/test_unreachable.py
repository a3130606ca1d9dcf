"""Each reason for which a server cannot be reached is told by its name, with the remedy, and for programs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interval_scheduler import PartitionOffline, Scheduler, SchedulerError, StorageRefused
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]


async def refused(url: str, seconds: float = 20) -> SchedulerError:
    """What connecting raises; it raises in time, and names the partition."""
    scheduler = Scheduler.from_url(
        url, connect_timeout_seconds=seconds, operation_timeout_seconds=seconds, reconnect_interval_seconds=0.05
    )
    async with asyncio.timeout(120):
        with pytest.raises(SchedulerError) as caught:
            await scheduler.connect()
        await scheduler.close()
    assert str(caught.value).startswith("partition '")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), vars(copy)) == (str(caught.value), vars(caught.value))
    return caught.value


async def offline(url: str, reason: str, says: str, seconds: float = 20) -> None:
    """Connecting raises `PartitionOffline` with this reason and these words."""
    error = await refused(url, seconds)
    assert type(error) is PartitionOffline
    assert error.reason == reason
    assert says in str(error)
    assert str(error).endswith("): nothing was changed, try again later")


@asynccontextmanager
async def speaking(words: bytes, *, first: bool) -> AsyncIterator[str]:
    """A server that says some words, at once or as its only answer, and hangs up. Yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first:
            await reader.read(100)
        writer.write(words)
        with contextlib.suppress(OSError):  # the client has gone
            await writer.drain()
            writer.write_eof()
            while await reader.read(1000):  # else the system resets the connection, and the words are lost
                pass
        writer.close()
        with contextlib.suppress(OSError):  # the client has gone
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    for _ in range(5):
        await asyncio.sleep(0)  # connections that were cut are closed by the event loop


async def test_nothing_listens() -> None:
    await offline("redis://127.0.0.1:1/0", "refused", "Connection refused, errno 111: nothing listens")
    await offline("redis://localhost:1/0", "refused", "Connection refused, errno 111: nothing listens")


async def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("no-such-host.invalid", None)
    words = f"the name of its host is not found: {caught.value.strerror}: look at the host, and at DNS"
    await offline("redis://no-such-host.invalid/0", "name", words)


async def test_a_name_that_cannot_be_one() -> None:
    await offline(f"redis://{'x' * 70}.example/0?name=p", "name", "the name of its host cannot be one")


async def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    await offline(f"unix://{tmp_path}/none.sock", "socket", "No such file or directory, errno 2: the socket is not")


async def test_a_server_that_takes_connections_and_says_nothing() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(5)
        await offline(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0", "timeout", "(did not answer in time)", 0.3)


async def test_a_server_that_takes_no_connection_in_time() -> None:
    # The queue of connections that wait to be accepted is full, so the system drops what more is asked.
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with contextlib.suppress(BlockingIOError):  # it waits in the queue, as it should
                waiting.connect(full.getsockname())
        url = f"redis://127.0.0.1:{full.getsockname()[1]}/0"
        await offline(
            url, "timeout", "did not answer in time, no connection was made: look at host, port, firewalls", 0.3
        )


async def test_a_network_that_cannot_be_reached() -> None:
    host, words = "255.255.255.255", "errno"  # no connection by TCP goes there, whatever the routes are
    error = await refused(f"redis://{host}/0")
    assert isinstance(error, PartitionOffline)
    assert error.reason in ("unreachable", "system")
    assert words in str(error)


async def test_too_many_clients(own_server: NewServer) -> None:
    server = own_server(maxclients="1")
    with contextlib.closing(await asyncio.to_thread(_only_client, server.port)):
        await offline(
            server.url, "clients", "(max number of clients reached: raise its maxclients, or close connections"
        )


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"requirepass": "word"}, ("//", "//:word@")),
        ({"user": "someone on >word ~* &* +@all"}, ("//", "//someone:word@")),
        ({}, ("/0", "/7")),
    ],
    ids=["password", "user", "database"],
)
async def test_too_many_clients_for_one_who_has_to_introduce_itself(
    own_server: NewServer, settings: dict[str, str], change: tuple[str, str]
) -> None:
    server = own_server(**settings)
    with server.client() as only:
        only.config_set("maxclients", 1)
        await offline(server.url.replace(*change), "clients", "(max number of clients reached")


async def test_a_call_under_way_tells_that_there_are_too_many_clients(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(
        server.url, namespace=namespace, operation_timeout_seconds=5, reconnect_interval_seconds=0.05
    ) as scheduler:
        await scheduler.task_size()
        with server.client() as only:
            only.config_set("maxclients", 1)
            # The subscription is left, so the partition is online, and the call is sent.
            only.client_kill_filter(_type="normal", skipme=True)
            for ask in (scheduler.task_size, scheduler.queue_size):
                with pytest.raises(PartitionOffline, match="max number of clients reached") as caught:
                    await ask()
                assert caught.value.reason == "clients"


def _only_client(port: int) -> socket.socket:
    """Connect as soon as the server has a place: the client that waited for its start may still be there."""
    while True:
        only = socket.create_connection(("127.0.0.1", port))
        with contextlib.suppress(OSError):  # it was refused: another one tries
            only.sendall(b"PING\r\n")
            if only.recv(100).startswith(b"+PONG"):
                return only
        only.close()


@pytest.mark.parametrize("db", ["0", "1"])
async def test_protected_mode_as_it_is_worded(db: str) -> None:
    words = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set.\r\n"
    async with speaking(words, first=True) as url:
        await offline(url.removesuffix("0") + db, "protected", "it is in protected mode, which refuses other machines")


async def test_no_redis() -> None:
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n", first=False) as url:
        await offline(url, "protocol", "it does not speak the protocol of Redis: look at the port")


async def test_a_server_that_loads_its_data(own_server: NewServer) -> None:
    words = b"-LOADING Redis is loading the dataset in memory\r\n" * 3
    async with speaking(words, first=True) as url:
        await offline(url, "loading", "it loads its data into memory after a start, and will be back by itself")


@pytest.mark.parametrize(
    ("password", "credentials", "code", "says"),
    [
        ("right", "", "NOAUTH", "it wants a password, and none is given: write redis://:password@host"),
        ("right", ":wrong@", "WRONGPASS", "the user name or the password is not accepted: look at both"),
        ("right", "nobody:right@", "WRONGPASS", "the user name or the password is not accepted: look at both"),
        (None, ":any@", "WRONGPASS", "a password is given, but its default user has none: leave the password out"),
    ],
)
async def test_credentials(own_server: NewServer, password: str | None, credentials: str, code: str, says: str) -> None:
    server = own_server(**({"requirepass": password} if password else {}))
    error = await refused(f"redis://{credentials}127.0.0.1:{server.port}/0")
    assert isinstance(error, StorageRefused)
    assert error.code == code
    assert says in str(error)


@pytest.fixture
def no_files_left() -> Iterator[Callable[[], None]]:
    """Lets this process open no more files, until the end of the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened: list[int] = []

    def use_up() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 40, hard))
        with contextlib.suppress(OSError):  # no more can be opened, as it should be
            while True:
                opened.append(os.open("/dev/null", os.O_RDONLY))

    yield use_up
    for each in opened:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_too_many_open_files(no_files_left: Callable[[], None]) -> None:
    no_files_left()
    await offline(
        "redis://127.0.0.1:6/0", "system", "Too many open files, errno 24: this process has too many open files"
    )


async def test_calls_while_it_is_offline_say_the_reason_too(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.05) as scheduler:
        gone = asyncio.Event()
        scheduler.on("offline", gone.set)
        server.kill()
        await asyncio.wait_for(gone.wait(), 60)
        with pytest.raises(PartitionOffline, match=r"is offline \(.*\): nothing was changed") as caught:
            await scheduler.task_size()
        assert caught.value.reason in ("refused", "protocol")
        health = await scheduler.check_health()
        assert not health.ok
        assert "Connection refused" in str(health.partitions[0].problem)
