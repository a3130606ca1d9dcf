"""Reads the numbers of queues, a bounded number of them at a time."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from .. import SchedulerError
from ..cli.output.words import moment_of
from .figures.partitions import counts_of, rate_words
from .figures.slices import slice_of
from .look import Look
from .seen import queue_of

#: The most queues that are read for one page.
MOST: Final = 50


async def read_queues(look: Look, number: int) -> dict[str, Any] | None:
    """Read the rows of some queues; `None` where there are none.

    Args:
        look: the request.
        number: the number of the piece of their list, from 1.
    """
    if look.queue is not None or not look.queues:
        return None
    part = slice_of(number, look.queues, MOST)
    rows = await asyncio.gather(*(_row(look, name) for name in part.rows))
    return {"rows": rows, "number": part.number, "last": part.last, "total": part.total}


async def _row(look: Look, name: str) -> dict[str, Any]:
    try:
        overview = await queue_of(look.scheduler, name).overview()
    except SchedulerError as error:
        return {"name": name, "problem": str(error)}
    return {
        "name": name,
        "problem": None,
        **counts_of(overview),
        "oldest_due": moment_of(overview.oldest_due),
        "pause": overview.pause,
        "rate": rate_words(overview.rate),
        "moving": len(overview.moving),
        "offline": [each.name for each in overview.partitions if not each.online],
    }
