"""Reads the keys of a peer from its own Redis server, in bounded steps. It reads only.

This is the one file outside of `storage` that opens a Redis client, for a server that is not ours: see
docs/adr/0022-a-client-for-foreign-servers.md.

Sets and hashes are walked with their own SCAN commands: what is there all the time is read, however much the peer
changes meanwhile. It may be read twice; the caller takes the first.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError, ResponseError

from ... import ConfigurationError, RedisInstance
from . import apscheduler, npm, redbeat, rq_scheduler
from .found import Found

#: About the number of records of one step.
_STEP: Final = 500
_SECONDS: Final = 10


class SourceFailed(Exception):
    """The server of the peer cannot be read; the text says why, and shows no secret.

    Attributes:
        is_refused: whether the server answers, and refuses: a password or rights are wrong.
    """

    def __init__(self, problem: str, *, is_refused: bool) -> None:
        super().__init__(problem)
        self.is_refused = is_refused


class Peer(NamedTuple):
    """A peer whose schedules are read from Redis: how its keys begin by default, and what reads them."""

    prefix: str
    read: Callable[[Any, str, str], AsyncIterator[Found]]


async def read(peer: str, url: str, prefix: str | None, zone: str) -> AsyncGenerator[Found, None]:
    """Yield what becomes of each schedule of a peer.

    Args:
        peer: a name in `PEERS`.
        url: the URL of its server.
        prefix: how its keys begin. Default: as the peer's own default is.
        zone: the time zone of cron expressions that have none.

    Raises:
        ConfigurationError: the URL cannot be used.
        SourceFailed: the server cannot be reached, or refuses.
    """
    found = PEERS[peer]
    async with _opened(url) as client:
        async for each in found.read(client, found.prefix if prefix is None else prefix, zone):
            yield each


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Redis]:
    """Open a client; its errors are told without anything of the URL but the address."""
    instance = RedisInstance.from_url(url)
    if instance.memory is not None or instance.sentinels:
        raise ConfigurationError("source", "must be redis://, rediss:// or unix://, the server that has the keys")
    client = Redis(
        host=instance.host,
        port=instance.port,
        db=instance.db,
        username=instance.username,
        password=instance.password,
        unix_socket_path=instance.socket_path,
        ssl=instance.tls,
        ssl_ca_certs=instance.tls_ca_file,
        ssl_certfile=instance.tls_cert_file,
        ssl_keyfile=instance.tls_key_file,
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
        retry=Retry(NoBackoff(), 1),  # who waits for a command wants to know soon
        protocol=2,
    )
    try:
        yield client
    except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
        raise SourceFailed(f"{instance.address} refuses: {_shown(error)}", is_refused=True) from None
    except ResponseError as error:
        raise SourceFailed(f"{instance.address} answers with an error: {_shown(error)}", is_refused=True) from None
    except RedisError as error:
        raise SourceFailed(f"{instance.address} cannot be read: {_shown(error)}", is_refused=False) from None
    finally:
        await client.aclose()


async def _redbeat(client: Any, prefix: str, zone: str) -> AsyncGenerator[Found, None]:
    async for step in _scores(client, f"{prefix}:schedule"):
        keys = [key for key, _ in step]
        records = await _fields(client, keys, ("definition", "meta"))
        for (key, due), (definition, meta) in zip(step, records, strict=True):
            yield redbeat.read(redbeat.Record(_text(key).removeprefix(prefix), due, definition, meta), zone)


async def _apscheduler(client: Any, prefix: str, _: str) -> AsyncGenerator[Found, None]:
    cursor: Any = 0
    while True:
        cursor, found = await client.hscan(f"{prefix}jobs", cursor, count=_STEP)
        for job_id, raw in found.items():
            yield apscheduler.job_of(_text(job_id), raw)
        if not cursor:
            return


async def _rq_scheduler(client: Any, prefix: str, zone: str) -> AsyncGenerator[Found, None]:
    async for step in _scores(client, f"{prefix}scheduler:scheduled_jobs"):
        keys = [f"{prefix}job:".encode() + job_id for job_id, _ in step]
        records = await _fields(client, keys, rq_scheduler.FIELDS)
        for (job_id, due), fields in zip(step, records, strict=True):
            yield rq_scheduler.job_of(rq_scheduler.Record(_text(job_id), due, fields), zone)


async def _npm(client: Any, prefix: str, _: str) -> AsyncGenerator[Found, None]:
    async for step in _scores(client, f"{prefix}mainIndex"):
        for moment, _due in step:
            at = 0
            while keys := await _pages(client, prefix.encode() + moment, at):
                at += len(keys)
                records = await _fields(client, keys, npm.FIELDS)
                for key, fields in zip(keys, records, strict=True):
                    task_id = _text(key).removeprefix(f"{prefix}tsk:")
                    found = npm.read(npm.Record(task_id, _text(moment), fields))
                    if found is not None:
                        yield found


async def _scores(client: Any, key: str) -> AsyncIterator[list[tuple[bytes, float]]]:
    """Walk over a sorted set, some members with their scores at a time."""
    cursor: Any = 0
    while True:
        cursor, found = await client.zscan(key, cursor, count=_STEP)
        for at in range(0, len(found), _STEP):  # a small set comes as a whole, and a small one of Redis may have many
            yield found[at : at + _STEP]
        if not cursor:
            return


async def _pages(client: Any, key: bytes, at: int) -> list[bytes]:
    found: list[bytes] = await client.lrange(key, at, at + _STEP - 1)
    return found


async def _fields(client: Any, keys: Sequence[bytes], names: Sequence[str]) -> list[list[bytes | None]]:
    """Read some fields of many hashes in one round trip; a key of another type has none."""
    async with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hmget(key, list(names))
        replies = await pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and not (isinstance(reply, ResponseError) and "WRONGTYPE" in str(reply)):
            raise reply
    return [[None] * len(names) if isinstance(reply, Exception) else reply for reply in replies]


def _shown(error: RedisError) -> str:
    """Return the words of an error, cut off; what would steer a terminal is escaped, since the server is not ours."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(error)[:300])


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


#: The peers whose schedules stand in Redis. celery-redbeat puts a colon of its own behind its prefix.
PEERS: Final = {
    "redbeat": Peer("redbeat:", _redbeat),
    "apscheduler": Peer("apscheduler.", _apscheduler),
    "rq-scheduler": Peer("rq:", _rq_scheduler),
    "npm": Peer("", _npm),
}
