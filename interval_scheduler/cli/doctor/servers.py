"""Judges the servers of the partitions: their health, their clocks, and what Redis refuses. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ... import (
    Health,
    PartitionHealth,
    PartitionMismatch,
    PartitionOffline,
    SchedulerError,
    StorageError,
    StorageRefused,
    UnknownNamespace,
    UnsuitableServer,
)
from ..options.durations import duration_text
from .diagnosis import Diagnosis
from .gather import Unread

#: Clocks of two partitions count as different from here on, and as a problem from there on, seconds.
_CLOCKS_DIFFER: Final = 1.0
_CLOCKS_MISLEAD: Final = 60.0

_START_IT: Final = "Start the server, or look at the network between; schedulers come back to it by themselves."
_RIGHTS: Final = "Grant the rights of the page Guarantees, Security; to read alone, those of Looking without touching."
_LOGIN: Final = "Look at the user and the password in the URL, and at the users of the server: ACL LIST."
#: The kind and the advice by the code of a refusal.
_REFUSALS: Final[Mapping[str | None, tuple[str, str]]] = {
    "NOPERM": ("rights", _RIGHTS),
    "NOAUTH": ("login", _LOGIN),
    "WRONGPASS": ("login", _LOGIN),
}
_ADVICE: Final[Mapping[str, str]] = {
    "version": "Install Redis 6.2 or newer there, or Valkey.",
    "role": "Give the URL of the primary, or redis+sentinel:// so that it is followed.",
    "eviction": "CONFIG SET maxmemory-policy noeviction, and write it into the server's configuration.",
    "persistence": "CONFIG SET appendonly yes, and write it into the server's configuration.",
    "memory": "Raise maxmemory, or remove tasks; dead ones with: interval-scheduler dead clear.",
    "disk": "Make room on the disk of the server, and look at its log.",
    "clock": "Synchronize the clocks of the server and of this machine, as by NTP.",
    "rights": _RIGHTS,
    "replicas": "Bring the replicas back, or lower wait_replicas, or min-replicas-to-write.",
    "cluster": "Give the URL of the cluster: redis+cluster://host:port,...",
    "hints": "Keep a scheduler with on_offline='hint' running: it applies them once the partition is back.",
    "keys": "Find out which program wrote the key, rename or delete it, then run: interval-scheduler audit --repair.",
    "loading": "Wait: it comes back by itself when it has read its data.",
    "data-lost": "Assign its tasks anew, for example with sync_tasks, then call acknowledge_data_loss.",
}


def refused(error: SchedulerError) -> Diagnosis:
    """Turn an error that kept the doctor from connecting into a diagnosis."""
    partition = error.partition if isinstance(error, StorageError) else None
    kind, advice = _meaning(error)
    return Diagnosis(kind, "problem", _sentence(str(error)), advice, partition)


def judge_servers(health: Health) -> list[Diagnosis]:
    """Judge the servers of a namespace, and of its queues as far as theirs tells something else."""
    found = [*_partitions(health.partitions, None), *_clocks(health.partitions)]
    known = {(each.kind, each.partition) for each in found}
    for name, queue in health.queues.items():
        if queue.stopped is not None:
            fact = f"Queue {name!r} cannot be looked at: {queue.stopped}."
            found.append(
                Diagnosis("unread", "problem", fact, "Look at the rights of this user for the queue.", None, name)
            )
        found += [each for each in _partitions(queue.partitions, name) if (each.kind, each.partition) not in known]
    return found


def judge_unread(unread: Iterable[Unread], offline: set[str]) -> list[Diagnosis]:
    """Judge the calls that failed, one diagnosis for each kind; a partition that is known to be offline is told."""
    found: dict[tuple[str, str | None, str | None], Diagnosis] = {}
    for each in unread:
        partition = each.error.partition if isinstance(each.error, StorageError) else None
        if isinstance(each.error, PartitionOffline) and partition in offline:
            continue
        kind, advice = _meaning(each.error)
        fact = f"Reading {each.what} failed: {_sentence(str(each.error))}"
        found.setdefault((kind, partition, each.queue), Diagnosis(kind, "problem", fact, advice, partition, each.queue))
    return list(found.values())


def _partitions(partitions: Iterable[PartitionHealth], queue: str | None) -> Iterable[Diagnosis]:
    for each in partitions:
        for finding in each.findings:
            yield Diagnosis(
                finding.code,
                "problem" if finding.severity == "error" else "warning",
                _sentence(finding.message),
                _ADVICE.get(finding.code, "Look at the page Health and audit."),
                each.name,
                queue,
            )
        if each.problem is not None and not any(finding.severity == "error" for finding in each.findings):
            yield Diagnosis("offline", "problem", _sentence(each.problem), _START_IT, each.name, queue)


def _clocks(partitions: Iterable[PartitionHealth]) -> Iterable[Diagnosis]:
    """Compare the clocks of the servers with each other: tasks of each run by its own."""
    known = [
        (each.clock_difference, (each.round_trip or 0.0) / 2, each.name)
        for each in partitions
        if each.clock_difference is not None
    ]
    if len(known) < 2:
        return
    # A clock was read at some moment of its round trip, which is long where a machine is busy: it may be half of that
    # earlier or later. Those two are told that differ most for certain.
    least, earlier, behind = min(known, key=lambda clock: clock[0] + clock[1])
    most, later, ahead = max(known, key=lambda clock: clock[0] - clock[1])
    if most - later - (least + earlier) > _CLOCKS_DIFFER:
        yield Diagnosis(
            "clocks",
            "problem" if most - least > _CLOCKS_MISLEAD else "warning",
            f"The clock of partition {ahead!r} is {duration_text(round(most - least, 1))} ahead of that of {behind!r}: "
            "tasks that should run at the same time do not.",
            "Synchronize the clocks of the servers, as by NTP; then run an audit, since tasks may rest for as long.",
            ahead,
        )


def _meaning(error: SchedulerError) -> tuple[str, str]:
    if isinstance(error, StorageRefused):
        return _REFUSALS.get(error.code, ("refused", _RIGHTS))
    if isinstance(error, PartitionMismatch):
        return "list", "Give the list of partitions that the workers have, with the same names and in the same order."
    if isinstance(error, UnsuitableServer):
        return "unsuitable", "Do what it says. The pages Health and audit, and No server at hand, say what is needed."
    if isinstance(error, UnknownNamespace):
        return "namespace", "Look at the spelling of -n and --queue, and at the host and the number of the database."
    if isinstance(error, PartitionOffline):
        return "offline", _START_IT
    return "unread", "Run the doctor again; if it stays, look at the error with --debug."


def _sentence(text: str) -> str:
    """Make a message a sentence, without the advice of a call that changes something."""
    text = text.removesuffix(": nothing was changed, try again later")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
