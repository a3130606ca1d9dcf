"""Commands that find the tasks whose ids start with a prefix, and mark those of them that a sync wants to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..requests.session import Session, to_flags
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import ScriptRunner


async def mark(session: Session, keys: Keys, sync: bytes, ttl_ms: int, ids: Sequence[bytes]) -> list[bool]:
    """Mark ids that a sync wants to keep, and return for each if it is new. Without ids, delete all marks."""
    return to_flags(await session.request(scripts.MARK, (keys.wanted(sync),), (ttl_ms, *ids)))


class Marked(NamedTuple):
    """The marks of a sync on a partition: the name of the sync, and the number of ids that it marked there."""

    sync: bytes
    number: int


class Swept(NamedTuple):
    """The result of one step.

    Attributes:
        cursor: the next cursor; `b"0"`: the end is reached; empty: marks were lost.
        ids: the ids that were found.
        looked: the number of tasks that were read.
    """

    cursor: bytes
    ids: Sequence[bytes]
    looked: int


async def sweep(
    partition: ScriptRunner,
    cursor: bytes,
    count: int,
    prefix: bytes,
    *,
    marked: Marked | None = None,
    with_dead: bool = False,
) -> Swept:
    """Find the ids that start with a prefix in one step over the tasks, or over those of its hash tag if it has one.

    Args:
        partition: the partition.
        cursor: where the step before ended; `b"0"` to begin.
        count: about the number of tasks to read.
        prefix: the prefix.
        marked: the marks of a sync; marked ids are left out. Default: none.
        with_dead: True to find dead tasks as well. Default False.
    """
    keys = partition.keys
    name, number = (b"", b"") if marked is None else marked
    return Swept(
        *await partition.read(
            scripts.SWEEP,
            (*keys.of[scripts.SWEEP], keys.wanted(name)),
            (cursor, count, prefix, number, int(with_dead)),
        )
    )


async def drop_tags(partition: ScriptRunner) -> bool:
    """Unlink some keys of the hash tags of tasks that a clear took off. Return True if some are left."""
    reply: bytes = await partition.change(scripts.DROP_TAGS, partition.keys.of[scripts.DROP_TAGS], (partition.stamp,))
    return reply == b"1"
