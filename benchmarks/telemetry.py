"""What telemetry costs: runs a second with it and without, in windows that take turns within one process.

`python -m benchmarks.telemetry [PAIRS [KIND ...]]`. One scheduler works all the time on tasks that are due again before
all of them have run, on one private Redis. In a window of two seconds telemetry is on, in the one before or after it,
which is drawn, it is off: so nothing differs but telemetry, and what drifts in minutes (the machine, the memory of
Redis) meets both alike. A ratio is the median over the pairs, told with an interval of confidence of 95 %, by the
order of the pairs' ratios (Conover, "Practical Nonparametric Statistics", the section on quantiles).
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

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

_TASKS: Final = 50_000
#: Each task is due again before all of them have run: a worker is never without work.
_EVERY: Final = 0.1
_WINDOW: Final = 2.0
#: Runs before a window that do not count: what telemetry does at its start is no cost of a run.
_WARM: Final = 20_000
KINDS: Final = ("metrics", "metrics and storage", "spans", "spans and propagate")


class Window(NamedTuple):
    """What a run took in a window, µs: elapsed, and of processor time here and in Redis."""

    elapsed: float
    own: float
    server: float


@contextmanager
def telemetry(scheduler: Scheduler, kind: str) -> Iterator[None]:
    """Instrument a scheduler, with metrics that are read in each window; spans are kept for nobody."""
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
    while not over.wait(_WINDOW / 2):
        generate_latest(registry)
        clear()


async def _work(_: str) -> None:
    pass


async def _window(bench: Bench, scheduler: Scheduler, kind: str) -> Window:
    def runs() -> int:
        return scheduler.counts().partitions[0].runs

    with telemetry(scheduler, kind):
        first = runs()
        await scheduler.start_task_execute(_work)
        await until(lambda: runs() >= first + _WARM, 60)
        before, server, own, began = runs(), bench.cost(), time.process_time(), time.perf_counter()
        await asyncio.sleep(_WINDOW)  # the window itself
        elapsed, own = time.perf_counter() - began, time.process_time() - own
        count, spent = runs() - before, bench.cost() - server
        await scheduler.stop_task_execute()
    return Window(*(1e6 * each / count for each in (elapsed, own, spent.cpu)))


async def _measure(pairs: int, kind: str) -> list[tuple[Window, Window]]:
    """Windows with telemetry and without, in pairs."""
    found: list[tuple[Window, Window]] = []
    with Bench() as bench:
        async with Scheduler.from_url(*bench.urls, namespace="bench") as scheduler:
            with telemetry(scheduler, kind):  # so that tasks carry what `propagate` gives them
                await scheduler.assign_tasks(
                    IntervalTask(f"user:{n:06}", DATA, every=_EVERY, spread=False) for n in range(_TASKS)
                )
            gc.collect()
            gc.freeze()
            for number in range(-1, pairs):
                kinds = random.sample((kind, "off"), 2)
                windows = {each: await _window(bench, scheduler, each) for each in kinds}
                if number >= 0:  # the first pair loads what is used
                    found.append((windows[kind], windows["off"]))
                print(f"{kind}: pair {number + 1} of {pairs}", file=sys.stderr)
    return found


def _ratio(pairs: list[tuple[Window, Window]], place: int) -> str:
    ratios = sorted(on[place] / off[place] for on, off in pairs)
    # Of the sorted ratios, the median of all that might have been lies between these two in 95 of 100 cases.
    away = math.ceil(1.96 * math.sqrt(len(ratios)) / 2)
    middle = len(ratios) // 2
    low, high = ratios[max(0, middle - away)], ratios[min(len(ratios) - 1, middle + away)]
    return f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"


def main(pairs: int, kinds: Sequence[str]) -> None:
    print(
        f"| {pairs} pairs of {_WINDOW:.0f} s | without: elapsed, process, Redis; µs a run | elapsed | process | Redis |"
    )
    print("|---|---|---|---|---|")
    for kind in kinds:
        found = asyncio.run(_measure(pairs, kind))
        off = ", ".join(f"{statistics.median(each[place] for _, each in found):.2f}" for place in range(3))
        print(f"| {kind} | {off} |", " | ".join(_ratio(found, place) for place in range(3)), "|")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, sys.argv[2:] or KINDS)
