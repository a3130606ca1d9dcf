"""`instrument`: turns the metrics and spans of a scheduler on."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from .. import AlreadyExecuting, BlockingScheduler, InvalidType, InvalidValue, Scheduler, __version__
from . import names
from .meters import meters_of
from .source import AnyScheduler, Source
from .spans import Spans
from .stored import Stored

_MOST_SAMPLES = 10_000


class Instrumentation:
    """The metrics and spans of a scheduler, until `undo()` or the end of a `with` block.

    Args:
        steps: undo it.
    """

    def __init__(self, steps: ExitStack) -> None:
        self._steps = steps
        self._undoing = threading.Lock()

    def undo(self) -> None:
        """Turn the metrics and spans off; do nothing if they are off. It may be called in any thread."""
        with self._undoing:
            steps, self._steps = self._steps, ExitStack()
        steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()


def instrument(
    scheduler: AnyScheduler,
    *,
    spans: bool = False,
    propagate: bool = False,
    storage: bool = False,
    sample: int = 200,
    meter_provider: MeterProvider | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Instrumentation:
    """Turn the metrics of a scheduler on, and of all queues of its namespace that this process asks for.

    It holds however often the scheduler is closed and connected. The scheduler is not kept: once the application has
    dropped it, its metrics end.

    Args:
        scheduler: a `Scheduler` or a `BlockingScheduler`, connected or not; that of a namespace, or of a queue alone.
        spans: true for a span around each run, and one around each call that assigns tasks. Default False.
        propagate: true to have tasks carry the span that assigned them, so that the spans of their runs link to it;
            needs `spans`. It takes 57 bytes of each task in Redis. Default False.
        storage: true for the metrics that are read from Redis, every ten seconds, by one process of all that ask for
            them. Default False.
        sample: the most runs a second, of the namespace and of each queue, that are put into the histograms, from 1 to
            10,000. Default 200.
        meter_provider: where the instruments come from. Default: the global provider, also if it is set later.
        tracer_provider: where spans come from. Default: likewise.

    Returns:
        What turns it off again, by `undo()` or as a context manager.

    Raises:
        InvalidType, InvalidValue: a bad argument, or the scheduler is instrumented already; the message names it.
        AlreadyExecuting: with `spans`, the scheduler or a queue of it executes tasks; their runs would have none.
    """
    _check(scheduler, spans=spans, propagate=propagate, storage=storage, sample=sample)
    with ExitStack() as steps:  # undone if one of them fails
        stored = Stored(scheduler) if storage and isinstance(scheduler, Scheduler) else None
        if stored is not None:
            steps.callback(stored.end)
        source = Source(scheduler, list if stored is None else stored.rows)
        meters = meters_of(meter_provider)
        meters.add(source)
        steps.callback(meters.remove, source)
        steps.callback(scheduler.sample_runs(meters.record, sample))
        if spans:
            hooks = Spans(trace.get_tracer(names.SCOPE, __version__, tracer_provider), propagate=propagate)
            steps.callback(scheduler.around_runs(hooks.around_runs))
            steps.callback(scheduler.around_assigns(hooks.around_assigns))
        return Instrumentation(steps.pop_all())


def _executes(scheduler: AnyScheduler) -> bool:
    """Tell if a scheduler executes tasks, or one of its queues does."""
    return scheduler.executing_tasks or any(queue.places for queue in scheduler.counts().queues.values())


def _check(scheduler: object, *, spans: object, propagate: object, storage: object, sample: object) -> None:
    if not isinstance(scheduler, Scheduler | BlockingScheduler):
        kind = type(scheduler).__name__
        raise InvalidType("scheduler", f"must be a Scheduler or a BlockingScheduler, not {kind}")
    for name, value in (("spans", spans), ("propagate", propagate), ("storage", storage)):
        if not isinstance(value, bool):
            raise InvalidType(name, f"must be True or False, not {type(value).__name__}")
    if isinstance(sample, bool) or not isinstance(sample, int):
        raise InvalidType("sample", f"must be a whole number, not {type(sample).__name__}")
    if not 1 <= sample <= _MOST_SAMPLES:
        raise InvalidValue("sample", f"must be from 1 to {_MOST_SAMPLES}, got {sample}")
    if propagate and not spans:
        raise InvalidValue("propagate", "needs spans=True: without a span there is nothing to carry")
    if storage and isinstance(scheduler, BlockingScheduler):
        raise InvalidValue("storage", "needs a Scheduler: what Redis has is read in an event loop of the application")
    if spans and _executes(scheduler):
        raise AlreadyExecuting("the scheduler executes tasks already: instrument it with spans before it does")
