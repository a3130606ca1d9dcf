"""What a task asks for, and what follows from it: its record, and when it runs next. All moments and spans in ms."""

from __future__ import annotations

from dataclasses import dataclass

from interval_scheduler import IntervalTask
from interval_scheduler.model.jitter import draw
from interval_scheduler.model.policy import Missed, Overlap
from tests.scripts.arithmetic import next_run

_LETTERS = {"once": None, "skip": "s", "all": "a"}
#: Of the occurrences that a task with `missed="all"` missed, so many are kept.
MISSED_KEPT = 1000
SECOND = 1000


@dataclass(frozen=True)
class Spec:
    """What a task asks for.

    Attributes:
        phase: a moment on its own grid, modulo the interval.
        grid: the rounding grid, 0 for none.
        delay: whether the interval counts from the end of a run.
        previous: its previous time and the due time for which that holds, if its interval was changed in between.
    """

    data: str | bytes = ""
    interval: int | None = None
    phase: int = 0
    grid: int = 0
    delay: bool = False
    missed: Missed = "once"
    until: int | None = None
    max_runs: int | None = None
    cron: str | None = None
    retries: int = 0
    backoff: int = SECOND
    timeout: int | None = None
    group: str | None = None
    history: int = 0
    previous: tuple[int, int] | None = None
    start_deadline: int | None = None
    overlap: Overlap = "skip"
    jitter: int | None = None

    @property
    def is_readable(self) -> bool:
        """Whether its record can be read."""
        return True

    @property
    def has_grid(self) -> bool:
        """Whether its due times come from a grid of its own."""
        return self.interval is not None and not self.delay

    @property
    def needs_lease(self) -> bool:
        """Whether only the end of a run can decide how the task goes on, so that it is leased at any delivery."""
        return (
            self.cron is not None
            or self.max_runs is not None
            or self.retries > 0
            or self.group is not None
            or self.overlap == "once"
            or self.history > 0
        )

    @property
    def header(self) -> bytes:
        """As it stands before the payload; see `records.py` and `model/policy.py`."""
        kind = ("s" if isinstance(self.data, str) else "b") + ("d" if self.delay else "")
        numbers = []
        if self.interval is not None:
            numbers = [self.interval, self.phase, *([self.grid] if self.grid else [])]
        policy = {
            "m": _LETTERS[self.missed],
            "u": self.until,
            "n": self.max_runs,
            "c": self.cron,
            "r": self.retries or None,
            "b": self.backoff if self.backoff != SECOND else None,
            "t": self.timeout,
            "g": self.group,
            "l": self.start_deadline,
            "o": 1 if self.overlap == "once" else None,
            "j": self.jitter,
            "h": self.history or None,
            "p": None if self.previous is None else "{}:{}".format(*self.previous),
        }
        plain = " ".join([kind, *map(str, numbers)])
        return (plain + "".join(f";{name}{value}" for name, value in policy.items() if value is not None)).encode()

    @property
    def record(self) -> bytes:
        """As it stands in Redis."""
        return self.header + b"\n" + (self.data.encode() if isinstance(self.data, str) else self.data)

    def rounded(self, moment: int) -> int:
        """A moment on the rounding grid."""
        return moment - moment % self.grid if self.grid else moment

    def ended_by(self, moment: int) -> bool:
        """Whether its last moment is before a due time."""
        return self.until is not None and moment > self.until

    def put_off(self, raw_id: bytes, moment: int) -> int:
        """When the occurrence of a moment on its grid or calendar is due."""
        if self.jitter is None:
            return moment
        due = moment + draw(raw_id, moment, self.jitter)
        return due if self.until is None or self.ended_by(moment) else min(due, self.until)

    def occurrence(self, raw_id: bytes, due: int) -> int | None:
        """The moment on its own grid whose occurrence is due then; None if that is none of them."""
        assert self.interval is not None
        last = due - (due - self.phase) % self.interval
        return last if self.put_off(raw_id, last) == due else None

    def _occurrences(self, raw_id: bytes, around: int) -> list[tuple[int, int]]:
        """Some occurrences around a moment: the moment of each on the grid, and when it is due."""
        assert self.interval is not None
        last = around - (around - self.phase) % self.interval
        moments = [last + number * self.interval for number in range(-1, 4)]
        return [(moment, self.put_off(raw_id, moment)) for moment in moments]

    def upcoming(self, raw_id: bytes, now: int, due: int = -1) -> int:
        """The first due time after now of a task with a fixed rate, but of the occurrence of `due`."""
        assert self.interval is not None
        if self.jitter is None:
            return next_run(now, due, self.interval, self.phase, self.grid)
        return next(at for moment, at in self._occurrences(raw_id, now) if at > now and due not in (moment, at))

    def _latest(self, raw_id: bytes, now: int) -> int:
        """The last due time of a task with a fixed rate that has come."""
        assert self.interval is not None
        if self.jitter is None:
            first = now - (now - self.phase) % self.interval
            return max(at for n in range(-2, 3) if (at := self.rounded(first + n * self.interval)) <= now)
        return max(at for _, at in self._occurrences(raw_id, now) if at <= now)

    def following(
        self, now: int, due: int, told: int | None = None, *, raw_id: bytes = b"", token: int | None = None
    ) -> int | None:
        """The due time after a run that was due at `due` and ends now, `None` if there is none.

        Args:
            now: the server's clock.
            due: when the run was due.
            told: the next occurrence of a cron expression, which whoever ends the run has worked out.
            raw_id: the id of the task.
            token: that of the claim, if a run began with it: its moment in µs.
        """
        if self.cron is not None:
            assert told is not None
            moment = told
        elif self.interval is None:
            return None
        elif self.delay:
            moment = next_run(now, due, self.interval, self.phase, self.grid, delay=True)
        else:
            # Missed occurrences are one run, unless each of them is wanted.
            since = max(due, now - MISSED_KEPT * self.interval) if self.missed == "all" else now
            moment = self.upcoming(raw_id, since, due)
            if self.overlap == "once" and token is not None:
                latest = self._latest(raw_id, now)
                moment = latest if latest > due and 1000 * latest > token else moment
        return None if self.ended_by(moment) else moment


@dataclass(frozen=True)
class Unreadable(Spec):
    """What is left of a task whose record was damaged."""

    damaged: bytes = b""

    @property
    def is_readable(self) -> bool:
        return False

    @property
    def header(self) -> bytes:
        return self.damaged.partition(b"\n")[0]

    @property
    def record(self) -> bytes:
        return self.damaged


@dataclass(frozen=True)
class Wanted:
    """An assignment: a task as the application gives it. Of its spec, phase and rounding grid are still to be found."""

    id: str
    spec: Spec
    start: int | None = None
    spread: bool = False

    @property
    def raw_id(self) -> bytes:
        return self.id.encode()

    @property
    def recurs(self) -> bool:
        return self.spec.interval is not None or self.spec.cron is not None

    def to_task(self) -> IntervalTask:
        """As `assign_task` takes it."""
        spec = self.spec
        return IntervalTask(
            self.id,
            spec.data,
            every=_seconds(spec.interval),
            start=_seconds(self.start),
            repeat="delay" if spec.delay else "rate",
            missed=spec.missed,
            spread=self.spread,
            until=_seconds(spec.until),
            max_runs=spec.max_runs,
            cron=spec.cron,
            timeout=_seconds(spec.timeout),
            retries=spec.retries,
            backoff=spec.backoff / 1000,
            group=spec.group,
            late="run" if spec.start_deadline is None else "skip",
            start_deadline=_seconds(spec.start_deadline),
            overlap=spec.overlap,
            jitter=_seconds(spec.jitter),
            history=spec.history,
        )


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
