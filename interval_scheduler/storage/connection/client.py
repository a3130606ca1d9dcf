"""Clients: how one is opened for an instance, and what its errors mean.

The client's own retries are off. They would replay a claim whose reply was lost; `session.py` repeats requests in a
way that each is applied once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import hiredis
from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ResponseError,
)

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...errors import (
    ConfigurationError,
)
from .failures import is_moved, is_replica

if TYPE_CHECKING:
    from fakeredis import FakeServer


_PRIVATE_STORE: Final = ""
_memory_stores: dict[str, FakeServer] = {}


#: Says where the primary is: its host and port.
Locate = Callable[[], Awaitable[tuple[str, int]]]


class _Packing:
    """Packs commands in C: redis-py's asyncio connections do it in Python, at four times the cost for a full batch."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Pack a command in the form in which it is sent; a name of two words becomes two arguments."""
        name = args[0]
        return [hiredis.pack_command((*name.split(), *args[1:]) if isinstance(name, str) else args)]


class _PlainConnection(_Packing, Connection):
    pass


class _SocketConnection(_Packing, UnixDomainSocketConnection):
    pass


class _TlsConnection(_Packing, SSLConnection):
    pass


class _Located(Connection):
    """A connection that asks for the primary each time it connects, and leaves a server that is not the primary."""

    def __init__(self, *, locate: Locate, **rest: Any) -> None:
        super().__init__(**rest)
        self._locate = locate

    async def _connect(self) -> None:
        async with asyncio.timeout(self.socket_connect_timeout):
            self.host, self.port = await self._locate()
            await super()._connect()  # type: ignore[no-untyped-call]

    async def read_response(self, *args: Any, **rest: Any) -> Any:
        """Read a reply; close the connection if the reply says that the primary is elsewhere."""
        try:
            return await super().read_response(*args, **rest)
        except ResponseError as error:
            if is_replica(error) or is_moved(error):
                await self.disconnect()
            raise


class _LocatedPlainConnection(_Packing, _Located):
    pass


class _LocatedTlsConnection(_Packing, _Located, SSLConnection):
    pass


def open_client(instance: RedisInstance, options: StorageOptions, locate: Locate | None = None) -> Redis:
    """Make a client with its own pool of connections; it connects on first use.

    Args:
        instance: the server.
        options: the time limits, and the number of connections to open.
        locate: returns the address of the primary, for each new connection. Default: the address of the instance.
    """
    if instance.memory is not None:
        return _open_memory(instance.memory, instance.db)
    where: dict[str, Any] = {"host": instance.host, "port": instance.port, "socket_keepalive": True}
    kind: type[AbstractConnection] = _PlainConnection
    if instance.socket_path is not None:
        kind, where = _SocketConnection, {"path": instance.socket_path}
    elif instance.tls:
        kind = _TlsConnection
        where |= {"ssl_ca_certs": instance.tls_ca_file, "ssl_check_hostname": True}
    if locate is not None:
        kind = _LocatedTlsConnection if instance.tls else _LocatedPlainConnection
        where["locate"] = locate
    pool = BlockingConnectionPool(
        **where,
        connection_class=kind,
        db=instance.db,
        username=instance.username,
        password=instance.password,
        max_connections=options.max_connections,
        timeout=options.operation_timeout_seconds,
        socket_timeout=options.operation_timeout_seconds,
        socket_connect_timeout=options.connect_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis.from_pool(pool)


def _open_memory(store: str, db: int) -> Redis:
    try:
        from fakeredis import FakeAsyncRedis, FakeServer  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "url", "memory:// needs the embedded engine: pip install 'interval-scheduler[memory]'"
        ) from None
    if store == _PRIVATE_STORE:
        server = FakeServer(version=(7,))
    else:
        server = _memory_stores.setdefault(store, FakeServer(version=(7,)))
    client: Redis = FakeAsyncRedis(server=server, db=db, retry=Retry(NoBackoff(), 0), protocol=2)
    return client
