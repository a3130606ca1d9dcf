"""The public calls on locks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from ..model.checks import Seconds
from ..services.lifespan import Lifespan
from ..services.locks import SAFETY_SECONDS, Lock, check_hold


class LockCalls:
    """The calls of a `Scheduler` that concern locks.

    Args:
        lifespan: the lifespan; it has the locks while connected.
    """

    def __init__(self, lifespan: Lifespan) -> None:
        self._lifespan = lifespan

    async def try_auto_lock(self, name: str, seconds: Seconds) -> bool:
        """Acquire a lock that is released by itself after `seconds`; return `False` if another caller holds it.

        Raises:
            SchedulerError: as for `try_lock`.
        """
        return await (await self._lifespan.enter()).locks.acquire(name, seconds) is not None

    async def try_lock(self, name: str) -> Lock | None:
        """Acquire a lock until `unlock`, or for 24 hours at the most; return `None` if another caller holds it.

        Raises:
            InvalidValue, InvalidType: the name (or, for `try_auto_lock`, the time) is bad.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: the master cannot be reached; nothing was changed.
            OutcomeUnknown: the master was lost half-way; the lock may be held by nobody until its time is over.
            NotReplicated: it was acquired, but too few replicas knew in time (`wait_replicas`); it is released again.
            StorageFull, StorageRefused: Redis refuses; nothing was changed.
        """
        return await (await self._lifespan.enter()).locks.acquire(name, SAFETY_SECONDS)

    async def unlock(self, lock: Lock) -> bool:
        """Release a lock; return `False`, without any effect, if it is no longer held through this `Lock`.

        Raises:
            InvalidType: `lock` is not a `Lock`.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline, OutcomeUnknown: the master was lost; calling again is safe.
            StorageRefused: Redis refuses.
        """
        return await (await self._lifespan.enter()).locks.release(lock)

    def lock(
        self, name: str, seconds: Seconds = 30, *, wait_seconds: float | None = None
    ) -> AbstractAsyncContextManager[Lock]:
        """Hold a lock for the length of an `async with` block, renewing it as long as the block runs.

        Args:
            name: its name, 1 to 512 bytes.
            seconds: the time after which it is free again if this process dies. Default 30.
            wait_seconds: the longest time to wait for it; 0: try once. Default `None`: any time.

        Raises:
            LockTimeout: it was not free in time.
            LockLost: it could not be renewed in time; the block was cancelled.
            SchedulerError: as for `try_lock`.
        """
        lifespan = self._lifespan

        def hold() -> AbstractAsyncContextManager[Lock]:
            return lifespan.require().locks.hold(name, seconds, wait_seconds)

        if lifespan.opens_first is not None:  # the block connects the queue
            check_hold(name, seconds, wait_seconds)
            return _AtHome(lifespan, hold, None)
        return _AtHome(lifespan, hold, hold())


class _AtHome(AbstractAsyncContextManager[Lock]):
    """The block of a lock; it is entered and left in the event loop that connected the scheduler."""

    def __init__(
        self,
        lifespan: Lifespan,
        hold: Callable[[], AbstractAsyncContextManager[Lock]],
        held: AbstractAsyncContextManager[Lock] | None,
    ) -> None:
        self._lifespan = lifespan
        self._hold = hold
        self._held = held

    async def __aenter__(self) -> Lock:
        await self._lifespan.enter()
        if self._held is None:
            self._held = self._hold()
        return await self._held.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._lifespan.check_home()
        return None if self._held is None else await self._held.__aexit__(kind, error, trace)
