"""`update_task` changes what is given and nothing else; `has_task` asks without the payload."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interval_scheduler import (
    IntervalTask,
    InvalidType,
    InvalidValue,
    Rules,
    ScheduledTask,
    Scheduler,
    current_run,
)
from tests.semantics.test_to_task import ASKED
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
MakeScheduler = Callable[..., Awaitable[Scheduler]]
START = 4_000_000_000
END = datetime(2189, 1, 1, tzinfo=UTC)
HOUR = 3600

#: Changes of one thing that leave the times alone, and what they make of a task that was found.
RULES: dict[str, dict[str, Any]] = {
    "text": {"data": "new"},
    "bytes": {"data": b"\0new"},
    "an empty payload": {"data": ""},
    "retries": {"retries": 7},
    "backoff": {"backoff": timedelta(minutes=1)},
    "a time-out": {"timeout": 12.5},
    "no time-out": {"timeout": None},
    "a group": {"group": "tenant:8"},
    "no group": {"group": None},
}
OF_RECURRING: dict[str, dict[str, Any]] = {
    "an end": {"until": END},
    "no end": {"until": None},
    "runs": {"max_runs": 3},
    "any runs": {"max_runs": None},
    "missed": {"missed": "once"},
}


async def found(scheduler: Scheduler, task_id: str = "a") -> ScheduledTask:
    task = await scheduler.get_task(task_id)
    assert task is not None
    return task


def seconds(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.timestamp() if isinstance(value, datetime) else value


def changed(before: ScheduledTask, asked: dict[str, Any]) -> ScheduledTask:
    """The task with other rules or another payload."""
    rules = {name: seconds(value) for name, value in asked.items() if name != "data"}
    after = dataclasses.replace(before, rules=dataclasses.replace(before.rules, **rules))
    after = dataclasses.replace(after, group=after.rules.group)
    return dataclasses.replace(after, data=asked["data"]) if "data" in asked else after


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("is_paused", [False, True], ids=["waiting", "paused"])
async def test_each_rule_is_changed_and_the_rest_is_kept(
    scheduler: Scheduler,
    asked: dict[str, Any],
    is_paused: bool,  # noqa: FBT001 - a case
) -> None:
    task = IntervalTask("a", **{"data": "payload", "start": START, **asked})
    for change in (RULES | OF_RECURRING if task.every or task.rules.cron else RULES).values():
        await scheduler.remove_task("a")
        await scheduler.assign_task(task)
        if is_paused:
            await scheduler.pause_task("a")
        before = await found(scheduler)
        assert await scheduler.update_task("a", **change) is True
        after = await found(scheduler)
        assert after == changed(before, change)
        again = after.to_task()
        await scheduler.assign_task(again)
        assert await found(scheduler) == after, "read, and assigned as it is: nothing is lost"


_rules = st.fixed_dictionaries(
    {},
    optional={
        "missed": st.sampled_from(["once", "skip", "all"]),
        "until": st.none() | st.integers(START + 2 * 86_400, 10**10),
        "max_runs": st.none() | st.integers(1, 10**6),
        "timeout": st.none() | st.integers(1, 10**8).map(lambda ms: ms / 1000),
        "retries": st.integers(0, 1000),
        "backoff": st.integers(1, 10**8).map(lambda ms: ms / 1000),
        "group": st.none() | st.sampled_from(["g", "tenant:ü", "s d;".replace(";", ":")]),
    },
)
_times = st.sampled_from(
    [
        {"every": 90.5},
        {"every": 60, "spread": True},
        {"cron": "5 4 * * *", "timezone": "Europe/Riga"},
        {"cron": "7 * * * *"},
    ]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=_rules, times=_times, changes=st.lists(_rules, min_size=1, max_size=3), other=st.none() | _times)
async def test_any_changes_of_any_rules(
    scheduler: Scheduler,
    rules: dict[str, Any],
    times: dict[str, Any],
    changes: list[dict[str, Any]],
    other: dict[str, Any] | None,
) -> None:
    """What is asked for in the end is what was given last, whatever came in which order, and together or not."""
    await scheduler.remove_task("a")
    await scheduler.assign_task(IntervalTask("a", "x", start=START, **times, **rules))
    assert all(await asyncio.gather(*[scheduler.update_task("a", **change) for change in changes]))
    expected = rules.copy()
    for change in changes:
        expected |= change
    if other is not None:
        assert await scheduler.update_task("a", **other, start=START)
        kept = {"timezone": times["timezone"]} if "timezone" in times and "cron" in other else {}
        spread = {"spread": True} if times.get("spread") and "every" in other else {}
        times = kept | spread | other
    after = await found(scheduler)
    assert after.every == times.get("every")
    assert after.rules == Rules(**expected, **{name: value for name, value in times.items() if name != "every"})
    await scheduler.assign_task(after.to_task())
    assert await found(scheduler) == after


async def test_a_new_interval_counts_from_the_previous_time(scheduler: Scheduler) -> None:
    async def next_run_after(**asked: Any) -> float:
        await scheduler.remove_task("a")
        await scheduler.assign_task(IntervalTask("a", every=60, start=START))
        assert await scheduler.update_task("a", **asked)
        return (await found(scheduler)).next_run - START

    assert await next_run_after(every=600) == -60 + 600
    assert await next_run_after(every=600, reschedule="keep") == 0
    assert await next_run_after(every=600, start=START + 7) == 7
    assert await next_run_after(every=60) == 0
    assert await next_run_after(start=START + 9) == 9
    assert await next_run_after(reschedule="interval") == await next_run_after() == 0
    assert await next_run_after(reschedule="start") < 0, "it is due now"
    assert await next_run_after(start=None) < 0


@pytest.mark.parametrize("asked", [{"spread": True}, {"repeat": "delay"}, {"spread": True, "repeat": "delay"}])
async def test_another_way_to_count_moves_no_run(scheduler: Scheduler, asked: dict[str, Any]) -> None:
    """Only another interval does, also if an earlier call changed that and kept the next run."""
    await scheduler.assign_task(IntervalTask("a", every=3600, start=START))
    assert await scheduler.update_task("a", **asked)
    assert (await found(scheduler)).next_run == START
    await scheduler.assign_task(IntervalTask("b", every=3600, start=START))
    assert await scheduler.update_task("b", every=600, reschedule="keep")
    assert await scheduler.update_task("b", **asked)
    assert (await found(scheduler, "b")).next_run == START
    assert await scheduler.update_task("b", every=600)
    assert (await found(scheduler, "b")).next_run < START, "the previous time is known still"


async def test_one_repetition_takes_the_place_of_another(scheduler: Scheduler) -> None:
    await scheduler.assign_task(IntervalTask("a", every=60, start=START, repeat="delay", spread=True, retries=2))
    assert await scheduler.update_task("a", cron="0 4 * * *", timezone="Europe/Riga")
    task = await found(scheduler)
    assert (task.every, task.repeat, task.cron, task.timezone) == (None, "rate", "0 4 * * *", "Europe/Riga")
    assert (task.rules.retries, task.rules.spread) == (2, False)
    assert task.next_run - time.time() < 86_401
    assert await scheduler.update_task("a", cron="0 5 * * *")
    assert (await found(scheduler)).timezone == "Europe/Riga", "it was not given"
    assert await scheduler.update_task("a", timezone="Asia/Tokyo", start=START)
    tokyo = (await found(scheduler)).next_run
    assert datetime.fromtimestamp(tokyo, UTC).hour == (5 - 9) % 24
    assert tokyo >= START
    assert await scheduler.update_task("a", every=90)
    task = await found(scheduler)
    assert (task.every, task.cron, task.timezone, task.rules) == (90, None, "UTC", Rules(retries=2))
    assert await scheduler.update_task("a", every=None)
    task = await found(scheduler)
    assert (task.every, task.rules) == (None, Rules(retries=2))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"every": 60, "cron": "* * * * *"}, "cron"),
    ({"every": 60, "timezone": "Europe/Riga"}, "timezone"),
    ({"cron": None, "timezone": "Europe/Riga"}, "timezone"),
    ({"cron": "* * * * *", "repeat": "delay"}, "repeat"),
    ({"cron": "* * * * *", "spread": True}, "spread"),
    ({"cron": "nonsense"}, "cron"),
    ({"every": 0}, "every"),
    ({"missed": "skip", "repeat": "delay"}, "missed"),
    ({"until": START, "start": START + 1}, "until"),
    ({"retries": None}, "retries"),
    ({"data": 7}, "data"),
    ({"reschedule": "soon"}, "reschedule"),
    ({"group": "a;b"}, "group"),
    ({"late": "skip"}, "start_deadline"),
    ({"late": "run", "start_deadline": 5}, "start_deadline"),
    ({"late": "soon"}, "late"),
    ({"start_deadline": 0}, "start_deadline"),
    ({"overlap": "twice"}, "overlap"),
    ({"overlap": "once", "missed": "all"}, "overlap"),
    ({"jitter": 60, "every": 60}, "jitter"),
    ({"jitter": 60, "repeat": "delay"}, "jitter"),
]


@pytest.mark.parametrize(("asked", "field"), BAD)
async def test_what_is_bad_is_refused_before_anything_is_sent(asked: dict[str, Any], field: str) -> None:
    scheduler = Scheduler.from_url("memory://")
    with pytest.raises((InvalidValue, InvalidType)) as caught:  # and not NotConnected
        await scheduler.update_task("a", **asked)
    assert isinstance(caught.value, InvalidValue | InvalidType)
    assert caught.value.field == field


UNFIT: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"until": START}, "until"),
    ({}, {"max_runs": 2}, "max_runs"),
    ({}, {"spread": True}, "spread"),
    ({}, {"timezone": "Europe/Riga"}, "timezone"),
    ({"every": 60, "max_runs": 3}, {"every": None}, "max_runs"),
    ({"every": 60, "repeat": "delay"}, {"missed": "all"}, "missed"),
    ({"every": 60, "missed": "all"}, {"repeat": "delay"}, "missed"),
    ({"cron": "* * * * *"}, {"repeat": "delay"}, "repeat"),
    ({"cron": "* * * * *"}, {"spread": True}, "spread"),
    ({"cron": "* * * * *", "until": START + HOUR}, {"cron": None}, "until"),
    ({"every": 60}, {"until": START - 1}, "until"),
    ({"every": 60, "until": START + HOUR}, {"start": START + 2 * HOUR}, "until"),
    ({"every": 60, "until": START + HOUR}, {"every": 86_400}, "until"),
    ({"cron": "* * * * *"}, {"until": START - 1}, "until"),
    ({}, {"jitter": 5}, "jitter"),
    ({}, {"overlap": "once"}, "overlap"),
    ({"every": 60, "jitter": 30}, {"every": 30}, "jitter"),
    ({"every": 60}, {"jitter": 60}, "jitter"),
    ({"every": 60, "jitter": 30}, {"repeat": "delay"}, "jitter"),
    ({"every": 60, "repeat": "delay"}, {"overlap": "once"}, "overlap"),
    ({"every": 60, "overlap": "once"}, {"missed": "all"}, "overlap"),
    ({"cron": "* * * * *", "missed": "all"}, {"overlap": "once"}, "overlap"),
    ({"cron": "* * * * *", "jitter": 30}, {"cron": None}, "jitter"),
]


@pytest.mark.parametrize(("asked", "change", "field"), UNFIT)
async def test_what_does_not_fit_the_task_changes_nothing(
    scheduler: Scheduler, asked: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    await scheduler.assign_task(IntervalTask("a", "x", start=START, **asked))
    before = await found(scheduler)
    with pytest.raises(InvalidValue) as caught:
        await scheduler.update_task("a", data="new", **change)
    assert caught.value.field == field
    assert await found(scheduler) == before
    assert await scheduler.update_task("b", **change) is False, "there is nothing that it does not fit"


async def test_a_run_in_progress_goes_on_and_then_the_new_rules_hold(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", "old", every=HOUR))
    await recorder.ran(1)
    before = await found(scheduler)
    assert await scheduler.update_task("a", data="new", max_runs=2, retries=1)
    assert await found(scheduler) == changed(before, {"data": "new", "max_runs": 2, "retries": 1})
    recorder.gate.set()
    await until(lambda: _is(scheduler, "waiting"))
    after = await found(scheduler)
    assert after.next_run - before.next_run == HOUR
    await scheduler.run_task_now("a")
    await recorder.ran(2)
    await until(lambda: _is_gone(scheduler))
    assert recorder.data == ["old", "new"], "the run in progress counted"


async def test_a_run_in_progress_keeps_its_attempts(make_scheduler: MakeScheduler) -> None:
    """Other rules for a task that fails just now: it is tried again, by the attempts that it had."""
    scheduler = await make_scheduler()
    attempts: list[tuple[str, int]] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def fail(data: str) -> None:
        attempts.append((data, current_run().attempt))
        began.set()
        await go_on.wait()
        if len(attempts) < 3:
            raise RuntimeError

    await scheduler.start_task_execute(fail)
    await scheduler.assign_task(IntervalTask("a", "old", every=HOUR, retries=3, backoff=0.01))
    await began.wait()
    assert await scheduler.update_task("a", data="new", timeout=60)
    go_on.set()
    await until(lambda: _is(scheduler, "waiting") if len(attempts) == 3 else _no())
    assert attempts == [("old", 1), ("new", 2), ("new", 3)]
    assert (await found(scheduler)).failures == 0


async def test_a_failed_attempt_is_kept(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()

    async def fail(_: str) -> None:
        raise RuntimeError

    await scheduler.start_task_execute(fail)
    await scheduler.assign_task(IntervalTask("a", every=2 * HOUR, retries=5, backoff=HOUR))
    await until(lambda: _attempt_is(scheduler, 2))
    before = await found(scheduler)
    change: dict[str, Any] = {"data": "new", "missed": "skip", "retries": 2, "until": START}
    assert await scheduler.update_task("a", **change)
    assert await found(scheduler) == changed(before, change)


async def test_without_an_interval_the_run_in_progress_is_the_last(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", every=HOUR))
    await scheduler.assign_task(IntervalTask("b"))
    await recorder.ran(2)
    assert await scheduler.update_task("a", every=None)
    assert await scheduler.update_task("b", data="new")
    recorder.gate.set()
    await until(lambda: _is_gone(scheduler, "a"))
    await until(lambda: _is_gone(scheduler, "b"))
    assert len(recorder.data) == 2


async def test_a_run_that_was_asked_for_is_kept(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", "old", every=HOUR))
    await recorder.ran(1)
    assert await scheduler.run_task_now("a")
    assert await scheduler.update_task("a", data="new", retries=1)
    recorder.gate.set()
    await recorder.ran(2)
    assert recorder.data == ["old", "new"]


async def test_another_group_has_room(make_scheduler: MakeScheduler) -> None:
    """A task that waits for room in its group waits no longer, once it belongs to another."""
    scheduler = await make_scheduler(group_concurrency=1)
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder)
    await scheduler.assign_task(IntervalTask("a", "a", group="g"))
    await recorder.ran(1)
    await scheduler.assign_tasks([IntervalTask(name, name, group="g") for name in ("b", "c")])
    assert await scheduler.has_task("b")
    assert await scheduler.update_task("b", retries=1)
    assert await scheduler.update_task("c", group="h")
    await recorder.ran(2)
    assert recorder.data == ["a", "c"]
    recorder.gate.set()
    await recorder.ran(3)


@pytest.mark.parametrize("times", [{"every": HOUR}, {"cron": "0 4 * * *"}], ids=["an interval", "cron"])
async def test_a_hundred_at_once_all_hold(make_scheduler: MakeScheduler, times: dict[str, Any]) -> None:
    """Callers of two schedulers change different things of one task, and nothing of it is lost."""
    schedulers = [await make_scheduler(), await make_scheduler()]
    wanted: dict[str, Any] = {
        "retries": 9,
        "timeout": 7.0,
        "max_runs": 5,
        "missed": "skip",
        "group": "g",
        "backoff": 2.0,
    }
    given = [*wanted.items(), ("data", "new"), ("until", float(START + 86_400))]
    await schedulers[0].assign_task(IntervalTask("a", "old", start=START, **times))
    before = await found(schedulers[0])
    calls = [schedulers[n % 2].update_task("a", **dict([given[n % len(given)]])) for n in range(100)]
    random.Random(7).shuffle(calls)
    assert await asyncio.gather(*calls) == [True] * 100
    assert await found(schedulers[1]) == changed(before, {**wanted, "data": "new", "until": float(START + 86_400)})


async def test_other_expressions_by_a_hundred_at_once(make_scheduler: MakeScheduler) -> None:
    """Each of them needs the next occurrence of what the others may have changed meanwhile."""
    schedulers = [await make_scheduler(), await make_scheduler()]
    await schedulers[0].assign_task(IntervalTask("a", cron="0 4 * * *", start=START))
    zones = ["Europe/Riga", "Asia/Tokyo"]
    calls: list[Awaitable[bool]] = []
    for n in range(50):
        calls.append(schedulers[n % 2].update_task("a", cron=f"{n} 4 * * *"))
        calls.append(schedulers[(n + 1) % 2].update_task("a", timezone=zones[n % 2]))
    assert all(await asyncio.gather(*calls))
    task = await found(schedulers[0])
    assert task.timezone in zones
    again = task.to_task()
    await schedulers[0].remove_task("a")
    await schedulers[0].assign_task(dataclasses.replace(again, start=None))
    assert (await found(schedulers[0])).next_run == task.next_run, "the last expression and zone are those of the time"


async def test_a_removed_task_does_not_come_back(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    for _ in range(30):
        await one.assign_task(IntervalTask("a", "x", cron="0 4 * * *"))
        updates = [other.update_task("a", timezone="Europe/Riga"), one.update_task("a", every=60, data="y")]
        _, *_ = await asyncio.gather(one.remove_task("a"), *updates)
        assert not await one.has_task("a")
        assert await one.task_size() == 0
        assert await other.update_task("a", retries=1) is False


async def test_calls_on_a_task_keep_their_order(scheduler: Scheduler) -> None:
    results = await asyncio.gather(
        scheduler.update_task("a", retries=1),
        scheduler.assign_task(IntervalTask("a", "old", every=60, start=START)),
        scheduler.update_task("a", data="new"),
        scheduler.update_task("a", timezone="Europe/Riga"),  # does not fit
        scheduler.update_task("a", cron="0 4 * * *"),
        scheduler.update_task("a", timezone="Europe/Riga"),
        scheduler.pause_task("a"),
        return_exceptions=True,
    )
    assert [results[n] for n in (0, 1, 2, 4, 5, 6)] == [False, True, True, True, True, True]
    assert isinstance(results[3], InvalidValue)
    task = await found(scheduler)
    assert (task.data, task.cron, task.timezone, task.state) == ("new", "0 4 * * *", "Europe/Riga", "paused")


async def test_only_a_scheduled_task_is_there(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    recorder = Recorder()
    recorder.gate.clear()

    async def run(data: str) -> None:
        if data == "bad":
            raise RuntimeError
        await recorder(data)

    await scheduler.start_task_execute(run)
    resting = IntervalTask("resting", "", start=START)
    bad = IntervalTask("bad", "bad")
    await scheduler.assign_tasks([resting, bad, IntervalTask("paused", start=START), IntervalTask("running", "x")])
    await scheduler.pause_task("paused")
    await recorder.ran(1)

    async def is_dead() -> bool:
        return [task.id async for task in scheduler.dead_tasks()] == ["bad"]

    await until(is_dead)
    assert [await scheduler.has_task(each) for each in (resting, "paused", "running")] == [True] * 3
    assert [await scheduler.has_task(each) for each in (bad, "unknown")] == [False] * 2
    assert await scheduler.update_task(bad, retries=3) is False
    assert await scheduler.revive_task(resting) is False
    assert await scheduler.revive_task(bad) is True
    await until(is_dead)
    (dead,) = [task async for task in scheduler.dead_tasks()]
    assert await scheduler.revive_task(dead) is True
    recorder.gate.set()


async def _no() -> bool:
    return False


async def _is(scheduler: Scheduler, state: str) -> bool:
    return (await found(scheduler)).state == state


async def _attempt_is(scheduler: Scheduler, attempt: int) -> bool:
    return (await found(scheduler)).attempt == attempt


async def _is_gone(scheduler: Scheduler, task_id: str = "a") -> bool:
    return not await scheduler.has_task(task_id)
