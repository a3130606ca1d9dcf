"""What is sent where replicas are waited for, and what its answers mean."""

from __future__ import annotations

import re
from typing import Any, Self

import pytest
from redis import exceptions as redis_errors

from interval_scheduler.storage.connection.replication import REPLY_KEPT_MS, send_replicated
from interval_scheduler.storage.scripts import loader as scripts


class Answers:
    """A client that answers one pipeline as told, and keeps what was sent."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.sent: list[tuple[Any, ...]] = []

    def pipeline(self, *, transaction: bool) -> Self:
        assert not transaction
        return self

    def execute_command(self, *command: object) -> None:
        self.sent.append(command)

    async def execute(self, *, raise_on_error: bool) -> list[object]:
        assert not raise_on_error
        return self._answers


async def send(client: Answers) -> tuple[Any, int]:
    return await send_replicated(client, b"reply", 2, 5, "EVALSHA", "sha", 1, b"reply", 7)


@pytest.mark.asyncio
async def test_a_write_of_its_own_stands_before_wait() -> None:
    # A repeated request writes nothing. From Redis 7.2 on, WAIT would then be about nothing on a new connection.
    client = Answers(b"ok", 1, 2)
    assert await send(client) == (b"ok", 2)
    assert client.sent == [
        ("EVALSHA", "sha", 1, b"reply", 7),
        ("PEXPIRE", b"reply", REPLY_KEPT_MS),
        ("WAIT", 2, 4000),
    ]


def test_the_reply_is_kept_as_long_as_by_the_scripts() -> None:
    found = re.search(r"REPLY_KEPT_MS = (\d+)", scripts.ASSIGN.text)
    assert found is not None
    assert int(found[1]) == REPLY_KEPT_MS


@pytest.mark.asyncio
async def test_the_error_of_the_script_goes_before_those_after_it() -> None:
    refused = redis_errors.OutOfMemoryError("command not allowed")
    with pytest.raises(redis_errors.OutOfMemoryError):
        await send(Answers(refused, 0, redis_errors.ResponseError("UNBLOCKED")))


@pytest.mark.parametrize(
    ("touched", "waited"),
    [
        (redis_errors.ReadOnlyError("You can't write against a read only replica."), 0),
        (1, redis_errors.ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed")),
        (0, redis_errors.ResponseError("WAIT cannot be used with replica instances.")),
    ],
)
@pytest.mark.asyncio
async def test_a_server_that_became_a_replica_is_lost(touched: object, waited: object) -> None:
    from interval_scheduler.storage.connection.failures import is_lost

    with pytest.raises(redis_errors.RedisError) as caught:
        await send(Answers(b"ok", touched, waited))
    assert is_lost(caught.value)


@pytest.mark.parametrize(
    ("touched", "waited"),
    [
        (redis_errors.ResponseError("NOREPLICAS Not enough good replicas to write."), 1),
        (1, redis_errors.NoPermissionError("User scheduler has no permissions to run the 'wait' command")),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_be_known_is_not_counted(touched: object, waited: object) -> None:
    assert await send(Answers(b"ok", touched, waited)) == (b"ok", 0)
