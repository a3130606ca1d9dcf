"""Renews leases from another thread, over a connection of its own, while the event loop of the runs is blocked.

Nothing of the partition's own client can be used: its connections belong to the event loop that is blocked.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from typing import Any, Final

from ..config.options import SchedulerOptions
from ..support.log import Log
from .commands import running
from .commands.running import ClaimedTask
from .connection.client import close, open_client
from .connection.discovery import open_locators
from .connection.failures import FAILED, translate
from .partition.partition import Partition
from .requests.sender import evaluate
from .scripts.loader import Script
from .scripts.ports import Argument


class SpareRenewals:
    """The renewals of the leases on one partition, for a thread that has no event loop.

    Args:
        partition: the partition.
        options: the scheduler's options.
        log: the log of what is found out about Sentinels.
    """

    def __init__(self, partition: Partition, options: SchedulerOptions, log: Log) -> None:
        #: The name of the partition.
        self.name: Final = partition.name
        self._instance = partition.instance
        self._keys = partition.keys
        self._options = options
        self._log = log
        self._requests = 0
        self._session = secrets.token_hex(8).encode()

    @property
    def is_possible(self) -> bool:
        """True unless the partition is the embedded engine, which other processes cannot reach anyway."""
        return self._instance.memory is None

    async def renew(self, runs: Sequence[ClaimedTask]) -> list[bool]:
        """Extend the leases of at most a batch of runs, in the event loop of that thread.

        Returns:
            For each run, True if its lease was still held.

        Raises:
            StorageError: the partition cannot be reached, or refused.
        """
        try:
            return await self._renew(runs)
        except FAILED as error:
            raise translate(self.name, error) from None

    async def _renew(self, runs: Sequence[ClaimedTask]) -> list[bool]:
        storage = self._options.storage
        (locator,) = open_locators([self._instance], storage, self._log)
        locate = None if locator is None else functools.partial(locator.locate, self._keys.slot)
        client = open_client(self._instance, storage, locate, log=self._log)
        try:
            self._requests += 1
            requests = _Once(client, self._keys.reply(self._session), self._requests)
            return await running.renew(requests, self._keys, round(1000 * self._options.lease_seconds), runs)
        finally:
            await close(client)


class _Once:
    """Sends a numbered request once: a renewal that gets lost is made anew soon."""

    def __init__(self, client: Any, reply_key: bytes, number: int) -> None:
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client = client
        self._reply_key = reply_key
        self._number = number

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], width: int = 0) -> Any:
        """Carry out a script once; raises the client's errors."""
        del width  # it is sent once
        return await evaluate(self._client.execute_command, script, (self._reply_key, *keys), (self._number, *args))
