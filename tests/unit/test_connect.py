"""What is concluded from a server's INFO, and what a client's error becomes: pure decisions."""

from __future__ import annotations

from typing import Any

import pytest
from redis import exceptions as redis_errors

from interval_scheduler.errors import (
    OutcomeUnknown,
    PartitionOffline,
    StorageError,
    StorageFull,
    StorageRefused,
    UnsuitableServer,
)
from interval_scheduler.storage.connect import is_busy, judge_server, translate

GOOD: dict[str, Any] = {
    "redis_version": "7.0.15",
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
}


def judge(saves: str | None = "3600 1", *, allow_eviction: bool = False, **info: Any) -> list[str]:
    return judge_server("here:1/0", GOOD | info, saves, allow_eviction=allow_eviction)


@pytest.mark.parametrize(
    "version", ["6.2.0", "6.2.14", "6.10.0", "7.0.0", "7.2.4", "8.0", "7", "10.1.1", "255.255.255"]
)
def test_versions_that_will_do(version: str) -> None:
    assert judge(redis_version=version) == []


@pytest.mark.parametrize("version", ["6.0.16", "6.1.99", "5.0.7", "2.8.24", "6", "0", "unknown", ""])
def test_versions_that_will_not(version: str) -> None:
    with pytest.raises(
        UnsuitableServer, match=rf"^partition 'here:1/0' runs Redis {version}: at least 6\.2 is needed$"
    ):
        judge(redis_version=version)


def test_a_server_that_does_not_tell_its_version() -> None:
    with pytest.raises(UnsuitableServer, match=r"at least 6.2"):
        judge_server("here:1/0", {}, None, allow_eviction=False)


@pytest.mark.parametrize("role", ["slave", "replica", "sentinel"])
def test_only_a_primary_will_do(role: str) -> None:
    with pytest.raises(UnsuitableServer, match=r"is a replica: give the address of its primary"):
        judge(role=role)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
def test_eviction_is_an_error_where_it_can_happen(policy: str) -> None:
    with pytest.raises(UnsuitableServer, match=rf"maxmemory-policy {policy}.*noeviction.*allow_eviction=True"):
        judge(maxmemory_policy=policy, maxmemory=1_000_000)


@pytest.mark.parametrize(("maxmemory", "allow_eviction"), [(0, False), (0, True), (1_000_000, True)])
def test_eviction_is_a_warning_where_it_cannot_or_is_accepted(maxmemory: int, allow_eviction: bool) -> None:  # noqa: FBT001 - a parameter
    warnings = judge(maxmemory_policy="allkeys-lru", maxmemory=maxmemory, allow_eviction=allow_eviction)
    assert len(warnings) == 1
    assert "partition 'here:1/0' has maxmemory-policy allkeys-lru" in warnings[0]


def test_a_bound_without_eviction_is_fine() -> None:
    assert judge(maxmemory=1_000_000) == []


@pytest.mark.parametrize(
    ("saves", "aof_enabled", "warned"),
    [("", 0, True), ("", 1, False), ("3600 1", 0, False), ("3600 1", 1, False), (None, 0, False)],
)
def test_persistence_that_is_off_is_a_warning(saves: str | None, aof_enabled: int, warned: bool) -> None:  # noqa: FBT001 - a parameter
    warnings = judge(saves, aof_enabled=aof_enabled)
    assert [("persistence switched off" in warning) for warning in warnings] == ([True] if warned else [])


def test_both_warnings() -> None:
    assert len(judge("", aof_enabled=0, maxmemory_policy="allkeys-lru")) == 2


@pytest.mark.parametrize(
    "error",
    [
        redis_errors.ConnectionError("Error 111 connecting to h:1. Connection refused."),
        redis_errors.TimeoutError("Timeout reading from h:1"),
        redis_errors.BusyLoadingError("Redis is loading the dataset in memory"),
        ConnectionResetError(104, "Connection reset by peer"),
        OSError("network is unreachable"),
    ],
)
def test_what_cannot_be_reached_is_offline(error: Exception) -> None:
    found = translate("here:1/0", error)
    assert type(found) is PartitionOffline
    assert "nothing was changed" in str(found)


def test_a_time_out_is_told_as_such() -> None:
    assert "did not answer in time" in str(translate("p", redis_errors.TimeoutError("Timeout reading from socket")))


@pytest.mark.parametrize(
    "error",
    [
        redis_errors.AuthenticationError("invalid username-password pair or user is disabled: hunter2"),
        redis_errors.AuthorizationError("hunter2"),
    ],
)
def test_credentials_are_refused_without_showing_them(error: Exception) -> None:
    found = translate("here:1/0", error)
    assert isinstance(found, StorageRefused)
    assert found.code == "WRONGPASS"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (redis_errors.NoPermissionError("this user has no permissions to run 'evalsha'"), "NOPERM", "no permissions"),
        (redis_errors.ReadOnlyError("You can't write against a read only replica."), "READONLY", "read only"),
        (redis_errors.ResponseError("MISCONF Redis is configured to save RDB"), "MISCONF", "configured to save"),
        (redis_errors.ResponseError("WRONGTYPE Operation against a key"), "WRONGTYPE", "Operation against"),
        (redis_errors.ResponseError("unknown command 'FOO'"), "ERR", "unknown command 'FOO'"),
        (redis_errors.ResponseError("Error running script: oh"), "ERR", "Error running script: oh"),
    ],
)
def test_what_redis_refuses_keeps_its_code(error: Exception, code: str, says: str) -> None:
    found = translate("here:1/0", error)
    assert isinstance(found, StorageRefused)
    assert found.code == code
    assert says in str(found)
    assert str(found).count(code) == 1


@pytest.mark.parametrize(
    "error",
    [
        redis_errors.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        redis_errors.ResponseError("OOM command not allowed when used memory > 'maxmemory'."),
        redis_errors.ResponseError("Error running script: OOM command not allowed when used memory > 'maxmemory'."),
    ],
)
def test_out_of_memory(error: Exception) -> None:
    assert type(translate("here:1/0", error)) is StorageFull


def test_an_outdated_request_is_an_unknown_outcome() -> None:
    error = redis_errors.ResponseError("OUTDATED a later request of this session was carried out")
    assert type(translate("here:1/0", error)) is OutcomeUnknown


def test_an_error_of_this_library_stays_what_it_is() -> None:
    error = UnsuitableServer("other:1/0", "is a replica")
    assert translate("here:1/0", error) is error


def test_every_error_of_the_client_becomes_one_of_this_library() -> None:
    kinds = [
        kind
        for kind in vars(redis_errors).values()
        if isinstance(kind, type) and issubclass(kind, redis_errors.RedisError)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        try:
            error = kind("something")
        except (TypeError, ValueError):  # some want more than a message
            continue
        found = translate("here:1/0", error)
        assert isinstance(found, StorageError)
        assert found.partition == "here:1/0"


def test_busy_is_another_clients_script() -> None:
    assert is_busy(redis_errors.ResponseError("BUSY Redis is busy running a script. You can only call SCRIPT KILL"))
    assert not is_busy(redis_errors.BusyLoadingError("Redis is loading the dataset in memory"))
    assert not is_busy(redis_errors.ConnectionError("BUSY"))
