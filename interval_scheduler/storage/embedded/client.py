"""The client's end: scripts are handed over as they are, all else goes over fakeredis's connections."""

from __future__ import annotations

from typing import Any, Final

from fakeredis import FakeAsyncRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from .sockets import ScriptSocket, Store
from .trial import passes


class ScriptClient(FakeAsyncRedis):
    """A client of a store in this process.

    Args:
        store: the store.
        db: the number of the database in it.
    """

    def __init__(self, store: Store, db: int) -> None:
        super().__init__(server=store, db=db, retry=Retry(NoBackoff(), 0), protocol=2)
        self._store, self._db = store, db
        pool: Any = self.connection_pool
        self._encode: Final = pool.get_encoder().encode
        self._socket: ScriptSocket | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Carry out a command; a script that the store knows already at once, so that nobody can cancel it half-way."""
        if args[0] != "EVALSHA" or not passes():
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if not self._store.connected:
            raise RedisConnectionError("the embedded engine is cut off")
        if self._socket is None:
            self._socket = ScriptSocket(self._store, self._db, client_class=type(self), client_info={"resp": 2})
        _, sha, count, *rest = args
        encode = self._encode
        values = [each if type(each) is bytes else encode(each) for each in rest]
        reply = self._socket.run(encode(sha), values[:count], values[count:])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        await super().aclose(close_connection_pool)
