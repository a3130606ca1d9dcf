"""What telemetry costs: processor time for each run, beside that without, in interleaved rounds.

`python -m benchmarks.telemetry [ROUNDS [KIND ...]]`. All kinds run in one process on one private Redis, so that nothing
differs but telemetry; each has tasks of its own, which are all due. In a round each kind has its turn, in an order that
is drawn. A ratio is the median over the rounds of what the kind spends, beside what is spent without in the same round.
The processor time of the process counts, threads that read metrics included: it hardly depends on what else is done.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.bench import DATA, Bench
from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument
from tests.waiting import until

_COUNT: Final = 100_000
_DAY: Final = 86_400
KINDS: Final = ("metrics", "metrics and storage", "spans", "spans and propagate")
_numbers = itertools.count()


@contextmanager
def telemetry(scheduler: Scheduler, kind: str) -> Iterator[None]:
    """Instrument a scheduler, with metrics that are read every five seconds; spans are kept for nobody."""
    if kind == "off":
        yield
        return
    registry, over = CollectorRegistry(), threading.Event()
    meters, tracers = MeterProvider([PrometheusMetricReader(registry=registry)]), TracerProvider(shutdown_on_exit=False)
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


async def _work(_: str) -> None:
    pass


async def _spent(bench: Bench, kind: str) -> tuple[float, float]:
    """Microseconds of processor time for each run, here and in Redis."""
    async with Scheduler.from_url(*bench.urls, namespace=f"bench-{next(_numbers)}") as scheduler:
        with telemetry(scheduler, kind):
            await scheduler.assign_tasks(IntervalTask(f"user:{n:06}", DATA, every=_DAY) for n in range(_COUNT))
            gc.collect()
            began, before = time.process_time(), bench.cost()
            await scheduler.start_task_execute(_work)
            await until(lambda: scheduler.counts().partitions[0].runs == _COUNT, 300)
            spent, server = time.process_time() - began, bench.cost() - before
            await scheduler.stop_task_execute()
        await scheduler.clear_all_tasks()
    return 1e6 * spent / _COUNT, 1e6 * server.cpu / _COUNT


async def _measure(rounds: int, kinds: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ("off", *kinds)}
    with Bench() as bench:
        for kind in found:
            await _spent(bench, kind)  # what is loaded at the first use is no cost of a run
        for number in range(rounds):
            for kind in random.sample(list(found), len(found)):
                found[kind].append(await _spent(bench, kind))
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found


def main(rounds: int, kinds: Sequence[str]) -> None:
    found = asyncio.run(_measure(rounds, kinds))
    print(f"| {rounds} rounds of {_COUNT:,} runs | process, µs a run | ratio | Redis, µs a run | ratio |")
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
