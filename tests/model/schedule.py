"""All that the model knows, and the moves that everything is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .places import Leased, Parked, Paused, Place, Task, Turn, Waiting
from .quotas import Quotas

P = TypeVar("P", bound=Place)


@dataclass
class Model:
    """A namespace of one partition. A copy is cheap: what it holds are values.

    Attributes:
        fence: the last fencing token.
        halted: since when the namespace is paused.
        room: the groups that have room for more parked tasks than a claim had turns, and under which limit.
        groups_in_use: whether a task with a group was assigned since the last clear.
        dead_limit: how many dead tasks are kept.
        quotas: rates, and bounds that are kept in Redis.
    """

    tasks: dict[bytes, Task] = field(default_factory=dict)
    fence: int | None = None
    halted: int | None = None
    groups_in_use: bool = False
    room: dict[str, int] = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)
    membership: dict[bytes, bytes] = field(default_factory=dict)
    dead_limit: int = 10_000
    quotas: Quotas = field(default_factory=Quotas)

    def copy(self) -> Model:
        return replace(
            self, tasks=dict(self.tasks), room=dict(self.room), locks=dict(self.locks), quotas=self.quotas.copy()
        )

    def at(self, kind: type[P]) -> Iterator[tuple[bytes, Task, P]]:
        """The tasks at one kind of place."""
        for raw_id, task in self.tasks.items():
            if isinstance(task.place, kind):
                yield raw_id, task, task.place

    def scheduled(self, raw_id: bytes) -> Task | None:
        task = self.tasks.get(raw_id)
        return task if task is not None and task.is_scheduled else None

    def running(self, group: str) -> int:
        """How many leased tasks a group has."""
        return sum(lease.group == group for _, _, lease in self.at(Leased))

    # Moves

    def move(self, raw_id: bytes, place: Place, now: int) -> None:
        """Put a task somewhere else. If that frees a place in its group, or leaves a turn, the next one gets it."""
        before = self.tasks[raw_id].place
        self.tasks[raw_id] = replace(self.tasks[raw_id], place=place)
        self._make_room(before, now)

    def forget(self, raw_id: bytes, now: int) -> None:
        """Leave nothing of a task."""
        if task := self.tasks.pop(raw_id, None):
            self._make_room(task.place, now)

    def rest_or_wait(self, raw_id: bytes, due: int, now: int, *, paused: bool) -> None:
        """Where a task goes that is due then, and is paused or not."""
        self.move(raw_id, Paused(due) if paused else Waiting(due), now)

    def give_turns(self, group: str, count: int, now: int) -> int:
        """Let the earliest parked tasks of a group wait again, from now on; how many there were.

        With a rate, they wait as they are due. There are no more than the group has tokens. Without any, it is noted
        from when on there is one.
        """
        parked = sorted((place.due, raw_id) for raw_id, _, place in self.at(Parked) if place.group == group)
        self.quotas.fill(now)
        tokens = self.quotas.tokens(group)
        if tokens == 0 and parked and count > 0 and group not in self.quotas.refill:
            self.quotas.refill[group] = self.quotas.rates[group].ready_at()
        given = parked[: min(count, tokens)]
        for due, raw_id in given:
            at = due if group in self.quotas.rates else now
            self.tasks[raw_id] = replace(self.tasks[raw_id], place=Waiting(at, Turn(group, due)))
        return len(given)

    def _make_room(self, before: Place, now: int) -> None:
        if isinstance(before, Leased) and before.group is not None:
            self.give_turns(before.group, 1, now)
        elif isinstance(before, Waiting) and before.turn is not None:
            self.give_turns(before.turn.group, 1, now)

    # What is known of a task

    def update(self, raw_id: bytes, **counts: int) -> None:
        """Change its counts: attempts, runs, failures."""
        self.tasks[raw_id] = replace(self.tasks[raw_id], **counts)  # type: ignore[arg-type]

    def update_lease(self, raw_id: bytes, **changes: Any) -> None:
        """Change what is decided of a task during its run."""
        task = self.tasks[raw_id]
        assert isinstance(task.place, Leased)
        self.tasks[raw_id] = replace(task, place=replace(task.place, **changes))
