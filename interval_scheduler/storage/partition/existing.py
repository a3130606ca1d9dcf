"""Leaves tasks out of a batch that do not exist at the partition, for changes while tasks move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ..requests.batching import Partly
from ..requests.callers import Callers
from ..requests.session import NotAllExist
from ..requests.turns import Send

Item = TypeVar("Item")
Result = TypeVar("Result")


def if_exists_each(
    send: Callable[[Sequence[Item], Callers], Awaitable[Sequence[Result]]],
) -> Send[Item, Result | None]:
    """Wrap `send`, so that it leaves out the tasks that do not exist; their result is `None`."""

    async def send_existing(items: Sequence[Item], callers: Callers) -> Sequence[Result | None]:
        results: list[Any] = [None] * len(items)
        is_partly = False
        positions = list(range(len(items)))
        while positions:
            try:
                found = await send([items[position] for position in positions], callers.only(positions))
            except Partly as partly:  # its outcomes are those of the tasks that exist
                found = partly.outcomes
                is_partly = True
            except NotAllExist as refused:
                # Some more may be gone by the time of the next try, but none comes back.
                positions = [position for position, exists in zip(positions, refused.flags, strict=True) if exists]
                continue
            for position, result in zip(positions, found, strict=False):
                results[position] = result
            settled = results if len(found) == len(positions) else results[: positions[len(found)]]
            if is_partly:
                raise Partly(settled)
            return settled
        return results

    return send_existing
