"""The connections to a server: redis-py's, with what it leaves to be desired.

- Commands are packed in C: redis-py's asyncio connections do it in Python, at four times the cost for a full batch.
- Names are looked up in threads of our own, and every address is tried (see `names.py`). TLS verifies the name.
- A connection that a router on the way has forgotten is noticed after 45 s without any traffic (keep-alive). redis-py
  leaves this to the system in some versions, and Linux waits for two hours.
- A cancellation while a command is sent gets through. redis-py sends within `asyncio.wait_for`, which up to Python 3.11
  swallows a cancellation that arrives as the sending ends; it also starts a task for each command.
- A bug is no lost connection. redis-py calls whatever goes wrong in a connect one, and keeps a connection whose
  introduction ended half-way. uvloop has a `RuntimeError` for a connection that is closed.
- A server that turns a connection away is understood. It says why and hangs up, so whoever sends two commands before
  reading finds the connection lost, and the words with it. redis-py introduces itself by two; here it does not.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import hiredis
from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from .failures import FAILED, bug_behind, is_moved, is_replica
from .names import NAMES

#: Says where the primary is: its host and port.
Locate = Callable[[], Awaitable[tuple[str, int]]]

#: The longest time that the words of a server that hung up are waited for, seconds.
_LAST_WORDS_SECONDS: Final = 0.5
#: Has redis-py not introduce itself. `None` would do from 8.0 on; before, it stands for redis-py itself.
_NOBODY: Final = DriverInfo(name="", lib_version="")
#: The seconds without traffic until a connection is probed, the seconds between two probes, and the probes that may
#: stay without an answer, by the names that systems have for them.
_KEEP_ALIVE: Final = (
    (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), 30),
    (("TCP_KEEPINTVL",), 5),
    (("TCP_KEEPCNT",), 3),
)


class Sending(AbstractConnection):
    """Packs and sends commands."""

    _writer: asyncio.StreamWriter | None
    #: The moment from which nobody uses it, by the time of the event loop.
    _idle_from = math.inf

    def __init__(self, **rest: Any) -> None:
        super().__init__(driver_info=_NOBODY, **rest)

    def note_idle(self) -> None:
        """Note that nobody uses it from now on."""
        self._idle_from = asyncio.get_running_loop().time()

    def idle_seconds(self) -> float:
        """Return the time for which nobody used it, seconds."""
        return asyncio.get_running_loop().time() - self._idle_from

    def abort(self) -> None:
        """Cut it: whoever waits for a reply finds it lost."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def connect_check_health(
        self,
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's signature
        retry_socket_connect: bool = True,  # noqa: FBT001, FBT002 - likewise
    ) -> None:
        """Open the connection if it is not; none is left half open. A bug that prevents it is raised as it is.

        Raises:
            RedisError: it cannot be made.
        """
        try:
            await super().connect_check_health(check_health, retry_socket_connect)
        except BaseException as error:
            await self.disconnect(nowait=True)
            bug = bug_behind(error)
            if bug is None:
                raise
        else:
            return
        raise bug  # out of the block, so that it does not have itself as a context

    async def read_response(self, *args: Any, **rest: Any) -> Any:
        """Read a reply. After a bug, the connection is cut: the next one who reads would get this reply, or a part."""
        try:
            return await super().read_response(*args, **rest)
        except Exception as error:
            if not isinstance(error, FAILED):
                await self.disconnect(nowait=True)
            raise

    def pack_command(self, *args: Any) -> list[bytes]:
        """Pack a command in the form in which it is sent; a name of two words becomes two arguments."""
        name = args[0]
        return [hiredis.pack_command((*name.split(), *args[1:]) if isinstance(name, str) else args)]

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's signature
    ) -> None:
        """Send packed commands; open the connection if it is not.

        Raises:
            RedisError: the connection was lost, or cannot be made.
        """
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        writer = self._writer
        if writer is None:
            raise RedisConnectionError("Connection closed by server.")
        if isinstance(command, str):
            command = command.encode()
        try:
            if not writer.transport.is_closing():
                writer.writelines((command,) if isinstance(command, bytes) else command)
            async with asyncio.timeout(self.socket_timeout):
                await writer.drain()  # of one that is closing, it raises the reason
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise RedisTimeoutError("Timeout writing to socket") from None
        except OSError as error:
            await self.disconnect(nowait=True)
            raise RedisConnectionError("Error while writing to socket") from error
        except BaseException:
            # A part of the command may have been sent: nothing else can be sent here.
            await self.disconnect(nowait=True)
            raise


def keep_alive_options() -> dict[int, int]:
    """Return the options by which a socket notices a connection that is dead; those that this system knows."""
    known = {}
    for names, value in _KEEP_ALIVE:
        for name in names:
            if (option := getattr(socket, name, None)) is not None:
                known[option] = value
                break
    return known


class _Named(Connection):
    """A connection that looks the name of its host up by itself, and tries every address that it has.

    It keeps itself alive, see `keep_alive_options`.
    """

    def __init__(self, **rest: Any) -> None:
        super().__init__(socket_keepalive=True, socket_keepalive_options=keep_alive_options(), **rest)

    #: The address that is tried at the moment.
    _address: str | None = None

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments: dict[str, Any] = dict(super()._connection_arguments())
        if self._address is not None and self._address != self.host:
            arguments["host"] = self._address
            if "ssl" in arguments:
                arguments["server_hostname"] = self.host
        return arguments

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        seconds = self.socket_connect_timeout
        give_up_at = None if seconds is None else loop.time() + seconds
        async with asyncio.timeout_at(give_up_at):
            addresses = await NAMES.addresses(self.host)
            for at, address in enumerate(addresses):
                self._address = address
                share = None
                left = len(addresses) - at
                if give_up_at is not None and left > 1:
                    # An address that swallows everything leaves time for the others.
                    share = (give_up_at - loop.time()) / left
                try:
                    async with asyncio.timeout(share):
                        await super()._connect()  # type: ignore[no-untyped-call]
                except OSError:
                    if left == 1:
                        raise
                else:
                    NAMES.prefer(self.host, address)
                    return


class PlainConnection(Sending, _Named):
    """A connection by TCP."""


class _Tls(Connection):
    """A connection by TLS that says for which reason the server hung up.

    By TLS 1.3, a server looks at the certificate of a client when the client thinks that all is done. If it refuses it,
    it says so and hangs up; whoever has sent something meanwhile finds the connection reset, and the words with it.
    Then another connection is made, on which nothing is sent.
    """

    #: True once something was received.
    _was_heard = False

    async def _connect(self) -> None:
        self._was_heard = False
        await super()._connect()  # type: ignore[no-untyped-call]

    async def read_response(self, *args: Any, **rest: Any) -> Any:
        """Read a reply; if the server hung up instead of the first one, raise with the words of the server."""
        try:
            reply = await super().read_response(*args, **rest)
        except RedisConnectionError as error:
            if not self._was_heard and isinstance(error.__context__, OSError) and (words := await self._last_words()):
                raise RedisConnectionError(str(error)) from words
            raise
        self._was_heard = True
        return reply

    async def _last_words(self) -> ssl.SSLError | None:
        """Return the words with which the server refuses a connection; `None` for none."""
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                reader, writer = await asyncio.open_connection(**self._connection_arguments())
                try:
                    await reader.read(1)
                finally:
                    writer.transport.abort()
        except ssl.SSLError as words:
            return words
        except (TimeoutError, OSError):
            return None
        return None


class TlsConnection(Sending, _Tls, _Named, SSLConnection):
    """A connection by TLS."""


class SocketConnection(Sending, UnixDomainSocketConnection):
    """A connection by a Unix socket."""


class _Located(Connection):
    """A connection that asks for the primary each time it connects, and leaves a server that is not the primary."""

    def __init__(self, *, locate: Locate, **rest: Any) -> None:
        super().__init__(**rest)
        self._locate: Final = locate

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
                await self.disconnect(nowait=True)
            raise


class LocatedPlainConnection(Sending, _Located, _Named):
    """A connection to the primary by TCP."""


class LocatedTlsConnection(Sending, _Located, _Tls, _Named, SSLConnection):
    """A connection to the primary by TLS."""
