"""Late runs, runs over several occurrences, and the jitter against a pure model, in random histories."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, current_run
from interval_scheduler.model.jitter import draw
from interval_scheduler.testing import START, time_machine

ORIGIN = round(1000 * START.timestamp())
SECOND = 1000
MINUTE = 60 * SECOND
#: What is random of a history: how long it goes on, how long its runs take, and if the namespace is paused.
Step = tuple[str, int]


@dataclass
class Model:
    """One task, and a worker that runs it alone; all times are epoch ms."""

    every: int
    first: int
    deadline: int | None = None
    overlap: bool = False
    jitter: int = 0
    skips_missed: bool = False
    until: int | None = None
    max_runs: int | None = None
    now: int = ORIGIN
    takes: int = 0
    halted: bool = False
    due: int | None = None
    #: The run in progress: when it began, when it was due, when it ends.
    run: tuple[int, int, int] | None = None
    runs: list[tuple[int, int]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)

    def occurrence(self, number: int) -> int:
        """When an occurrence is due."""
        moment = self.first + number * self.every
        due = moment + (draw(b"t", moment, self.jitter) if self.jitter else 0)
        return due if self.until is None or moment > self.until else min(due, self.until)

    def around(self, moment: int) -> list[int]:
        number = (moment - self.first) // self.every
        return [self.occurrence(n) for n in range(number - 2, number + 3)]

    def begin(self) -> None:
        self.due = self.occurrence(0)
        self.advance(0)

    def advance(self, ms: int) -> None:
        """Let time pass, and everything happen in it."""
        until = self.now + ms
        while True:
            if self.run is not None:
                if self.run[2] > until:
                    break
                began, due, self.now = self.run
                self.run = None
                self.go_on(began, due, ran=True)
            elif self.due is not None and not self.halted and max(self.due, self.now) <= until:
                self.claim(self.due)
            else:
                break
        self.now = until

    def claim(self, due: int) -> None:
        self.now = max(self.now, due)
        is_late = self.deadline is not None and self.now > due + self.deadline
        if is_late:
            self.skipped.append(due)
        if is_late or (self.skips_missed and min(at for at in self.around(due) if at > due) <= self.now):
            self.go_on(self.now, due, ran=False)
            return
        self.runs.append((self.now, due))
        self.due, self.run = None, (self.now, due, self.now + self.takes)

    def go_on(self, began: int, due: int, *, ran: bool) -> None:
        come = [at for at in self.around(self.now) if at <= self.now]
        self.due = min(at for at in self.around(self.now) if at > self.now)
        if self.overlap and max(come) > max(began, due):
            self.due = max(come)
        if self.max_runs is not None and ran:
            self.max_runs -= 1
        if self.max_runs == 0 or (self.until is not None and self.due > self.until):
            self.due = None


async def play(model: Model, steps: list[Step], *, is_cron: bool) -> tuple[list[tuple[int, int]], list[int]]:
    seen: list[tuple[int, int]] = []
    skipped: list[int] = []
    async with time_machine() as clock:

        async def work(_: str) -> None:
            seen.append((round(1000 * clock.time()), round(1000 * current_run().due)))
            if model.takes:
                await asyncio.sleep(model.takes / 1000)  # the machine's time

        scheduler = clock.scheduler(lease_seconds=600)
        scheduler.on("run-skipped", lambda run: skipped.append(round(1000 * run.due)))
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(work)
        task = IntervalTask(
            "t",
            every=None if is_cron else model.every / 1000,
            cron="* * * * *" if is_cron else None,
            start=model.first / 1000,
            late="run" if model.deadline is None else "skip",
            start_deadline=None if model.deadline is None else model.deadline / 1000,
            overlap="once" if model.overlap else "skip",
            jitter=model.jitter / 1000 if model.jitter else None,
            missed="skip" if model.skips_missed else "once",
            until=None if model.until is None else model.until / 1000,
            max_runs=model.max_runs,
        )
        await scheduler.assign_task(task)
        await clock.drain()
        model.begin()
        for what, ms in steps:
            if what == "takes":
                model.takes = ms
            elif what == "halt":
                model.halted = True
                await scheduler.pause()
            elif what == "go on":
                model.halted = False
                await scheduler.resume()
                await clock.drain()
                model.advance(0)
            else:
                await clock.advance(ms / 1000)
                model.advance(ms)
        model.takes = 0
        found = await scheduler.get_task("t")
        if model.run is None:
            assert (None if found is None else round(1000 * found.next_run)) == model.due
        await scheduler.remove_task("t")
        await clock.advance(300)
    return seen, skipped


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.integers(0, 12 * SECOND)),
        st.tuples(st.just("takes"), st.sampled_from([0, 0, 1, 700, 5 * SECOND, 17 * SECOND])),
        st.sampled_from([("halt", 0), ("go on", 0), ("go on", 0)]),
    ),
    min_size=3,
    max_size=14,
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "deadline": st.sampled_from([1, 500, 3 * SECOND]),
        "overlap": st.booleans(),
        "jitter": st.integers(1, 999),
        "skips_missed": st.booleans(),
        "until": st.integers(10 * SECOND, 40 * SECOND),
        "max_runs": st.integers(1, 6),
    },
)
PLAIN: list[Step] = [("advance", 20 * SECOND)]
LONG: list[Step] = [("takes", 2500), ("advance", 20 * SECOND)]
LONGER: list[Step] = [("takes", 7 * SECOND), ("advance", 40 * SECOND)]
HALTED: list[Step] = [("advance", 1500), ("halt", 0), ("advance", 3200), ("go on", 0), ("advance", 9 * SECOND)]


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(1000, 5 * SECOND), RULES)
@example(LONG, 1000, {"overlap": True})
@example(LONG, 1000, {"overlap": True, "jitter": 900})
@example(LONG, 1000, {})
@example(LONG, 1000, {"jitter": 900})
@example([("takes", 1300), ("advance", 60 * SECOND)], 1000, {"jitter": 900})
@example(HALTED, 1000, {"overlap": True})
@example(HALTED, 1000, {"deadline": 100})
@example(HALTED, 1000, {"deadline": 100, "max_runs": 4, "overlap": True})
@example(PLAIN, 1000, {"jitter": 999, "until": 10 * SECOND})
@example(HALTED, 1000, {"jitter": 999, "skips_missed": True})
def test_runs_of_an_interval(steps: list[Step], every: int, rules: dict[str, Any]) -> None:
    rules = rules | ({"until": ORIGIN + rules["until"]} if "until" in rules else {})
    model = Model(every, ORIGIN + 2 * SECOND, **rules)
    seen, skipped = asyncio.run(play(model, steps, is_cron=False))
    assert (seen, skipped) == (model.runs, model.skipped)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, RULES)
@example(LONG, {"overlap": True})
@example(LONGER, {"overlap": True})
@example(LONGER, {"overlap": True, "jitter": 900})
@example(HALTED, {"overlap": True, "deadline": 100})
@example(PLAIN, {"jitter": 999, "until": 10 * SECOND})
def test_runs_of_a_cron_expression(steps: list[Step], rules: dict[str, Any]) -> None:
    """All spans are twenty times as long."""
    steps = [(what, 20 * ms) for what, ms in steps]
    rules = {name: 20 * value if type(value) is int and name != "max_runs" else value for name, value in rules.items()}
    rules |= {"until": ORIGIN + rules["until"]} if "until" in rules else {}
    model = Model(MINUTE, ORIGIN + MINUTE, **rules)
    seen, skipped = asyncio.run(play(model, steps, is_cron=True))
    assert (seen, skipped) == (model.runs, model.skipped)


def test_the_model_is_not_blind() -> None:
    model = Model(1000, ORIGIN, overlap=True, takes=1500)
    model.begin()
    model.advance(5000)
    assert [(at - ORIGIN, due - ORIGIN) for at, due in model.runs] == [(0, 0), (1500, 1000), (3000, 3000), (4500, 4000)]
