"""The instruments of a meter provider, made once; every instrumented scheduler adds to them."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from .. import InvalidValue, RunSample, __version__
from . import names
from .names import destination
from .rows import Row, together
from .source import AnyScheduler, Source

_log = logging.getLogger("interval_scheduler")
#: The ends of the classes, in seconds.
_DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_LAGS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0)


class Meters:
    """The instruments, and the schedulers that they tell of.

    Args:
        meter: makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        self._sources: list[Source] = []
        self._changing = threading.Lock()
        self._failed: set[str] = set()
        for name, metric in names.OBSERVABLE.items():
            make: Any = meter.create_observable_counter if metric.kind == "counter" else meter.create_observable_gauge
            make(name, [functools.partial(self._observe, name)], metric.unit, metric.description)
        self._duration = meter.create_histogram(
            names.DURATION, "s", "How long runs took, of a sample.", explicit_bucket_boundaries_advisory=_DURATIONS
        )
        self._lag = meter.create_histogram(
            names.LAG, "s", "How late runs started, of a sample.", explicit_bucket_boundaries_advisory=_LAGS
        )

    def add(self, source: Source) -> None:
        """Tell of one more scheduler.

        Raises:
            InvalidValue: its runs are told already.
        """
        added = source.scheduler
        with self._changing:
            for each in self._sources:
                known = each.scheduler
                if known is not None and added is not None and (_covers(known, added) or _covers(added, known)):
                    raise InvalidValue(
                        "scheduler", "is instrumented already, by itself or with its namespace: undo that first"
                    )
            self._sources = [*(each for each in self._sources if each.scheduler is not None), source]

    def remove(self, source: Source) -> None:
        """Tell of a scheduler no more."""
        with self._changing:
            self._sources = [each for each in self._sources if each is not source]

    def record(self, samples: Iterable[RunSample]) -> None:
        """Put a sample of runs into the histograms."""
        for sample in samples:
            attributes = dict(
                destination(sample.namespace, sample.partition, (names.OUTCOME, sample.outcome)),
            )
            self._duration.record(sample.duration, attributes)
            del attributes[names.OUTCOME]
            self._lag.record(max(0.0, sample.lag), attributes)

    def _observe(self, name: str, _: CallbackOptions) -> Iterator[Observation]:
        rows = [row for source in self._sources for row in self._rows(source)]
        for attributes, value in together(name, rows).items():
            yield Observation(value, dict(attributes))

    def _rows(self, source: Source) -> list[Row]:
        try:
            return source.rows()
        except Exception as error:  # noqa: BLE001 - what is wrong with one scheduler takes no metric from the others
            if (kind := type(error).__name__) not in self._failed:
                self._failed.add(kind)
                _log.error("the metrics of a scheduler cannot be read: %s", error, exc_info=error)
            return []


_known: WeakKeyDictionary[MeterProvider, Meters] = WeakKeyDictionary()
_global: list[Meters] = []
_making = threading.Lock()


def meters_of(provider: MeterProvider | None) -> Meters:
    """Return the instruments of a provider; `None`: of the global one, also if that is set only later."""
    with _making:
        if provider is None:
            if not _global:
                _global.append(Meters(metrics.get_meter(names.SCOPE, __version__)))
            return _global[0]
        if provider not in _known:
            _known[provider] = Meters(provider.get_meter(names.SCOPE, __version__))
        return _known[provider]


def _covers(one: AnyScheduler, other: AnyScheduler) -> bool:
    """Tell if a scheduler is another one, or has it as a queue."""
    return one is other or any(one.queue(name) is other for name in one.counts().queues)
