"""The gate of a partition: calls of the application, of which there may be any number, come through it one by one.

::

    claims, completions, renewals, batchers ──────────────────┐
                                                              ├──▶ the connections, in order of arrival
    pages, audits, health ... ──▶ gate: some of them at once ─┘

Whatever runs in the background is bounded by its nature: one claim, one renewal and one batch of each kind at a time.
So with the gate, a request never has more than a few others before it, however many callers there are. The gates of a
namespace and of its queues let no more calls through than one alone, since they share the connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from ..requests.sender import ScriptSender, restamped
from ..scripts.keys import Keys
from ..scripts.loader import Script
from ..scripts.ports import Argument, Reachable, RequestItems


class Gate:
    """A partition, as it is for calls that come in any number; first come, first served.

    Args:
        partition: the partition.
        sender: its sender of scripts.
        turn: is entered when it is the turn of a call.
    """

    def __init__(self, partition: Reachable, sender: ScriptSender, turn: asyncio.Semaphore) -> None:
        self._partition = partition
        self._sender = sender
        #: Is entered when it is the turn of a call.
        self.turn: Final = turn

    @property
    def name(self) -> str:
        """The name of the partition."""
        return self._partition.name

    @property
    def keys(self) -> Keys:
        """The names of its keys."""
        return self._partition.keys

    @property
    def stamp(self) -> bytes:
        """The text that its requests carry."""
        return self._partition.stamp

    @property
    def sender(self) -> Gate:
        """The sender of numbered requests: the gate itself."""
        return self

    async def request(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        retry_for_seconds: float,
        replicas: int = 0,
        items: RequestItems | None = None,
    ) -> Any:
        """Send a numbered request until it is answered; the time for that begins with its turn.

        Raises:
            PartitionOffline: the partition is offline at its turn; nothing was changed.
        """
        stamp = self._partition.stamp
        async with self.turn:
            self._partition.require_online()
            args = self._up_to_date(args, stamp)
            return await self._sender.request(script, keys, args, retry_for_seconds, replicas, items)

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once, as it is; raises the client's errors."""
        async with self.turn:
            return await self._sender.evaluate(script, keys, args)

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes nothing, until it is answered.

        Raises:
            PartitionOffline: the partition is offline, or goes offline before the turn of this call.
        """
        return await self.change(script, keys, args)

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that anybody may repeat without effect, until it is answered; as `read`."""
        self._partition.require_online()
        stamp = self._partition.stamp
        async with self.turn:
            return await self._sender.change(script, keys, self._up_to_date(args, stamp))

    def _up_to_date(self, args: Sequence[Argument], stamp: bytes) -> Sequence[Argument]:
        """Return the arguments with the stamp of now, if they bear one from before their turn."""
        first = args[0] if args else None
        if stamp == self._partition.stamp or not isinstance(first, bytes) or not first.startswith(stamp):
            return args
        return restamped(args, stamp, self._partition.stamp)
