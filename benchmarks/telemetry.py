"""What telemetry costs a worker: its processor time for each run, beside that of a worker without, in rounds.

`python -m benchmarks.telemetry [ROUNDS [KIND ...]]`. Each measurement is a worker in a process of its own, on a fresh
Redis. In a round each kind has its turn, in an order that is drawn, so that a noisy moment hits all of them. A ratio is
the median over the rounds of what the kind spends, beside what the worker without telemetry spends in the same round.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.bench import DATA, Bench, Worker, fill
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument

_COUNT: Final = 100_000
_DAY: Final = 86_400
KINDS: Final = ("metrics", "metrics and storage", "spans", "spans and propagate")


@contextmanager
def telemetry(scheduler: Scheduler, kind: str) -> Iterator[None]:
    """Instrument a scheduler, with metrics that are read every five seconds; spans are kept for nobody."""
    registry, over = CollectorRegistry(), threading.Event()
    meters, tracers = MeterProvider([PrometheusMetricReader(registry=registry)]), TracerProvider()
    exporter = InMemorySpanExporter()
    tracers.add_span_processor(BatchSpanProcessor(exporter))
    reader = threading.Thread(target=_scrape, args=(registry, exporter.clear, over))
    reader.start()
    spans = kind.startswith("spans")
    storage, propagate = kind.endswith("storage"), kind.endswith("propagate")
    try:
        with instrument(
            scheduler,
            spans=spans,
            propagate=propagate,
            storage=storage,
            meter_provider=meters,
            tracer_provider=tracers,
        ):
            yield
    finally:
        over.set()
        reader.join()
        tracers.shutdown()
        meters.shutdown()


def _scrape(registry: CollectorRegistry, clear: Callable[[], object], over: threading.Event) -> None:
    while not over.wait(5):
        generate_latest(registry)
        clear()


def _spent(kind: str) -> tuple[float, float]:
    """Microseconds of processor time for each run, of the worker and of Redis."""
    with Bench() as bench:
        asyncio.run(_fill(bench, kind))
        worker, before = Worker(bench, **({} if kind == "off" else {"telemetry": kind})), bench.cost()
        worker.go()
        bench.wait_idle()
        spent = bench.cost() - before
        report = worker.stop()
    assert report["runs"] == _COUNT
    return 1e6 * report["cpu"] / _COUNT, 1e6 * spent.cpu / _COUNT


async def _fill(bench: Bench, kind: str) -> None:
    if not kind.endswith("propagate"):
        await fill(bench, _COUNT, every=_DAY)
        return
    async with bench.scheduler() as scheduler:
        with telemetry(scheduler, kind):
            await scheduler.assign_tasks(IntervalTask(f"user:{n:06}", DATA, every=_DAY) for n in range(_COUNT))


def main(rounds: int, kinds: Sequence[str]) -> None:
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ("off", *kinds)}
    for number in range(rounds):
        for kind in random.sample(list(found), len(found)):
            found[kind].append(_spent(kind))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    print(f"| {rounds} rounds of {_COUNT:,} runs | worker, µs a run | ratio | Redis, µs a run | ratio |")
    print("|---|---|---|---|---|")
    for kind, figures in found.items():
        row = [f"| {kind} "]
        for place in (0, 1):
            own, off = [each[place] for each in figures], [each[place] for each in found["off"]]
            ratio = statistics.median(one / other for one, other in zip(own, off, strict=True))
            row.append(f"| {statistics.median(own):.1f} | {ratio:.3f} ")
        print("".join(row) + "|")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11, sys.argv[2:] or KINDS)
