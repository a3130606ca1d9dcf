"""A TCP proxy between a scheduler and its Redis, which drops replies, swallows bytes, is slow and cuts connections."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass
class _Pair:
    """A connection of a client with the one to the server that belongs to it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    dropping: bool = False
    forgotten: bool = False
    subscribes: bool = False
    #: Set once its requests may go on; `None`: they are not held up.
    passing: asyncio.Event | None = None
    markers: Sequence[bytes] = ()

    @property
    def left(self) -> bool:
        """Whether its client has gone."""
        return self.reader.at_eof() or self.writer.is_closing()

    def holds(self, chunk: bytes) -> bool:
        """Whether a chunk of a request is held up."""
        if self.passing is None or self.passing.is_set():
            return False
        return not self.markers or any(marker in chunk for marker in self.markers)


class Proxy:
    """Forwards loopback connections to a Redis server.

    `drop_reply` decides, from the bytes of a request, whether the server's reply to it is thrown away and the
    connection cut: the request was carried out, and nobody knows. With `tls`, the proxy speaks TLS to its clients.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = port
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.drop_reply: Callable[[bytes], bool] = lambda _: False
        #: While set, nothing passes in either direction.
        self.swallowing = False
        #: While set, new connections are cut at once.
        self.refusing = False
        #: For how many seconds something is held up on its way; asked once a chunk, in each direction.
        self.delay: Callable[[], float] = lambda: 0.0
        #: The bytes a second that all replies together may have; `None` for any number.
        self.rate: float | None = None
        #: How many bytes of replies passed.
        self.passed = 0
        self._link_is_free_at = 0.0
        #: How many chunks are held up at the moment.
        self.held = 0
        self.dropped = 0
        #: How many chunks were swallowed.
        self.swallowed = 0
        self._open: list[_Pair] = []
        #: The ports of connections to the server that were closed; it may have read not all that came over them.
        self.closed_ports: set[int] = set()
        self._holding: tuple[bytes, asyncio.Event] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def drop_next(self, marker: bytes) -> None:
        """Drop the reply to the next request that contains `marker`."""
        armed = True

        def once(request: bytes) -> bool:
            nonlocal armed
            if armed and marker in request:
                armed = False
                return True
            return False

        self.drop_reply = once

    def hold(self, marker: bytes, passing: asyncio.Event) -> None:
        """Hold requests that contain `marker` up until `passing` is set."""
        self._holding = marker, passing

    def cut(self) -> None:
        """Cut all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    def cut_clients(self) -> int:
        """Cut the clients' side of all connections: what is held up still arrives. How many there were."""
        pairs = [pair for pair in self._open if not pair.left]
        for pair in pairs:
            pair.writer.transport.abort()
        return len(pairs)

    @property
    def left(self) -> int:
        """How many connections to the server are open whose client has gone."""
        return sum(pair.left for pair in self._open)

    def forget(self) -> None:
        """Swallow what comes over the connections of now from now on, as a router does; subscriptions are left."""
        for pair in self._open:
            pair.forgotten = not pair.subscribes

    def hold_open(self, *markers: bytes) -> asyncio.Event:
        """Hold requests over the connections of now up until the event is set, also if their client has gone.

        With markers, hold only those that contain one of them, and what comes behind.

        So TCP does after an interruption: new connections are made, and old bytes come after the next retransmission.
        """
        passing = asyncio.Event()
        for pair in self._open:
            if not pair.subscribes:
                pair.passing, pair.markers = passing, markers
        return passing

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        assert self._server is not None
        # Accept no more, and let what was accepted be made, which takes some turns of the event loop: a server that is
        # closed in between forgets the connection, and Python complains that nobody closed it.
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)  # one of these turns
        self._server.close()
        self.cut()
        for pair in list(self._pairs):
            pair.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        # Noted at once: a task that is cancelled before it begins would leave the connection open.
        self._writers.add(writer)
        pair = asyncio.create_task(self._serve_pair(reader, writer))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)

    async def _serve_pair(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_writer: asyncio.StreamWriter | None = None
        pair = _Pair(reader, writer)
        port = 0
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
            port = up_writer.get_extra_info("sockname")[1]
            self.closed_ports.discard(port)
            self._writers.add(up_writer)
            self._open.append(pair)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, up_writer, pair, request=True))
                group.create_task(self._pass(up_reader, writer, pair, request=False))
        except* (OSError, EOFError):  # one of both ends has gone, or its connection was cut
            pass
        finally:
            for one in (writer, up_writer):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()
                    with contextlib.suppress(OSError):  # it was cut: there is nothing to be sent any more
                        await one.wait_closed()
            if port:
                self.closed_ports.add(port)
                self._open.remove(pair)

    async def _carry(self, count: int) -> None:
        """Wait for as long as the link takes for some bytes, behind those of all other connections."""
        self.passed += count
        if self.rate is not None:
            now = asyncio.get_running_loop().time()
            self._link_is_free_at = max(self._link_is_free_at, now) + count / self.rate
            await asyncio.sleep(self._link_is_free_at - now)  # as long as the bytes take on a slow link

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair, *, request: bool
    ) -> None:
        while chunk := await reader.read(1 << 20):
            if self.swallowing or pair.forgotten:
                self.swallowed += 1
                continue
            pair.subscribes = pair.subscribes or (request and b"SUBSCRIBE" in chunk)
            if request and self.drop_reply(chunk):
                pair.dropping = True
            if not request and pair.dropping:
                self.dropped += 1
                break
            if request and self._holding is not None and self._holding[0] in chunk:
                self.held += 1
                try:
                    await self._holding[1].wait()
                finally:
                    self.held -= 1
            if request and pair.passing is not None and pair.holds(chunk):
                self.held += 1
                try:
                    await pair.passing.wait()
                finally:
                    self.held -= 1
            if (seconds := self.delay()) > 0:
                self.held += 1
                try:
                    await asyncio.sleep(seconds)  # the delay of the link
                finally:
                    self.held -= 1
            if not request:
                await self._carry(len(chunk))
            writer.write(chunk)
            await writer.drain()
        raise EOFError


def nth(marker: bytes, k: int) -> Callable[[bytes], bool]:
    """Tell of each request if it is the k-th (from 0) that contains a marker."""
    seen = 0

    def decide(request: bytes) -> bool:
        nonlocal seen
        seen += marker in request
        return marker in request and seen == k + 1

    return decide
