"""The subscription to a server: it receives announcements, and notices when the connection dies.

It is open while a partition is online, in every process: a process that only assigns tasks learns from it, without any
command, that its Redis is gone. A namespace and its queues share one connection.

::

    none ──first channel──▶ open ──another channel──▶ open
                              ├── the connection dies or stays silent ──▶ none; all who listen are told
                              └── nobody listens any more ──▶ none
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
from redis.exceptions import NoPermissionError

from ...model.wire import whole
from ...support.finishing import to_its_end
from .while_used import end

#: The beginning of an announcement of hints; the name of a partition comes behind it.
HINTS: Final = b"hints "
#: The beginning of the announcement that a run is cancelled; the token of its claim, a blank and its id come behind it.
CANCEL: Final = b"cancel "
_LONGEST_NOTE: Final = 1024
#: The time after which a task that does not end is cancelled again, seconds.
_AGAIN_SECONDS: Final = 0.1


class Subscription:
    """The subscription to a server.

    Everybody with the right to publish can send words of any length and form: others than announcements are ignored.

    Args:
        client: the client of the server.
        time_out_seconds: after this time without a message the server gets a PING; after the same time again it counts
            as dead.
        unsubscribes: True if the server, the embedded engine, does not notice by itself that a connection has ended.
            Default False: to give a channel up would be another right.
    """

    def __init__(self, client: Any, time_out_seconds: float, *, unsubscribes: bool = False) -> None:
        self._client = client
        self._unsubscribes = unsubscribes
        self._time_out_seconds = time_out_seconds
        self._hearing: _Hearing | None = None

    async def listen(
        self,
        channel: bytes,
        on_due: Callable[[int], None],
        on_hint_waiting: Callable[[bytes], None],
        on_cancel: Callable[[bytes], None],
    ) -> bool:
        """Pass announced due times on. Ends when the connection dies or stays silent.

        Args:
            channel: the channel on which scripts announce due times.
            on_due: called with each due time in ms, and with 0 once subscribed, since some may have been missed before.
            on_hint_waiting: called with the name of the partition in each announcement of hints, and with `b""` once
                subscribed.
            on_cancel: called with the token and the id of each announcement that a run is cancelled.

        Returns:
            False if this user may not subscribe to the channel.

        Raises:
            RedisError: the connection was lost.
        """
        return await self._listen(_Listener(channel, asyncio.Event(), on_due, on_hint_waiting, on_cancel))

    async def hear(self, channel: bytes, on_message: Callable[[bytes], None]) -> bool:
        """Pass every message of a channel on. Ends as `listen`, and raises and returns the same."""
        return await self._listen(_Ear(channel, asyncio.Event(), on_message))

    async def _listen(self, listener: _AnyListener) -> bool:
        if self._hearing is None or self._hearing.is_over:
            self._hearing = _Hearing(self._client.pubsub(), self._time_out_seconds, unsubscribes=self._unsubscribes)
        return await self._hearing.listen(listener)


@dataclass(frozen=True, slots=True, eq=False)
class _AnyListener(ABC):
    channel: bytes
    refused: asyncio.Event

    @abstractmethod
    def subscribed(self) -> None:
        """Learn that the channel is heard from now on."""

    @abstractmethod
    def hear(self, data: bytes) -> None:
        """Learn of a message."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ear(_AnyListener):
    on_message: Callable[[bytes], None]

    def subscribed(self) -> None:
        pass

    def hear(self, data: bytes) -> None:
        self.on_message(data)


@dataclass(frozen=True, slots=True, eq=False)
class _Listener(_AnyListener):
    on_due: Callable[[int], None]
    on_hint_waiting: Callable[[bytes], None]
    on_cancel: Callable[[bytes], None]

    def subscribed(self) -> None:
        self.on_due(0)
        self.on_hint_waiting(b"")

    def hear(self, data: bytes) -> None:
        due_ms = whole(data)
        if due_ms is not None:
            self.on_due(due_ms)
        elif data.startswith(HINTS) and len(data) <= _LONGEST_NOTE:
            self.on_hint_waiting(data.removeprefix(HINTS))
        elif data.startswith(CANCEL) and len(data) <= _LONGEST_NOTE:
            self.on_cancel(data.removeprefix(CANCEL))


class _Hearing:
    """One connection on which all listeners hear, from the first one to the end.

    One task reads, and one sends: a listener that is cancelled cuts nothing that is being sent.
    """

    def __init__(self, pubsub: Any, time_out_seconds: float, *, unsubscribes: bool) -> None:
        self._pubsub = pubsub
        self._unsubscribes = unsubscribes
        self._time_out_seconds = time_out_seconds
        self._listeners: list[_AnyListener] = []
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        #: The channels that were asked for; and those of them that are not answered yet, in order.
        self._asked: set[bytes] = set()
        self._unanswered: deque[bytes] = deque()
        self._heard: set[bytes] = set()
        #: True once nobody else may join.
        self.is_over = False

    async def listen(self, listener: _AnyListener) -> bool:
        """Listen until the connection is lost, or refused."""
        self._listeners.append(listener)
        self._changed.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="interval_scheduler subscription")
        elif listener.channel in self._heard:
            listener.subscribed()
        refused = asyncio.create_task(listener.refused.wait(), name="interval_scheduler subscription refused")
        try:
            await asyncio.wait([self._task, refused], return_when=asyncio.FIRST_COMPLETED)
            if not self._task.done():
                return False
            self._task.result()
            return True
        finally:
            refused.cancel()
            self._listeners.remove(listener)
            if not self._listeners:
                self.is_over = True
                await end(self._task)

    async def _run(self) -> None:
        """Hear until the connection is lost or silent."""
        ways: list[asyncio.Task[None]] = []
        try:
            await self._send_changes()
            ways = [
                asyncio.create_task(way(), name="interval_scheduler subscription") for way in (self._read, self._send)
            ]
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            self.is_over = True
            # Its last listener may cancel it while it ends by itself: the connection has to go back all the same.
            await to_its_end(self._close(ways))

    async def _close(self, ways: Sequence[asyncio.Task[None]]) -> None:
        await _end_both(ways)
        try:
            if self._unsubscribes:
                with anyio.move_on_after(1):
                    await self._pubsub.unsubscribe()
        finally:
            await self._pubsub.aclose()  # it cuts the connection, and waits for nothing

    async def _send(self) -> None:
        while not self.is_over:  # as in `_read`
            await self._changed.wait()
            await self._send_changes()

    async def _send_changes(self) -> None:
        """Ask for the channels of new listeners.

        One that nobody listens to any more stays, and is heard by nobody: to give it up would be another right.
        """
        self._changed.clear()
        wanted = {listener.channel for listener in self._listeners if not listener.refused.is_set()}
        for channel in wanted - self._asked:
            self._asked.add(channel)
            self._unanswered.append(channel)
            await self._pubsub.subscribe(channel)

    async def _read(self) -> None:
        silent = False
        while not self.is_over:  # a client may swallow the cancel if a message arrives at the same moment
            try:
                message = await self._pubsub.get_message(timeout=self._time_out_seconds)
            except NoPermissionError:
                if not self._unanswered:
                    raise
                self._refuse(self._unanswered.popleft())
                continue
            if message is None:
                if silent:
                    return
                silent = True
                await self._pubsub.ping()
                continue
            silent = False
            self._tell(message["type"], message["channel"], message["data"])

    def _tell(self, kind: str, channel: bytes, data: Any) -> None:
        """Tell those who listen to a channel of a message on it, or that it is heard from now on."""
        if kind == "subscribe":
            if channel in self._unanswered:
                self._unanswered.remove(channel)
            self._heard.add(channel)
        for listener in [each for each in self._listeners if each.channel == channel]:
            if kind == "subscribe":
                listener.subscribed()
            elif kind == "message":
                listener.hear(data)

    def _refuse(self, channel: bytes) -> None:
        self._asked.discard(channel)
        for listener in self._listeners:
            if listener.channel == channel:
                listener.refused.set()


async def _end_both(ways: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks that use a client, and wait for their ends; the error of one of them is told already."""
    left = set(ways)
    while left:
        for each in left:
            each.cancel()  # again, if the client swallowed it because something arrived at the same moment
        done, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
        for each in done:
            if not each.cancelled():
                each.exception()


async def ping(client: Any, time_out_seconds: float) -> None:
    """Ping the server from time to time, for a user that may not subscribe. Ends with the client's error."""
    while True:
        await anyio.sleep(time_out_seconds)
        await client.ping()
