"""Watching runs: what schedulers tell of runs that ended, from all partitions, as one stream.

::

    hears each partition ──run──▶ waiting, up to 1,000, the oldest go ──▶ whoever watches
          ▲                                                                    │
          └── ended with the connection, or when nobody watches any more ◀─────┘
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

import anyio

from ..model.tailed import TailedRun
from ..storage.tails import Partition, Tail
from ..support.log import GuardedLog
from .connected import Connected

#: The most runs that wait for one who watches.
_MOST_WAITING: Final = 1000


class Tailing:
    """One stream of runs.

    Args:
        connected: what lives while connected.
        time_out_seconds: the time without a message after which a connection is examined.
        log: the log.
    """

    def __init__(self, connected: Connected, time_out_seconds: float, log: GuardedLog) -> None:
        self._connected = connected
        self._time_out_seconds = time_out_seconds
        self._log = log
        self._waiting: deque[TailedRun] = deque(maxlen=_MOST_WAITING)
        self._arrived = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._has_ended = False
        self._error: Exception | None = None

    async def runs(self) -> AsyncGenerator[TailedRun, None]:
        """Yield runs until the connection ends.

        Raises:
            StorageRefused: this user may not listen to a partition.
        """
        self._connected.group.start_soon(self._hear)
        try:
            while True:
                while self._waiting:
                    yield self._waiting.popleft()
                if self._error is not None:
                    raise self._error
                if self._has_ended:
                    return
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            self._scope.cancel()

    async def _hear(self) -> None:
        try:
            with self._scope:
                async with anyio.create_task_group() as group:
                    for partition in self._connected.partitions.all:
                        group.start_soon(self._hear_one, partition)
        finally:
            self._has_ended = True
            self._arrived.set()

    async def _hear_one(self, partition: Partition) -> None:
        try:
            await Tail(partition, self._time_out_seconds, self._log).hear(self._put)
        except Exception as error:  # noqa: BLE001 - whoever watches gets it; it must not end the connection
            self._error = error
            self._scope.cancel()

    def _put(self, run: TailedRun) -> None:
        self._waiting.append(run)
        self._arrived.set()
