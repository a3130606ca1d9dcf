"""Metrics: their names, kinds and units, what they count, and that reading them disturbs nothing."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    Histogram,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
    Sum,
)

from interval_scheduler import BlockingScheduler, IntervalTask, InvalidType, InvalidValue, Scheduler
from interval_scheduler.telemetry import instrument, rows
from interval_scheduler.telemetry.source import Source
from tests.architecture.source import MODULES
from tests.servers import PASSWORD, RedisServer
from tests.telemetry.collecting import DEADLINE_SECONDS, in_memory, points, prometheus
from tests.waiting import Recorder, until

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


@pytest.fixture
def url(redis_server: RedisServer) -> str:
    """A real Redis."""
    return redis_server.url


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
            lag = collect().get("interval_scheduler.run.lag")
            return lag is not None and sum(points(lag).values()) == 4

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
        assert points(collect()[sent]) == {(namespace,): 1, (f"{namespace}-third",): 1}
        undoing[0].undo()
        undoing[2].undo()
        assert sent not in collect()


async def test_one_that_is_instrumented_already_is_refused(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    mail = scheduler.queue("mail")
    with in_memory() as (provider, _), in_memory() as (another, _):
        with instrument(scheduler, meter_provider=provider):
            for again in (scheduler, mail):
                with pytest.raises(InvalidValue, match="scheduler is instrumented already"):
                    instrument(again, storage=True, meter_provider=provider)
            instrument(scheduler, meter_provider=another).undo()
        with instrument(mail, meter_provider=provider):
            with pytest.raises(InvalidValue, match="with its namespace"):
                instrument(scheduler, meter_provider=provider)
            instrument(scheduler.queue("other"), meter_provider=provider).undo()
        instrument(scheduler, meter_provider=provider).undo()


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
    assert [row.value for row in source.rows()] == [5, 5]
    read[0] = 4
    assert [row.value for row in source.rows()] == [5, 4]
    read[0] = 6
    assert [row.value for row in source.rows()] == [6, 6]


async def test_what_is_wrong_with_one_scheduler_takes_no_metric_from_others(
    make_scheduler: MakeScheduler, namespace: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await make_scheduler(), await make_scheduler(namespace=f"{namespace}-other")

    def fail() -> None:
        raise RuntimeError("it does not work")

    with (
        in_memory() as (provider, collect),
        instrument(one, meter_provider=provider),
        instrument(other, meter_provider=provider),
    ):
        monkeypatch.setattr(one, "counts", fail)
        assert list(points(collect()["messaging.client.sent.messages"])) == [(f"{namespace}-other",)]
        assert caplog.text.count("the metrics of a scheduler cannot be read") == 1
        monkeypatch.undo()


class _Hanging(MetricExporter):
    """An exporter that hangs, or fails."""

    def __init__(self, *, hangs: bool) -> None:
        super().__init__()
        self.asked, self.over, self._hangs = threading.Event(), threading.Event(), hangs

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        self.asked.set()
        if not self._hangs:
            raise RuntimeError("it does not work")
        self.over.wait(DEADLINE_SECONDS)
        return MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self.over.set()


@pytest.mark.parametrize("hangs", [True, False])
async def test_an_exporter_that_hangs_or_fails_disturbs_no_run(scheduler: Scheduler, *, hangs: bool) -> None:
    exporter = _Hanging(hangs=hangs)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=20)])
    recorder = Recorder()
    try:
        with instrument(scheduler, meter_provider=provider):
            await scheduler.start_task_execute(recorder)
            assert await asyncio.to_thread(exporter.asked.wait, DEADLINE_SECONDS)
            await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(50)])
            await recorder.ran(50, DEADLINE_SECONDS)
            await until(lambda: scheduler.counts().partitions[0].runs == 50, DEADLINE_SECONDS)
    finally:
        exporter.over.set()
        await asyncio.to_thread(provider.shutdown)


async def test_a_histogram_that_raises_disturbs_no_run(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("it does not work")

    with in_memory() as (provider, _):
        meter: Meter = provider.get_meter("another")
        monkeypatch.setattr(type(meter.create_histogram("h")), "record", fail)
        with instrument(scheduler, meter_provider=provider):
            await scheduler.assign_task(IntervalTask("a"))
            await scheduler.start_task_execute(_ends)
            await until(lambda: "a handler of samples failed" in caplog.text, DEADLINE_SECONDS)
            await until(lambda: scheduler.counts().partitions[0].runs == 1, DEADLINE_SECONDS)


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("spans", {"spans": 1}),
        ("propagate", {"propagate": "yes"}),
        ("storage", {"storage": None}),
        ("sample", {"sample": 0}),
        ("sample", {"sample": 10_001}),
        ("sample", {"sample": True}),
        ("sample", {"sample": 2.5}),
        ("propagate", {"propagate": True}),
    ],
)
async def test_a_bad_argument_is_named_and_changes_nothing(field: str, options: dict[str, Any]) -> None:
    scheduler = Scheduler.from_url("redis://localhost:1/0")
    with in_memory() as (provider, collect):
        with pytest.raises((InvalidType, InvalidValue), match=f"^{field} "):
            instrument(scheduler, meter_provider=provider, **options)
        assert collect() == {}
        instrument(scheduler, meter_provider=provider).undo()


@pytest.mark.parametrize("what", [None, "scheduler", object()])
async def test_what_is_no_scheduler_is_refused(what: Any) -> None:
    with pytest.raises(InvalidType, match="scheduler must be a Scheduler"):
        instrument(what)


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


async def test_it_works_with_the_global_provider_that_is_set_later(url: str, namespace: str) -> None:
    program = f"""
import asyncio
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument
async def main():
    first, second = (Scheduler.from_url({url!r}, namespace={namespace!r} + end) for end in ("-1", "-2"))
    instrument(first)
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    instrument(second)
    print(len(reader.get_metrics_data().to_json().split("messaging.client.sent.messages")) - 1)
    text = reader.get_metrics_data().to_json()
    print(*({namespace!r} + end in text for end in ("-1", "-2")))
asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1\nTrue True\n", "")


def _loaded_by(program: str) -> set[str]:
    """The modules of OpenTelemetry that a program loads."""
    program = f"{program}\nimport sys; print(*(name for name in sys.modules if name.startswith('opentelemetry')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


async def test_opentelemetry_is_imported_by_telemetry_alone() -> None:
    assert _loaded_by("import interval_scheduler") == set()
    # The client of Redis loads it where it is installed: nothing of ours adds to that.
    everything = "from interval_scheduler import *; import interval_scheduler.worker, interval_scheduler.cli.app"
    assert _loaded_by(everything) == _loaded_by("import redis.asyncio")
    importers = {
        module.name for module in MODULES.values() if any(name.startswith("opentelemetry") for name in module.imports())
    }
    assert importers
    assert all(name.startswith("telemetry.") for name in importers)
    assert not any(
        name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
        for module in MODULES.values()
        for name in module.imports()
    ), "the extra has the API only"
