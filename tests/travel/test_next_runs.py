"""`next_runs` against what schedulers do in a time machine, whatever a task asks for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, InvalidValue, Retry, Scheduler, current_run, next_runs
from interval_scheduler.testing import START, TimeMachine, time_machine

ORIGIN = round(1000 * START.timestamp())
MINUTE = 60_000
COUNT = 12
#: Not Phase.shrink: to have a failing story made short takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

Rules = dict[str, Any]

INTERVAL_RULES = st.fixed_dictionaries(
    {"every": st.integers(2000, 30_000)},
    optional={
        "spread": st.booleans(),
        "jitter": st.integers(1, 1999),
        "overlap": st.sampled_from(["skip", "once"]),
    },
)
CRON_RULES = st.fixed_dictionaries(
    {
        "cron": st.sampled_from(["* * * * *", "*/7 * * * *", "0 9 * * mon-fri", "30 2 * * *", "*/10 * * * * *"]),
        "timezone": st.sampled_from(["UTC", "Europe/Riga", "America/New_York"]),
    },
    optional={"jitter": st.integers(1, 100_000), "overlap": st.sampled_from(["skip", "once"])},
)
DELAYS = st.fixed_dictionaries({"every": st.integers(2000, 30_000), "repeat": st.just("delay")})
ENDS = st.fixed_dictionaries({}, optional={"until": st.integers(-1000, 200_000), "max_runs": st.integers(1, 9)})
LATE = st.fixed_dictionaries({}, optional={"missed": st.sampled_from(["once", "skip", "all"])})
DEADLINES: st.SearchStrategy[Rules] = st.one_of(
    st.just({}), st.integers(1, 40_000).map(lambda deadline: {"late": "skip", "start_deadline": deadline})
)


def to_task(start: int | None, rules: Rules) -> IntervalTask:
    """A task from spans in ms, and from moments in ms since the start."""
    wire: Rules = dict(rules)
    for name in ("every", "jitter", "start_deadline"):
        if name in wire:
            wire[name] /= 1000
    if "until" in wire:
        wire["until"] = (ORIGIN + wire["until"]) / 1000
    return IntervalTask("t", start=None if start is None else (ORIGIN + start) / 1000, **wire)


def ms(moment: datetime) -> int:
    return round(1000 * moment.timestamp())


class Story:
    """A scheduler with one task, whose runs are noted by their due times."""

    def __init__(self, clock: TimeMachine, scheduler: Scheduler) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.seen: list[int] = []
        self.fails = False
        self.held: asyncio.Event | None = None

    async def execute(self, _: str) -> None:
        if self.fails:
            self.fails = False
            raise Retry(after=0.7)
        self.seen.append(round(1000 * current_run().due))
        if self.held is not None:
            await self.held.wait()

    @property
    def now(self) -> float:
        return self.clock.time()

    async def go_on_to(self, moments: list[datetime]) -> None:
        """Let time pass until all of them have come."""
        for moment in moments:
            if moment.timestamp() > self.now:
                await self.clock.advance(to=moment)
            await self.clock.drain()


async def tell(start: int | None, rules: Rules, grid: float, happens: str, later: int) -> None:
    async with time_machine() as clock:
        scheduler = clock.scheduler(task_interval_seconds=grid)
        await scheduler.start_task_accept()
        story = Story(clock, scheduler)
        task = to_task(start, rules)
        told = scheduler.next_runs(task, COUNT, clock.now())
        if grid == 0:
            assert told == next_runs(task, COUNT, clock.time())
        refused = None
        try:
            await scheduler.assign_task(task)
        except InvalidValue as error:
            refused = error.field
        if refused is not None:
            assert (refused, told) == ("until", [])
            return
        is_skipped = (
            "start_deadline" in rules or rules.get("missed") == "skip"
        )  # by its claim: it was due before its end
        assert told or "until" not in rules or is_skipped, "it would never run"
        await scheduler.start_task_execute(story.execute)
        await clock.drain()
        await story.go_on_to(told)
        assert story.seen[:COUNT] == [ms(moment) for moment in told]
        if len(told) < COUNT:
            await clock.drain()
            assert await scheduler.get_task("t") is None
            return
        if "max_runs" in rules:  # a scheduled task does not tell how many it had
            return
        await _go_on(story, happens, later)


async def _go_on(story: Story, happens: str, later: int) -> None:
    """Let something happen to the task, and look at it afterwards."""
    clock, scheduler = story.clock, story.scheduler
    match happens:
        case "late":
            await scheduler.stop_task_execute()
            await clock.advance(later / 1000)
        case "now":
            await scheduler.stop_task_execute()
            await clock.advance(0.123)
            await scheduler.run_task_now("t")
        case "again":
            story.fails = True
            await clock.advance(later / 1000)
            await scheduler.stop_task_execute()
            story.fails = False
        case "running":
            story.held = asyncio.Event()
            await clock.advance(later / 1000)
    found = await scheduler.get_task("t")
    if found is None:
        return
    told = next_runs(found, COUNT, clock.now())
    story.seen.clear()
    if story.held is not None:
        story.held.set()
    if not scheduler.executing_tasks:
        await scheduler.start_task_execute(story.execute)
    await clock.drain()
    await story.go_on_to(told)
    assert story.seen[:COUNT] == [ms(moment) for moment in told], found


@settings(max_examples=30, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.none(), st.integers(-300_000, 100_000)),
    st.one_of(INTERVAL_RULES, CRON_RULES, DELAYS),
    ENDS,
    LATE,
    DEADLINES,
    st.sampled_from([0, 0, 2]),
    st.sampled_from(["nothing", "late", "now", "again", "running"]),
    st.integers(0, 100_000),
)
@example(None, {"every": 3000}, {}, {"missed": "all"}, {}, 0, "late", 31_000)
@example(-10_000, {"every": 3000}, {}, {"missed": "all"}, {}, 2, "running", 31_000)
@example(-10_000, {"every": 3000}, {}, {"missed": "skip"}, {}, 0, "late", 31_000)
@example(-10_000, {"every": 3000}, {"until": -500}, {"missed": "skip"}, {}, 0, "now", 0)
@example(-10_000, {"every": 3000, "overlap": "once"}, {}, {}, {}, 0, "running", 31_000)
@example(-10_000, {"every": 3000, "jitter": 1500}, {}, {}, {}, 0, "now", 0)
@example(None, {"cron": "* * * * *", "overlap": "once"}, {}, {}, {}, 0, "running", 100_000)
@example(-4 * MINUTE, {"cron": "* * * * *", "timezone": "UTC"}, {}, {"missed": "all"}, {}, 0, "late", 100_000)
def test_runs_are_when_it_was_told(
    start: int | None,
    rules: Rules,
    ends: Rules,
    missed: Rules,
    deadline: Rules,
    grid: float,
    happens: str,
    later: int,
) -> None:
    rules = rules | ends | deadline | ({} if "repeat" in rules else missed)
    if rules.get("missed") == "all":
        rules.pop("overlap", None)
    if "jitter" in rules:
        grid = 0
    try:
        to_task(start, rules)
    except InvalidValue:
        assume(False)  # noqa: FBT003 - the end is before the start
    asyncio.run(tell(start, rules, grid, happens, later))


def test_a_calendar_ends_with_the_dates() -> None:
    runs = next_runs(IntervalTask("a", cron="0 0 29 2 *"), 10_000, START)
    assert 1800 < len(runs) < 2000
    assert runs[-1].year > 9900


@pytest.mark.parametrize("rules", [{"every": 3000}, {"every": 3000, "jitter": 1000}, {"cron": "* * * * *"}])
def test_of_many_missed_occurrences_the_last_thousand_count(rules: Rules) -> None:
    span = MINUTE if "cron" in rules else 3000
    start = -1500 * span - 7
    late = {
        missed: sum(run <= START for run in next_runs(to_task(start, rules | {"missed": missed}), 1005, START))
        for missed in ("once", "skip", "all")
    }
    assert late == {"once": 1, "skip": 0, "all": 1001}  # the first one was due before those that are kept
    first, second, *_ = next_runs(to_task(start, rules | {"missed": "all"}), 2, START)
    assert first < START - timedelta(milliseconds=1499 * span) < START - timedelta(milliseconds=1001 * span) < second


def test_the_clocks_of_a_zone_are_put_forward_and_back() -> None:
    spring = datetime(2030, 3, 30, tzinfo=UTC)
    daily = IntervalTask("t", cron="30 3 * * *", timezone="Europe/Riga")
    assert [str(run) for run in next_runs(daily, 3, spring)] == [
        "2030-03-30 01:30:00+00:00",
        "2030-03-31 01:00:00+00:00",  # right after the hour that is skipped
        "2030-04-01 00:30:00+00:00",
    ]


@pytest.mark.asyncio
async def test_a_forecast_stands_beside_what_was_dispatched() -> None:
    async with time_machine() as clock:
        scheduler = clock.scheduler(statistics=True)
        await scheduler.start_task_accept()
        assert (await scheduler.forecast(60, 1)).dispatched == 0
        await scheduler.assign_tasks(IntervalTask(f"t{n}", every=5) for n in range(10))
        await scheduler.start_task_execute(_nothing)
        minute = (await scheduler.forecast(60, 1)).start // 60
        await clock.advance(seconds=20)
        found = await scheduler.forecast(60, 1)
        assert (found.start // 60, found.dispatched) == (minute, None), "its first minute is not counted yet"
        await clock.advance(minutes=15)
        found = await scheduler.forecast(60, 1)
        assert [found.demand, found.dispatched] == pytest.approx([2, 2], abs=0.1)


@pytest.mark.asyncio
async def test_the_first_runs_after_a_rest_are_of_an_old_namespace() -> None:
    async with time_machine() as clock:
        scheduler = clock.scheduler(statistics=True)
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(_nothing)
        await scheduler.assign_task(IntervalTask("once"))
        await clock.advance(minutes=45)
        found = await scheduler.forecast(60, 1)
        await clock.advance(seconds=60 - found.start % 60)  # the beginning of a minute
        await scheduler.assign_task(IntervalTask("again"))
        await clock.advance(seconds=20)
        assert sum(point.runs for point in await scheduler.statistics(found.start)) == 1, "it ended, and is counted"
        assert (await scheduler.forecast(60, 1)).dispatched == 0


async def _nothing(_: str) -> None: ...
