"""Tasks: the `Task` that the application gives, and the `ScheduledTask` and `DeadTask` that it gets back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from .checks import Moment, Repeat, Seconds, Start, check_data, check_interval, check_name, check_repeat, check_start
from .jitter import latest_cron
from .past import PastRun
from .policy import Late, Missed, Overlap
from .rules import NO_RULES, Rules, check_together
from .steering import PausedState

State = Literal["waiting", "leased", "paused"]

#: The names of the rules in the order of their fields, and their defaults.
_RULE_NAMES: Final = tuple(rule.name for rule in fields(Rules))
_NONE_ASKED_FOR: Final = tuple(getattr(NO_RULES, name) for name in _RULE_NAMES)


class Task(ABC):
    """One thing to do, once or at an interval. Subclass it, or use `IntervalTask`.

    Example:
        ```python
        class RefreshFeed(Task):
            def __init__(self, user_id: int) -> None:
                self.user_id = user_id

            @property
            def id(self) -> str:
                return f"user:{self.user_id}"

            def serialize(self) -> str:
                return json.dumps({"user_id": self.user_id})

            @property
            def on_execute_reschedule_to(self) -> float:
                return 900  # every 15 minutes
        ```
    """

    __slots__ = ("__weakref__",)  # an `IntervalTask` has no dictionary; a class without slots has one as ever

    @property
    @abstractmethod
    def id(self) -> str:
        """The id that identifies the task everywhere: 1 to 512 bytes of UTF-8, any character but NUL."""

    @abstractmethod
    def serialize(self) -> str | bytes:
        """Return the payload, at most 256 KiB. The executor is called with exactly this value."""

    @property
    def on_execute_reschedule_to(self) -> Seconds | None:
        """The interval, in seconds or as a timedelta. `None` (the default): run once."""
        return None

    @property
    def execute_on(self) -> Start | None:
        """The moment of the first run: epoch seconds, an aware datetime, or a timedelta from now by the server's clock.

        `None` (the default): as soon as possible.
        """
        return None

    @property
    def repeat(self) -> Repeat:
        """`"rate"` (the default): runs at fixed times, without drift. `"delay"`: an interval after each run's end."""
        return "rate"

    @property
    def rules(self) -> Rules:
        """The rules of the task beyond its interval, for example retries or a cron expression. Default: none."""
        return NO_RULES


@dataclass(frozen=True, slots=True, init=False)
class IntervalTask(Task):
    """A task that is ready for use, without a class of its own.

    Args:
        id: the id that identifies the task: 1 to 512 bytes of UTF-8.
        data: the payload, str or bytes, at most 256 KiB. Default `""`.
        every: the interval, in seconds or as a timedelta. Default `None`: run once.
        start: the moment of the first run: epoch seconds, an aware datetime, or a timedelta from now by the server's
            clock. Default `None`: as soon as possible; with `cron` its first occurrence.
        repeat: `"rate"` (the default) runs at fixed times without drift; `"delay"` an interval after each run's end.
        missed: `"once"` (the default), `"skip"` or `"all"`; see `Rules` for this and the next arguments.
        spread: place all runs at a phase of the interval that follows from the id.
        until: the moment after which no run is due.
        max_runs: the number of runs after which the task is gone.
        cron: a cron expression instead of an interval.
        timezone: the time zone of the cron expression. Default `"UTC"`.
        timeout: the longest time of a run.
        retries: the number of further attempts for a run that fails. Default 0.
        backoff: the delay before the first further attempt, doubled each time. Default 1 second.
        group: the group that the task belongs to, for example a tenant.
        late: the treatment of a run that cannot start within `start_deadline`: `"run"` or `"skip"`.
        start_deadline: the time after its due time within which a run must start; needs `late="skip"`.
        overlap: the treatment of occurrences during a run: `"skip"`, or `"once"`: one more run at once.
        jitter: the time by which each run is due later than its time on the grid at the most. Default: none.
        history: the number of its last runs that are kept. Default 0.
        rules: all rules in one object; a rule that is also an argument is taken from the argument. Default: none.

    Raises:
        InvalidValue: a value out of range; the message names the argument.
        InvalidType: a value of the wrong type.
    """

    id: str = field()  # an explicit field: else the abstract property of Task would be its default
    data: str | bytes = field()
    every: Seconds | None = field()
    start: Start | None = field()
    repeat: Repeat = field()
    rules: Rules = field()

    # Written by hand: a generated one needs a field for each rule, and twice the time for the many tasks without rules.
    def __init__(
        self,
        id: str,  # noqa: A002 - the name that it has everywhere
        data: str | bytes = "",
        *,
        every: Seconds | None = None,
        start: Start | None = None,
        repeat: Repeat = "rate",
        missed: Missed = "once",
        spread: bool = False,
        until: Moment | None = None,
        max_runs: int | None = None,
        cron: str | None = None,
        timezone: str = "UTC",
        timeout: Seconds | None = None,
        retries: int = 0,
        backoff: Seconds = 1.0,
        group: str | None = None,
        late: Late = "run",
        start_deadline: Seconds | None = None,
        overlap: Overlap = "skip",
        jitter: Seconds | None = None,
        history: int = 0,
        rules: Rules = NO_RULES,
    ) -> None:
        check_name("id", id)
        check_data("data", data)
        interval_ms = None if every is None else check_interval("every", every)
        if start is not None:
            check_start("start", start)
        if repeat != "rate":
            check_repeat(repeat)
        # fmt: off
        asked_for = (
            missed, spread, until, max_runs, cron, timezone, timeout, retries, backoff, group,
            late, start_deadline, overlap, jitter, history,
        )
        # fmt: on
        if asked_for != _NONE_ASKED_FOR:
            each = zip(_RULE_NAMES, asked_for, _NONE_ASKED_FOR, strict=True)
            asked: dict[str, Any] = {name: value for name, value, default in each if value is not default}
            rules = replace(rules, **asked)
        if rules is not NO_RULES:
            check_together(rules, interval_ms=interval_ms, fixed_delay=repeat == "delay", start=start)
        _set_id(self, id)
        _set_data(self, data)
        _set_every(self, every)
        _set_start(self, start)
        _set_repeat(self, repeat)
        _set_rules(self, rules)

    def serialize(self) -> str | bytes:
        """Return the payload, as given."""
        return self.data

    @property
    def on_execute_reschedule_to(self) -> Seconds | None:
        """The interval, as given in `every`."""
        return self.every

    @property
    def execute_on(self) -> Start | None:
        """The first time, as given in `start`."""
        return self.start


# An instance is frozen, and made very often: this sets a slot in three fifths of the time of `object.__setattr__`, that
# looks it up by its name.
_set_id, _set_data, _set_every, _set_start, _set_repeat, _set_rules = (
    getattr(IntervalTask, name).__set__ for name in ("id", "data", "every", "start", "repeat", "rules")
)


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A task as it stands in Redis at the moment of the look-up.

    Attributes:
        id: its id.
        data: its payload, of the type that `serialize()` returned.
        every: its interval in seconds, or `None` for a one-shot.
        next_run: epoch seconds of the next run; for a leased task, the due time of the run in progress.
        state: `"waiting"`, `"leased"` (claimed by a worker, running or about to) or `"paused"`.
        attempt: the number of the next (or present) run among the deliveries of its occurrence; 1 unless a run failed
            or a worker died.
        partition: the name of its home partition.
        cron: its cron expression, or `None`.
        timezone: the time zone of the cron expression.
        group: the group that it belongs to, or `None`.
        failures: the number of its occurrences that failed in all their attempts.
        claimed_at: the moment at which the run in progress was claimed, by the server's clock, in epoch seconds; `None`
            for a task that is not leased.
        repeat: `"rate"` or `"delay"`, as it was assigned.
        rules: all rules that it was assigned with; moments and spans are seconds.
        planned: the time on the grid of its interval, in epoch seconds, if `next_run` is later than that by its jitter;
            else `None`.
        last_error: the error of its last run, in one line of at most 1,000 bytes; `None` if that run did not fail.
        failed_at: the moment at which that run failed, by the server's clock, in epoch seconds; `None` if it did not.
        last_run: the last run that ended, if the task has the rule `history`; `None` if there is none.
        phase: where its grid lies: any time on it, in epoch seconds, modulo the interval; `None` without an interval.
        rounding: the rounding grid that it was assigned with, in seconds; 0 for none.
        paused: when it was paused, by whom and why; `None` if it is not. A leased task that was paused during its run
            tells it too.
    """

    id: str
    data: str | bytes
    every: float | None
    next_run: float
    state: State
    attempt: int
    partition: str
    cron: str | None = None
    timezone: str = "UTC"
    group: str | None = None
    failures: int = 0
    claimed_at: float | None = None
    repeat: Repeat = "rate"
    rules: Rules = NO_RULES
    planned: float | None = None
    last_error: str | None = None
    failed_at: float | None = None
    last_run: PastRun | None = None
    # Two tasks that ask for the same are equal, wherever their grids lie.
    phase: float | None = field(default=None, repr=False, compare=False)
    rounding: float = field(default=0.0, repr=False, compare=False)
    paused: PausedState | None = None

    def to_task(self) -> IntervalTask:
        """Return the task so that it can be assigned again, with all that it asks for; it starts at its next run.

        To change something of a task and keep the rest, read it, and assign a changed copy. Another process may change
        the task in between; then the later assignment counts.

        Example:
            ```python
            found = await scheduler.get_task("report:7")
            await scheduler.assign_task(dataclasses.replace(found.to_task(), data="new"))
            ```

        Raises:
            ConfigurationError: it has a cron expression, and the extra `cron` is missing here.
            InvalidValue: it has a time zone that is not known here.
        """
        start, until = self.next_run if self.planned is None else self.planned, self.rules.until
        if self.rules.jitter is not None and self.rules.cron is not None:
            next_ms = round(1000 * self.next_run)
            latest = latest_cron(self.rules.to_policy(), self.id.encode(), next_ms)
            start = latest[0] / 1000 if latest is not None and latest[1] == next_ms else start
        if isinstance(until, int | float):  # a further attempt may be due after the end
            start = min(start, until)
        return IntervalTask(self.id, self.data, every=self.every, start=start, repeat=self.repeat, rules=self.rules)

    @property
    def next_run_at(self) -> datetime:
        """`next_run` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.next_run, UTC)


@dataclass(frozen=True, slots=True)
class DeadTask:
    r"""A task that was set aside: its last attempt failed, or its record is corrupt.

    Attributes:
        id: its id, with escapes such as `\xff` for bytes that are no UTF-8.
        data: its payload; if its record is corrupt, the raw bytes of the record.
        error: the error of its last run, at most 1,000 characters.
        attempts: the number of its attempts.
        died_at: the moment at which it was set aside, in epoch seconds.
        partition: the name of its home partition.
    """

    id: str
    data: str | bytes
    error: str
    attempts: int
    died_at: float
    partition: str


#: A task in any form in which calls give or take one; they look at its id.
AnyTask = Task | ScheduledTask | DeadTask
