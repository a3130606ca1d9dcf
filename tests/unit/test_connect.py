"""What a client's error becomes."""

from __future__ import annotations

import ssl

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
from interval_scheduler.storage.connection.failures import is_busy, is_lost, translate


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


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (redis_errors.ClusterDownError("CLUSTERDOWN The cluster is down"), "cluster", "its cluster is down"),
        (redis_errors.MovedError("7 h:1"), "moving", "on its way to another node"),
        (redis_errors.TryAgainError("TRYAGAIN Multiple keys"), "moving", "on its way to another node"),
    ],
)
def test_a_cluster_that_is_down_and_a_slot_that_moves_are_told_apart(error: Exception, reason: str, words: str) -> None:
    found = translate("shard-0", error)
    assert type(found) is PartitionOffline
    assert (found.reason, words in str(found), "nothing was changed" in str(found)) == (reason, True, True)


SIX = "Error running script (call to f_8a35): @user_script:72: @user_script: 72: -{} so it was refused."


def test_what_redis_6_says_of_the_commands_of_a_script() -> None:
    assert is_lost(redis_errors.ResponseError(SIX.format("READONLY")))
    assert not is_lost(redis_errors.ResponseError(SIX.format("MISCONF")))
    found = translate("here:1/0", redis_errors.ResponseError(SIX.format("MISCONF")))
    assert isinstance(found, StorageRefused)
    assert (found.code, str(found)) == ("MISCONF", "partition 'here:1/0' refused: MISCONF: so it was refused.")


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
        (
            redis_errors.ResponseError(
                "ACL failure in script: User me has no permissions to run the 'zadd' command script: on @user_script:7."
            ),
            "NOPERM",
            "no permissions",
        ),
        (redis_errors.NoPermissionError("this user has no permissions to run 'evalsha'"), "NOPERM", "no permissions"),
        (redis_errors.ReadOnlyError("You can't write against a read only replica."), "READONLY", "read only"),
        (redis_errors.ResponseError("NOREPLICAS Not enough good replicas"), "NOREPLICAS", "min-replicas-to-write"),
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


@pytest.mark.parametrize("text", ["unknown command `AUTH`", "unknown command 'AUTH'", "ERR unknown command 'AUTH'"])
def test_a_server_that_does_not_know_a_command_repeats_its_arguments_in_vain(text: str) -> None:
    found = translate("here:1/0", redis_errors.ResponseError(f"{text}, with args beginning with: 'me' 'hunter2' "))
    assert isinstance(found, StorageRefused)
    assert "unknown command" in str(found)
    assert "hunter2" not in repr(found)


def wrapped(reason: BaseException, *, explicitly: bool) -> redis_errors.ConnectionError:
    """An error as the client raises it for what came from below."""
    error = redis_errors.ConnectionError(reason)
    if explicitly:
        error.__cause__ = reason
    else:
        error.__context__ = reason
    return error


def test_what_a_server_answers_on_a_unix_socket_is_told_as_elsewhere() -> None:
    refusal = wrapped(redis_errors.AuthenticationError("invalid username-password pair"), explicitly=True)
    found = translate("here:1/0", refusal)
    assert isinstance(found, StorageRefused)
    assert found.code == "WRONGPASS"


@pytest.mark.parametrize("explicitly", [True, False])
@pytest.mark.parametrize("why", [UnsuitableServer("p", "is not known"), PartitionOffline("p", "is offline (why)")])
def test_why_a_primary_is_not_found_is_told(why: StorageError, *, explicitly: bool) -> None:
    assert translate("here:1/0", wrapped(why, explicitly=explicitly)) is why


def unverified(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {message}")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        (9, "certificate is not yet valid", "look at the clocks"),
        (10, "certificate has expired", "it has to be renewed"),
        (18, "self-signed certificate", "tls_ca_file"),
        (19, "self-signed certificate in certificate chain", "tls_ca_file"),
        (20, "unable to get local issuer certificate", "tls_ca_file"),
        (62, "Hostname mismatch, certificate is not valid for 'here'.", "connect by a name that it is for"),
        (64, "IP address mismatch, certificate is not valid for '::1'.", "connect by a name that it is for"),
    ],
)
def test_a_certificate_that_cannot_be_verified(code: int, message: str, advice: str) -> None:
    found = translate("here:1/0", wrapped(unverified(code, message), explicitly=False))
    assert type(found) is UnsuitableServer
    assert str(found).startswith("partition 'here:1/0' has a certificate that cannot be verified")
    assert message.rstrip(".") in str(found)
    assert advice in str(found)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (redis_errors.InvalidResponse('Protocol error, got "\\x15" as reply type byte'), "needs rediss://"),
        (
            redis_errors.InvalidResponse('Protocol error, got "H" as reply type byte'),
            "does not speak the protocol of Redis",
        ),
        (redis_errors.ConnectionError("Connection closed by server."), "a port for TLS needs rediss://"),
        (
            redis_errors.ConnectionError("Error while reading from h:1 : (104, 'Connection reset by peer')"),
            "a port for TLS needs rediss://",
        ),
        (wrapped(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), explicitly=False), "needs redis://"),
        (redis_errors.ConnectionError("Error 111 connecting to h:1. Connection refused."), "(ConnectionError)"),
    ],
)
def test_a_mix_up_of_schemes_is_told_as_far_as_it_can_be(error: Exception, says: str) -> None:
    found = translate("here:1/0", error)
    assert type(found) is PartitionOffline
    assert says in str(found)
    assert "nothing was changed" in str(found)
