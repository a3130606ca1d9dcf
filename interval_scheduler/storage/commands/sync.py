"""Marking what a sync wants to keep, and finding the rest."""

from __future__ import annotations

from collections.abc import Sequence

from ..requests.session import Session
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import ScriptRunner


async def mark(session: Session, keys: Keys, sync: bytes, ttl_ms: int, ids: Sequence[bytes]) -> int:
    """Note ids that a sync wants to keep: how many were not noted before. Without any, forget them all."""
    return int(await session.request(scripts.MARK, (keys.wanted(sync),), (ttl_ms, *ids)))


async def sweep(
    partition: ScriptRunner, sync: bytes, cursor: bytes, count: int, prefix: bytes, noted: int
) -> tuple[bytes, Sequence[bytes]]:
    """One step through all tasks: where it ended (`b"0"`: at the end), and those of the prefix that are not noted.

    The place is empty if not so many are noted as should be.
    """
    keys = partition.keys
    after, ids = await partition.read(
        scripts.SWEEP, (*keys.of(scripts.SWEEP), keys.wanted(sync)), (cursor, count, prefix, noted)
    )
    return after, ids
