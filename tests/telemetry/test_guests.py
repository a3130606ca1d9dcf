"""Metrics beside what fails: one scheduler, an exporter, a histogram. None disturbs a run or another metric."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument
from tests.telemetry.collecting import DEADLINE_SECONDS, in_memory, points
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


async def _ends(_: str) -> None:
    await asyncio.sleep(0)


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
