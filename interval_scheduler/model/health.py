"""The health of a scheduler and of its partitions, as data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .wire import LATEST_MS

Code = Literal[
    "version",
    "role",
    "eviction",
    "persistence",
    "memory",
    "disk",
    "clock",
    "rights",
    "subscription",
    "replicas",
    "cluster",
    "hints",
    "keys",
    "loading",
    "data-lost",
    "claims",
    "stuck",
    "unworkable",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact about the server of a partition that its users should know.

    Attributes:
        code: the subject, for programs: `version`, `role`, `eviction`, `persistence`, `memory`, `disk`, `clock`,
            `rights`, `subscription`, `replicas`, `cluster`, `hints`, `keys`, `loading`,
            `data-lost`, `claims`, `stuck` or `unworkable`.
        severity: `"error"`: the partition must not be used in this state, or nothing can be claimed or assigned
            there; `"warning"`: it works, at a risk that the message names.
        message: a sentence for people, with the fact and the advice.
    """

    code: Code
    severity: Literal["error", "warning"]
    message: str


def hints_wait(partition: str, count: int) -> Finding:
    """Make the finding about a partition for which hints wait."""
    return Finding(
        "hints",
        "warning",
        f"{count:,} changes wait on the master for partition {partition!r}: they are applied once a scheduler with "
        "on_offline='hint' reaches it",
    )


def data_lost(partition: str, noticed_ms: int) -> Finding:
    """Make the finding about a partition that came back without its data, which nobody has acknowledged."""
    moment = dt.datetime.fromtimestamp(min(noticed_ms, LATEST_MS) / 1000, dt.UTC)  # anybody may have written it
    return Finding(
        "data-lost",
        "warning",
        f"partition {partition!r} came back without its data, which was noticed at {moment:%Y-%m-%d %H:%M:%S} UTC: its "
        "tasks are gone; assign them anew, for example with sync_tasks, then call acknowledge_data_loss",
    )


def wrong_keys(partition: str, problem: str) -> Finding:
    """Make the finding about keys of a partition that another program wrote."""
    return Finding("keys", "error", f"partition {partition!r}: {problem}")


def claims_refused(problem: str) -> Finding:
    """Make the finding about a partition that refuses the claims of this scheduler; the problem names the partition."""
    return Finding("claims", "error", f"no tasks can be claimed: {problem}")


@dataclass(frozen=True, slots=True)
class PartitionHealth:
    """The health of one partition at the time of the check.

    Attributes:
        name: the name of the partition.
        online: True if the scheduler can reach it.
        round_trip: the time that the server took to run a script, in seconds; `None`: it did not answer.
        version: the version of its Redis; `None`: unknown.
        clock_difference: the server's clock minus this machine's, in seconds; `None`: unknown. Nothing depends on
            it but `execute_on` times that an application takes from its own clock.
        findings: the facts about it that its users should know.
        problem: the reason for which it cannot be reached or does not answer; `None`: it answers.
        used_memory: the memory that its Redis uses for all data that it has, in bytes; `None`: unknown.
        memory_limit: the most that its Redis may use (`maxmemory`), in bytes; `None`: it has none, or it is unknown.
    """

    name: str
    online: bool
    round_trip: float | None
    version: str | None
    clock_difference: float | None
    findings: tuple[Finding, ...]
    problem: str | None
    used_memory: int | None = None
    memory_limit: int | None = None

    @property
    def ok(self) -> bool:
        """True if the partition can be used: it is online, answers, and has no finding that is an error."""
        return self.online and self.problem is None and not any(each.severity == "error" for each in self.findings)


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a scheduler; truthy if all is well.

    Attributes:
        connected: True if it is connected; if not, `partitions` is empty.
        accepting: True if it accepts tasks.
        executing: True if it executes tasks.
        partitions: the health of each partition, in the order of the options.
        findings: the facts about the scheduler itself: `stuck`, if no run can be started and none ends; `unworkable`,
            if tasks came whose next run it cannot work out.
        stopped: the error that ended the execution of tasks or the connection without being asked to; `None`: none did.
            Of a queue that this process does not use, also the reason why it cannot be looked at.
        queues: the health of each queue of the namespace, also of those that this process does not use; empty for a
            queue. One that is not well makes the whole not well.
    """

    connected: bool
    accepting: bool
    executing: bool
    partitions: tuple[PartitionHealth, ...]
    findings: tuple[Finding, ...] = ()
    stopped: str | None = None
    queues: Mapping[str, Health] = field(default_factory=dict, hash=False)

    @property
    def ok(self) -> bool:
        """True if the scheduler is connected, its partitions and queues can be used, and no execution ended unasked."""
        return (
            self.connected
            and self.stopped is None
            and all(partition.ok for partition in self.partitions)
            and all(queue.ok for queue in self.queues.values())
        )

    def __bool__(self) -> bool:
        return self.ok
