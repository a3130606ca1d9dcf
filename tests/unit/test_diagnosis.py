"""What is concluded from what a server answers: pure decisions."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import BusyLoadingError
from redis.exceptions import TimeoutError as RedisTimeoutError

from interval_scheduler.errors import StorageRefused, UnsuitableServer
from interval_scheduler.model.health import Finding, Health, PartitionHealth
from interval_scheduler.storage.connection import diagnosis as server
from interval_scheduler.storage.connection.diagnosis import ServerFacts, require_suitable
from interval_scheduler.storage.connection.failures import translate
from interval_scheduler.storage.connection.inspection import Stopwatch
from interval_scheduler.support import clock

NAME = "here:1/0"
GOOD: dict[str, Any] = {
    "redis_version": "7.0.15",
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
}
NOPERM = "ERR The user executing the script can't run this command or subcommand script: f0, on @user_script:1."


def diagnose(saves: str | None = "3600 1", *, allow_eviction: bool = False, **info: Any) -> list[Finding]:
    return server.diagnose(NAME, ServerFacts(GOOD | info, saves), allow_eviction=allow_eviction)


def tried(refused: dict[str, str] | None = None, difference: float = 0.0, took: float = 0.01) -> list[Finding]:
    return server.diagnose(NAME, ServerFacts(GOOD, "").tried(refused or {}, difference, took), allow_eviction=False)


@pytest.mark.parametrize(
    "version", ["6.2.0", "6.2.14", "6.10.0", "7.0.0", "7.2.4", "8.0", "7", "10.1.1", "255.255.255"]
)
def test_versions_that_will_do(version: str) -> None:
    assert diagnose(redis_version=version) == []


@pytest.mark.parametrize("version", ["6.0.16", "6.1.99", "5.0.7", "2.8.24", "6", "0", "unknown", ""])
def test_versions_that_will_not(version: str) -> None:
    message = f"partition '{NAME}' runs Redis {version}: at least 6.2 is needed"
    assert diagnose(redis_version=version) == [Finding("version", "error", message)]


def test_a_server_that_does_not_tell_its_version() -> None:
    assert [finding.code for finding in server.diagnose(NAME, ServerFacts({}), allow_eviction=False)] == ["version"]


def test_the_embedded_engine_has_nothing_to_be_told() -> None:
    assert server.diagnose(NAME, ServerFacts().tried({}, 1e6, 0.0), allow_eviction=False) == []


@pytest.mark.parametrize("role", ["slave", "replica", "sentinel"])
def test_only_a_primary_will_do(role: str) -> None:
    (finding,) = diagnose(role=role)
    assert (finding.code, finding.severity) == ("role", "error")
    assert "is a replica: give the address of its primary" in finding.message


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
def test_eviction_is_an_error_where_it_can_happen(policy: str) -> None:
    (finding,) = diagnose(maxmemory_policy=policy, maxmemory=1_000_000)
    assert (finding.code, finding.severity) == ("eviction", "error")
    for words in (f"maxmemory-policy {policy}", "noeviction", "allow_eviction=True"):
        assert words in finding.message


@pytest.mark.parametrize(("maxmemory", "allow_eviction"), [(0, False), (0, True), (1_000_000, True)])
def test_eviction_is_a_warning_where_it_cannot_or_is_accepted(maxmemory: int, allow_eviction: bool) -> None:  # noqa: FBT001 - a parameter
    (finding,) = diagnose(maxmemory_policy="allkeys-lru", maxmemory=maxmemory, allow_eviction=allow_eviction)
    assert (finding.code, finding.severity) == ("eviction", "warning")
    assert "partition 'here:1/0' has maxmemory-policy allkeys-lru" in finding.message


def test_a_bound_without_eviction_is_fine() -> None:
    assert diagnose(maxmemory=1_000_000) == []


@pytest.mark.parametrize(
    ("saves", "aof_enabled", "warned"),
    [("", 0, True), ("", 1, False), ("3600 1", 0, False), ("3600 1", 1, False), (None, 0, False)],
)
def test_persistence_that_is_off_is_a_warning(saves: str | None, aof_enabled: int, warned: bool) -> None:  # noqa: FBT001 - a parameter
    found = [(finding.code, finding.severity) for finding in diagnose(saves, aof_enabled=aof_enabled)]
    assert found == ([("persistence", "warning")] if warned else [])


def test_a_server_that_loads_its_append_only_file_is_not_told_to_have_none() -> None:
    assert diagnose("", aof_enabled=0, loading=1) == []


@pytest.mark.parametrize("field", ["rdb_last_bgsave_status", "aof_last_write_status"])
def test_a_disk_that_cannot_be_written_is_a_warning(field: str) -> None:
    bad, good = ServerFacts(GOOD | {field: "err"}), ServerFacts(GOOD | {field: "ok"})
    (finding,) = server.diagnose(NAME, bad, allow_eviction=False)
    assert (finding.code, finding.severity) == ("disk", "warning")
    assert server.diagnose(NAME, good, allow_eviction=False) == []


def test_several_at_once() -> None:
    assert {finding.code for finding in diagnose("", aof_enabled=0, maxmemory_policy="allkeys-lru")} == {
        "eviction",
        "persistence",
    }


def test_commands_without_which_tasks_are_at_risk() -> None:
    (finding,) = tried({"ZREM": NOPERM, "HSET": "NOPERM this user has no permissions to run the 'hset' command"})
    assert (finding.code, finding.severity) == ("rights", "error")
    assert "does not let this user run HSET, ZREM" in finding.message


def test_commands_without_which_less_works() -> None:
    findings = tried({"PUBLISH": NOPERM, "ZSCAN": NOPERM})
    assert [(finding.code, finding.severity) for finding in findings] == [("rights", "warning")] * 2
    assert "check_tasks_every_seconds" in findings[0].message
    assert "audit fails" in findings[1].message


def test_memory_that_is_used_up() -> None:
    (finding,) = tried(
        dict.fromkeys(["SET", "HSET", "ZADD"], "OOM command not allowed when used memory > 'maxmemory'.")
    )
    assert (finding.code, finding.severity) == ("memory", "error")
    require_suitable(NAME, [finding])  # runs still end, so it is connected to


@pytest.mark.parametrize(
    ("error", "code", "forbids"),
    [
        ("MISCONF Redis is configured to save RDB snapshots, but", "disk", False),
        ("NOREPLICAS Not enough good replicas to write.", "replicas", False),
        ("READONLY You can't write against a read only replica.", "role", True),
    ],
)
def test_writes_that_are_refused(error: str, code: str, forbids: bool) -> None:  # noqa: FBT001 - a parameter
    (finding,) = tried(dict.fromkeys(["SET", "HSET"], error))
    assert (finding.code, finding.severity) == (code, "error")
    assert f"refuses writes (SET: {error.split(maxsplit=1)[0]}): nothing is claimed or assigned; " in finding.message
    if forbids:
        with pytest.raises(UnsuitableServer):
            require_suitable(NAME, [finding])
    else:
        require_suitable(NAME, [finding])


def test_a_server_that_loads_its_data_is_a_finding_of_its_own() -> None:
    (finding,) = server.of_problem(translate(NAME, BusyLoadingError("Redis is loading the dataset in memory")))
    assert (finding.code, finding.severity) == ("loading", "error")
    assert "loads its data" in finding.message
    assert not list(server.of_problem(translate(NAME, RedisTimeoutError("Timeout reading from h:1"))))


@pytest.mark.parametrize(
    ("difference", "took", "words"),
    [(1.5, 0.01, "1.5 s ahead of"), (-90.0, 0.01, "90.0 s behind"), (0.9, 0.01, ""), (-1.5, 0.6, "")],
)
def test_clocks_that_differ_beyond_doubt(difference: float, took: float, words: str) -> None:
    found = tried(difference=difference, took=took)
    assert [finding.code for finding in found] == (["clock"] if words else [])
    assert all(words in finding.message and finding.severity == "warning" for finding in found)


def test_the_stopwatch_compares_with_the_middle_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, monotonic = [1000.0], [5.0]
    monkeypatch.setattr("time.time", lambda: wall[0])
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic[0])
    watch = Stopwatch()
    wall[0], monotonic[0] = -1.0, 5.5
    assert watch.compare(1_003_250_000) == (3.0, 0.5)


def test_only_errors_are_raised() -> None:
    require_suitable(NAME, diagnose("", aof_enabled=0))
    with pytest.raises(UnsuitableServer, match=r"^partition 'here:1/0' runs Redis 5.0: at least 6.2 is needed$"):
        require_suitable(NAME, diagnose("", aof_enabled=0, redis_version="5.0"))
    with pytest.raises(StorageRefused, match=r"^partition 'here:1/0' refused: NOPERM: does not let") as caught:
        require_suitable(NAME, tried({"GET": NOPERM}))
    assert caught.value.code == "NOPERM"


def partition(**changes: Any) -> PartitionHealth:
    well: dict[str, Any] = {
        "name": NAME,
        "online": True,
        "round_trip": 0.001,
        "version": "7.0",
        "clock_difference": 0.0,
    }
    return PartitionHealth(**(well | {"findings": (), "problem": None} | changes))


def test_when_a_partition_is_well() -> None:
    warning, error = Finding("clock", "warning", "."), Finding("role", "error", ".")
    assert partition().ok
    assert partition(findings=(warning,)).ok
    assert not partition(findings=(warning, error)).ok
    assert not partition(online=False).ok
    assert not partition(problem="does not answer").ok


def test_when_a_scheduler_is_well() -> None:
    def health(*partitions: PartitionHealth, connected: bool = True) -> Health:
        return Health(connected=connected, accepting=True, executing=False, partitions=partitions)

    assert health(partition(), partition())
    assert health(partition()).ok
    assert not health(partition(), partition(online=False))
    assert not health(connected=False)
