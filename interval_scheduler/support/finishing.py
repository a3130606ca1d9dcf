"""Work that is done to its end, however often its caller is cancelled.

A shielded scope of anyio keeps off the cancels of other scopes. It keeps off no `Task.cancel()`, and whoever is ended
twice, by a lost partition and by its last user, say, would leave its second half undone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

Result = TypeVar("Result")


async def to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Do work in a task of its own, and return its result. A cancel of the caller is raised once the work has ended.

    Raises:
        Exception: the error of the work.
    """
    task = asyncio.create_task(work, name="interval_scheduler ending")
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
