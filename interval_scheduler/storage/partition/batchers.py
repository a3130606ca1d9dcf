"""The batchers of a partition: in each, calls gather while a batch is under way, and go out together when it returns.

Each batcher has a session of its own, so that a batch in doubt keeps no other batcher waiting. It checks first that the
partition is online: calls that queued behind a batch in doubt would otherwise each wait for the full time-out again.

A second set of batchers is used while tasks migrate: its requests change only tasks that exist here (as Redis's XX);
the result for others is `None`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from ...config.options import SchedulerOptions
from ...model.assignment import AssignCall, NeverRuns
from ..commands import assigning, locks, lookup, topology
from ..commands import control as control_commands
from ..requests.batching import BatchedCalls, Partly
from ..requests.session import NotAllExist, Session
from ..scripts.ports import Detour, HasDetour

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batchers(NamedTuple):
    """The batchers of one partition."""

    assign: BatchedCalls[AssignCall, bool | NeverRuns]
    remove: BatchedCalls[bytes, assigning.Removed]
    control: BatchedCalls[control_commands.ControlStep, str]
    lock: BatchedCalls[locks.LockStep, locks.LockAnswer]
    look: BatchedCalls[bytes, lookup.Row | None]
    size: BatchedCalls[None, lookup.Sizes]


class BatchersIfExists(NamedTuple):
    """The batchers that change only tasks that exist at a partition; the result for any other task is `None`."""

    assign: BatchedCalls[AssignCall, bool | NeverRuns | None]
    remove: BatchedCalls[bytes, assigning.Removed | None]
    control: BatchedCalls[control_commands.ControlStep, str | None]
    in_transit: BatchedCalls[bytes, bool]


def open_batchers(partition: HasDetour, options: SchedulerOptions) -> Batchers:
    """Make the batchers of a partition; none of them runs yet."""
    senders = _BatchSenders(partition, options, if_exists=False)
    return Batchers(
        BatchedCalls(partition.name, senders.assign, lambda call: len(call.assignment.data)),
        BatchedCalls(partition.name, senders.remove),
        BatchedCalls(partition.name, senders.control),
        BatchedCalls(partition.name, senders.lock),
        BatchedCalls(partition.name, senders.look, reads=True),
        BatchedCalls(partition.name, senders.size, reads=True),
    )


def open_batchers_if_exists(partition: HasDetour, options: SchedulerOptions) -> BatchersIfExists:
    """Make the batchers that change only tasks that exist at a partition; none of them runs yet."""
    senders = _BatchSenders(partition, options, if_exists=True)
    return BatchersIfExists(
        BatchedCalls(partition.name, _if_exists_each(senders.assign), lambda call: len(call.assignment.data)),
        BatchedCalls(partition.name, _if_exists_each(senders.remove)),
        BatchedCalls(partition.name, _if_exists_each(senders.control)),
        BatchedCalls(partition.name, senders.in_transit, reads=True),
    )


class _BatchSenders:
    """The functions that send the batches."""

    def __init__(self, partition: HasDetour, options: SchedulerOptions, *, if_exists: bool) -> None:
        self._partition = partition
        self._grid_ms = round(options.storage.task_interval_seconds * 1000)
        retry_for_seconds = options.storage.operation_timeout_seconds
        replicas = options.storage.wait_replicas
        self._if_exists = if_exists
        self._assigning = Session(partition, retry_for_seconds, replicas, if_exists=if_exists)
        self._removing = Session(partition, retry_for_seconds, if_exists=if_exists)
        self._controlling = Session(partition, retry_for_seconds, if_exists=if_exists)
        self._locking = Session(partition, retry_for_seconds, replicas)
        self._unlocking = Session(partition, retry_for_seconds)

    async def assign(self, calls: Sequence[AssignCall]) -> Sequence[bool | NeverRuns]:
        partition = self._partition
        if (detour := await self._detour_in_use()) is not None:
            return await detour.assign(calls)
        if partition.state != "online":  # the frequent case needs no call
            partition.require_online()
        if any(call.assignment.policy.cron is not None for call in calls):
            now_ms = await partition.now_ms()
            calls = [call.planned(now_ms) for call in calls]
        created, earliest_ms = await assigning.assign(self._assigning, partition.keys, self._grid_ms, calls)
        self._announce(earliest_ms)
        if problem := self._assigning.not_replicated:
            raise Partly([problem] * len(created))  # the others were not sent to Redis
        return created

    async def remove(self, ids: Sequence[bytes]) -> Sequence[assigning.Removed]:
        if (detour := await self._detour_in_use()) is not None:
            return await detour.remove(ids)
        self._partition.require_online()
        return await assigning.remove(self._removing, self._partition.keys, ids)

    async def control(self, steps: Sequence[control_commands.ControlStep]) -> Sequence[str]:
        await self._detour_in_use()
        self._partition.require_online()
        results, earliest_ms = await control_commands.control(self._controlling, self._partition.keys, steps)
        self._announce(earliest_ms)
        return results

    async def lock(self, steps: Sequence[locks.LockStep]) -> Sequence[locks.LockAnswer]:
        self._partition.require_online(with_any_list=True)
        # A release waits for no replica: if a failover undoes it, the lock ends when its time is over.
        session = self._unlocking if all(step.action == b"r" for step in steps) else self._locking
        results = await locks.lock(session, self._partition.keys, steps)
        problem = session.not_replicated
        return [
            locks.LockAnswer(result, problem if result and step.action != b"r" else None)
            for step, result in zip(steps, results, strict=True)
        ]

    async def look(self, ids: Sequence[bytes]) -> Sequence[lookup.Row | None]:
        detour = self._partition.detour
        if detour is not None and detour.in_between:
            return await detour.look(ids)
        return await lookup.look(self._partition, ids)

    async def size(self, calls: Sequence[None]) -> Sequence[lookup.Sizes]:
        return [await lookup.sizes(self._partition)] * len(calls)

    async def in_transit(self, ids: Sequence[bytes]) -> Sequence[bool]:
        return (await topology.migration_status(self._partition, ids)).in_transit

    async def _detour_in_use(self) -> Detour | None:
        """Return the detour if the partition is offline; if it is online, apply waiting hints and return `None`."""
        detour = self._partition.detour
        if detour is None or self._if_exists or not detour.in_between or await detour.passable():
            return None
        return detour

    def _announce(self, earliest_ms: int) -> None:
        if earliest_ms >= 0 and self._partition.due_times.listeners:  # a process that does not execute has none
            self._partition.announce(earliest_ms)


def _if_exists_each(
    send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
) -> Callable[[Sequence[Item]], Awaitable[Sequence[Result | None]]]:
    """Wrap `send`, so that it leaves out the tasks that do not exist; their result is `None`."""

    async def send_existing(items: Sequence[Item]) -> Sequence[Result | None]:
        results: list[Result | None] = [None] * len(items)
        positions = list(range(len(items)))
        while positions:
            try:
                found = await send([items[position] for position in positions])
            except NotAllExist as refused:
                # Some more may be gone by the time of the next try, but none comes back.
                positions = [position for position, exists in zip(positions, refused.flags, strict=True) if exists]
                continue
            for position, result in zip(positions, found, strict=False):
                results[position] = result
            return results if len(found) == len(positions) else results[: positions[len(found)]]
        return results

    return send_existing
