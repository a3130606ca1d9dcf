"""Cancelling a coroutine at a chosen moment, to try one after the other all moments at which it may happen."""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Coroutine, Generator
from functools import partial
from itertools import count
from typing import Any, Final

#: A coroutine that goes on for so long after it was cancelled hangs.
PATIENCE_SECONDS: Final = 30


async def interrupt(coroutine: Coroutine[Any, Any, object], at: int, *, persistently: bool = False) -> bool:
    """Run a coroutine, and cancel it where it waits for the n-th time, from 0.

    The cancellation comes from the event loop, as one from any other task does, so that what is waited for may have
    happened by then.

    Args:
        coroutine: what to run. An error of its own is raised here.
        at: where to cancel it.
        persistently: also wherever it waits from there on, so that what it does to clean up is cut short as well.

    Returns:
        Whether it got as far as that, instead of ending before.
    """
    reached = False

    @types.coroutine
    def step_by_step() -> Generator[Any, Any, None]:
        nonlocal reached
        me = asyncio.current_task()
        assert me is not None
        go_on = partial(coroutine.send, None)
        for number in count():
            try:
                awaited = go_on()
            except StopIteration:  # the call has ended before it was reached
                return
            if number == at or (persistently and reached):
                reached = True
                asyncio.get_running_loop().call_soon(me.cancel)
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the coroutine
                go_on = partial(coroutine.throw, error)
            else:
                go_on = partial(coroutine.send, None)

    async def whole() -> None:
        await step_by_step()

    await _ended(asyncio.create_task(whole()))
    return reached


async def interrupt_after(coroutine: Coroutine[Any, Any, object], rounds: int) -> bool:
    """Run a coroutine, and cancel it after so many rounds of the event loop; whether it was still going on.

    While it waits for Redis the loop goes round without rest: so this finds moments between what happens in the
    background, too.
    """
    task = asyncio.create_task(coroutine)
    for _ in range(rounds):
        if task.done():
            break
        await asyncio.sleep(0)  # a turn of the event loop, at which it may be cancelled
    reached = task.cancel()
    await _ended(task)
    return reached


async def _ended(task: asyncio.Task[Any]) -> None:
    _, going_on = await asyncio.wait([task], timeout=PATIENCE_SECONDS)
    assert not going_on, f"it hangs: {task.get_stack()}"
    with contextlib.suppress(asyncio.CancelledError):  # it was cancelled, and may say so
        task.result()
