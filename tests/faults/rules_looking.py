"""Rules of the machine: what the API shows of the tasks is what the model knows of them."""

from __future__ import annotations

import asyncio
import dataclasses
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from interval_scheduler import DeadTask, PastRun, PausedState, Rules, ScheduledTask, Scheduler, StorageRefused
from interval_scheduler.model.past import read_runs
from interval_scheduler.model.placement import tag_of
from interval_scheduler.model.task import State
from tests.model import Dead, Leased, Model, Parked, Paused, Task, Waiting
from tests.scripts.store import Store

from . import choices
from .driving import Driven

Found = TypeVar("Found")
states = st.sampled_from([None, "waiting", "leased", "paused"])
prefixes = st.sampled_from(["", "", "a:", "{*}", "{*}:"])


class Looking(Driven):
    """What is looked up changes nothing, and is so."""

    @precondition(lambda self: self.model.tasks and self.is_turn_of("look"))
    @rule(
        what=st.sampled_from(["tasks", "list", "list", "sizes", "dead", "failing", "runs"]),
        state=states,
        prefix=prefixes,
    )
    def look(self, what: str, state: State | None, prefix: str) -> None:
        self.took_turn("look", 8)
        scheduler = self.side.schedulers[0]
        if what == "tasks":
            self.step(lambda: looked_up(scheduler), lambda model, *_: known(model))
        elif what == "list":
            listed = scheduler.tasks(state=state, prefix=prefix)
            self.step(lambda: _timeless(listed), lambda model, *_: in_line(model, state, prefix))
        elif what == "sizes":
            self.step(lambda: sizes(scheduler), lambda model, _, now: counts(model, now))
        elif what == "failing":
            self.step(lambda: failing_ones(scheduler), lambda model, *_: failing(model))
        elif what == "runs":
            self.step(lambda: past_runs(scheduler), lambda model, *_: past(model))
        else:
            self.step(lambda: _all(scheduler.dead_tasks()), lambda model, *_: dead(model))


async def _all(listed: AsyncIterator[Found]) -> list[Found]:
    return [each async for each in listed]


#: Of a task that is paused.
_PAUSED: Final = PausedState(None, None, None)


async def _timeless(listed: AsyncIterator[ScheduledTask]) -> list[ScheduledTask]:
    return [_unclaimed(each) async for each in listed]


def _unclaimed(task: ScheduledTask) -> ScheduledTask:
    """Take away the moment of the claim, and when and by whom it was paused, which the model does not know."""
    assert (task.claimed_at is not None) == (task.state == "leased")
    return dataclasses.replace(task, claimed_at=None, paused=None if task.paused is None else _PAUSED)


async def looked_up(scheduler: Scheduler) -> list[Any]:
    """Each task that there may be, looked up by id, its payload, or the kind of error; and if it is there."""
    ways = (scheduler.get_task, scheduler.is_scheduled, scheduler.has_task)
    calls = [call(task_id) for task_id in choices.IDS for call in ways]
    found = await asyncio.gather(*calls, return_exceptions=True)
    kinds = [type(each) if isinstance(each, BaseException) else each for each in found]
    return [_unclaimed(each) if isinstance(each, ScheduledTask) else each for each in kinds]


def known(model: Model) -> list[Any]:
    """What must be found so."""
    expected: list[Any] = []
    for task_id in choices.IDS:
        task = model.scheduled(task_id.encode())
        if task is None:
            expected += [None, None, False]
        elif not task.spec.is_readable:
            expected += [StorageRefused, StorageRefused, True]
        else:
            expected += [shown(task_id.encode(), task), task.spec.data, True]
    return expected


def in_line(model: Model, state: State | None, prefix: str) -> list[ScheduledTask]:
    """The tasks that must be listed, in their order."""
    lines: list[list[tuple[Any, bytes, Task]]] = []
    if tag_of(prefix.encode()) is not None:
        return _in_line_of_tag(model, state, prefix)
    if state in (None, "leased"):
        lines.append([(place.until, raw_id, task) for raw_id, task, place in model.at(Leased)])
    if state in (None, "waiting"):
        parked = model.at(Parked)
        lines.append([((place.group.encode(), place.due), raw_id, task) for raw_id, task, place in parked])
        lines.append([(place.at, raw_id, task) for raw_id, task, place in model.at(Waiting)])
    if state in (None, "paused"):
        lines.append([(place.due, raw_id, task) for raw_id, task, place in model.at(Paused)])
    return [
        shown(raw_id, task)
        for line in lines
        for _, raw_id, task in sorted(line, key=lambda each: each[:2])
        if task.spec.is_readable and raw_id.startswith(prefix.encode())
    ]


def _in_line_of_tag(model: Model, state: State | None, prefix: str) -> list[ScheduledTask]:
    """The tasks of a hash tag, which are sorted by their times in each state."""
    found = [
        (["leased", "waiting", "paused"].index(each.state), each.next_run, raw_id, each)
        for raw_id, task in model.tasks.items()
        if task.is_scheduled and task.spec.is_readable and raw_id.startswith(prefix.encode())
        for each in [shown(raw_id, task)]
        if state in (None, each.state)
    ]
    return [each for *_, each in sorted(found, key=lambda one: one[:3])]


async def sizes(scheduler: Scheduler) -> tuple[int, int]:
    """How many tasks there are, and how many are due."""
    return await scheduler.task_size(), await scheduler.queue_size()


def counts(model: Model, now: int) -> tuple[int, int]:
    """What these must be."""
    due = sum(place.at <= now for _, _, place in model.at(Waiting))
    due += sum(place.until <= now for _, _, place in model.at(Leased))
    due += sum(1 for _ in model.at(Parked))
    return sum(task.is_scheduled for task in model.tasks.values()), due


def dead(model: Model) -> list[DeadTask]:
    """The dead tasks that must be listed, in their order."""
    found = []
    for at, raw_id, told in sorted((place.at, raw_id, place.error) for raw_id, _, place in model.at(Dead)):
        spec = model.tasks[raw_id].spec
        attempts, _, error = (told or b"1 ").partition(b" ")
        data = spec.data if spec.is_readable else spec.record
        found.append(DeadTask(raw_id.decode(), data, error.decode(), int(attempts), at / 1000, Store.name))
    return found


async def failing_ones(scheduler: Scheduler) -> list[ScheduledTask]:
    """The failing tasks, a few a page."""
    found: list[ScheduledTask] = []
    after = None
    while True:
        page = await scheduler.failing_page(after, 2)
        found += [_unclaimed(task) for task in page.tasks]
        after = page.after
        if after is None:
            return found


def failing(model: Model) -> list[ScheduledTask]:
    """Those that must be, in their order."""
    line = [(task.cause[0], raw_id, task) for raw_id, task in model.tasks.items() if task.cause]
    return [
        shown(raw_id, task)
        for _, raw_id, task in sorted(line, key=lambda each: each[:2], reverse=True)
        if task.spec.is_readable
    ]


async def past_runs(scheduler: Scheduler) -> list[tuple[PastRun, ...]]:
    """The last runs of each task that there may be."""
    return [await scheduler.run_history(task_id) for task_id in choices.IDS]


def past(model: Model) -> list[tuple[PastRun, ...]]:
    """Those that must be found."""
    tasks = [model.tasks.get(task_id.encode()) for task_id in choices.IDS]
    return [() if task is None else tuple(map(_past_run, task.past))[: task.spec.history] for task in tasks]


def _past_run(kept: tuple[bytes, bytes]) -> PastRun:
    return read_runs(b"%c%s%s%c" % (len(kept[1]), *kept, len(kept[1])))[0]


def shown(raw_id: bytes, task: Task) -> ScheduledTask:
    """A task as the API shows it."""
    spec, place = task.spec, task.place
    assert not isinstance(place, Dead)
    states: dict[type, State] = {Leased: "leased", Paused: "paused"}
    due = place.at if isinstance(place, Waiting) else place.due
    moment = task.occurrence(raw_id, due) if spec.jitter is not None and spec.interval is not None else None
    return ScheduledTask(
        raw_id.decode(),
        spec.data,
        every=None if spec.interval is None else spec.interval / 1000,
        # One that has a turn waits from then on.
        next_run=due / 1000,
        state=states.get(type(place), "waiting"),
        attempt=task.attempts + 1,
        partition=Store.name,
        cron=spec.cron,
        group=spec.group,
        failures=task.failures,
        repeat="delay" if spec.delay else "rate",
        rules=Rules(
            missed=spec.missed,
            spread=spec.interval is not None and spec.phase == zlib.crc32(raw_id) * spec.interval >> 32,
            until=None if spec.until is None else spec.until / 1000,
            max_runs=spec.max_runs,
            cron=spec.cron,
            timeout=None if spec.timeout is None else spec.timeout / 1000,
            retries=spec.retries,
            backoff=spec.backoff / 1000,
            group=spec.group,
            late="run" if spec.start_deadline is None else "skip",
            start_deadline=None if spec.start_deadline is None else spec.start_deadline / 1000,
            overlap=spec.overlap,
            jitter=None if spec.jitter is None else spec.jitter / 1000,
            history=spec.history,
        ),
        planned=None if moment is None or moment == due else moment / 1000,
        last_error=None if task.cause is None else task.cause[1].decode(),
        failed_at=None if task.cause is None else task.cause[0] / 1000,
        last_run=_past_run(task.past[0]) if task.past and spec.history else None,
        paused=_PAUSED if isinstance(place, Paused) or (isinstance(place, Leased) and place.is_paused) else None,
    )
