"""The pool of connections to a server: who came first is served first.

::

    wanted ──a connection is free──▶ proved, if it was idle ──▶ in use ──▶ given back
       │                                                                      │
       └──none is──▶ waits in line ◀──────────the first in line has it────────┘

redis-py's own pool lets a newcomer pass those who wait, and takes a long wait for a lost connection: a few loops of
reads then keep the renewals of leases waiting until the leases are over. Here nobody is passed, and there is no limit
to a wait except that the partition is lost.

A connection that was idle for some seconds has to answer a PING first. A router on the way may have forgotten it, and
then swallows whatever is sent; the request itself would wait for its whole time-out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from .connections import Sending

#: A connection that nobody used for this long is proved before it is used, seconds.
PROVED_AFTER_SECONDS: Final = 3.0
#: The longest time that a proof waits for its answer, seconds, and its longest share of the time-out of a request.
_PROOF_SECONDS: Final = 1.0
_PROOF_SHARE: Final = 0.25


class FairPool(ConnectionPool):
    """A pool that serves in order of arrival.

    Args:
        max_connections: the most connections; whoever needs another one waits.
        request_seconds: the time-out of a request.
        rest: the arguments of a connection, and its class as `connection_class`.
    """

    def __init__(self, *, max_connections: int, request_seconds: float, **rest: Any) -> None:
        super().__init__(max_connections=max_connections, socket_timeout=request_seconds, **rest)
        self._proof_seconds: Final = min(_PROOF_SECONDS, _PROOF_SHARE * request_seconds)
        self._left = max_connections
        self._line: Final[deque[asyncio.Future[None]]] = deque()
        self._is_closed = False

    async def get_connection(self, command_name: str | None = None, *_: Any, **__: Any) -> Any:  # noqa: ARG002 - redis-py's
        """Return a connection that is open, as soon as it is this request's turn.

        Raises:
            RedisError: it cannot be opened, or the partition was lost meanwhile, or the pool is closed.
        """
        self._require_open()
        if self._left:
            self._left -= 1
        else:
            await self._turn()
        try:
            connection: Any = self.get_available_connection()  # type: ignore[no-untyped-call]
        except BaseException:
            self._pass_on()
            raise
        try:
            if connection.is_connected and connection.idle_seconds() > PROVED_AFTER_SECONDS:
                await self._prove(connection)
            await self.ensure_connection(connection)
            self._require_open()
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: Any) -> None:
        """Take a connection back; the first in line may have it."""
        self._in_use_connections.remove(connection)
        if self._is_closed:
            await connection.disconnect(nowait=True)
        connection.note_idle()
        self._available_connections.append(connection)
        self._pass_on()

    async def drop_idle(self) -> None:
        """Disconnect what nobody uses, without waiting: a server that hangs answers no farewell either."""
        for connection in self._available_connections:
            await connection.disconnect(nowait=True)

    def close(self) -> None:
        """Give no connection from now on; whoever uses one may go on until it is disconnected."""
        self._is_closed = True
        self.refuse_waiting()

    def _require_open(self) -> None:
        if self._is_closed:
            raise RedisConnectionError("the scheduler was closed")

    def refuse_waiting(self) -> None:
        """End all waits with an error: the partition was lost."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_exception(RedisConnectionError("the partition was lost before it was this request's turn"))

    def abandon(self) -> None:
        """Cut all connections at once, also those that wait for a reply: it must not come from this server any more."""
        for connection in (*self._available_connections, *self._in_use_connections):
            if isinstance(connection, Sending):
                connection.abort()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # it was this one's turn in the same moment
            raise

    def _pass_on(self) -> None:
        """Give the room for one connection to the first in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._left += 1

    async def _prove(self, connection: Any) -> None:
        """Disconnect a connection unless it answers soon."""
        answered = False
        try:
            async with asyncio.timeout(self._proof_seconds):
                await connection.send_command("PING", check_health=False)
                await connection.read_response()
            answered = True
        except ResponseError:
            answered = True  # the server is busy, or loads its data: the request itself is told
        except (TimeoutError, RedisError, OSError):
            pass  # a new one is opened
        finally:
            if not answered:
                await connection.disconnect(nowait=True)
