"""Metrics: their names, kinds and units, what they count, and that reading them disturbs nothing."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable

import pytest
from opentelemetry.sdk.metrics.export import (
    Histogram,
    Sum,
)

from interval_scheduler import BlockingScheduler, IntervalTask, InvalidValue, Scheduler
from interval_scheduler.telemetry import instrument
from tests.servers import PASSWORD, RedisServer
from tests.telemetry.collecting import DEADLINE_SECONDS, in_memory, points, prometheus
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
#: As the issue has them: name, kind, unit.
TABLE = {
    ("messaging.client.consumed.messages", "counter", "{message}"),
    ("messaging.client.sent.messages", "counter", "{message}"),
    ("messaging.process.duration", "histogram", "s"),
    ("interval_scheduler.run.lag", "histogram", "s"),
    ("interval_scheduler.runs", "counter", "{run}"),
    ("interval_scheduler.leases.lost", "counter", "{lease}"),
    ("interval_scheduler.clock.jumps", "counter", "{jump}"),
    ("interval_scheduler.loop.blocked", "counter", "{block}"),
    ("interval_scheduler.places.used", "gauge", "{place}"),
    ("interval_scheduler.places.limit", "gauge", "{place}"),
    ("interval_scheduler.partition.online", "gauge", ""),
    ("interval_scheduler.tasks", "gauge", "{task}"),
    ("interval_scheduler.due", "gauge", "{task}"),
    ("interval_scheduler.due.age", "gauge", "s"),
    ("interval_scheduler.schedulers", "gauge", "{scheduler}"),
    ("interval_scheduler.demand", "gauge", "{run}/s"),
}


async def _ends(data: str) -> None:
    if data == "bad":
        raise RuntimeError("it does not work")


async def test_all_metrics_have_the_names_kinds_and_units_of_the_table(scheduler: Scheduler, namespace: str) -> None:
    with in_memory() as (provider, collect), instrument(scheduler, storage=True, meter_provider=provider):
        await scheduler.assign_task(IntervalTask("a", every=HOUR))
        await scheduler.start_task_execute(_ends)
        await until(lambda: len(collect()) == len(TABLE), DEADLINE_SECONDS)
        found = collect()
        kinds = {
            name: "histogram"
            if isinstance(metric.data, Histogram)
            else "counter"
            if isinstance(metric.data, Sum) and metric.data.is_monotonic
            else "gauge"
            for name, metric in found.items()
        }
        assert {(name, kinds[name], metric.unit or "") for name, metric in found.items()} == TABLE
        keys = {key for metric in found.values() for point in metric.data.data_points for key in point.attributes or ()}
        assert keys == {
            "messaging.system",
            "messaging.destination.name",
            "messaging.destination.partition.id",
            "interval_scheduler.outcome",
            "interval_scheduler.state",
        }
        systems = {
            (point.attributes or {})["messaging.system"]
            for metric in found.values()
            for point in metric.data.data_points
        }
        assert systems == {"interval_scheduler"}


async def test_they_tell_what_happened_of_each_queue(scheduler: Scheduler, namespace: str) -> None:
    with in_memory() as (provider, collect), instrument(scheduler, meter_provider=provider):
        mail = scheduler.queue("mail", concurrency=3)  # asked for afterwards
        await scheduler.assign_tasks([IntervalTask("a"), IntervalTask("b", "bad"), IntervalTask("c")])
        await mail.assign_task(IntervalTask("m"))
        for each in (scheduler, mail):
            await each.start_task_execute(_ends)
        [partition] = [each.name for each in scheduler.counts().partitions]

        def is_all_told() -> bool:
            # A run that ended well is counted when Redis knows of it, which may be after its lag is told.
            told = collect()
            names = ("interval_scheduler.run.lag", "interval_scheduler.runs")
            return all(name in told and sum(points(told[name]).values()) == 4 for name in names)

        await until(is_all_told, DEADLINE_SECONDS)
        found = {name: points(metric) for name, metric in collect().items()}
        queue = f"{namespace}.mail"
        assert found["messaging.client.consumed.messages"] == {(namespace, partition): 3, (queue, partition): 1}
        assert found["messaging.client.sent.messages"] == {(namespace,): 3, (queue,): 1}
        assert {key: value for key, value in found["interval_scheduler.runs"].items() if value} == {
            ("ok", namespace, partition): 2,
            ("failed", namespace, partition): 1,
            ("ok", queue, partition): 1,
        }
        assert found["messaging.process.duration"] == {
            ("ok", namespace, partition): 2,
            ("failed", namespace, partition): 1,
            ("ok", queue, partition): 1,
        }
        assert found["interval_scheduler.places.limit"] == {(namespace,): 100, (queue,): 3}
        assert found["interval_scheduler.places.used"] == {(namespace,): 0, (queue,): 0}
        assert found["interval_scheduler.partition.online"] == {(namespace, partition): 1, (queue, partition): 1}


async def test_a_scrape_names_no_task_no_payload_and_no_password(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    server = own_server(requirepass=PASSWORD)
    url = server.url.replace("redis://", f"redis://:{PASSWORD}@")
    with prometheus() as (provider, scrape):
        scheduler = Scheduler.from_url(url, namespace=namespace)
        with instrument(scheduler, storage=True, meter_provider=provider):
            async with scheduler:
                await scheduler.assign_tasks(
                    [
                        IntervalTask("secret-id", "secret-payload", group="secret-group"),
                        IntervalTask("secret-bad", "bad"),
                    ]
                )
                await scheduler.start_task_execute(_ends)
                await until(lambda: scheduler.counts().partitions[0].runs == 2, DEADLINE_SECONDS)
                lag = "interval_scheduler_run_lag_seconds_count"

                async def is_told() -> bool:
                    told = await asyncio.to_thread(scrape)
                    return bool(told.total(lag) == 2 and told.values("interval_scheduler_demand_per_second"))

                await until(is_told, DEADLINE_SECONDS)
                text = (await asyncio.to_thread(scrape)).text
    assert namespace in text
    assert "secret" not in text
    assert PASSWORD not in text


async def test_it_holds_over_connections_and_counters_go_on(url: str, namespace: str) -> None:
    scheduler = Scheduler.from_url(url, namespace=namespace)
    online = "interval_scheduler.partition.online"
    with in_memory() as (provider, collect), instrument(scheduler, meter_provider=provider):
        for rounds in (1, 2):
            async with scheduler:
                await scheduler.assign_task(IntervalTask("a"))
                await scheduler.start_task_execute(_ends)
                consumed = "messaging.client.consumed.messages"
                await until(lambda: scheduler.counts().partitions[0].runs == rounds, DEADLINE_SECONDS)  # noqa: B023 - at once
                assert list(points(collect()[consumed]).values()) == [rounds]
                assert list(points(collect()[online]).values()) == [1]
            assert list(points(collect()[consumed]).values()) == [rounds]
            assert online not in collect(), "a scheduler that is closed has no partition that is offline"
        lags = points(collect()["interval_scheduler.run.lag"])
        assert sum(lags.values()) == 2, "the end of an execution tells its last runs"


async def test_a_scheduler_that_is_dropped_is_told_no_more(url: str, namespace: str) -> None:
    with in_memory() as (provider, collect):
        scheduler = Scheduler.from_url(url, namespace=namespace)
        instrument(scheduler, storage=True, meter_provider=provider)
        assert "messaging.client.sent.messages" in collect()
        gone = weakref.ref(scheduler)
        del scheduler
        gc.collect()
        assert gone() is None
        assert collect() == {}


async def test_a_blocking_scheduler_has_metrics_and_none_of_storage(url: str, namespace: str) -> None:
    with in_memory() as (provider, collect):
        blocking = BlockingScheduler.from_url(url, namespace=namespace)
        with pytest.raises(InvalidValue, match="storage needs a Scheduler"):
            instrument(blocking, storage=True, meter_provider=provider)

        def use() -> None:
            with instrument(blocking, meter_provider=provider), blocking:
                blocking.assign_task(IntervalTask("a", every=HOUR))
                assert points(collect()["messaging.client.sent.messages"]) == {(namespace,): 1}

        await asyncio.to_thread(use)
