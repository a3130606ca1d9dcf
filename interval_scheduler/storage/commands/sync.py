"""Commands that mark the tasks that a sync wants to keep, and find the others."""

from __future__ import annotations

from collections.abc import Sequence

from ..requests.session import Session, to_flags
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import ScriptRunner


async def mark(session: Session, keys: Keys, sync: bytes, ttl_ms: int, ids: Sequence[bytes]) -> list[bool]:
    """Mark ids that a sync wants to keep, and return for each if it is new. Without ids, delete all marks."""
    return to_flags(await session.request(scripts.MARK, (keys.wanted(sync),), (ttl_ms, *ids)))


async def sweep(
    partition: ScriptRunner, sync: bytes, cursor: bytes, count: int, prefix: bytes, marked: int
) -> tuple[bytes, Sequence[bytes]]:
    """Read one step of all tasks. Return the next cursor (`b"0"`: the end is reached), and ids that are not marked.

    Only ids with the prefix are returned. The cursor is empty if the number of marks is not `marked`: some were lost.
    """
    keys = partition.keys
    after, ids = await partition.read(
        scripts.SWEEP, (*keys.of[scripts.SWEEP], keys.wanted(sync)), (cursor, count, prefix, marked)
    )
    return after, ids
