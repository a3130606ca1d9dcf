"""Spans: one a run and one a call that assigns, linked and not nested; what a tracer does disturbs no run."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from interval_scheduler import AlreadyExecuting, BlockingScheduler, IntervalTask, Retry, Scheduler, TaskRun
from interval_scheduler.telemetry import instrument
from tests.telemetry.collecting import DEADLINE_SECONDS
from tests.telemetry.tracing import Traced
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600


async def test_a_run_has_a_root_span_of_its_own_with_a_link(
    make_scheduler: MakeScheduler, traced: Traced, namespace: str
) -> None:
    api, worker = await make_scheduler(), await make_scheduler()
    ids: list[int] = []

    async def work(data: str) -> None:
        ids.append(trace.get_current_span().get_span_context().span_id)
        assert data == "payload", "what is carried beside it is not seen"

    with instrument(api, spans=True, propagate=True, tracer_provider=traced.provider):
        with traced.provider.get_tracer("app").start_as_current_span("request") as request:
            await api.assign_task(IntervalTask("feed:1", "payload", every=HOUR))
        with instrument(worker, spans=True, tracer_provider=traced.provider):
            with traced.provider.get_tracer("app").start_as_current_span("start of the worker"):
                await worker.start_task_execute(work)
            await until(lambda: traced.named(f"process {namespace}"), DEADLINE_SECONDS)
            await worker.stop_task_execute()
    [created], [processed] = traced.named(f"create {namespace}"), traced.named(f"process {namespace}")
    assert (created.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert created.parent is not None
    assert created.parent.span_id == request.get_span_context().span_id
    assert processed.parent is None
    assert processed.context is not None
    assert created.context is not None
    assert ids == [processed.context.span_id], "the executor is inside of it"
    assert [link.context.span_id for link in processed.links] == [created.context.span_id]
    assert processed.context.trace_id != created.context.trace_id
    attributes = dict(processed.attributes or {})
    assert attributes.pop("interval_scheduler.lag") >= 0  # type: ignore[operator]
    assert attributes == {
        "messaging.system": "interval_scheduler",
        "messaging.destination.name": namespace,
        "messaging.destination.partition.id": worker.counts().partitions[0].name,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.message.id": "feed:1",
        "interval_scheduler.attempt": 1,
    }


async def test_a_call_of_many_tasks_is_one_span_and_a_batch_is_one(
    scheduler: Scheduler, traced: Traced, namespace: str
) -> None:
    done: list[TaskRun] = []

    async def many(runs: list[TaskRun]) -> None:
        done.extend(runs)

    mail = scheduler.queue("mail")
    with instrument(scheduler, spans=True, propagate=True, tracer_provider=traced.provider):
        await mail.assign_tasks([IntervalTask(f"m{n}") for n in range(20)])
        await mail.start_task_execute(many, batch=50, concurrency=1)
        await until(lambda: len(done) == 20, DEADLINE_SECONDS)
        await mail.stop_task_execute()
    [created] = traced.named(f"create {namespace}.mail")
    batches = traced.named(f"process {namespace}.mail")
    counts = [(span.attributes or {}).get("messaging.batch.message_count", 1) for span in batches]
    assert sum(int(str(count)) for count in counts) == 20
    assert created.context is not None
    for span in batches:
        assert [link.context.span_id for link in span.links] == [created.context.span_id]


async def test_without_propagate_nothing_is_carried(scheduler: Scheduler, traced: Traced, namespace: str) -> None:
    recorder = Recorder()
    with instrument(scheduler, spans=True, tracer_provider=traced.provider):
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(recorder)
        await until(lambda: traced.named(f"process {namespace}"), DEADLINE_SECONDS)
    assert recorder.runs[0].trace is None
    assert traced.named(f"process {namespace}")[0].links == ()


async def test_a_trace_that_is_not_sampled_is_not_carried(scheduler: Scheduler) -> None:
    traced, recorder = Traced(sampler=ALWAYS_OFF), Recorder()
    with instrument(scheduler, spans=True, propagate=True, tracer_provider=traced.provider):
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)
    assert recorder.runs[0].trace is None
    traced.provider.shutdown()


async def test_a_failed_run_and_a_failed_call_are_errors_and_a_retry_is_none(
    scheduler: Scheduler, traced: Traced, namespace: str
) -> None:
    async def work(data: str) -> None:
        raise Retry(after=HOUR) if data == "later" else ValueError("it does not work")

    with instrument(scheduler, spans=True, tracer_provider=traced.provider):
        await scheduler.assign_tasks([IntervalTask("a", "bad"), IntervalTask("b", "later")])
        await scheduler.start_task_execute(work)
        await until(lambda: len(traced.named(f"process {namespace}")) == 2, DEADLINE_SECONDS)
        with pytest.raises(TypeError):
            await scheduler.assign_task("no task")  # type: ignore[arg-type]
    by_id = {(span.attributes or {})["messaging.message.id"]: span for span in traced.named(f"process {namespace}")}
    assert by_id["a"].status.status_code is StatusCode.ERROR
    assert (by_id["a"].attributes or {})["error.type"] == "ValueError"
    assert [event.name for event in by_id["a"].events] == ["exception"]
    assert by_id["b"].status.status_code is StatusCode.UNSET
    assert [span.status.status_code for span in traced.named(f"create {namespace}")] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
    ]
    assert scheduler.counts().partitions[0].failures == 1


async def test_a_run_that_is_cut_short_ends_its_span(scheduler: Scheduler, traced: Traced, namespace: str) -> None:
    async def work(_: str) -> None:
        await asyncio.sleep(HOUR)  # until it is cut short

    with instrument(scheduler, spans=True, tracer_provider=traced.provider):
        await scheduler.assign_task(IntervalTask("a", every=HOUR))
        await scheduler.start_task_execute(work)
        await until(lambda: scheduler.counts().places_used)
        await scheduler.stop_task_execute(drain_seconds=0)
    [span] = traced.named(f"process {namespace}")
    assert (span.attributes or {})["error.type"] == "CancelledError"


async def test_undone_while_it_executes_there_are_no_more(scheduler: Scheduler, traced: Traced, namespace: str) -> None:
    recorder = Recorder()
    spans = instrument(scheduler, spans=True, tracer_provider=traced.provider)
    await scheduler.assign_task(IntervalTask("a"))
    await scheduler.start_task_execute(recorder)
    await until(lambda: traced.named(f"process {namespace}"), DEADLINE_SECONDS)
    spans.undo()
    await scheduler.assign_task(IntervalTask("b"))
    await recorder.ran(2)
    assert (len(traced.named(f"process {namespace}")), len(traced.named(f"create {namespace}"))) == (1, 1)


async def test_spans_are_refused_while_it_executes(scheduler: Scheduler, traced: Traced) -> None:
    mail = scheduler.queue("mail")
    for each in (mail, scheduler):
        await each.start_task_execute(Recorder())
        with pytest.raises(AlreadyExecuting, match="instrument it with spans before"):
            instrument(scheduler, spans=True, tracer_provider=traced.provider)
    instrument(scheduler, tracer_provider=traced.provider).undo()


async def test_a_blocking_scheduler_has_spans_too(url: str, traced: Traced, namespace: str) -> None:
    done = threading.Event()

    def work(_: str) -> None:
        if trace.get_current_span().get_span_context().is_valid:
            done.set()

    def use() -> None:
        blocking = BlockingScheduler.from_url(url, namespace=namespace)
        with instrument(blocking, spans=True, propagate=True, tracer_provider=traced.provider), blocking:
            blocking.start_task_execute(work)
            blocking.assign_task(IntervalTask("a"))
            assert done.wait(DEADLINE_SECONDS)

    await asyncio.to_thread(use)
    assert [len(span.links) for span in traced.named(f"process {namespace}")] == [1]


async def test_a_foreign_text_is_no_link(scheduler: Scheduler, traced: Traced, namespace: str) -> None:
    off = scheduler.around_assigns(lambda _: contextlib.nullcontext("no-traceparent"))
    await scheduler.assign_task(IntervalTask("a"))
    off()
    with instrument(scheduler, spans=True, tracer_provider=traced.provider):
        await scheduler.start_task_execute(Recorder())
        await until(lambda: traced.named(f"process {namespace}"), DEADLINE_SECONDS)
    assert traced.named(f"process {namespace}")[0].links == ()
