"""The batchers of a partition: in each, calls gather while a batch is under way, and go out together when it returns.

All changes take turns on one session (see `requests/turns.py`). Steps on locks have a session of their own, since they
keep no task waiting, and go on with any list of partitions. Each batch checks first that the partition is online: calls
that queued behind a batch in doubt would otherwise each wait for the full time-out again.

Some kinds are used while tasks migrate: their requests change only tasks that exist here (as Redis's XX); the result
for others is `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from ...config.options import SchedulerOptions
from ...model.assignment import Assignment, NeverRuns
from ...model.policy import PLAIN
from ...model.steering import Note
from ...model.updating import TaskUpdate, UpdateAnswer
from ..commands import assigning, locks, lookup, quotas, topology
from ..commands.assigning import Cleared, Removed
from ..commands.backup import RestoreBatch
from ..commands.control import ControlStep, PauseChange, Purge, pause_all, purge_dead
from ..commands.quotas import QuotaChange
from ..requests.batching import MAX_BATCH_BYTES, BatchedCalls, Partly
from ..requests.callers import Callers
from ..requests.session import BatchSession, Session
from ..requests.turns import Turn, Turns
from ..scripts.ports import Detour, HasDetour
from .existing import if_exists_each
from .group_tags import GroupTags, of_assignment, of_update
from .restoring import Restores
from .resuming import carry_out
from .updating import Updates
from .updating import carry_out as carry_out_updates

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchersIfExists(NamedTuple):
    """The batchers that change only tasks that exist at a partition; the result for any other task is `None`."""

    assign: Turn[Assignment, bool | NeverRuns | None]
    remove: Turn[bytes, Removed | None]
    control: Turn[ControlStep, str | None]
    update: Turn[TaskUpdate, UpdateAnswer | None]
    restore: Turn[RestoreBatch, str]
    in_transit: BatchedCalls[bytes, bool]


class Batchers(NamedTuple):
    """The batchers of one partition; `loops` are to be run."""

    assign: Turn[Assignment, bool | NeverRuns]
    remove: Turn[bytes, Removed]
    control: Turn[ControlStep, str]
    update: Turn[TaskUpdate, UpdateAnswer]
    clear: Turn[Note | None, Cleared]
    pause: Turn[PauseChange, bool]
    purge_dead: Turn[Purge, int]
    put_quotas: Turn[QuotaChange, bool]
    restore: Turn[RestoreBatch, str]
    if_exists: BatchersIfExists
    lock: BatchedCalls[locks.LockStep, locks.LockAnswer]
    look: BatchedCalls[bytes, lookup.Row | None]
    has: BatchedCalls[bytes, Literal[True] | None]
    size: BatchedCalls[None, lookup.Sizes]
    loops: Sequence[Callable[[], Coroutine[Any, Any, None]]]


def open_batchers(partition: HasDetour, options: SchedulerOptions) -> Batchers:
    """Make the batchers of a partition; none of them runs yet."""
    name, turns = partition.name, Turns(partition.name)
    changes, tags = _Changes(partition, options), GroupTags(partition, options)
    whole, others = _WholeChanges(partition, changes.session), _OtherBatches(partition, options)
    restores = Restores(partition, options, changes.session, tags)
    assign_if_exists = tags.checked(if_exists_each(changes.assign_if_exists), of_assignment)
    update_if_exists = tags.checked(if_exists_each(changes.update_if_exists), of_update)
    if_exists = BatchersIfExists(
        turns.add(assign_if_exists, _id_of_assignment, _weigh_assignment),
        turns.add(if_exists_each(changes.remove_if_exists), bytes),
        turns.add(if_exists_each(changes.control_if_exists), _id_of_step, _weigh_step),
        turns.add(update_if_exists, _id_of_update, _weigh_update),
        turns.add(restores.restore_if_exists, None),
        BatchedCalls(name, others.in_transit, reads=True),
    )
    lock, look, has, size = (
        BatchedCalls(name, others.lock),
        BatchedCalls(name, others.look, reads=True),
        BatchedCalls(name, others.has, reads=True),
        BatchedCalls(name, others.size, reads=True),
    )
    return Batchers(
        assign=turns.add(tags.checked(changes.assign, of_assignment), _id_of_assignment, _weigh_assignment),
        remove=turns.add(changes.remove, bytes),
        control=turns.add(changes.control, _id_of_step, _weigh_step),
        update=turns.add(tags.checked(changes.update, of_update), _id_of_update, _weigh_update),
        clear=turns.add(whole.clear, None),
        pause=turns.add(whole.pause, None),
        purge_dead=turns.add(whole.purge_dead, None),
        put_quotas=turns.add(whole.put_quotas, None),
        restore=turns.add(restores.restore, None),
        if_exists=if_exists,
        lock=lock,
        look=look,
        has=has,
        size=size,
        loops=(turns.run, lock.run, look.run, has.run, size.run, if_exists.in_transit.run),
    )


def _id_of_assignment(call: Assignment) -> bytes:
    return call.id


def _weigh_assignment(call: Assignment) -> int:
    return len(call.data)


def _id_of_step(step: ControlStep) -> bytes:
    return step.raw_id


def _weigh_step(_: ControlStep) -> int:
    # A step takes the script more than twice the time of an assignment: so 200 of them are a batch.
    return MAX_BATCH_BYTES // 200


def _id_of_update(update: TaskUpdate) -> bytes:
    return update.id


def _weigh_update(update: TaskUpdate) -> int:
    # As a step takes: a task that moves takes the script three times as long as one that does not.
    return MAX_BATCH_BYTES // (75 if update.may_move else 200) + len(update.data or b"")


class _Changes:
    """The functions that send changes of single tasks."""

    def __init__(self, partition: HasDetour, options: SchedulerOptions) -> None:
        self._partition = partition
        self._grid_ms = round(options.storage.task_interval_seconds * 1000)
        self._replicas = options.storage.wait_replicas
        #: Numbers all changes of this scheduler to the partition.
        self.session = Session(partition, options.storage.operation_timeout_seconds)

    async def assign(self, calls: Sequence[Assignment], callers: Callers) -> Sequence[bool | NeverRuns]:
        if (detour := await self._detour_in_use()) is not None:
            return await detour.assign(calls, self.session.outdate(), callers)
        return await self._assign(calls, callers, if_exists=False)

    async def assign_if_exists(self, calls: Sequence[Assignment], callers: Callers) -> Sequence[bool | NeverRuns]:
        return await self._assign(calls, callers, if_exists=True)

    async def _assign(
        self, calls: Sequence[Assignment], callers: Callers, *, if_exists: bool
    ) -> Sequence[bool | NeverRuns]:
        partition = self._partition
        if partition.state != "online":  # the frequent case needs no call
            partition.require_online()
        if any(call.policy.cron is not None for call in calls if call.policy is not PLAIN):
            now_ms = await partition.now_ms()
            calls = [call.planned(now_ms) for call in calls]
        session = BatchSession(self.session, callers, self._replicas, if_exists=if_exists)
        created, earliest_ms = await assigning.assign(session, partition.keys, self._grid_ms, calls)
        self._announce(earliest_ms)
        if problem := self.session.not_replicated:
            # Not all: the others were not sent to Redis, and a refused one was not written.
            raise Partly([each if isinstance(each, NeverRuns) else problem for each in created])
        return created

    async def remove(self, ids: Sequence[bytes], callers: Callers) -> Sequence[Removed]:
        if (detour := await self._detour_in_use()) is not None:
            return await detour.remove(ids, self.session.outdate(), callers)
        return await self._remove(ids, callers, if_exists=False)

    async def remove_if_exists(self, ids: Sequence[bytes], callers: Callers) -> Sequence[Removed]:
        return await self._remove(ids, callers, if_exists=True)

    async def _remove(self, ids: Sequence[bytes], callers: Callers, *, if_exists: bool) -> Sequence[Removed]:
        self._partition.require_online()
        session = BatchSession(self.session, callers, if_exists=if_exists)
        return await assigning.remove(session, self._partition.keys, ids)

    async def control(self, steps: Sequence[ControlStep], callers: Callers) -> Sequence[str]:
        await self._detour_in_use()
        return await self._control(steps, callers, if_exists=False)

    async def control_if_exists(self, steps: Sequence[ControlStep], callers: Callers) -> Sequence[str]:
        return await self._control(steps, callers, if_exists=True)

    async def _control(self, steps: Sequence[ControlStep], callers: Callers, *, if_exists: bool) -> Sequence[str]:
        self._partition.require_online()
        results, earliest_ms = await carry_out(self._partition, self.session, steps, callers, if_exists=if_exists)
        self._announce(earliest_ms)
        return results

    async def update(self, calls: Sequence[TaskUpdate], callers: Callers) -> Sequence[UpdateAnswer]:
        await self._detour_in_use()
        return [answer or False for answer in await self._update(calls, callers, if_exists=False)]

    async def update_if_exists(self, calls: Sequence[TaskUpdate], callers: Callers) -> Sequence[UpdateAnswer | None]:
        return await self._update(calls, callers, if_exists=True)

    async def _update(
        self, calls: Sequence[TaskUpdate], callers: Callers, *, if_exists: bool
    ) -> Sequence[UpdateAnswer | None]:
        self._partition.require_online()
        batch = Updates(calls, callers, self._grid_ms, self._replicas, if_exists)
        answers, earliest_ms = await carry_out_updates(self._partition, self.session, batch)
        self._announce(earliest_ms)
        return answers

    async def _detour_in_use(self) -> Detour | None:
        """Return the detour if the partition is offline; if it is online, apply waiting hints and return `None`."""
        detour = self._partition.detour
        if detour is None or not detour.in_between or await detour.passable():
            return None
        return detour

    def _announce(self, earliest_ms: int) -> None:
        if earliest_ms >= 0 and self._partition.due_times.listeners:  # a process that does not execute has none
            self._partition.announce(earliest_ms)


class _WholeChanges:
    """The functions that send changes of a whole partition. A batch has one call, since they concern all tasks."""

    def __init__(self, partition: HasDetour, session: Session) -> None:
        self._partition = partition
        self._session = session

    async def clear(self, notes: Sequence[Note | None], callers: Callers) -> Sequence[Cleared]:
        session = await self._online_session(callers)
        return [await assigning.clear(session, self._partition.keys, note) for note in notes]

    async def pause(self, changes: Sequence[PauseChange], callers: Callers) -> Sequence[bool]:
        session = await self._online_session(callers)
        return [await pause_all(session, self._partition.keys, **change._asdict()) for change in changes]

    async def purge_dead(self, purges: Sequence[Purge], callers: Callers) -> Sequence[int]:
        session = await self._online_session(callers)
        return [await purge_dead(session, self._partition.keys, *purge) for purge in purges]

    async def put_quotas(self, changes: Sequence[QuotaChange], callers: Callers) -> Sequence[bool]:
        session = await self._online_session(callers)
        return [await quotas.put(session, self._partition, change) for change in changes]

    async def _online_session(self, callers: Callers) -> BatchSession:
        """Return the session of a batch, once the waiting hints are applied, which came before; raise unless online."""
        detour = self._partition.detour
        if detour is not None and detour.in_between:
            await detour.passable()
        self._partition.require_online()
        return BatchSession(self._session, callers)


class _OtherBatches:
    """The functions that send steps on locks, and reads."""

    def __init__(self, partition: HasDetour, options: SchedulerOptions) -> None:
        self._partition = partition
        self._replicas = options.storage.wait_replicas
        self._locking = Session(partition, options.storage.operation_timeout_seconds)

    async def lock(self, steps: Sequence[locks.LockStep]) -> Sequence[locks.LockAnswer]:
        self._partition.require_online(with_any_list=True)
        # A release waits for no replica: if a failover undoes it, the lock ends when its time is over.
        replicas = 0 if all(step.action == b"r" for step in steps) else self._replicas
        results = await locks.lock(self._locking, self._partition.keys, steps, replicas)
        problem = self._locking.not_replicated
        return [
            locks.LockAnswer(result, problem if result and step.action != b"r" else None)
            for step, result in zip(steps, results, strict=True)
        ]

    async def look(self, ids: Sequence[bytes]) -> Sequence[lookup.Row | None]:
        detour = self._partition.detour
        if detour is not None and detour.in_between:
            return await detour.look(ids)
        return await lookup.look(self._partition, ids)

    async def has(self, ids: Sequence[bytes]) -> Sequence[Literal[True] | None]:
        detour = self._partition.detour
        if detour is not None and detour.in_between:
            return [None if row is None else True for row in await detour.look(ids)]
        return [True if found else None for found in await lookup.are_scheduled(self._partition, ids)]

    async def size(self, calls: Sequence[None]) -> Sequence[lookup.Sizes]:
        return [await lookup.sizes(self._partition)] * len(calls)

    async def in_transit(self, ids: Sequence[bytes]) -> Sequence[bool]:
        return (await topology.migration_status(self._partition, ids)).in_transit
