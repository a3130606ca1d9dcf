"""Any sequence of what an application, its schedulers and their workers can do, beside a model of it.

The application and its schedulers act through the API, and some of their replies are lost; one of them has callers that
give up, and connections that are cut or deliver late. What workers do goes through
the typed functions of the scripts, in any order: by leases that ended, after the task was assigned anew, twice. A crash
is a run that is never ended. Nobody waits for time to pass: tasks become due and leases end by being moved in Redis and
in the model alike.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model import Leased, Model, Parked, Paused, Task, Unreadable, Waiting, kept_quotas, space_of
from tests.scripts.store import HOUR, MINUTE, Space

from . import choices
from .rules_doubting import Doubting
from .rules_looking import Looking
from .rules_prefixes import ByPrefix
from .rules_queues import Queues
from .rules_quotas import Quotas
from .rules_running import Running
from .rules_steering import Steering
from .rules_updating import Updating


class Machine(Doubting, Running, Steering, Updating, ByPrefix, Quotas, Queues, Looking):
    """All rules together, and those of what happens by itself."""

    @precondition(lambda self: self.is_turn_of("time") and self.any_at(Waiting, Paused, Leased))
    @rule(hours=st.sampled_from([0, 2, 4, 20, 80, 1200]), crashes=st.integers(0, 3))
    def time_passes(self, hours: int, crashes: int) -> None:
        """Tasks that wait or are paused come nearer, on their grids, and so do their ends; some workers crashed."""
        self.took_turn("time", 2)
        moved = {raw_id: earlier(raw_id, task, hours * HOUR) for raw_id, task in self.model.tasks.items()}
        leased = sorted(raw_id for raw_id, _, _ in self.model.at(Leased))
        # The later ids first.
        ends = {raw_id: self.now - (n + 1) * MINUTE for n, raw_id in enumerate(leased[:crashes])}
        seeded = space_of(Model(moved))

        def mirror(model: Model, *_: object) -> None:
            model.tasks.update(moved)
            for raw_id, until in ends.items():
                model.update_lease(raw_id, until=until)
            kept_quotas.put_back(model.quotas, hours * HOUR)

        async def act() -> None:
            await self.store.seed(Space(seeded.tasks, due=seeded.due, paused=seeded.paused, leased=ends))
            await self.store.put_quotas_back(hours * HOUR)

        self.step(act, mirror)

    @precondition(lambda self: self.undamaged() and self.is_turn_of("damage"))
    @rule(number=st.integers(0, 5), damaged=st.sampled_from(choices.DAMAGED))
    def a_record_is_damaged(self, number: int, damaged: bytes) -> None:
        self.took_turn("damage", 20)
        found = self.undamaged()
        raw_id = found[number % len(found)]

        def mirror(model: Model, *_: object) -> None:
            model.tasks[raw_id] = replace(model.tasks[raw_id], spec=Unreadable(damaged=damaged))

        self.step(lambda: self.store.seed(Space(tasks={raw_id: damaged})), mirror)

    def undamaged(self) -> list[bytes]:
        """Tasks that are not running and whose record can be read; first those that have the turn of their group."""
        found = [
            (not isinstance(task.place, Waiting) or task.place.turn is None, raw_id)
            for raw_id, task in self.model.tasks.items()
            if isinstance(task.place, Waiting | Paused | Parked) and task.spec.is_readable
        ]
        return [raw_id for _, raw_id in sorted(found)]


class Troubled(Doubting, Looking):
    """The same without workers, and with trouble after trouble."""

    trouble_every = 0


def earlier(raw_id: bytes, task: Task, by: int) -> Task:
    """A task whose time comes so much sooner, if it waits for that. Where it has a jitter, that is drawn anew."""
    if not isinstance(task.place, Waiting | Paused):
        return task
    due = task.place.at if isinstance(task.place, Waiting) else task.place.due
    moment = task.occurrence(raw_id, due) if task.spec.jitter is not None else None
    until = task.spec.until
    if until is not None:
        task = replace(task, spec=replace(task.spec, until=until - by))
    due = due - by if moment is None else task.spec.put_off(raw_id, moment - by)
    if isinstance(task.place, Waiting):
        return replace(task, place=replace(task.place, at=due))
    return replace(task, place=Paused(due))
