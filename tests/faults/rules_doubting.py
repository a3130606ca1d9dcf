"""Rules of the machine: callers give up, connections are cut, and what was held up comes late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from unittest.mock import ANY

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from interval_scheduler import InvalidValue, Scheduler
from interval_scheduler.model.assignment import Reschedule
from tests.model import Effect, Model, Wanted, assigning, control

from . import choices
from .rules_assigning import Assigning
from .rules_updating import changes, mirror_of, placed, update
from .shaky import IN_DOUBT, NEVER, After, Trouble

What = Literal[
    "assign",
    "assign some",
    "remove",
    "remove some",
    "pause",
    "resume",
    "run now",
    "revive",
    "cancel",
    "update",
    "clear",
    "purge",
    "halt",
    "go on",
]
#: So many effects in doubt are not made more.
MOST_DOUBTS = 3

#: The frequent ones stand here more than once.
_WHAT: list[What] = [
    "assign", "assign", "assign", "assign", "assign", "assign some", "remove", "remove", "remove", "remove some",
    "pause", "pause", "resume", "resume", "run now", "revive", "cancel", "clear", "purge", "halt", "go on",
    "update", "update", "update",
]  # fmt: skip
#: What somebody does, and wants instead.
_CHANGES_OF_MIND: list[tuple[What, What]] = [
    ("assign", "remove"), ("remove", "assign"), ("assign", "clear"), ("clear", "assign"),
    ("remove", "pause"), ("pause", "resume"), ("resume", "pause"), ("assign", "assign"),
    ("update", "assign"), ("update", "remove"), ("update", "update"),
]  # fmt: skip
_turns: st.SearchStrategy[After] = st.tuples(st.just("turns"), st.integers(0, 30))
_soon: st.SearchStrategy[After] = st.tuples(st.just("ms"), st.integers(0, 8))
_after = _turns | _soon
_sent_by_then: st.SearchStrategy[After] = st.tuples(st.just("ms"), st.integers(4, 12))


@dataclass(frozen=True)
class Drawn:
    """A call as it is drawn: on a task, with an assignment or two, when its caller gives up, and a change."""

    what: What
    number: int
    wanted: list[Wanted]
    how: Reschedule
    patience: After | None
    given: dict[str, Any]


_troubles: st.SearchStrategy[Trouble] = st.sampled_from(
    ["none", "cut", "cut", "drop", "hold", "hold", "hold", "hold", "silence", "refuse"]
)


@dataclass(frozen=True)
class Burst:
    """Some calls, and a trouble that begins before one of them."""

    drawn: list[Drawn]
    trouble: Trouble
    at: int
    after: After
    together: bool


def _drawn(what: list[What], numbers: list[int], patience: st.SearchStrategy[After | None]) -> st.SearchStrategy[Drawn]:
    some = st.lists(choices.wanted(), min_size=2, max_size=2)
    return st.builds(Drawn, st.sampled_from(what), st.sampled_from(numbers), some, choices.rules, patience, changes)


#: Anything. One task is spoken of most, so that calls on it follow each other.
_bursts = st.builds(
    Burst,
    st.lists(_drawn(_WHAT, [0, 0, 0, 0, 1, 2, 3], st.none() | _after), min_size=2, max_size=4),
    _troubles,
    st.integers(0, 1),
    _after,
    st.sampled_from([False, False, False, True]),
)
#: Somebody gives a call up while it is held up, and makes the next one on the same task.
_changes_of_mind = st.builds(
    Burst,
    st.sampled_from(_CHANGES_OF_MIND).flatmap(
        lambda pair: st.tuples(_drawn([pair[0]], [0], _sent_by_then), _drawn([pair[1]], [0], st.none())).map(list)
    ),
    st.just("hold"),
    st.just(0),
    _turns,
    st.just(value=False),
)


@dataclass(frozen=True)
class Call:
    """A call: what it does through the API, and its effects by task; `None`: on all of them."""

    what: str
    act: Callable[[Scheduler], Awaitable[Any]]
    effects: dict[str | None, Callable[[Model, int], Any]]


class Doubting(Assigning):
    """What a scheduler does whose connections and callers are not to be relied upon."""

    #: How many steps there are from one trouble to the next, at least.
    trouble_every = 6

    def may_be_in_trouble(self) -> bool:
        return self.is_turn_of("trouble") and not self.is_in_queue

    @precondition(lambda self: self.may_be_in_trouble() and len(self.doubts) < MOST_DOUBTS)
    @rule(burst=_bursts, late=choices.twice)
    def anything_is_in_trouble(self, burst: Burst, *, late: bool) -> None:
        self.calls_are_in_trouble(burst, late=late)

    def calls_are_in_trouble(self, burst: Burst, *, late: bool) -> None:
        """Some calls are made, one after the other or all at once, and before one of them a trouble begins."""
        self.took_turn("trouble", self.trouble_every)
        calls = [self.call(each) for each in burst.drawn]
        self.step_in_doubt(lambda: self._make(calls, burst))
        if late and self.may_be_late():
            self.all_arrives()

    async def _make(self, calls: list[Call], burst: Burst) -> list[Effect]:
        shaky = self.world.shaky
        effects: list[Effect] = []

        async def make(call: Call, patience: After | None) -> None:
            made = [next(self.count) for _ in call.effects]
            result = await shaky.attempt(lambda: call.act(shaky.scheduler), patience)
            if result == NEVER:
                return
            done = None if result == IN_DOUBT else next(self.count)
            several = len(call.effects) > 1
            for number, (task_id, mirror) in zip(made, call.effects.items(), strict=True):
                ids = None if task_id is None else frozenset([task_id.encode()])
                effects.append(Effect(call.what, ids, mirror, number, done, ANY if several else result))

        patiences = [each.patience for each in burst.drawn]
        if burst.together:
            async with shaky.trouble(burst.trouble, burst.after):
                await asyncio.gather(*map(make, calls, patiences))
        else:
            at = min(burst.at, len(calls) - 2)
            for number in range(at):
                await make(calls[number], patiences[number])
                await shaky.recover()
            async with shaky.trouble(burst.trouble, burst.after):
                await make(calls[at], patiences[at])
            for number in range(at + 1, len(calls)):
                await shaky.recover()
                await make(calls[number], patiences[number])
        await shaky.recover()
        return effects

    @precondition(lambda self: self.may_be_in_trouble() and self.world.shaky.has_connections)
    @rule(burst=_changes_of_mind)
    def someone_changes_their_mind(self, burst: Burst) -> None:
        self.calls_are_in_trouble(burst, late=True)

    def may_be_late(self) -> bool:
        shaky = self.world.shaky
        return bool(self.doubts) or shaky.is_holding

    @precondition(may_be_late)
    @rule()
    def late_copies_arrive(self) -> None:
        self.all_arrives()

    def all_arrives(self) -> None:
        """All that is on its way arrives; from then on nothing is in doubt."""

        async def act() -> list[Effect]:
            await self.world.shaky.calm()
            return []

        self.step_in_doubt(act)
        self.doubts = ()

    def call(self, drawn: Drawn) -> Call:
        """A call, from what was drawn."""
        what = drawn.what
        ids = list(dict.fromkeys([choices.IDS[drawn.number], *(each.id for each in drawn.wanted)]))
        if what in ("assign", "assign some"):
            named = [replace(task, id=task_id) for task, task_id in zip(drawn.wanted, ids, strict=False)]
            return self._assigning(what, named if what == "assign some" else named[:1], drawn.how)
        if what in ("remove", "remove some"):
            return self._removing(what, ids if what == "remove some" else ids[:1])
        task_id, raw_id = ids[0], ids[0].encode()
        if what == "update":
            change = placed(task_id, drawn.given, self.base, self.cron)
            return Call(
                f"update {change}",
                lambda scheduler: update(scheduler, change, drawn.how),
                {task_id: mirror_of(change, drawn.how)},
            )
        steps: dict[str, tuple[str, Callable[[Model, bytes, int], bool]]] = {
            "pause": ("pause_task", control.pause),
            "resume": ("resume_task", control.resume),
            "run now": ("run_task_now", control.run_now),
            "revive": ("revive_task", control.revive),
            "cancel": ("cancel_run", partial(control.cancel, how="x")),
        }
        if what in steps:
            name, mirror = steps[what]
            return Call(
                f"{name} {task_id}",
                lambda scheduler: getattr(scheduler, name)(task_id),
                {task_id: lambda model, now: mirror(model, raw_id, now)},
            )
        whole: dict[str, tuple[str, Callable[[Model, int], Any]]] = {
            "clear": ("clear_all_tasks", lambda model, _: assigning.clear(model)),
            "purge": ("clear_dead_tasks", lambda model, _: control.clear_dead(model)),
            "halt": ("pause", control.halt),
            "go on": ("resume", lambda model, _: control.go_on(model)),
        }
        name, effect = whole[what]
        return Call(name, lambda scheduler: getattr(scheduler, name)(), {None: effect})

    def _assigning(self, what: str, drawn: list[Wanted], how: Reschedule) -> Call:
        wanted = [self.placed(task) for task in drawn]
        tasks = [task.to_task() for task in wanted]

        async def act(scheduler: Scheduler) -> Any:
            try:
                if len(tasks) == 1:
                    return await scheduler.assign_task(tasks[0], reschedule=how)
                return await scheduler.assign_tasks(tasks, reschedule=how)
            except InvalidValue:
                return None  # one of them would never run

        def mirror_of(task: Wanted) -> Callable[[Model, int], Any]:
            return lambda model, now: assigning.assign(model, task, how, 0, now)

        return Call(f"{what} {[task.id for task in wanted]}", act, {task.id: mirror_of(task) for task in wanted})

    def _removing(self, what: str, ids: list[str]) -> Call:
        async def act(scheduler: Scheduler) -> Any:
            return await (scheduler.remove_task(ids[0]) if len(ids) == 1 else scheduler.remove_tasks(ids))

        def mirror_of(task_id: str) -> Callable[[Model, int], Any]:
            return lambda model, now: assigning.remove(model, task_id.encode(), now)

        return Call(f"{what} {ids}", act, {task_id: mirror_of(task_id) for task_id in ids})
