"""Requests that are applied exactly once, although connections break and replies get lost.

::

    new ──send──▶ in flight ──reply──▶ done
                   │    ▲
              lost │    │ send again, same number
                   ▼    │
                 in doubt ──retry time ends──▶ OutcomeUnknown

A session numbers its requests and has at most one under way. Each state-changing script keeps the last number and
its reply under the session's key (`recall` and `remember` in `_requests.lua`); a repeated request gets that reply and
changes nothing, one that arrives after a later one is refused. So it does not matter whether a lost request was carried
out, nor whether a copy of it lies in some buffer. This is the scheme RIFL, client sessions for linearizable RPC
(Lee et al., "Implementing Linearizability at Large Scale and Low Latency", SOSP 2015), with a window of one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final, Protocol

from ...errors import NotReplicated, OutcomeUnknown, StorageError
from ..scripts.loader import Script
from ..scripts.ports import Addressable, Argument
from .callers import Callers, Items


class NotAllExist(Exception):
    """A request was only for tasks that exist at the partition, and one does not; nothing was changed.

    Attributes:
        flags: for each task, True if it exists there.
    """

    def __init__(self, flags: Sequence[bool]) -> None:
        super().__init__(flags)
        self.flags = flags


def to_flags(digits: bytes) -> list[bool]:
    """Decode the digits of a reply, each 1 or 0, as booleans."""
    return [digit == 49 for digit in digits]  # "1"


#: Well below the time for which the scripts keep a reply (`REPLY_KEPT_MS` in `_requests.lua`).
_LONGEST_RETRY_SECONDS: Final = 300.0


class Requests(Protocol):
    """Carries out state-changing scripts, each once."""

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], width: int = 0) -> Any:
        """Carry out a script once; the last arguments are its items, each of `width` arguments (0: it has none)."""


class Session:
    """A numbered conversation with one partition. Not for concurrent use: one request at a time.

    Args:
        partition: the partition to talk to.
        retry_for_seconds: how long a request in doubt is sent again before `OutcomeUnknown`, up to 300.
    """

    __slots__ = (
        "_acknowledged",
        "_in_doubt",
        "_partition",
        "_replicas",
        "_reply_key",
        "_retry_for_seconds",
        "_sequence",
        "name",
    )

    def __init__(self, partition: Addressable, retry_for_seconds: float) -> None:
        self._partition = partition
        self._replicas = self._acknowledged = 0
        self._retry_for_seconds = min(retry_for_seconds, _LONGEST_RETRY_SECONDS)
        #: The name that tells it from every other session.
        self.name: Final = secrets.token_hex(8).encode()
        self._reply_key = partition.keys.reply(self.name)
        self._sequence = 0
        self._in_doubt = False

    @property
    def in_doubt(self) -> bool:
        """True if the last request ended in `OutcomeUnknown`; `repeat` may still learn its result."""
        return self._in_doubt

    @property
    def not_replicated(self) -> NotReplicated | None:
        """The error of the last request if too few replicas had its writes in time."""
        if self._acknowledged >= self._replicas:
            return None
        return NotReplicated(self._partition.name, self._acknowledged, self._replicas)

    def outdate(self) -> bytes:
        """Use up a number. Return the session and the number, as a hint has it whose arrival outdates all before it."""
        self._sequence += 1
        return b"%s %d" % (self.name, self._sequence)

    async def request(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        width: int = 0,
        *,
        callers: Callers | None = None,
        replicas: int = 0,
        if_exists: bool = False,
    ) -> Any:
        """Carry out a state-changing script once.

        Args:
            script: the script.
            keys: its keys.
            args: its arguments; its items are the last ones.
            width: the number of arguments of an item. Default: it has no items.
            callers: the callers of its items. Default: all items are sent again, whoever gave up.
            replicas: the number of replicas that it waits for; see `not_replicated`. Default 0.
            if_exists: True if it changes only tasks that exist there. Default False.

        Raises:
            OutcomeUnknown: the partition was lost and did not come back in time.
            StorageError: it refused; nothing was changed.
            NotAllExist: `if_exists` is set and a task does not exist there; nothing was changed.
        """
        self._sequence += 1
        items = None if callers is None else Items(callers, width)
        return await self.repeat(script, keys, args, items, replicas=replicas, if_exists=if_exists)

    async def repeat(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        items: Items | None = None,
        *,
        replicas: int = 0,
        if_exists: bool = False,
    ) -> Any:
        """Send the last request again. Return its reply if it was carried out; else it is carried out now.

        Raises:
            OutcomeUnknown: the partition is still lost.
            StorageError: it refused; nothing was changed.
            NotAllExist: `if_exists` is set and a task does not exist there; nothing was changed.
        """
        self._in_doubt = True
        number: Argument = self._sequence
        if script.is_stamped:
            number = b"%s:%d%s" % (self._partition.stamp, self._sequence, b"?" if if_exists else b"")
        try:
            reply = await self._partition.sender.request(
                script, (self._reply_key, *keys), (number, *args), self._retry_for_seconds, replicas, items
            )
        except OutcomeUnknown:
            raise
        except StorageError:
            self._in_doubt = False
            raise
        self._in_doubt = False
        if replicas or self._replicas:
            reply, self._acknowledged = reply if replicas else (reply, 0)
            self._replicas = replicas
        if items is not None:
            reply = items.whole(reply)
        if if_exists and reply.startswith(b"?"):
            raise NotAllExist(to_flags(reply[1:]))
        return reply


class BatchSession:
    """A session, as one batch uses it.

    Args:
        session: the session.
        callers: the callers of the items of the batch.
        replicas: the number of replicas that a request waits for. Default 0.
        if_exists: True if it changes only tasks that exist there. Default False.
    """

    __slots__ = ("_callers", "_if_exists", "_replicas", "_session")

    def __init__(self, session: Session, callers: Callers, replicas: int = 0, *, if_exists: bool = False) -> None:
        self._session = session
        self._callers = callers
        self._replicas = replicas
        self._if_exists = if_exists

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], width: int = 0) -> Any:
        """Carry out a script once; as `Session.request`."""
        return await self._session.request(
            script, keys, args, width, callers=self._callers, replicas=self._replicas, if_exists=self._if_exists
        )
