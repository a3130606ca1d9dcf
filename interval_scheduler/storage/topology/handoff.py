"""Hints: assignments and removals for a partition that is offline, kept on the master until it is back.

::

    batcher ──(offline)──▶ hint on the master ──page──▶ applied at the partition, in order ──▶ trimmed at the master
                                                        (with the number of the last one, in one step)

Any number of schedulers may apply the same hints: each is applied once, in order (see `hint_applying.py`). A hint has
its writer's session with the partition, and the next number in it: once it is applied, all requests that the writer had
sent to the partition before are outdated, also those that lie in some buffer.

A scheduler that lost a partition applies the waiting hints before the partition is online for it again, and so before
it claims there. One that did not lose it gets an announcement of new hints, and also asks the master from time to time;
it applies the hints that it knows of before it sends changes to the partition.

Failures: while the master cannot be asked, a partition that was away stays offline, since its hints are not known. A
partition that refuses hints (it is full) goes online while they wait, or its tasks would never drain; until they are
applied, changes that are sent to it are refused too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import anyio

from ...config.options import SchedulerOptions
from ...errors import (
    HintsFull,
    NotConnected,
    NotReplicated,
    PartitionListChanged,
    PartitionOffline,
    StorageRefused,
)
from ...model.assignment import Assignment, NeverRuns
from ...model.quotas import Quotas
from ...support import clock
from ...support.log import Log
from ..commands import assigning, handoff, lookup
from ..commands.assigning import START_WINDOW_MS, Removed
from ..commands.lookup import Row
from ..commands.quotas import read as read_quotas
from ..connection.failures import FAILED, is_list_changed, translate
from ..requests.batching import Partly
from ..requests.callers import Callers
from ..requests.session import BatchSession, Session
from ..scripts.ports import Argument, Reachable
from .hint_applying import apply_hints
from .hint_codec import looked_up

_REMOVAL: Final = (b"", b"", b"", b"")


class Handoff:
    """The handoff of one partition: keeps hints for it, and applies them. Its batchers know it as their detour.

    Args:
        partition: the partition.
        master: the partition that keeps them.
        options: the scheduler's options.
        log: the log for the first hint, and for applied hints.
    """

    def __init__(self, partition: Reachable, master: Reachable, options: SchedulerOptions, log: Log) -> None:
        self.keys: Final = master.keys.hints_for(partition.name)
        #: The name of the partition.
        self.name: Final = partition.name
        #: True if hints wait or may wait.
        self.pending = False
        self._is_held = False
        self._partition = partition
        self._master = master
        self._limit = options.max_hints
        self._grid_ms = round(options.storage.task_interval_seconds * 1000)
        self._log = log
        self._retry_for_seconds = options.storage.operation_timeout_seconds
        self._replicas = options.storage.wait_replicas
        self._session = Session(master, self._retry_for_seconds)
        self._applying = asyncio.Lock()
        #: True if other schedulers may have written hints, since the partition was away.
        self._assumed = True
        #: The time of the first hint since the partition was last online, monotonic seconds; infinity: no hint.
        self._began_at = math.inf

    @property
    def in_between(self) -> bool:
        """True if changes must go through the handoff: the partition is offline, or hints for it still wait."""
        return self._partition.state != "online" or self.pending or self._applying.locked()

    def assume(self) -> None:
        """Assume that others wrote hints, since the partition was away."""
        self._assumed = True

    def note_waiting(self) -> None:
        """Note that hints wait on the master."""
        self.pending = True

    def hold(self, *, held: bool) -> None:
        """Keep no hints while `held`: tasks move to another list of partitions, and their homes are uncertain."""
        self._is_held = held

    def require(self) -> None:
        """Raise unless hints can be written.

        Raises:
            PartitionOffline: the master is offline too, or tasks move; nothing was changed.
            PartitionListChanged: the partition or the master stays offline for this list of partitions.
            NotConnected: the scheduler was closed.
        """
        if self._partition.state == "closed":
            raise NotConnected
        for partition in (self._partition, self._master):
            if isinstance(partition.problem, PartitionListChanged):
                partition.require_online()
        if self._is_held:
            self._partition.require_online()
        if self._master.state != "online":
            raise self._master_lost()

    # Writing

    async def assign(self, calls: Sequence[Assignment], writer: bytes, callers: Callers) -> Sequence[bool | NeverRuns]:
        """Keep assignments. Return for each if it is new, as far as the hints tell; see `Scheduler.assign_task`.

        Args:
            calls: the assignments.
            writer: the session with the partition and its number there; see `Session.outdate`.
            callers: their callers.
        """
        self.require()
        settled: Sequence[Assignment | NeverRuns] = calls
        if any(call.needs_clock for call in calls):
            now_ms = await self._master.now_ms()
            settled = [call.settled(now_ms) for call in calls]
        positions = [position for position, call in enumerate(settled) if isinstance(call, Assignment)]
        kept = [call for call in settled if isinstance(call, Assignment)]
        told: Iterator[str] = iter(())
        if kept:
            session = BatchSession(self._session, callers.only(positions), self._replicas)
            told = iter(await self._write(session, writer, assigning.encode(kept)))
        flags = [next(told) if isinstance(call, Assignment) else call for call in settled]
        results = [flag if isinstance(flag, NeverRuns) else flag == "1" for flag in flags]
        return self._results(flags, results, self._session.not_replicated if kept else None)

    async def remove(self, ids: Sequence[bytes], writer: bytes, callers: Callers) -> Sequence[Removed]:
        """Keep removals. Return for each task if it was scheduled, as far as the hints tell. As `assign`."""
        self.require()
        args = [arg for raw_id in ids for arg in (raw_id, *_REMOVAL)]
        flags = await self._write(BatchSession(self._session, callers), writer, args)
        # Since the partition was lost, no claim was granted; a claim from just before may still start its runs.
        passed_ms = 1000 * (clock.monotonic() - self._began_at)
        wait_ms = max(0, math.ceil(START_WINDOW_MS - passed_ms))
        return self._results(flags, [Removed(flag == "1", wait_ms) for flag in flags])

    async def _write(self, session: BatchSession, writer: bytes, args: Sequence[Argument]) -> str:
        if self._began_at == math.inf:
            self._began_at = clock.monotonic()
            self._log.warning(
                "partition %s is offline: what is assigned and removed is kept on the master until it is back",
                self._partition.name,
            )
        self.pending = True  # already now: whoever comes behind must not pass it
        try:
            return await handoff.hint(session, self._master, self.keys, self._partition.name, self._limit, writer, args)
        finally:
            self.pending = True  # even if it failed: the hint may be stored although its reply was lost

    def _results(
        self, flags: Sequence[object], results: Sequence[Any], problem: NotReplicated | None = None
    ) -> Sequence[Any]:
        """Return the results; raise errors for the hints without room, and for those that too few replicas have."""
        if "f" not in flags and problem is None:
            return results
        full = HintsFull(self._partition.name, self._limit)
        raise Partly(
            [
                full if flag == "f" else result if problem is None or isinstance(flag, NeverRuns) else problem
                for flag, result in zip(flags, results, strict=True)
            ]
        )

    # Looking up

    async def quotas(self) -> Quotas:
        """Read the quotas that hold, from the master.

        Raises:
            PartitionOffline: the master is lost.
        """
        return await read_quotas(self._master)

    async def look(self, ids: Sequence[bytes]) -> Sequence[Any]:
        """Look tasks up: first in the hints, then those without a hint at the partition, if it is online.

        The result is shorter than the list of ids, but not empty, if they are too heavy for one reply.
        """
        self.require()
        found = await handoff.hint_look(self._master, self.keys, ids)
        unknown = list(dict.fromkeys(raw_id for raw_id, hint in zip(ids, found, strict=False) if hint is None))
        rows: dict[bytes, Row | None] = {}
        missing: PartitionOffline | None = None
        if unknown:
            try:
                rows = dict(zip(unknown, await lookup.look(self._partition, unknown), strict=False))
            except PartitionOffline as error:
                missing = error
        outcomes = looked_up(ids, found, rows, missing, self._grid_ms)
        if missing is not None:
            raise Partly(outcomes)
        return outcomes

    # Applying

    async def passable(self) -> bool:
        """Apply the hints that are known to wait; return whether the partition is online.

        Raises:
            PartitionOffline: the master cannot be asked for them.
            StorageError: the partition refuses them.
        """
        while self._partition.state == "online" and self.in_between:
            await self.apply_waiting()
        return self._partition.state == "online"

    async def apply_waiting(self) -> None:
        """Apply the waiting hints if the partition is online; if it is lost during that, it is offline afterwards.

        Raises:
            PartitionOffline: the master cannot be asked for them.
            StorageError: the partition refuses them.
        """
        async with self._applying:
            if not self.pending or self._partition.state != "online":
                return
            try:
                await self._apply()
            except PartitionOffline:
                raise self._master_lost() from None
            except FAILED as error:
                if is_list_changed(error):
                    await self._partition.leave_for_good()
                problem = translate(self._partition.name, error)
                if not isinstance(problem, PartitionOffline):
                    raise problem from None
                self._partition.give_up()

    async def catch_up(self) -> None:
        """Apply the waiting hints before the partition goes online.

        Raises:
            PartitionOffline: the master cannot be asked, and hints may wait.
            RedisError: the partition was lost again.
        """
        if self._master.state != "online":
            if not (self.pending or self._assumed):
                return  # the connection was lost, but there is no sign that the partition was away
            if self._partition.state == "offline":
                with anyio.move_on_after(self._retry_for_seconds):
                    await self._master.wait_online()
        async with self._applying:
            try:
                await self._apply()
            except PartitionOffline:
                raise self._master_lost() from None
            except FAILED as error:
                problem = translate(self._partition.name, error)
                if isinstance(problem, PartitionOffline) or is_list_changed(error):
                    raise
                # It has to go online, or its tasks would never drain and make room.
                self._log.warning("hints wait, since they cannot be applied: %s", problem)
            except StorageRefused as problem:  # a key of the hints cannot be read
                self._log.warning("hints wait, since they cannot be applied: %s", problem)
        self._began_at = math.inf

    def _master_lost(self) -> PartitionOffline:
        return PartitionOffline(
            self._partition.name,
            f"cannot be used while the master {self._master.name!r}, which keeps the hints for it, is offline: nothing "
            "was changed, try again later",
        )

    async def _apply(self) -> None:
        """Apply all hints that wait; raises the client's errors of the partition, and `StorageError` of the master."""
        self.pending = False
        try:
            await apply_hints(self._partition, self._master, self.keys, self._grid_ms, self._log)
        except NotConnected:
            raise PartitionOffline(self._master.name) from None
        except BaseException:
            self.pending = True
            raise
        self._assumed = False
