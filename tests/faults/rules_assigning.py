"""Rules of the machine: tasks are assigned, removed, synced and cleared, through the API."""

from __future__ import annotations

from dataclasses import replace

from hypothesis.stateful import initialize, precondition, rule

from interval_scheduler import AssignCounts, InvalidValue, SyncCounts
from interval_scheduler.model.assignment import Reschedule
from tests.model import Leased, Model, Parked, Unreadable, Waiting, Wanted, assigning
from tests.scripts.store import HOUR

from . import choices
from .driving import Driven


class Assigning(Driven):
    """What puts tasks under schedule, and takes them off."""

    @initialize(drawn=choices.all_wanted, leaning=choices.leanings)
    def begin(self, drawn: list[Wanted], leaning: choices.Leaning) -> None:
        self.leaning = leaning
        self.assign(drawn, "keep", 0, lost=False)

    @precondition(lambda self: len(self.model.tasks) < 3 or self.is_turn_of("assign"))
    @rule(drawn=choices.some_wanted, how=choices.rules, grid=choices.grids, lost=choices.twice)
    def assign(self, drawn: list[Wanted], how: Reschedule, grid: int, *, lost: bool) -> None:
        self.took_turn("assign", 4)
        scheduler = self.side.schedulers[grid]
        wanted = [exact(self.placed(task), grid) for task in drawn]
        tasks = [task.to_task() for task in wanted]

        async def act() -> AssignCounts | None:
            try:
                if len(tasks) == 1:
                    created = await scheduler.assign_task(tasks[0], reschedule=how)
                    return AssignCounts(created, not created)
                return await scheduler.assign_tasks(tasks, reschedule=how)
            except InvalidValue:
                return None  # one of them would never run

        def mirror(model: Model, _: AssignCounts | None, now: int) -> AssignCounts | None:
            answers = [assigning.assign(model, task, how, grid, now) for task in wanted]
            new = sum([answer is True for answer in answers])
            return None if None in answers else AssignCounts(new, len(wanted) - new)

        self.step(act, mirror, lost=lost)

    @precondition(lambda self: self.model.tasks and self.is_turn_of("remove"))
    @rule(numbers=choices.some_tasks, lost=choices.twice)
    def remove(self, numbers: list[int], *, lost: bool) -> None:
        self.took_turn("remove", 10)
        scheduler, ids = self.side.schedulers[0], self.named(numbers, Waiting, Leased, Parked)

        async def act() -> int:
            return await (scheduler.remove_task(ids[0]) if len(ids) == 1 else scheduler.remove_tasks(ids))

        self.step(
            act,
            lambda model, _, now: sum([assigning.remove(model, task_id.encode(), now) for task_id in ids]),
            lost=lost,
        )

    # It changes things at several moments, between which nothing may come late.
    @precondition(lambda self: self.model.tasks and not self.doubts and self.is_turn_of("sync"))
    @rule(sync=choices.syncs(), grid=choices.grids, lost=choices.twice)
    def sync(self, sync: tuple[str, list[Wanted], list[str]], grid: int, *, lost: bool) -> None:
        self.took_turn("sync", 8)
        scope, drawn, stay = sync
        desired = [self.placed(task) for task in drawn]
        desired += [as_it_is for task_id in stay if (as_it_is := self.as_it_is(task_id)) is not None]
        desired = [exact(task, grid) for task in desired]
        given = [task.to_task() for task in desired]

        async def act() -> SyncCounts | None:
            try:
                return await self.side.schedulers[grid].sync_tasks(given, scope=scope, allow_empty=True)
            except InvalidValue:
                return None  # one of them would never run

        def mirror(model: Model, _: SyncCounts | None, assigned_at: int, removed_at: int) -> SyncCounts | None:
            # Its lock took a token.
            assert self.found.fence is not None
            token = int(self.found.fence)
            assert token > (model.fence or 0)
            model.fence = token
            return assigning.sync(model, desired, scope, grid, assigned_at, removed_at)

        self.step(act, mirror, moments=2, lost=lost)

    @precondition(lambda self: len(self.model.tasks) > 1 and self.is_turn_of("clear"))
    @rule(lost=choices.twice)
    def clear(self, *, lost: bool) -> None:
        self.took_turn("clear", 30)
        self.step(self.side.schedulers[0].clear_all_tasks, lambda model, *_: assigning.clear(model), lost=lost)

    def placed(self, task: Wanted) -> Wanted:
        is_new = task.raw_id not in self.model.tasks
        return choices.placed(choices.leaned(task, self.leaning, is_new=is_new), self.base, self.cron)

    def as_it_is(self, task_id: str) -> Wanted | None:
        """The assignment that changes nothing of a task."""
        task = self.model.scheduled(task_id.encode())
        if task is None or isinstance(task.spec, Unreadable):
            return None
        return Wanted(
            task_id,
            replace(task.spec, phase=0, grid=0, previous=None),
            self.base + HOUR if task.spec.until is None else None,
        )


def exact(task: Wanted, grid: int) -> Wanted:
    """A task without a jitter where due times are rounded, since both together are refused."""
    return replace(task, spec=replace(task.spec, jitter=None)) if grid else task
