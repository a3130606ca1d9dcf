"""Commands that read what is kept of runs that ended."""

from __future__ import annotations

from typing import NamedTuple

from ..scripts import loader as scripts
from ..scripts.ports import ScriptRunner
from .lookup import PageMark


class KeptRuns(NamedTuple):
    """The header of a task and its history, as they stand in Redis; both are empty for a task without one."""

    header: bytes
    runs: bytes


async def run_history(partition: ScriptRunner, raw_id: bytes) -> KeptRuns:
    """Read the last runs of a task."""
    return KeptRuns(*await partition.read(scripts.RUN_HISTORY, partition.keys.of[scripts.RUN_HISTORY], (raw_id,)))


async def failing(partition: ScriptRunner, limit: int, after: PageMark | None, *, newest_first: bool) -> list[PageMark]:
    """List the places of failing tasks in the order in which they last failed, behind a place."""
    ids, scores = await partition.read(
        scripts.FAILING,
        partition.keys.of[scripts.FAILING],
        (limit, b"n" if newest_first else b"o", *(after or (b"", b""))),
    )
    return list(map(PageMark, scores, ids))
