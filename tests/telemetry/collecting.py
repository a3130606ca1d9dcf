"""Collects metrics as exporters do: by the SDK in memory, and by Prometheus over HTTP."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import free_port

#: The patience with a machine that has much else to do.
DEADLINE_SECONDS = 60


class Sample(NamedTuple):
    """One line of a scrape."""

    name: str
    labels: dict[str, str]
    value: float


class Scrape(list[Sample]):
    """What one scrape told."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        super().__init__(Sample(each.name, each.labels, each.value) for family in families for each in family.samples)
        self.text = text

    def values(self, name: str, **labels: str) -> list[float]:
        """The values of a metric with these labels among others."""
        return [each.value for each in self if each.name == name and labels.items() <= each.labels.items()]

    def total(self, name: str, **labels: str) -> float:
        return sum(self.values(name, **labels))


def of_namespace(namespace: str) -> dict[str, str]:
    return {"messaging_destination_name": namespace}


def scraped(port: int) -> Scrape:
    """Scrape a process at a port of loopback."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_SECONDS) as answer:
        return Scrape(answer.read().decode())


@contextmanager
def prometheus() -> Iterator[tuple[MeterProvider, Callable[[], Scrape]]]:
    """A provider whose metrics are served over HTTP, by a thread, and what scrapes them."""
    registry, port = CollectorRegistry(), free_port()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)])
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        yield provider, lambda: scraped(port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        provider.shutdown()


@contextmanager
def in_memory() -> Iterator[tuple[MeterProvider, Callable[[], dict[str, Metric]]]]:
    """A provider, and what collects its metrics by name."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])

    def collect() -> dict[str, Metric]:
        data = reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    try:
        yield provider, collect
    finally:
        provider.shutdown()


def points(metric: Metric) -> dict[tuple[Any, ...], Any]:
    """The values of a metric, or the counts of a histogram, by the values of their attributes but the first."""
    return {
        tuple(value for key, value in sorted((point.attributes or {}).items()) if key != "messaging.system"): getattr(
            point, "value", getattr(point, "count", None)
        )
        for point in metric.data.data_points
    }


#: A name of ours in an expression of PromQL.
NAMES = re.compile(r"\b(?:interval_scheduler|messaging)_\w+")
