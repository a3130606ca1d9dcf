"""The names of metrics and attributes, as exporters get them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

SCOPE: Final = "interval_scheduler"

SYSTEM: Final = "messaging.system"
DESTINATION: Final = "messaging.destination.name"
PARTITION: Final = "messaging.destination.partition.id"
OUTCOME: Final = "interval_scheduler.outcome"
STATE: Final = "interval_scheduler.state"

#: The attributes of one series, as pairs, so that series can be told apart by them.
Attributes = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """An observable metric: how it is exported, and how the values of several schedulers are put together."""

    kind: Literal["counter", "gauge"]
    unit: str
    description: str
    together: Literal["sum", "least"] = "sum"


DURATION: Final = "messaging.process.duration"
LAG: Final = "interval_scheduler.run.lag"

CONSUMED: Final = "messaging.client.consumed.messages"
SENT: Final = "messaging.client.sent.messages"
RUNS: Final = "interval_scheduler.runs"
LEASES_LOST: Final = "interval_scheduler.leases.lost"
CLOCK_JUMPS: Final = "interval_scheduler.clock.jumps"
LOOP_BLOCKED: Final = "interval_scheduler.loop.blocked"
PLACES_USED: Final = "interval_scheduler.places.used"
PLACES_LIMIT: Final = "interval_scheduler.places.limit"
ONLINE: Final = "interval_scheduler.partition.online"
TASKS: Final = "interval_scheduler.tasks"
DUE: Final = "interval_scheduler.due"
DUE_AGE: Final = "interval_scheduler.due.age"
SCHEDULERS: Final = "interval_scheduler.schedulers"
DEMAND: Final = "interval_scheduler.demand"

#: The metrics that are read at export.
OBSERVABLE: Final[Mapping[str, Metric]] = {
    CONSUMED: Metric("counter", "{message}", "Runs that ended by themselves, well or not."),
    SENT: Metric("counter", "{message}", "Tasks that were assigned or updated."),
    RUNS: Metric("counter", "{run}", "Claimed tasks by what became of them."),
    LEASES_LOST: Metric("counter", "{lease}", "Runs that lost their lease, so that their tasks may have run twice."),
    CLOCK_JUMPS: Metric("counter", "{jump}", "Jumps of the clock of a partition's server."),
    LOOP_BLOCKED: Metric("counter", "{block}", "Times for which the event loop stood still and leases were in danger."),
    PLACES_USED: Metric("gauge", "{place}", "Calls of executors in progress."),
    PLACES_LIMIT: Metric("gauge", "{place}", "The most calls of executors at once."),
    # Not the unit "1": some exporters would call it a ratio.
    ONLINE: Metric("gauge", "", "1 if the partition can be reached, else 0.", "least"),
    TASKS: Metric("gauge", "{task}", "Tasks by state, as Redis has them."),
    DUE: Metric("gauge", "{task}", "Tasks that are due now."),
    DUE_AGE: Metric("gauge", "s", "How long the oldest task that is due has waited."),
    SCHEDULERS: Metric("gauge", "{scheduler}", "Schedulers that are alive."),
    DEMAND: Metric("gauge", "{run}/s", "Runs that come due in a second, estimated over the next hour."),
}


def destination(namespace: str, partition: str | None = None, *more: tuple[str, str]) -> Attributes:
    """Return the attributes of a series of a namespace, or of one of its partitions."""
    place = () if partition is None else ((PARTITION, partition),)
    return ((SYSTEM, SCOPE), (DESTINATION, namespace), *place, *more)
