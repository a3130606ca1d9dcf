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
from .past import Past
from .rows import Row, Series, together
from .source import Source

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
        # Both in one, so that a reader in another thread never sees a source in both or in none of them.
        self._told: tuple[tuple[Source, ...], Past] = (), Past()
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
        with self._changing:
            sources, past = self._told
            if any(each.overlaps(source) for each in sources):
                raise InvalidValue(
                    "scheduler", "is instrumented already, by itself or with its namespace: undo that first"
                )
            gone = [each for each in sources if each.scheduler is None]
            for each in gone:
                past = past.with_ended(each)
            self._rows(source)
            there = (each for each in sources if each not in gone)
            self._told = (*there, source), past.without(source.counters, source)

    def remove(self, source: Source) -> None:
        """Tell of a scheduler no more; what it counted stays in the sums of others."""
        with self._changing:
            sources, past = self._told
            if source in sources:  # else its scheduler is gone, and was found so
                self._rows(source)
                self._told = tuple(each for each in sources if each is not source), past.with_ended(source)

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
        sources, past = self._told
        rows: list[Row] = []
        before: list[dict[Series, float]] = [past.values()]
        for source in sources:
            read = self._rows(source)
            if read is None:  # gone, or wrong: what it counted stays in the sums of others
                before.append(source.counters)
            else:
                rows += read
        for attributes, value in together(name, rows).items():
            yield Observation(value + sum(each.get((name, attributes), 0) for each in before), dict(attributes))

    def _rows(self, source: Source) -> list[Row] | None:
        try:
            return source.rows()
        except Exception as error:  # noqa: BLE001 - what is wrong with one scheduler takes no metric from the others
            if (kind := type(error).__name__) not in self._failed:
                self._failed.add(kind)
                _log.error("the metrics of a scheduler cannot be read: %s", error, exc_info=error)
            return None


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
