"""Spans beside what fails: an error without a text, a tracer that raises, an exporter that hangs; runs go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument
from tests.telemetry.collecting import DEADLINE_SECONDS
from tests.telemetry.tracing import Traced
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio


class _NoText(Exception):
    def __str__(self) -> str:
        raise LookupError("no text")


async def test_an_error_without_a_text_ends_its_span(
    scheduler: Scheduler, traced: Traced, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(_: str) -> None:
        raise _NoText

    with instrument(scheduler, spans=True, tracer_provider=traced.provider):
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(work)
        await until(lambda: traced.named(f"process {namespace}"), DEADLINE_SECONDS)
    [span] = traced.named(f"process {namespace}")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "_NoText"
    assert caplog.text.count("spans cannot be made or ended") == 1


class _Failing(SpanProcessor):
    def __init__(self, where: str, error: BaseException) -> None:
        self._where = where
        self._error = error

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self._where == "start":
            raise self._error

    def on_end(self, span: Any) -> None:
        if self._where == "end":
            raise self._error


class _Nameless(trace.NonRecordingSpan):
    def get_span_context(self) -> trace.SpanContext:
        raise RuntimeError("it does not work")


class _NamelessTracer(trace.NoOpTracer):
    def start_span(self, *_: Any, **__: Any) -> trace.Span:
        return _Nameless(trace.INVALID_SPAN_CONTEXT)


class _NamelessProvider(trace.NoOpTracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return _NamelessTracer()


@pytest.mark.parametrize("where", ["start", "end"])
@pytest.mark.parametrize("error", [RuntimeError("it does not work"), asyncio.CancelledError()], ids=repr)
async def test_a_tracer_that_raises_disturbs_nothing_and_is_told_once(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture, where: str, error: BaseException
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(_Failing(where, error))
    await runs_as_without(scheduler, provider)
    assert caplog.text.count("spans cannot be made or ended") == 1
    provider.shutdown()


async def test_a_span_without_a_name_disturbs_nothing(scheduler: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    await runs_as_without(scheduler, _NamelessProvider())
    assert caplog.text.count("spans cannot be made or ended") == 1


async def runs_as_without(scheduler: Scheduler, provider: trace.TracerProvider) -> None:
    recorder = Recorder()
    with instrument(scheduler, spans=True, propagate=True, tracer_provider=provider):
        assert (await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(5)])).assigned == 5
        await scheduler.start_task_execute(recorder)
        await recorder.ran(5)
        await until(lambda: scheduler.counts().partitions[0].runs == 5, DEADLINE_SECONDS)
    assert scheduler.counts().partitions[0].failures == 0
    assert trace.get_current_span() is trace.INVALID_SPAN


class _Hanging(SpanExporter):
    def __init__(self) -> None:
        self.asked, self.over = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        self.over.wait(DEADLINE_SECONDS)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.over.set()


async def test_an_exporter_that_hangs_disturbs_no_run(scheduler: Scheduler) -> None:
    exporter, provider, recorder = _Hanging(), TracerProvider(shutdown_on_exit=False), Recorder()
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=10))
    try:
        with instrument(scheduler, spans=True, tracer_provider=provider):
            await scheduler.start_task_execute(recorder)
            await scheduler.assign_task(IntervalTask("first"))
            assert await asyncio.to_thread(exporter.asked.wait, DEADLINE_SECONDS)
            await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(50)])
            await until(lambda: scheduler.counts().partitions[0].runs == 51, DEADLINE_SECONDS)
            await scheduler.stop_task_execute()
    finally:
        exporter.over.set()
        await asyncio.to_thread(provider.shutdown)
