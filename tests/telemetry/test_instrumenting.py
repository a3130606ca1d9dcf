"""`instrument`: what it refuses, what it undoes, where its instruments come from, and what is imported."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidType, InvalidValue, Scheduler
from interval_scheduler.telemetry import instrument
from tests.architecture.source import MODULES
from tests.telemetry.collecting import DEADLINE_SECONDS, in_memory
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


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


async def test_nothing_is_left_if_a_step_fails(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("it does not work")

    recorder = Recorder()
    with in_memory() as (provider, collect):
        for step in ("around_assigns", "around_runs", "sample_runs"):
            with monkeypatch.context() as patched:
                patched.setattr(scheduler, step, fail if step != "sample_runs" else lambda *_: fail(None))
                with pytest.raises(RuntimeError, match="does not work"):
                    instrument(scheduler, spans=True, storage=True, meter_provider=provider)
            assert collect() == {}
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(recorder)
        await until(lambda: scheduler.counts().partitions[0].runs == 1, DEADLINE_SECONDS)
        await scheduler.stop_task_execute()  # which tells the histograms
        assert collect() == {}
        instrument(scheduler, spans=True, storage=True, meter_provider=provider).undo()


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
