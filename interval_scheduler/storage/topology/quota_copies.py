"""Quotas on all partitions: the master decides, and each other partition has a copy.

::

    set ──▶ master (if nobody else was faster) ──▶ every other partition ──▶ their groups are looked at anew
                     │
                     └──▶ a partition that comes online, and all of them when the master does

A copy bears the number of its change, and gives way to greater ones only. So it does not matter in which order copies
arrive, nor who brings them. The numbers follow the clock of the master, so that they go on where its data were lost.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from ...errors import StorageError
from ...model.quotas import Quotas
from ...model.steering import Note
from ...support.log import Log
from ..commands import quotas
from ..commands.quotas import QuotaChange
from ..connection.failures import FAILED
from ..partition.partition import Partition
from ..scripts.loader import Script
from ..scripts.ports import Argument


class QuotaCopies:
    """The quotas of a namespace.

    Args:
        master: the partition that decides.
        partitions: gives all partitions.
        log: the log for copies that cannot be brought.
    """

    def __init__(self, master: Partition, partitions: Callable[[], Sequence[Partition]], log: Log) -> None:
        self._master = master
        self._partitions = partitions
        self._log = log

    async def read(self) -> Quotas:
        """Read the quotas that hold.

        Raises:
            PartitionOffline: the master cannot be reached.
        """
        self._master.require_online()
        return await quotas.read(self._master.gate)

    async def change(
        self, changed: Callable[[Quotas], Quotas], noted: Callable[[Quotas, Quotas], Note] | None = None
    ) -> None:
        """Change the quotas: `changed` returns the new ones, from those before, and may be called again.

        `noted` returns what the log of actions is to say of a change, from the quotas before and after it.

        Raises:
            PartitionOffline: a partition is offline; then it gets its copy when it is back.
        """
        for partition in self._partitions():
            partition.require_online()
        while True:
            before = await quotas.read(self._master)
            after = changed(before)
            if replace(after, revision=before.revision) == before:
                after = before  # what is set anew as it is costs no tokens
                break
            after = replace(after, revision=max(before.revision + 1, await self._master.now_ms()))
            note = None if noted is None else noted(before, after)
            if await self._master.put_quotas.submit(QuotaChange(after, before.revision, note)):
                break
        others = [partition for partition in self._partitions() if partition is not self._master]

        async def bring(other: Partition) -> None:
            if after.revision:
                await other.put_quotas.submit(QuotaChange(after))
            await quotas.note_backlogs(other)

        # Also if nothing was changed: an earlier call may have been cut off before this. All go to their ends, so that
        # one that is lost leaves nothing undone at the others.
        ends = await asyncio.gather(quotas.note_backlogs(self._master), *map(bring, others), return_exceptions=True)
        for problem in ends:
            if problem is not None:
                raise problem

    async def bring(self, partition: Partition) -> None:
        """Bring a partition its copy, if the master can be asked; else it goes on with the one that it has.

        Raises:
            RedisError: the partition was lost.
        """
        if self._master.state != "online":
            return
        try:
            held = await quotas.read(self._master)
        except StorageError as error:
            self._log.debug("the quotas cannot be read from partition %s: %s", self._master.name, error)
            return
        if held.revision:
            once = _Once(partition)
            await quotas.put(once, partition, QuotaChange(held))
            await quotas.note_backlogs(once)

    async def bring_all(self) -> None:
        """Bring all other partitions their copies; those that are offline get them when they are back."""
        for partition in self._partitions():
            if partition is not self._master and partition.state == "online":
                try:
                    await self.bring(partition)
                except (*FAILED, StorageError) as error:
                    self._log.debug("partition %s has no copy of the quotas: %s", partition.name, error)


class _Once:
    """Sends one request as it is, to a partition that need not be online; anybody may repeat what it does."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self.keys: Final = partition.keys

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Send a script that is repeated by nobody."""
        return await self._partition.evaluate(script, keys, args)

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], width: int = 0) -> bytes:
        """Send a request."""
        del width
        reply_key = self._partition.keys.reply(secrets.token_hex(8).encode())
        reply: bytes = await self._partition.evaluate(
            script, (reply_key, *keys), (b"%s:1" % self._partition.handshake.expected.stamp, *args)
        )
        return reply
