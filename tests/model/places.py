"""Where a task is. It is at one place, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .spec import Spec

#: Where a leased task goes after its run, if that was decided meanwhile: to where its new record says, or to a moment.
#: If its rules were updated and its times were not, to where its new record says, after any further attempts.
After = Literal["record", "rules"] | int | None


@dataclass(frozen=True)
class Turn:
    """What a task has that was parked and waits again: the place in its group, and when it was really due."""

    group: str
    due: int


@dataclass(frozen=True)
class Waiting:
    """In line from `at` on, which is its due time unless it has a turn."""

    at: int
    turn: Turn | None = None

    @property
    def due(self) -> int:
        return self.at if self.turn is None else self.turn.due


@dataclass(frozen=True)
class Leased:
    """Claimed: `until` is when the lease ends, `group` what the task belonged to when it was claimed.

    `cancelled` is `x` if its run is cancelled, `h` if it is to be handed back besides.
    """

    token: int
    due: int
    until: int
    group: str | None = None
    after: After = None
    is_paused: bool = False
    cancelled: Literal["", "x", "h"] = ""


@dataclass(frozen=True)
class Paused:
    due: int


@dataclass(frozen=True)
class Parked:
    """Due, and its group has no room."""

    group: str
    due: int


@dataclass(frozen=True)
class Dead:
    """Set aside; `error` is what its last run failed with, after the number of its attempts."""

    at: int
    error: bytes | None


Place = Waiting | Leased | Paused | Parked | Dead


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        attempts: how many deliveries of its occurrence failed.
        runs: how many runs ended, while it was to have only so many.
        failures: how many of its occurrences failed for good.
        cause: when its last run failed and the error, if it failed.
        past: its last runs, the latest first: what their workers told, and their errors.
    """

    spec: Spec
    place: Place
    attempts: int = 0
    runs: int = 0
    failures: int = 0
    cause: tuple[int, bytes] | None = None
    past: tuple[tuple[bytes, bytes], ...] = ()

    def occurrence(self, raw_id: bytes, due: int) -> int | None:
        """The moment of its grid whose occurrence is due then, None for none; without a grid, that due time."""
        return self.spec.occurrence(raw_id, due) if self.spec.has_grid and not self.spec.grid else due

    def previous(self, raw_id: bytes) -> int:
        """The time before its due time."""
        assert not isinstance(self.place, Dead)
        assert self.spec.interval is not None
        if self.spec.previous is not None and self.spec.previous[1] == self.place.due:
            return self.spec.previous[0]
        due = self.place.due
        moment = self.occurrence(raw_id, due)
        return (due if moment is None else moment) - self.spec.interval

    @property
    def is_scheduled(self) -> bool:
        return not isinstance(self.place, Dead)
