"""The rules of recurrence against a pure model: random schedules, re-assigns, pauses and times without a scheduler."""

from __future__ import annotations

import asyncio
import itertools
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, InvalidValue, Scheduler, current_run
from interval_scheduler.testing import START, TimeMachine, time_machine

ORIGIN = round(START.timestamp())


@dataclass
class Model:
    """One task and its scheduler; all times are ms since the start."""

    now: int = 0
    executing: bool = True
    due: int | None = None
    paused: int | None = None
    every: int = 0
    phase: int = 0
    rules: dict[str, Any] = field(default_factory=dict)
    ended: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)

    def assign(self, every: int, start: int, **rules: Any) -> bool:
        """Assign the task; whether that is accepted."""
        anchor = self.due if self.due is not None else self.paused
        is_new = anchor is None
        anchor = start if anchor is None else anchor
        if rules.get("until", anchor) < anchor:
            return False  # its time would be over before its next run
        self.every, self.rules = every, rules
        if is_new:
            self.ended = 0
        self.phase = anchor % every
        if self.paused is not None:
            self.paused = anchor
        else:
            self.due = anchor
        self.work()
        return True

    def pause(self) -> None:
        if self.due is not None:
            self.due, self.paused = None, self.due

    def resume(self) -> None:
        if self.paused is None:
            return
        self.due, self.paused = self.paused, None
        if self.due <= self.now:
            self.due = self.now if self.rules.get("repeat") == "delay" else self._on_grid(self.now)
        if self.rules.get("until", self.due) < self.due:
            self.due = None
        self.work()

    def advance(self, ms: int) -> None:
        until = self.now + ms
        while self.executing and self.due is not None and self.due <= until:
            self.now = max(self.due, self.now)
            self.work()
        self.now = until

    def execute(self, *, on: bool) -> None:
        self.executing = on
        self.work()

    def work(self) -> None:
        """Run what is due now."""
        while self.executing and self.due is not None and self.due <= self.now:
            due, missed = self.due, self.rules.get("missed")
            until, most = self.rules.get("until"), self.rules.get("max_runs")
            passed_over = missed == "skip" and due + self.every <= self.now
            if not passed_over:
                self.runs.append((self.now, due))
            if self.rules.get("repeat") == "delay":
                self.due = self.now + self.every
            elif missed == "all":
                self.due = self._on_grid(max(due, self.now - 1000 * self.every))
            else:
                self.due = self._on_grid(self.now)
            self.ended += most is not None and not passed_over
            if (until is not None and self.due > until) or (most is not None and self.ended >= most):
                self.due = None

    def _on_grid(self, after: int) -> int:
        return after + self.every - (after - self.phase) % self.every


async def play(steps: list[tuple[Any, ...]], every: int, start: int, rules: dict[str, Any]) -> tuple[Model, list[Any]]:
    model = Model()
    seen: list[tuple[int, int]] = []
    async with time_machine() as clock:

        def ms() -> int:
            return round(1000 * (clock.time() - ORIGIN))

        async def note(_: str) -> None:
            seen.append((ms(), round(1000 * (current_run().due - ORIGIN))))

        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(note)
        is_accepted = await assign(scheduler, every, start, rules)
        await clock.drain()
        assert model.assign(every, start, **rules) == is_accepted
        for step in steps:
            await take(scheduler, clock, model, step, note)
            await clock.drain()
    return model, seen


async def assign(scheduler: Scheduler, every: int, start: int, rules: dict[str, Any]) -> bool:
    wire = dict(rules)
    if "until" in wire:
        wire["until"] = ORIGIN + wire["until"] / 1000
    try:
        await scheduler.assign_task(IntervalTask("t", every=every / 1000, start=ORIGIN + start / 1000, **wire))
    except InvalidValue as error:
        return error.field != "until"
    return True


async def take(scheduler: Scheduler, clock: TimeMachine, model: Model, step: tuple[Any, ...], note: Any) -> None:
    match step:
        case ("advance", ms):
            await clock.advance(ms / 1000)
            model.advance(ms)
        case ("down",):
            await scheduler.stop_task_execute()
            model.execute(on=False)
        case ("up",):
            if not scheduler.executing_tasks:
                await scheduler.start_task_execute(note)
            await clock.drain()
            model.execute(on=True)
        case ("pause",):
            await scheduler.pause_task("t")
            model.pause()
        case ("resume",):
            await scheduler.resume_task("t")
            model.resume()
        case ("assign", every, rules):
            scheduled = await scheduler.get_task("t") is not None
            assert scheduled == (model.due is not None or model.paused is not None)
            start = model.now
            if "until" in rules:
                rules = rules | {"until": max(rules["until"], start)}
            is_accepted = await assign(scheduler, every, start, rules)
            assert model.assign(every, start, **rules) == is_accepted


INTERVALS = st.integers(1, 5_000)
RULES = st.one_of(
    st.fixed_dictionaries({}, optional={"missed": st.sampled_from(["skip", "all"])}),
    st.just({"repeat": "delay"}),
).flatmap(
    lambda first: st.fixed_dictionaries(
        {}, optional={"until": st.integers(0, 30_000), "max_runs": st.integers(1, 20)}
    ).map(lambda second: first | second)
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.integers(0, 8_000)),
        st.sampled_from([("down",), ("up",), ("pause",), ("resume",)]),
        st.tuples(st.just("assign"), st.integers(500, 5_000), RULES),
    ),
    max_size=12,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(500, 5_000), st.integers(0, 10_000), RULES)
@example([("down",), ("advance", 5_500), ("up",), ("advance", 2_000)], 1_000, 0, {"missed": "all"})
@example([("down",), ("advance", 5_500), ("up",), ("advance", 2_000)], 1_000, 0, {"missed": "skip"})
@example([("down",), ("advance", 5_500), ("up",), ("advance", 2_000)], 1_000, 0, {})
@example([("pause",), ("advance", 5_500), ("resume",), ("advance", 2_000)], 1_000, 0, {"missed": "all"})
@example([("advance", 10_000)], 1_000, 500, {"until": 4_500, "max_runs": 9})
def test_runs_are_when_the_model_says(
    steps: list[tuple[Any, ...]], every: int, start: int, rules: dict[str, Any]
) -> None:
    if "until" in rules:
        rules = rules | {"until": max(rules["until"], start)}
    model, seen = asyncio.run(play(steps, every, start, rules))
    assert seen == model.runs


async def _spread(count: int, every: int) -> list[float]:
    async with time_machine() as clock:
        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.assign_tasks(IntervalTask(f"user:{n}", every=every, spread=True) for n in range(count))
        return sorted([task.next_run - ORIGIN async for task in scheduler.tasks()])


def test_spread_tasks_are_spread_evenly_over_the_interval() -> None:
    phases = asyncio.run(_spread(2_000, 600))
    assert phases[0] >= 0
    assert phases[-1] < 600
    in_each_minute = [sum(60 * minute <= phase < 60 * minute + 60 for phase in phases) for minute in range(10)]
    assert min(in_each_minute) > 140
    assert max(in_each_minute) < 260


@settings(max_examples=25)
@given(st.integers(2, 5_000), st.integers(0, 10**6), st.integers(2, 5_000))
def test_a_spread_task_keeps_its_phase_for_ever(every: int, later: int, other: int) -> None:
    async def phases() -> tuple[set[int], set[int]]:
        seen: list[int] = []
        async with time_machine() as clock:

            async def note(_: str) -> None:
                seen.append(round(1000 * (current_run().due - ORIGIN)))

            scheduler = clock.scheduler()
            await scheduler.start_task_accept()
            await clock.advance(later / 1000)
            await scheduler.assign_task(IntervalTask("user:7", every=every / 1000, spread=True))
            await scheduler.start_task_execute(note)
            await clock.advance(5 * every / 1000)
            first = {(1000 * ORIGIN + due) % every for due in seen}
            await scheduler.assign_task(IntervalTask("user:7", every=other / 1000, spread=True))
            await clock.advance(2 * every / 1000)
            seen.clear()
            await clock.advance(5 * other / 1000)
            return first, {(1000 * ORIGIN + due) % other for due in seen}

    first, second = asyncio.run(phases())
    assert len(first) == len(second) == 1


RIGA = "Europe/Riga"


async def _cron_runs(expression: str, begin: datetime, days: float) -> list[datetime]:
    seen: list[datetime] = []
    async with time_machine(begin) as clock:

        async def note(_: str) -> None:
            assert current_run().due == clock.time()
            seen.append(clock.now())

        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(note)
        await scheduler.assign_task(IntervalTask("c", cron=expression, timezone=RIGA))
        await clock.advance(days=days)
    return seen


def test_cron_over_the_hour_that_is_skipped() -> None:
    # In Riga, 2026-03-29 03:00 becomes 04:00: what stands at 03:30 runs right after the gap.
    runs = asyncio.run(_cron_runs("30 3 * * *", datetime(2026, 3, 28, tzinfo=UTC), 3))
    assert [run.isoformat() for run in runs] == [
        "2026-03-28T01:30:00+00:00",
        "2026-03-29T01:00:00+00:00",
        "2026-03-30T00:30:00+00:00",
    ]


def test_cron_over_the_hour_that_comes_twice() -> None:
    # In Riga, 2026-10-25 04:00 becomes 03:00: what stands at 03:30 runs once, every quarter of an hour goes on.
    runs = asyncio.run(_cron_runs("30 3 * * *", datetime(2026, 10, 24, tzinfo=UTC), 3))
    assert [run.isoformat() for run in runs] == [
        "2026-10-24T00:30:00+00:00",
        "2026-10-25T00:30:00+00:00",
        "2026-10-26T01:30:00+00:00",
    ]
    quarters = asyncio.run(_cron_runs("*/15 * * * *", datetime(2026, 10, 25, tzinfo=UTC), 0.125))
    assert len(quarters) == 13
    assert {(b - a).total_seconds() for a, b in itertools.pairwise(quarters)} == {900.0}


def test_the_model_is_not_blind() -> None:
    model = Model()
    model.assign(1_000, 0)
    model.advance(3_000)
    assert model.runs == [(0, 0), (1_000, 1_000), (2_000, 2_000), (3_000, 3_000)]
    assert math.isclose(model.now, 3_000)
