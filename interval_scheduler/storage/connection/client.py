"""Clients: how one is opened for an instance.

The client's own retries are off. They would replay a claim whose reply was lost; `session.py` repeats requests in a
way that each is applied once.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ...config.instance import RedisInstance
from ...config.options import StorageOptions
from ...errors import ConfigurationError
from ...support.log import Log
from .connections import (
    Locate,
    LocatedPlainConnection,
    LocatedTlsConnection,
    PlainConnection,
    SocketConnection,
    TlsConnection,
)
from .pool import FairPool
from .tls import tls_arguments

if TYPE_CHECKING:
    from fakeredis import FakeServer


_PRIVATE_STORE: Final = ""
_memory_stores: dict[str, FakeServer] = {}


def open_client(
    instance: RedisInstance,
    options: StorageOptions,
    locate: Locate | None = None,
    *,
    creates: bool = True,
    log: Log | None = None,
) -> Redis:
    """Make a client with its own pool of connections; it connects on first use.

    Args:
        instance: the server.
        options: the time limits, and the number of connections to open.
        locate: returns the address of the primary, for each new connection. Default: the address of the instance.
        creates: False if nothing is made that is not there, as the folder of a server. Default True.
        log: the log, for the server of a folder that is started again. Default: the logger `interval_scheduler`.

    Raises:
        ConfigurationError: something that this instance needs is not installed.
    """
    if instance.memory is not None:
        return _open_memory(instance.memory, instance.db)
    common: dict[str, Any] = {
        "db": instance.db,
        "max_connections": options.max_connections,
        "request_seconds": options.operation_timeout_seconds,
        "socket_connect_timeout": options.connect_timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if instance.folder is not None:
        return Redis.from_pool(_folder_pool(instance, instance.folder, common, creates=creates, log=log))
    where: dict[str, Any] = {"host": instance.host, "port": instance.port}
    kind: type[AbstractConnection] = PlainConnection
    if instance.socket_path is not None:
        kind, where = SocketConnection, {"path": instance.socket_path}
    elif instance.tls:
        kind = TlsConnection
        where |= tls_arguments(instance)
    if locate is not None:
        kind = LocatedTlsConnection if instance.tls else LocatedPlainConnection
        where["locate"] = locate
    pool = FairPool(**where, **common, connection_class=kind, username=instance.username, password=instance.password)
    return Redis.from_pool(pool)


def refuse_waiting(client: Any) -> None:
    """End the waits of requests for a connection with an error: the partition was lost."""
    if isinstance(pool := client.connection_pool, FairPool):  # the embedded engine has a pool of its own
        pool.refuse_waiting()


async def drop_idle(client: Any) -> None:
    """Disconnect the connections of a client that nobody uses."""
    pool = client.connection_pool
    if isinstance(pool, FairPool):
        await pool.drop_idle()
    else:
        await pool.disconnect(inuse_connections=False)


async def close(client: Any) -> None:
    """Close the connections of a client; a call that is under way opens no other one."""
    pool = client.connection_pool
    if isinstance(pool, FairPool):
        pool.close()
    await client.aclose()


def abandon(client: Any) -> None:
    """Cut all connections of a client at once: replies must not come from this server any more."""
    if isinstance(pool := client.connection_pool, FairPool):
        pool.abandon()


def _folder_pool(
    instance: RedisInstance, folder: str, common: Mapping[str, Any], *, creates: bool, log: Log | None
) -> FairPool:
    try:
        importlib.import_module("fcntl")
    except ImportError:
        raise ConfigurationError(
            "url", "local:// needs locks of files that Windows does not have: give redis://, or use it within WSL"
        ) from None
    # Only now: they need those locks, and what starts processes, which nobody else needs here.
    from ..local import binaries  # noqa: PLC0415
    from ..local.hold import Hold  # noqa: PLC0415
    from .of_folder import FolderPool  # noqa: PLC0415

    binaries.require()
    return FolderPool(hold=Hold(folder, instance.partition_name, creates=creates, log=log), **common)


def _open_memory(store: str, db: int) -> Redis:
    try:
        for module in ("fakeredis", "lupa"):  # without the second, the engine is there but knows no scripts
            importlib.import_module(module)
        from ..embedded import opening  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "url", "memory:// needs the embedded engine: pip install 'interval-scheduler[memory]'"
        ) from None
    if store == _PRIVATE_STORE:
        return opening.open_client(opening.open_store(), db)
    if store not in _memory_stores:
        _memory_stores.setdefault(store, opening.open_store())  # another thread may have made it meanwhile
    return opening.open_client(_memory_stores[store], db)
