"""Makes a `ScheduledTask` of a plain task, as nearly all in a list are: it waits, has no rules, and nothing failed."""

from __future__ import annotations

from dataclasses import fields

from .checks import Repeat
from .rules import Rules
from .task import ScheduledTask


class _NotFrozen:
    """A `ScheduledTask` that is being made: it has the same slots."""

    __slots__ = tuple(each.name for each in fields(ScheduledTask))

    def __init__(
        self,
        id: str,  # noqa: A002 - the name that it has everywhere
        data: str | bytes,
        every: float | None,
        next_run: float,
        repeat: Repeat,
        rules: Rules,
        partition: str,
        phase: float | None,
        rounding: float,
    ) -> None:
        self.id, self.data, self.every, self.next_run = id, data, every, next_run
        self.repeat, self.rules, self.partition = repeat, rules, partition
        self.phase, self.rounding = phase, rounding
        self.state, self.attempt, self.failures, self.timezone = "waiting", 1, 0, "UTC"
        self.cron = self.group = self.claimed_at = self.planned = None
        self.last_error = self.failed_at = self.last_run = self.paused = None


def plain_task(
    id: str,  # noqa: A002 - the name that it has everywhere
    data: str | bytes,
    every: float | None,
    next_run: float,
    repeat: Repeat,
    rules: Rules,
    partition: str,
    phase: float | None = None,
    rounding: float = 0.0,
) -> ScheduledTask:
    """Make it in a tenth of the time that the constructor of a frozen dataclass takes.

    It is made as an instance of a class that is not frozen, and then becomes one of `ScheduledTask`.
    """
    made = _NotFrozen(id, data, every, next_run, repeat, rules, partition, phase, rounding)
    made.__class__ = ScheduledTask  # type: ignore[assignment]
    return made  # type: ignore[return-value]
