"""Requests that are applied exactly once, although connections break and replies get lost.

::

    new ──send──▶ in flight ──reply──▶ done
                   │    ▲
              lost │    │ send again, same number
                   ▼    │
                 in doubt ──patience ends──▶ OutcomeUnknown

A session numbers its requests and has at most one under way. Each state-changing script keeps the last number and
its reply under the session's key (`recall` and `remember` in `_prelude.lua`); a repeated request gets that reply and
changes nothing, one that arrives after a later one is refused. So it does not matter whether a lost request was carried
out, nor whether a copy of it lies in some buffer. This is the scheme of client sessions for linearizable RPC
(Lee et al., "Implementing Linearizability at Large Scale and Low Latency", SOSP 2015), with a window of one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final, Protocol

from ...errors import NotReplicated, OutcomeUnknown, StorageError
from ..scripts.loader import Script
from ..scripts.ports import Argument, ScriptRunner


class NotAllKnown(Exception):
    """A request was only for tasks that are known at the partition, and one is not; nothing was changed.

    Attributes:
        flags: for each task whether it is known there.
    """

    def __init__(self, flags: Sequence[bool]) -> None:
        super().__init__(flags)
        self.flags = flags


#: Well below the time for which the scripts keep a reply (`REPLY_KEPT_MS` in `_prelude.lua`).
_LONGEST_PATIENCE_SECONDS: Final = 300.0


class Requests(Protocol):
    """What carries state-changing scripts out, each once."""

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Carry out a script once."""


class Session:
    """A numbered conversation with one partition. Not for concurrent use: one request at a time.

    Args:
        partition: the partition to talk to.
        patience_seconds: how long a request in doubt is sent again before `OutcomeUnknown`, up to 300.
        replicas: how many replicas shall have what a request wrote before it returns; see `not_replicated`. Default 0.
        only_known: whether requests are only for tasks that are known there. Default False.
    """

    __slots__ = (
        "_acknowledged",
        "_in_doubt",
        "_only_known",
        "_partition",
        "_patience_seconds",
        "_replicas",
        "_reply_key",
        "_sequence",
        "name",
    )

    def __init__(
        self, partition: ScriptRunner, patience_seconds: float, replicas: int = 0, *, only_known: bool = False
    ) -> None:
        self._partition = partition
        self._replicas = replicas
        self._acknowledged = replicas
        self._only_known = only_known
        self._patience_seconds = min(patience_seconds, _LONGEST_PATIENCE_SECONDS)
        #: What tells it from every other.
        self.name: Final = secrets.token_hex(8).encode()
        self._reply_key = partition.keys.reply(self.name)
        self._sequence = 0
        self._in_doubt = False

    @property
    def in_doubt(self) -> bool:
        """Whether the last request ended in `OutcomeUnknown`; `repeat` may still learn what came of it."""
        return self._in_doubt

    @property
    def not_replicated(self) -> NotReplicated | None:
        """The error of the last request if too few replicas had in time what it wrote."""
        if self._acknowledged >= self._replicas:
            return None
        return NotReplicated(self._partition.name, self._acknowledged, self._replicas)

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Carry out a state-changing script once.

        Raises:
            OutcomeUnknown: the partition was lost and did not come back in time.
            StorageError: it refused; nothing was changed.
            NotAllKnown: so it is, where the session is only for known tasks.
        """
        self._sequence += 1
        return await self.repeat(script, keys, args)

    async def repeat(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Send the last request again: its reply if it was carried out, else it is carried out now.

        Raises:
            OutcomeUnknown: still.
            StorageError: it refused; nothing was changed.
        """
        self._in_doubt = True
        number: Argument = self._sequence
        if script.in_epoch:
            number = b"%d:%d%s" % (self._partition.epoch, self._sequence, b"?" if self._only_known else b"")
        try:
            reply = await self._partition.request(
                script, (self._reply_key, *keys), (number, *args), self._patience_seconds, self._replicas
            )
        except OutcomeUnknown:
            raise
        except StorageError:
            self._in_doubt = False
            raise
        self._in_doubt = False
        if self._replicas:
            reply, self._acknowledged = reply
        if self._only_known and reply.startswith(b"?"):
            raise NotAllKnown([flag == 49 for flag in reply[1:]])  # "1"
        return reply
