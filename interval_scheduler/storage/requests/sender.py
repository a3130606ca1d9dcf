"""Sends the scripts for a partition, again and again until they are answered.

::

    attempt ──reply──▶ done
      ▲  │
      │  └─ lost ──▶ pause, wait until the partition is online ──┐
      │                 │ the time for retries ends,             │
      │                 │ or no caller waits any more            │
      │                 ▼                                        │
      │            OutcomeUnknown                                │
      └──────────────────────────────────────────────────────────┘

If the database has lost its data, it refuses each request once, and the partition makes its handshake anew. Then the
request is sent again with the new stamp: what it did before is lost, and no late copy of it can do anything.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, Literal

import anyio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...config.options import StorageOptions
from ...errors import NotConnected, OutcomeUnknown
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
from ..scripts.ports import Argument, Reachable, RequestItems

Send = Callable[..., Awaitable[Any]]
NameKeys = Callable[[Script, Sequence[bytes]], Awaitable[None]]

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 0.5


def restamped(args: Sequence[Argument], stamp: bytes, new: bytes) -> tuple[Argument, ...]:
    """Return the arguments of a request with another stamp; the stamp is the beginning of the first one."""
    return (new + bytes(args[0])[len(stamp) :], *args[1:])


async def evaluate(
    send: Send, script: Script, keys: Sequence[bytes], args: Sequence[Argument], kind: Literal["", "_RO"] = ""
) -> Any:
    """Run a script once, as it is; `send` sends a command. Raises the client's errors."""
    try:
        return await send(f"EVALSHA{kind}", script.sha, len(keys), *keys, *args)
    except NoScriptError:
        return await send(f"EVAL{kind}", script.text, len(keys), *keys, *args)


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
        #: True to have Redis hold scripts that only read to that, so that no right to write is needed: since Redis 7.
        self.marks_reads = False

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument]) -> Any:
        """Run a script once, as it is; raises the client's errors."""
        if self.marks_reads and script.reads_only:
            try:
                return await evaluate(self._client.execute_command, script, keys, args, "_RO")
            except NoPermissionError as error:
                # The user of a worker has the right to EVALSHA alone. What is refused for another reason stays so.
                if "_ro'" not in str(error):
                    raise
                self.marks_reads = False
        return await evaluate(self._client.execute_command, script, keys, args)

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
        items: RequestItems | None = None,
    ) -> Any:
        """Run a script that may safely be sent again, until it is answered or the time for retries ends.

        With `replicas`, wait for that number of replicas; return the reply, and how many had its writes in time. With
        `items`, leave out of each repetition those whose callers gave up.

        Raises:
            OutcomeUnknown: the time for retries ended, or no caller waits any more.
            StorageError: Redis refused; nothing was changed.
            UnknownNamespace: the namespace is not there any more, and this scheduler makes none.
        """
        give_up_at = clock.monotonic() + retry_for_seconds
        first = args
        pauses: Iterator[float] | None = None  # nearly every request succeeds at once
        stamp = self._partition.stamp
        attempt = self.evaluate
        if replicas:
            seconds = self._storage.operation_timeout_seconds
            send = functools.partial(send_replicated, self._client, keys[0], replicas, seconds)
            attempt = functools.partial(evaluate, send)
        while True:
            try:
                return await attempt(script, keys, args)
            except FAILED as error:
                if is_wrong_type(error):
                    with contextlib.suppress(*FAILED):
                        await self._name_keys(script, keys)
                await self._on_failure(error, stamp, is_first=pauses is None)
                undone = translate(self._partition.name, error) if is_unenrolled(error) else None
                last = error
            if clock.monotonic() >= give_up_at or self._partition.state == "closed":
                raise undone or OutcomeUnknown(self._partition.name) from last
            with contextlib.nullcontext() if items is None else items.end_without_any():
                if pauses is None:
                    pauses = delays(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
                else:
                    await anyio.sleep(next(pauses))
                with anyio.move_on_after(give_up_at - clock.monotonic()):
                    if undone is not None:
                        await self._partition.wait_enrolled()
                    await self._partition.wait_online()
            if undone is not None and stamp != self._partition.stamp:
                first, stamp = restamped(first, stamp, self._partition.stamp), self._partition.stamp
            again = first if items is None else items.again(first)
            if again is None:
                raise undone or OutcomeUnknown(self._partition.name) from last
            args = again

    async def _on_failure(self, error: BaseException, stamp: bytes, *, is_first: bool) -> None:
        """Update the state of the partition after a failed attempt; raise if another attempt is of no use."""
        lost = is_lost(error)
        if lost:
            self._partition.unbroken.note_break()  # the next answer may be that of another server
        if is_unenrolled(error):
            if stamp == self._partition.stamp:  # else the handshake was made meanwhile
                self._partition.enroll_anew()
            return
        if is_list_changed(error):
            await self._partition.leave_for_good()
        if not lost and not is_busy(error):
            raise translate(self._partition.name, error) from None
        gone = isinstance(error, RedisTimeoutError) or is_gone(error)
        if gone:
            # It used the whole time-out, or cannot do it. Calls that gathered behind it must not wait as long again.
            self._partition.go_offline(translate(self._partition.name, error))
        # One connection may be stale, for example after a restart; a new one that fails too says more.
        if lost and (gone or not is_first or not isinstance(error, RedisConnectionError)):
            self._partition.report_lost()
