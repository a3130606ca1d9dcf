"""A task that was looked up tells all that it asks for, and can be assigned again without losing any of it."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, Rules, ScheduledTask, Scheduler
from interval_scheduler.model.assignment import to_assignment
from interval_scheduler.model.policy import of_header
from interval_scheduler.model.rules import rules_of

pytestmark = pytest.mark.asyncio
START = 4_000_000_000
LATER = datetime(2190, 1, 1, 12, 30, 15, 250_000, tzinfo=UTC)

ASKED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "bytes": {"data": b"\0\xff"},
    "an interval": {"every": 90.5},
    "a delay": {"every": timedelta(minutes=5), "repeat": "delay"},
    "retries": {"retries": 3, "backoff": 0.25, "timeout": timedelta(seconds=7)},
    "an end": {"every": 60, "until": LATER, "max_runs": 10, "missed": "all"},
    "cron": {"cron": "*/5 9-17 * * mon-fri", "timezone": "Europe/Berlin", "missed": "skip", "retries": 1},
    "a group": {"every": 3600, "group": "tenant:7", "spread": True},
    "late runs": {"late": "skip", "start_deadline": timedelta(seconds=5)},
    "long runs": {"every": 60, "overlap": "once", "late": "skip", "start_deadline": 0.5},
    "a spread delay": {"every": 3600, "repeat": "delay", "spread": True, "timeout": 1},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_it_comes_back_as_it_was_assigned(scheduler: Scheduler, asked: dict[str, Any]) -> None:
    task = IntervalTask("a", **{"data": "payload", "start": START, **asked})
    await scheduler.assign_task(task)
    found = await scheduler.get_task("a")
    assert found is not None
    again = found.to_task()
    assert again.start == found.next_run
    same_start = dataclasses.replace(again, start=task.start)
    assert to_assignment(same_start) == to_assignment(task)
    assert (found.repeat, found.rules) == (again.repeat, again.rules)
    (listed,) = [each async for each in scheduler.tasks()]
    assert listed == found
    # Assigned again, it is the very same: a sync would find nothing to do.
    assert await scheduler.assign_task(again) is False
    assert await scheduler.get_task("a") == found
    assert (await scheduler.sync_tasks([again], scope="a")).unchanged == 1


async def test_an_attempt_after_the_end_can_be_copied() -> None:
    """The last run failed, and is tried again after the last moment at which one is due."""
    found = ScheduledTask("a", "", 60, START + 5, "waiting", 2, "here", rules=Rules(until=float(START), retries=1))
    assert found.to_task() == IntervalTask("a", every=60, start=float(START), until=float(START), retries=1)


async def test_one_thing_is_changed_and_the_rest_is_kept(scheduler: Scheduler) -> None:
    task = IntervalTask("a", "old", every=60, start=START, retries=5, timeout=9, max_runs=7, until=LATER)
    await scheduler.assign_task(task)
    before = await scheduler.get_task("a")
    assert before is not None
    await scheduler.assign_task(dataclasses.replace(before.to_task(), data="new"))
    assert await scheduler.get_task("a") == dataclasses.replace(before, data="new")


async def test_whoever_only_looks_needs_no_cron(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of a task are told where its expression cannot be worked out."""

    def refuse(*_: object) -> None:
        raise AssertionError("nobody asked to work it out")

    monkeypatch.setattr("interval_scheduler.model.rules.check_cron", refuse)
    rules = rules_of(of_header(b"s;c0 4 1 * *;zMars/Olympus;r7"), spread=False)
    assert (rules.cron, rules.timezone, rules.retries) == ("0 4 1 * *", "Mars/Olympus", 7)


_SECONDS = st.integers(1, 10**7).map(lambda ms: ms / 1000)
_ANY: dict[str, Any] = {
    "retries": st.integers(0, 1000),
    "backoff": _SECONDS,
    "timeout": _SECONDS,
    "group": st.sampled_from(["g", "ü"]),
}
_ANY |= {"history": st.integers(0, 100), "data": st.text(max_size=20) | st.binary(max_size=20)}
_RECURS: dict[str, Any] = {"max_runs": st.integers(1, 10**6), "until": st.integers(10**10, 10**10 + 10**6)}
_EACH: dict[str, Any] = {"missed": st.sampled_from(["once", "skip"]), "overlap": st.sampled_from(["once", "skip"])}
_FORMS: dict[str, dict[str, Any]] = {
    "once": {},
    "rate": {"every": _SECONDS.map(lambda seconds: seconds + 60), **_RECURS},
    "delay": {"every": _SECONDS, "repeat": st.just("delay"), **_RECURS},
    "cron": {"cron": st.sampled_from(["*/5 * * * *", "0 4 1 * *"]), **_RECURS},
}
_MORE: dict[str, dict[str, Any]] = {
    "once": {},
    "rate": {"spread": st.booleans(), "jitter": st.integers(1, 59), **_EACH},
    "delay": {"spread": st.booleans()},
    "cron": {"timezone": st.sampled_from(["Europe/Riga", "UTC"]), "jitter": _SECONDS, **_EACH},
}
_asked = st.sampled_from(list(_FORMS)).flatmap(
    lambda form: st.fixed_dictionaries(
        {name: value for name, value in _FORMS[form].items() if name in ("every", "cron", "repeat")},
        optional={
            **_ANY,
            **{name: value for name, value in _FORMS[form].items() if name not in ("every", "cron", "repeat")},
            **_MORE[form],
        },
    )
)


@settings(max_examples=80)
@given(asked=_asked, start=st.integers(START, START + 10**6), late=st.none() | _SECONDS)
async def test_assigned_again_it_is_the_same_record(asked: dict[str, Any], start: int, late: float | None) -> None:
    if late is not None:
        asked = {**asked, "late": "skip", "start_deadline": late}

    async def records(scheduler: Scheduler) -> list[Any]:
        master = scheduler._lifespan.require().partitions.master
        keys = master.keys
        return [await master._client.hgetall(keys.tasks), await master._client.zrange(keys.due, 0, -1, withscores=True)]

    async with Scheduler.from_url(f"memory://{uuid.uuid4().hex}") as scheduler:
        await scheduler.assign_task(IntervalTask("a", start=start, **asked))
        before, found = await records(scheduler), await scheduler.get_task("a")
        assert found is not None
        assert await scheduler.assign_task(found.to_task()) is False
        assert await records(scheduler) == before
        assert await scheduler.get_task("a") == found


@given(
    missed=st.sampled_from(["once", "skip", "all"]),
    until=st.none() | st.integers(10**12, 10**13).map(lambda ms: ms / 1000),
    max_runs=st.none() | st.integers(1, 10**6),
    timeout=st.none() | st.integers(1, 10**8).map(lambda ms: ms / 1000),
    retries=st.integers(0, 1000),
    backoff=st.integers(1, 10**8).map(lambda ms: ms / 1000),
    group=st.none() | st.sampled_from(["g", "tenant:ü"]),
    late=st.just("skip"),
    start_deadline=st.integers(1, 10**8).map(lambda ms: ms / 1000),
    overlap=st.sampled_from(["skip", "once"]),
    jitter=st.none() | st.integers(1, 10**8).map(lambda ms: ms / 1000),
)
async def test_the_wire_form_has_all_rules(retries: int, backoff: float, **others: Any) -> None:
    rules = Rules(retries=retries, backoff=backoff, **others)
    assert rules_of(of_header(b"s" + rules.to_policy().encode()), spread=False) == rules
