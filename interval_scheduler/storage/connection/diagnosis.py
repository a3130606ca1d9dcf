"""Turns the answers of a server into findings, and into errors if they forbid its use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ...errors import PartitionOffline, StorageError, StorageRefused, UnsuitableServer
from ...model.health import Code, Finding
from .failures import is_right

_OLDEST: Final = (6, 2)
_READING_SCRIPTS: Final = (7, 0)

#: A server with an error of one of these codes is not used. The other errors pass by themselves, or while it is used:
#: runs still end without memory, and reads work without a disk.
_FORBIDDING: Final = frozenset({"version", "role", "eviction", "rights", "cluster"})
#: The subject of the finding about a server that refuses writes, by the error of the write.
_REFUSALS: Final[Mapping[str, Code]] = {"MISCONF": "disk", "NOREPLICAS": "replicas"}

_ADVICE: Final[Mapping[Code, str]] = {
    "disk": "look at its disk and its log",
    "replicas": "bring its replicas back, or lower min-replicas-to-write",
    "role": "give the address of its primary, or look at its log",
}

#: Clocks count as different if they differ by more than this, seconds, plus the uncertainty of the round trip.
_CLOCK_TOLERANCE: Final = 1.0

#: Without one of these commands, only a part of the library fails, as told here. Without any other, tasks are at risk.
_SPARE_COMMANDS: Final = {
    "PUBLISH": "others notice nearer tasks only every check_tasks_every_seconds",
    "SADD": "sync_tasks fails",
    "SCARD": "sync_tasks fails",
    "SMISMEMBER": "sync_tasks fails",
    "HSCAN": "sync_tasks and audit fail",
    "ZSCAN": "audit fails",
}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The answers of a server.

    Attributes:
        info: the reply to `INFO`; `None` for the embedded engine, or if nothing was answered.
        saves: the reply to `CONFIG GET save`; `None` if this user may not ask.
        refused: the commands that the server refused when a script tried them, and the error of each.
        clock_difference: the server's clock minus this machine's, seconds; `None`: not measured.
        round_trip: the time of a script from request to reply, seconds; `None`: none was run.
    """

    info: Mapping[str, Any] | None = None
    saves: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    clock_difference: float | None = None
    round_trip: float | None = None

    @property
    def version(self) -> str | None:
        """The version of Redis, if it told."""
        return None if self.info is None else str(self.info.get("redis_version", "0"))

    @property
    def used_memory(self) -> int | None:
        """The memory that it uses, in bytes, if it told."""
        return _bytes_in(self.info, "used_memory")

    @property
    def memory_limit(self) -> int | None:
        """The most memory that it may use, in bytes; `None` if it has no limit, or did not tell."""
        return _bytes_in(self.info, "maxmemory")

    @property
    def knows_reading_scripts(self) -> bool:
        """True if the server has commands for scripts that only read, as Redis since 7.0."""
        return self.info is not None and _version_in(self.info) >= _READING_SCRIPTS

    def tried(self, refused: Mapping[str, str], clock_difference: float, round_trip: float) -> ServerFacts:
        """Return these facts, with the results of a script that tried all commands."""
        return replace(self, refused=refused, clock_difference=clock_difference, round_trip=round_trip)

    def database(self, db: int) -> str | None:
        """Return a text that tells one database of this server from every other; `None` if the server gave none."""
        return f"{self.info['run_id']}/{db}" if self.info and "run_id" in self.info else None


def diagnose(
    name: str, facts: ServerFacts, *, allow_eviction: bool, in_cluster: bool = False, wait_replicas: int = 0
) -> list[Finding]:
    """Turn the answers of a server into findings. Pure."""
    findings = list(_refusals(name, facts.refused))
    if facts.info is not None:  # the embedded engine has no INFO, and a test may move its clock
        findings += _identity(name, facts.info)
        if int(facts.info.get("cluster_enabled", 0)) and not in_cluster:
            problem = "is a node of a Redis Cluster: give the cluster's URL, redis+cluster://host:port,..."
            findings.append(Finding("cluster", "error", f"partition {name!r} {problem}"))
        findings += _eviction(name, facts.info, allow_eviction=allow_eviction)
        findings += _persistence(name, facts.info, facts.saves)
        findings += _clock(name, facts)
        findings += _replicas(name, facts.info, wait_replicas)
    return findings


def require_suitable(name: str, findings: Iterable[Finding]) -> None:
    """Raise the first finding that forbids the use of the server.

    Raises:
        UnsuitableServer: version, role or eviction policy.
        StorageRefused: missing rights.
    """
    for finding in findings:
        if finding.severity == "error" and finding.code in _FORBIDDING:
            problem = finding.message.removeprefix(f"partition {name!r} ")
            if finding.code == "rights":
                raise StorageRefused(name, "NOPERM", problem)
            raise UnsuitableServer(name, problem)


def subscribe_refused(name: str, channel: bytes) -> Finding:
    """Make the finding about a server that refuses SUBSCRIBE to this user."""
    return Finding(
        "subscription",
        "warning",
        f"partition {name!r} does not let this user subscribe to {channel.decode()}: tasks assigned by others are "
        "noticed only every check_tasks_every_seconds",
    )


def of_problem(problem: StorageError) -> Iterable[Finding]:
    """Yield the finding about a partition that cannot be used now, if programs should tell it from the others."""
    if isinstance(problem, PartitionOffline) and problem.reason == "loading":
        yield Finding("loading", "error", problem.message)


def _bytes_in(info: Mapping[str, Any] | None, name: str) -> int | None:
    return None if info is None else int(info.get(name, 0)) or None


def _version_in(info: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(info.get("redis_version", "0")))[:2])


def _identity(name: str, info: Mapping[str, Any]) -> Iterable[Finding]:
    version = str(info.get("redis_version", "0"))
    if _version_in(info) < _OLDEST:
        yield Finding("version", "error", f"partition {name!r} runs Redis {version}: at least 6.2 is needed")
    if info.get("role") not in (None, "master"):
        yield Finding("role", "error", f"partition {name!r} is a replica: give the address of its primary")


def _eviction(name: str, info: Mapping[str, Any], *, allow_eviction: bool) -> Iterable[Finding]:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return
    problem = (
        f"partition {name!r} has maxmemory-policy {policy}, which drops keys when memory is full: set it to noeviction"
    )
    if int(info.get("maxmemory", 0)) > 0 and not allow_eviction:
        yield Finding("eviction", "error", f"{problem}, or pass allow_eviction=True to take the risk")
    else:
        yield Finding("eviction", "warning", problem)


def _persistence(name: str, info: Mapping[str, Any], saves: str | None) -> Iterable[Finding]:
    # A server that loads its append-only file says that it has none.
    if saves == "" and not int(info.get("aof_enabled", 0)) and not int(info.get("loading", 0)):
        yield Finding(
            "persistence",
            "warning",
            f"partition {name!r} has persistence switched off: tasks are lost when it restarts; "
            "turn on appendonly for durability",
        )
    for what, status in (
        ("the last snapshot", info.get("rdb_last_bgsave_status", "ok")),
        ("the last write to the append-only file", info.get("aof_last_write_status", "ok")),
    ):
        if status != "ok":
            yield Finding("disk", "warning", f"partition {name!r}: {what} failed: look at its disk and its log")


def _replicas(name: str, info: Mapping[str, Any], wanted: int) -> Iterable[Finding]:
    connected = int(info.get("connected_slaves", 0))
    if connected < wanted:
        yield Finding(
            "replicas",
            "warning",
            f"partition {name!r} has {connected} of the {wanted} replicas that wait_replicas waits for: assigning "
            "tasks and acquiring locks raise NotReplicated until it has them",
        )


def _refusals(name: str, refused: Mapping[str, str]) -> Iterable[Finding]:
    rights = [command for command, error in refused.items() if is_right(error)]
    if needed := sorted(set(rights) - set(_SPARE_COMMANDS)):
        yield Finding(
            "rights",
            "error",
            f"partition {name!r} does not let this user run {', '.join(needed)}: grant the rights of the minimal ACL "
            "(in the documentation under Guarantees, Security)",
        )
    for command in sorted(set(rights) & set(_SPARE_COMMANDS)):
        yield Finding(
            "rights",
            "warning",
            f"partition {name!r} does not let this user run {command}: {_SPARE_COMMANDS[command]}",
        )
    others = {command: error for command, error in refused.items() if not is_right(error)}
    if any("OOM" in error or "used memory" in error for error in others.values()):
        yield Finding(
            "memory",
            "error",
            f"partition {name!r} is out of memory: assigning fails, runs still end; raise maxmemory or remove tasks",
        )
    elif others:
        command, error = next(iter(others.items()))
        # Redis 6.2 puts the place in the script in front of the word.
        word = next((word for word in _REFUSALS if word in error), error.partition(" ")[0])
        code: Code = _REFUSALS.get(word, "role")
        yield Finding(
            code,
            "error",
            f"partition {name!r} refuses writes ({command}: {word}): nothing is claimed or assigned; {_ADVICE[code]}",
        )


def _clock(name: str, facts: ServerFacts) -> Iterable[Finding]:
    difference = facts.clock_difference
    if difference is not None and abs(difference) > _CLOCK_TOLERANCE + (facts.round_trip or 0):
        yield Finding(
            "clock",
            "warning",
            f"the clock of partition {name!r} is {abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} "
            "this machine's: tasks run by the server's; synchronize both",
        )
