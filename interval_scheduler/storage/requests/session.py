"""Requests that are applied exactly once, although connections break and replies get lost.

::

    new ──send──▶ in flight ──reply──▶ done
                   │    ▲
              lost │    │ send again, same number
                   ▼    │
                 in doubt ──retry time ends──▶ OutcomeUnknown

If the database has lost its data, it refuses each request once, and the partition makes its handshake anew. Then the
request is sent again with the new stamp: what it did before is lost, and no late copy of it can do anything.

A session numbers its requests and has at most one under way. Each state-changing script keeps the last number and
its reply under the session's key (`recall` and `remember` in `_requests.lua`); a repeated request gets that reply and
changes nothing, one that arrives after a later one is refused. So it does not matter whether a lost request was carried
out, nor whether a copy of it lies in some buffer. This is the scheme RIFL, client sessions for linearizable RPC
(Lee et al., "Implementing Linearizability at Large Scale and Low Latency", SOSP 2015), with a window of one.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import anyio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...config.options import StorageOptions
from ...errors import NotConnected, NotReplicated, OutcomeUnknown, StorageError
from ...support import clock
from ...support.backoff import delays
from ..connection.failures import (
    FAILED,
    is_busy,
    is_gone,
    is_list_changed,
    is_lost,
    is_unenrolled,
    is_wrong_type,
    translate,
    unanswered,
)
from ..connection.replication import send_replicated
from ..scripts.loader import Script
from ..scripts.ports import Addressable, Argument, Reachable

Send = Callable[..., Awaitable[Any]]
NameKeys = Callable[[Script, Sequence[bytes]], Awaitable[None]]


class NotAllExist(Exception):
    """A request was only for tasks that exist at the partition, and one does not; nothing was changed.

    Attributes:
        flags: for each task, True if it exists there.
    """

    def __init__(self, flags: Sequence[bool]) -> None:
        super().__init__(flags)
        self.flags = flags


def restamped(args: Sequence[Argument], stamp: bytes, new: bytes) -> tuple[Argument, ...]:
    """Return the arguments of a request with another stamp; the stamp is the beginning of the first one."""
    return (new + bytes(args[0])[len(stamp) :], *args[1:])


def to_flags(digits: bytes) -> list[bool]:
    """Decode the digits of a reply, each 1 or 0, as booleans."""
    return [digit == 49 for digit in digits]  # "1"


#: Well below the time for which the scripts keep a reply (`REPLY_KEPT_MS` in `_requests.lua`).
_LONGEST_RETRY_SECONDS: Final = 300.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 0.5


class Requests(Protocol):
    """Carries out state-changing scripts, each once."""

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Carry out a script once."""


class Session:
    """A numbered conversation with one partition. Not for concurrent use: one request at a time.

    Args:
        partition: the partition to talk to.
        retry_for_seconds: how long a request in doubt is sent again before `OutcomeUnknown`, up to 300.
        replicas: the number of replicas that a request waits for; see `not_replicated`. Default 0.
        if_exists: True if requests change only tasks that exist there. Default False.
    """

    __slots__ = (
        "_acknowledged",
        "_if_exists",
        "_in_doubt",
        "_partition",
        "_replicas",
        "_reply_key",
        "_retry_for_seconds",
        "_sequence",
        "name",
    )

    def __init__(
        self, partition: Addressable, retry_for_seconds: float, replicas: int = 0, *, if_exists: bool = False
    ) -> None:
        self._partition = partition
        self._replicas = replicas
        self._acknowledged = replicas
        self._if_exists = if_exists
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

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Carry out a state-changing script once.

        Raises:
            OutcomeUnknown: the partition was lost and did not come back in time.
            StorageError: it refused; nothing was changed.
            NotAllExist: `if_exists` is set and a task does not exist there; nothing was changed.
        """
        self._sequence += 1
        return await self.repeat(script, keys, args)

    async def repeat(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Send the last request again. Return its reply if it was carried out; else it is carried out now.

        Raises:
            OutcomeUnknown: the partition is still lost.
            StorageError: it refused; nothing was changed.
        """
        self._in_doubt = True
        number: Argument = self._sequence
        if script.is_stamped:
            number = b"%s:%d%s" % (self._partition.stamp, self._sequence, b"?" if self._if_exists else b"")
        try:
            reply = await self._partition.sender.request(
                script, (self._reply_key, *keys), (number, *args), self._retry_for_seconds, self._replicas
            )
        except OutcomeUnknown:
            raise
        except StorageError:
            self._in_doubt = False
            raise
        self._in_doubt = False
        if self._replicas:
            reply, self._acknowledged = reply
        if self._if_exists and reply.startswith(b"?"):
            raise NotAllExist(to_flags(reply[1:]))
        return reply


class ScriptSender:
    """The sender of the scripts for a partition. It tells the partition when a request shows that it was lost.

    Args:
        partition: the partition.
        storage: the options.
        client: its client.
        name_keys: raises an error that names the keys of a call which have another type than they should, if any has.
    """

    def __init__(self, partition: Reachable, storage: StorageOptions, client: Any, name_keys: NameKeys) -> None:
        self._partition = partition
        self._name_keys = name_keys
        self._storage = storage
        # Any: redis-py's annotations mix its synchronous and asynchronous replies.
        self._client = client

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once, as it is; raises the client's errors."""
        return await self._evaluate_by(self._client.execute_command, script, keys, args)

    async def _evaluate_by(self, send: Send, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        try:
            return await send("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await send("EVAL", script.text, len(keys), *keys, *args)

    async def read(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes nothing; waits as long as `operation_timeout_seconds` for a lost partition."""
        return await self.change(script, keys, args)

    async def change(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script that changes something but may be repeated by anybody without effect; waits as `read` does."""
        self._partition.require_online()
        try:
            return await self.request(script, keys, args, self._storage.operation_timeout_seconds)
        except OutcomeUnknown as unknown:
            if self._partition.state == "closed":
                raise NotConnected from None
            raise unanswered(self._partition.name, unknown.__cause__) from None

    async def request(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Argument],
        retry_for_seconds: float,
        replicas: int = 0,
    ) -> Any:
        """Run a script that may safely be sent again, until it is answered or the time for retries ends.

        With `replicas`, wait for that number of replicas; return the reply, and how many had its writes in time.

        Raises:
            OutcomeUnknown: the time for retries ended.
            StorageError: Redis refused; nothing was changed.
        """
        give_up_at = clock.monotonic() + retry_for_seconds
        pauses: Iterator[float] | None = None  # nearly every request succeeds at once
        stamp = self._partition.stamp
        evaluate = self.evaluate
        if replicas:
            seconds = self._storage.operation_timeout_seconds
            send = functools.partial(send_replicated, self._client, keys[0], replicas, seconds)
            evaluate = functools.partial(self._evaluate_by, send)
        while True:
            try:
                return await evaluate(script, keys, args)
            except FAILED as error:
                if is_wrong_type(error):
                    with contextlib.suppress(*FAILED):
                        await self._name_keys(script, keys)
                await self._on_failure(error, stamp, is_first=pauses is None)
                undone = translate(self._partition.name, error) if is_unenrolled(error) else None
                last = error
            if clock.monotonic() >= give_up_at or self._partition.state == "closed":
                raise undone or OutcomeUnknown(self._partition.name) from last
            if pauses is None:
                pauses = delays(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
            else:
                await anyio.sleep(next(pauses))
            with anyio.move_on_after(give_up_at - clock.monotonic()):
                await self._partition.wait_online()
            if undone is not None and stamp != self._partition.stamp:
                args, stamp = restamped(args, stamp, self._partition.stamp), self._partition.stamp

    async def _on_failure(self, error: BaseException, stamp: bytes, *, is_first: bool) -> None:
        """Update the state of the partition after a failed attempt; raise if another attempt is of no use."""
        lost = is_lost(error)
        if is_unenrolled(error):
            if stamp == self._partition.stamp:  # else the handshake was made meanwhile
                self._partition.enroll_anew()
            return
        if is_list_changed(error):
            await self._partition.leave_for_good()
        if not lost and not is_busy(error):
            raise translate(self._partition.name, error) from None
        if isinstance(error, RedisTimeoutError) or is_gone(error):
            # It used the whole time-out, or cannot do it. Calls that gathered behind it must not wait as long again.
            self._partition.go_offline(translate(self._partition.name, error))
        # One connection may be stale, for example after a restart; a new one that fails too says more.
        if lost and (not is_first or not isinstance(error, RedisConnectionError)):
            self._partition.report_lost()
