"""Locks on the master partition, each with a fencing token.

::

    free ──acquire──▶ held ──release──▶ free
                      │  ▲
               expire │  │ renew (`lock(...)` only)
                      ▼  │
                    free or another's ──▶ LockLost

A lock has one holder at a time while the master does not fail over and its clock does not jump forward. If two holders
are possible, the token tells them apart: it strictly increases with each acquisition, so a store that remembers the
greatest token it has seen can refuse the older holder (Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio

from ..errors import InvalidType, LockLost, LockTimeout, StorageError
from ..model.checks import Seconds, check_name, check_seconds, check_wait, to_ms
from ..model.trust import RENEWAL_SHARE, TRUSTED_SHARE
from ..storage.partitions import LockAnswer, LockStep, Partitions
from ..support import clock
from ..support.backoff import delays
from ..support.guests import retrieve

#: The time after which a lock that nobody released is free again.
SAFETY_SECONDS: Final = 24 * 3600.0
_SHORTEST_WAIT_SECONDS: Final = 0.02
_LONGEST_WAIT_SECONDS: Final = 0.5

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that was acquired.

    Attributes:
        name: its name.
        token: the fencing token, greater than that of every earlier lock. Hand it to the protected resource, and let
            the resource refuse smaller tokens.
    """

    name: str
    token: int


class Locks:
    """The locks of the master: they are acquired, renewed and released here.

    Args:
        partitions: the partitions; the master keeps the locks.
        spawn: a function that starts a background coroutine.
    """

    def __init__(self, partitions: Partitions, spawn: Spawn) -> None:
        self._partitions = partitions
        self._spawn = spawn

    async def acquire(self, name: str, seconds: Seconds) -> Lock | None:
        """Acquire a lock for a time; return `None` if another caller holds it.

        Raises:
            NotReplicated: the lock was acquired, but too few replicas know of it; it is released again.
        """
        step = LockStep(check_name("name", name), b"a", b"", _ttl_ms(seconds))
        answer = self._partitions.lock(step)
        try:
            token, problem = await asyncio.shield(answer)
        except asyncio.CancelledError:
            # The caller is gone: a lock that nobody uses must not stay held until its time is over.
            self._abandon(name, answer)
            raise
        if problem is not None:
            await self._release_quietly(Lock(name, token))
            raise problem
        return Lock(name, token) if token else None

    def _abandon(self, name: str, answer: asyncio.Future[LockAnswer]) -> None:
        """Give a lock back as soon as it is known to be held; where the connection is closed, its time ends it."""

        async def give_back() -> None:
            await asyncio.wait([answer])
            if not answer.cancelled() and answer.exception() is None and answer.result().result:
                await self._release_quietly(Lock(name, answer.result().result))

        answer.add_done_callback(retrieve)  # nobody may be left to ask for its error
        # Here, and not once the answer is there: no task runs then, and anyio starts none from outside of one.
        with contextlib.suppress(RuntimeError):
            self._spawn(give_back)

    async def release(self, lock: Lock) -> bool:
        """Release a lock, even if the caller is cancelled; return True if it was still held."""
        answer = self._partitions.lock(_held(lock, b"r", 0))
        answer.add_done_callback(retrieve)  # a caller that is cancelled asks for no error
        return (await asyncio.shield(answer)).result == 1

    def hold(self, name: str, seconds: Seconds, wait_seconds: float | None) -> AbstractAsyncContextManager[Lock]:
        """Hold a lock for the length of a block, renewing it; see `Scheduler.lock`."""
        return self._hold(name, seconds, check_hold(name, seconds, wait_seconds), wait_seconds)

    @asynccontextmanager
    async def _hold(self, name: str, seconds: Seconds, ttl_ms: int, wait_seconds: float | None) -> AsyncIterator[Lock]:
        trusted_from, lock = await self._wait_for(name, seconds, wait_seconds)
        renewal = LockRenewal(self, lock, ttl_ms, trusted_from)
        self._spawn(renewal.run)
        try:
            with renewal.block:
                yield lock
        finally:
            renewal.stop()
            if not renewal.lost:
                with anyio.CancelScope(shield=True):
                    await self._release_quietly(lock)
        if renewal.lost:
            raise LockLost(name, renewal.reason)

    async def extend(self, lock: Lock, ttl_ms: int) -> bool:
        """Extend a lock to `ttl_ms` from now; return True if it was still held."""
        held, problem = await self._partitions.lock(_held(lock, b"e", ttl_ms))
        if problem is not None:
            raise problem
        return held == 1

    async def _wait_for(self, name: str, seconds: Seconds, wait_seconds: float | None) -> tuple[float, Lock]:
        give_up_at = None if wait_seconds is None else clock.monotonic() + wait_seconds
        pauses = delays(_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
        while True:
            sent_at = clock.monotonic()
            lock = await self.acquire(name, seconds)
            if lock is not None:
                return sent_at, lock
            now = clock.monotonic()
            if give_up_at is not None and now >= give_up_at:
                raise LockTimeout(name, f"was not free within {wait_seconds:g} seconds")
            pause = next(pauses)
            await anyio.sleep(pause if give_up_at is None else min(pause, give_up_at - now))

    async def _release_quietly(self, lock: Lock) -> None:
        try:
            await self.release(lock)
        except StorageError:
            return  # the lock is free again when its time is over


class LockRenewal:
    """The renewal of one lock: if it does not succeed in time, the block that the lock protects is cancelled.

    Args:
        locks: the locks of the master, which extend the lock.
        lock: the lock.
        ttl_ms: the time for which each renewal extends the lock, in ms.
        held_from: the moment at which its acquisition was sent, in monotonic seconds.
    """

    def __init__(self, locks: Locks, lock: Lock, ttl_ms: int, held_from: float) -> None:
        self._locks = locks
        self._lock = lock
        self._ttl_ms = ttl_ms
        self._held_from = held_from
        self._scope = anyio.CancelScope()
        #: The scope of the block; cancelled when the lock is lost.
        self.block: Final = anyio.CancelScope()
        #: True if the lock was lost, for this reason.
        self.lost = False
        self.reason = "was lost: it could not be renewed in time, and another holder is possible"

    def stop(self) -> None:
        """Stop the renewal."""
        self._scope.cancel()

    async def run(self) -> None:
        """Renew until stopped, or until the lock is lost."""
        seconds = self._ttl_ms / 1000
        try:
            with self._scope:
                while True:
                    trusted_until = self._held_from + TRUSTED_SHARE * seconds
                    with anyio.move_on_after(trusted_until - clock.monotonic()):
                        if await self._renewed(seconds):
                            continue
                    break
        except asyncio.CancelledError:
            self.reason = "is not renewed any more, since the scheduler was closed: another holder is possible"
            raise
        finally:
            if not self._scope.cancel_called:
                self.lost = True
                self.block.cancel()

    async def _renewed(self, seconds: float) -> bool:
        """Renew the lock once, and try again after a fault; return True if the lock is still held."""
        await anyio.sleep(RENEWAL_SHARE * seconds)
        while True:
            sent_at = clock.monotonic()
            try:
                held = await self._locks.extend(self._lock, self._ttl_ms)
            except StorageError:
                await anyio.sleep(min(_LONGEST_WAIT_SECONDS, 0.1 * seconds))
                continue
            if held:
                self._held_from = sent_at
            return held


def check_hold(name: str, seconds: Seconds, wait_seconds: float | None) -> int:
    """Check the arguments of `Scheduler.lock`; return the time after which it is free again, ms.

    Raises:
        InvalidValue, InvalidType: one of them cannot be used.
    """
    check_name("name", name)
    ttl_ms = _ttl_ms(seconds)
    if wait_seconds is not None:
        check_wait("wait_seconds", wait_seconds)
    return ttl_ms


def _ttl_ms(seconds: Seconds) -> int:
    return max(1, to_ms(check_seconds("seconds", seconds)))


def _held(lock: Lock, action: bytes, ttl_ms: int) -> LockStep:
    if not isinstance(lock, Lock):
        raise InvalidType("lock", f"must be a Lock from try_lock or lock, not {type(lock).__name__}")
    return LockStep(check_name("name", lock.name), action, b"%d" % lock.token, ttl_ms)
