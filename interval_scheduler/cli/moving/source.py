"""Finds the schedules of a peer by its keys, on its own Redis server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, NamedTuple

from ...storage.foreign import ForeignFailed, ForeignKeys, foreign_keys
from . import apscheduler, npm, redbeat, rq_scheduler
from .found import Found

#: The server of the peer cannot be read.
SourceFailed = ForeignFailed


class Peer(NamedTuple):
    """A peer whose schedules are read from Redis: how its keys begin by default, and what reads them."""

    prefix: str
    read: Callable[[ForeignKeys, str, str], AsyncIterator[Found]]


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
    async with foreign_keys(url) as keys:
        async for each in found.read(keys, found.prefix if prefix is None else prefix, zone):
            yield each


async def _redbeat(keys: ForeignKeys, prefix: str, zone: str) -> AsyncGenerator[Found, None]:
    async for step in keys.scores(f"{prefix}:schedule"):
        records = await keys.fields([key for key, _ in step], ("definition", "meta"))
        for (key, due), (definition, meta) in zip(step, records, strict=True):
            yield redbeat.read(redbeat.Record(_text(key).removeprefix(prefix), due, definition, meta), zone)


async def _apscheduler(keys: ForeignKeys, prefix: str, _: str) -> AsyncGenerator[Found, None]:
    async for job_id, raw in keys.items(f"{prefix}jobs"):
        yield apscheduler.job_of(_text(job_id), raw)


async def _rq_scheduler(keys: ForeignKeys, prefix: str, zone: str) -> AsyncGenerator[Found, None]:
    async for step in keys.scores(f"{prefix}scheduler:scheduled_jobs"):
        names = [f"{prefix}job:".encode() + job_id for job_id, _ in step]
        records = await keys.fields(names, rq_scheduler.FIELDS)
        for (job_id, due), fields in zip(step, records, strict=True):
            yield rq_scheduler.job_of(rq_scheduler.Record(_text(job_id), due, fields), zone)


async def _npm(keys: ForeignKeys, prefix: str, _: str) -> AsyncGenerator[Found, None]:
    async for step in keys.scores(f"{prefix}mainIndex"):
        for moment, _due in step:
            async for names in keys.members(prefix.encode() + moment):
                records = await keys.fields(names, npm.FIELDS)
                for name, fields in zip(names, records, strict=True):
                    task_id = _text(name).removeprefix(f"{prefix}tsk:")
                    found = npm.read(npm.Record(task_id, _text(moment), fields))
                    if found is not None:
                        yield found


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


#: The peers whose schedules stand in Redis. celery-redbeat puts a colon of its own behind its prefix.
PEERS: Final = {
    "redbeat": Peer("redbeat:", _redbeat),
    "apscheduler": Peer("apscheduler.", _apscheduler),
    "rq-scheduler": Peer("rq:", _rq_scheduler),
    "npm": Peer("", _npm),
}
