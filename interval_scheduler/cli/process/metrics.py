"""The text of `/metrics`, in the format of Prometheus. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

_PREFIX: Final = "interval_scheduler_"
#: The metrics of each partition of a queue, and where `PartitionOverview` has them.
_COUNTS: Final = (
    ("tasks_waiting", "waiting", "Waiting tasks."),
    ("tasks_leased", "leased", "Tasks that run, or are about to."),
    ("tasks_paused", "paused", "Paused tasks."),
    ("tasks_dead", "dead", "Dead tasks."),
    ("tasks_failing", "failing", "Tasks whose last run failed and that go on."),
    ("tasks_due", "due", "Tasks that are due now."),
)
#: All of a `PartitionOverview` that is needed here.
FIELDS: Final = ("name", "online", "oldest_due", "server_time", *(key for _, key, _ in _COUNTS))
_RUNS: Final = (
    ("runs_total", "runs", "counter", "Runs that have ended in the process."),
    ("run_failures_total", "failures", "counter", "Runs that have failed in the process."),
    ("runs_in_progress", "running", "gauge", "Runs in progress in the process."),
    ("places", "places", "gauge", "The most calls of executors at once in the process."),
)


class ProcessFigures(NamedTuple):
    """One process, and its figures."""

    number: int
    state: str
    figures: Mapping[str, Any] | None
    """Its answer; `None`: it did not answer."""


def metrics_text(processes: Sequence[ProcessFigures], starts: Mapping[int, int], deaths: Mapping[int, int]) -> str:
    """Return the metrics of all processes.

    Args:
        processes: the processes that there are.
        starts: how many processes were started in each place.
        deaths: how many of them ended without being asked to.
    """
    states = Counter({"starting": 0, "up": 0, "ending": 0})
    states.update(each.state for each in processes)
    lines = [
        *_metric("processes", "gauge", "Worker processes by state.", [({"state": k}, v) for k, v in states.items()]),
        *_metric("processes_wanted", "gauge", "Worker processes that should be up.", [({}, len(starts))]),
        *_metric("process_starts_total", "counter", "Processes that were started.", _by_process(starts)),
        *_metric(
            "process_deaths_total", "counter", "Processes that ended without being asked to.", _by_process(deaths)
        ),
    ]
    counted = {
        each.number: each.figures["runs"]
        for each in processes
        if each.state == "up" and each.figures and each.figures["runs"]
    }
    for name, key, kind, words in _RUNS:
        lines += _metric(name, kind, words, _by_process({number: runs[key] for number, runs in counted.items()}))
    lines += _of_queues(next((each.figures["queues"] for each in processes if each.figures), {}))
    return "\n".join(lines) + "\n"


def _of_queues(queues: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return the metrics of the schedule, which all processes see alike; so the answer of one is enough."""
    rows = [
        ({"queue": queue, "partition": partition["name"]}, partition)
        for queue, partitions in queues.items()
        for partition in partitions
    ]
    online = [(labels, int(partition["online"])) for labels, partition in rows]
    seen = [(labels, partition) for labels, partition in rows if partition["online"]]
    lines = _metric("partition_online", "gauge", "1 if the partition can be reached.", online)
    for name, key, words in _COUNTS:
        lines += _metric(name, "gauge", words, [(labels, partition[key]) for labels, partition in seen])
    late = [(labels, _lateness(partition)) for labels, partition in seen]
    return lines + _metric("oldest_due_seconds", "gauge", "How long the oldest task that is due has waited.", late)


def _lateness(partition: Mapping[str, Any]) -> float:
    oldest, now = partition["oldest_due"], partition["server_time"]
    return 0.0 if oldest is None or now is None else max(0.0, now - oldest)


def _by_process(counts: Mapping[int, int]) -> list[tuple[dict[str, str], int]]:
    return [({"process": str(number)}, count) for number, count in sorted(counts.items())]


def _metric(name: str, kind: str, words: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> list[str]:
    lines = [f"{_PREFIX}{name}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return [f"# HELP {_PREFIX}{name} {words}", f"# TYPE {_PREFIX}{name} {kind}", *lines] if lines else []


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
