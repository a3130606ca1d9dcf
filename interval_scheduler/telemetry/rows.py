"""Rows of metrics, from what a scheduler counted and from what Redis has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .. import Counts, Overview, PartitionCounts
from . import names
from .names import Attributes, destination

#: A metric and the attributes of one of its series.
Series = tuple[str, Attributes]


class Row(NamedTuple):
    """The value of one series of a metric."""

    metric: str
    attributes: Attributes
    value: float


def rows_of(counts: Counts) -> Iterator[Row]:
    """Yield what a scheduler and its queues counted; a partition without a connection is neither online nor offline."""
    of_all = destination(counts.namespace)
    yield Row(names.SENT, of_all, counts.assigned)
    yield Row(names.LOOP_BLOCKED, of_all, counts.loop_blocked)
    yield Row(names.PLACES_USED, of_all, counts.places_used)
    yield Row(names.PLACES_LIMIT, of_all, counts.places)
    for partition in counts.partitions:
        yield from _of_partition(counts.namespace, partition)
    for queue in counts.queues.values():
        yield from rows_of(queue)


def _of_partition(namespace: str, counts: PartitionCounts) -> Iterator[Row]:
    place = destination(namespace, counts.name)
    yield Row(names.CONSUMED, place, counts.runs)
    for outcome, number in (
        ("ok", counts.runs - counts.failures - counts.postponed),
        ("failed", counts.failures - counts.timeouts),
        ("timed out", counts.timeouts),
        ("postponed", counts.postponed),
        ("crashed", counts.crashed),
        ("skipped", counts.skipped),
        ("handed back", counts.handed_back),
    ):
        yield Row(names.RUNS, destination(namespace, counts.name, (names.OUTCOME, outcome)), number)
    yield Row(names.LEASES_LOST, place, counts.lost_leases)
    yield Row(names.CLOCK_JUMPS, place, counts.clock_jumps)
    if counts.online is not None:
        yield Row(names.ONLINE, place, int(counts.online))


def rows_of_storage(namespace: str, overview: Overview, schedulers: int, demand: float | None) -> Iterator[Row]:
    """Yield what Redis has; nothing of partitions that could not be reached."""
    for partition in overview.partitions:
        if not partition.online:
            continue
        place = destination(namespace, partition.name)
        for state in ("waiting", "leased", "paused", "dead", "failing"):
            attributes = destination(namespace, partition.name, (names.STATE, state))
            yield Row(names.TASKS, attributes, getattr(partition, state))
        yield Row(names.DUE, place, partition.due)
        oldest, now = partition.oldest_due, partition.server_time
        age = 0.0 if oldest is None or now is None else max(0.0, now - oldest)
        yield Row(names.DUE_AGE, place, age)
    yield Row(names.SCHEDULERS, destination(namespace), schedulers)
    if demand is not None:
        yield Row(names.DEMAND, destination(namespace), demand)


def together(metric: str, rows: Iterable[Row]) -> dict[Attributes, float]:
    """Put the rows of one metric together: schedulers of the same namespace in one process are one series."""
    found: dict[Attributes, float] = {}
    put = min if names.OBSERVABLE[metric].together == "least" else _add
    for row in rows:
        if row.metric == metric:
            before = found.get(row.attributes)
            found[row.attributes] = row.value if before is None else put(before, row.value)
    return found


def _add(one: float, other: float) -> float:
    return one + other
