"""Calls that go on at the same time; if one fails, the others are not left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")


async def at_once(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Carry calls out at the same time, and return their results in the order of the calls.

    If one fails, or the caller is cancelled, the others are cancelled; it raises once all of them have ended.
    """
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
