"""Reads keys of another program on its own server, in bounded steps. Nothing is written there.

Sets and hashes are walked with their own SCAN commands: what is there all the time is read, however much the other
program changes meanwhile. It may be read twice; the caller takes the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError, ResponseError

from ..config.instance import RedisInstance
from ..config.options import StorageOptions
from ..errors import ConfigurationError
from .connection.client import open_client

#: About the number of records of one step.
_STEP: Final = 500
_SECONDS: Final = 10


class ForeignFailed(Exception):
    """The server cannot be read; the text says why, and shows no secret.

    Attributes:
        is_refused: True if the server answers, and refuses: a password or rights are wrong.
    """

    def __init__(self, problem: str, *, is_refused: bool) -> None:
        super().__init__(problem)
        self.is_refused = is_refused


class ForeignKeys:
    """The keys of another program, by commands that read.

    Args:
        client: the client of its server.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    async def scores(self, key: str) -> AsyncIterator[list[tuple[bytes, float]]]:
        """Walk over a sorted set, some members with their scores at a time."""
        cursor: Any = 0
        while True:
            cursor, found = await self._client.zscan(key, cursor, count=_STEP)
            for at in range(0, len(found), _STEP):  # a packed set comes as a whole, and may have many
                yield found[at : at + _STEP]
            if not cursor:
                return

    async def items(self, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
        """Walk over a hash, by its fields and their values."""
        cursor: Any = 0
        while True:
            cursor, found = await self._client.hscan(key, cursor, count=_STEP)
            for item in found.items():
                yield item
            if not cursor:
                return

    async def members(self, key: bytes) -> AsyncIterator[list[bytes]]:
        """Walk over a list, some members at a time."""
        at = 0
        while found := await self._client.lrange(key, at, at + _STEP - 1):
            at += len(found)
            yield found

    async def fields(self, keys: Sequence[bytes], names: Sequence[str]) -> list[list[bytes | None]]:
        """Read some fields of many hashes in one round trip; a key of another type has none."""
        async with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, list(names))
            replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and not (isinstance(reply, ResponseError) and "WRONGTYPE" in str(reply)):
                raise reply
        return [[None] * len(names) if isinstance(reply, Exception) else reply for reply in replies]


@asynccontextmanager
async def foreign_keys(url: str) -> AsyncIterator[ForeignKeys]:
    """Open another program's server for the length of a block.

    Raises:
        ConfigurationError: the URL cannot be used, or is not that of a single server.
        ForeignFailed: the block cannot read the server; it is told without anything of the URL but the address.
    """
    instance = RedisInstance.from_url(url)
    if instance.memory is not None or instance.folder is not None or instance.sentinels:
        raise ConfigurationError("source", "must be redis://, rediss:// or unix://, the server that has the keys")
    limits = StorageOptions(connect_timeout_seconds=_SECONDS, operation_timeout_seconds=_SECONDS)
    client = open_client(instance, limits)
    try:
        yield ForeignKeys(client)
    except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
        raise ForeignFailed(f"{instance.address} refuses: {_shown(error)}", is_refused=True) from None
    except ResponseError as error:
        raise ForeignFailed(f"{instance.address} answers with an error: {_shown(error)}", is_refused=True) from None
    except RedisError as error:
        raise ForeignFailed(f"{instance.address} cannot be read: {_shown(error)}", is_refused=False) from None
    finally:
        await client.aclose()


def _shown(error: RedisError) -> str:
    """Return the words of an error, cut off; what would steer a terminal is escaped, since the server is not ours."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(error)[:300])
