"""Counters of several schedulers: told apart or added up, and never falling, since a fall looks like a restart."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument, rows
from interval_scheduler.telemetry.source import Source
from tests.telemetry.collecting import in_memory, points

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
SENT = "messaging.client.sent.messages"


async def test_schedulers_of_one_process_are_told_apart_or_added_up(
    make_scheduler: MakeScheduler, namespace: str
) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    third = await make_scheduler(namespace=f"{namespace}-third")
    with in_memory() as (provider, collect):
        undoing = [instrument(each, meter_provider=provider) for each in (one, other, third)]
        for number, each in enumerate((one, other, third)):
            await each.assign_task(IntervalTask(f"t{number}", every=HOUR))
        sent = "messaging.client.sent.messages"
        assert points(collect()[sent]) == {(namespace,): 2, (f"{namespace}-third",): 1}
        undoing[1].undo()
        undoing[1].undo()
        assert points(collect()[sent]) == {(namespace,): 2, (f"{namespace}-third",): 1}, "a fall would be a restart"
        undoing[0].undo()
        undoing[2].undo()
        assert sent not in collect()


async def test_a_counter_never_goes_down(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run is counted before it turns out to be none; to Prometheus, a fall would be a restart."""
    source = Source(scheduler, list)
    read = [5.0]

    def rows_of(_: Any) -> list[rows.Row]:
        return [
            rows.Row("interval_scheduler.runs", (), read[0]),
            rows.Row("interval_scheduler.places.used", (), read[0]),
        ]

    monkeypatch.setattr("interval_scheduler.telemetry.source.rows_of", rows_of)

    def values() -> list[float]:
        return [row.value for row in source.rows() or ()]

    assert values() == [5, 5]
    read[0] = 4
    assert values() == [5, 4]
    read[0] = 6
    assert values() == [6, 6]


async def test_what_a_dropped_scheduler_counted_stays_in_the_sum(
    make_scheduler: MakeScheduler, url: str, namespace: str
) -> None:
    stays = await make_scheduler()
    with in_memory() as (provider, collect), instrument(stays, meter_provider=provider):
        for number in range(1, 4):
            passing = Scheduler.from_url(url, namespace=namespace)
            instrument_once = instrument(passing, meter_provider=provider)
            async with passing:
                await passing.assign_task(IntervalTask(f"t{number}", every=HOUR))
                assert points(collect()[SENT]) == {(namespace,): number}
            del passing
            gc.collect()
            assert points(collect()[SENT]) == {(namespace,): number}
            if number == 2:
                instrument_once.undo()
                assert points(collect()[SENT]) == {(namespace,): number}


async def test_what_is_told_again_is_not_counted_twice(make_scheduler: MakeScheduler, namespace: str) -> None:
    scheduler, stays = await make_scheduler(), await make_scheduler()
    mail = scheduler.queue("mail")
    for each in (scheduler, mail, mail):
        await each.assign_task(IntervalTask("a", every=HOUR))
    sums = {(namespace,): 1, (f"{namespace}.mail",): 2}
    with in_memory() as (provider, collect), instrument(stays, meter_provider=provider):
        for _ in range(2):
            with instrument(scheduler, meter_provider=provider):
                assert points(collect()[SENT]) == sums
            with instrument(mail, meter_provider=provider):
                assert points(collect()[SENT]) == sums
            assert points(collect()[SENT]) == {(namespace,): 1}, "what nobody tells any more is not told"
        await scheduler.assign_task(IntervalTask("b", every=HOUR))
        assert points(collect()[SENT]) == {(namespace,): 1}
        with instrument(scheduler, meter_provider=provider):
            assert points(collect()[SENT]) == {(namespace,): 2, (f"{namespace}.mail",): 2}


async def test_one_that_cannot_be_read_stays_in_the_sum(
    make_scheduler: MakeScheduler, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await make_scheduler(), await make_scheduler()

    def fail() -> None:
        raise RuntimeError("it does not work")

    with (
        in_memory() as (provider, collect),
        instrument(one, meter_provider=provider),
        instrument(other, meter_provider=provider),
        monkeypatch.context() as patched,
    ):
        for number, each in enumerate((one, other)):
            await each.assign_task(IntervalTask(f"t{number}", every=HOUR))
        assert points(collect()[SENT]) == {(namespace,): 2}
        patched.setattr(one, "counts", fail)
        assert points(collect()[SENT]) == {(namespace,): 2}
