"""The end of a worker: all its executions stop together, in time or at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import anyio

from .. import Scheduler
from .signals import Signals

#: The time that a second signal leaves for the end of a lifespan.
_GRACE_SECONDS: Final = 5.0


@contextmanager
def obeying(signals: Signals) -> Iterator[asyncio.Event]:
    """Cancel a block by a signal that comes before it says by an event that it has begun; later by a second signal.

    Then it has five seconds to end in order: its runs are cut short, and its lifespan is left.

    The block then ends without an error: that is what was asked for.
    """
    begun = asyncio.Event()
    with anyio.CancelScope() as scope:

        async def obey() -> None:
            await signals.stop.wait()
            if not begun.is_set():
                scope.cancel()
            await signals.at_once.wait()
            await asyncio.sleep(_GRACE_SECONDS)
            scope.cancel()

        obedient = asyncio.get_running_loop().create_task(obey())
        try:
            yield begun
        finally:
            obedient.cancel()


@asynccontextmanager
async def stopped_together(schedulers: list[Scheduler], signals: Signals | None) -> AsyncIterator[None]:
    """Stop all executions together at the end of a block; at once if it is cancelled or a second signal comes."""
    drain_seconds: float | None = None
    try:
        yield
    except asyncio.CancelledError:
        drain_seconds = 0
        raise
    finally:
        at_once = asyncio.Event() if signals is None else signals.at_once
        with anyio.CancelScope(shield=True):
            hurrying = asyncio.create_task(_hurried(schedulers, at_once))
            stopping = asyncio.create_task(_stop(schedulers, drain_seconds))
            try:
                await _ended(stopping, at_once)
            finally:
                hurrying.cancel()
                await asyncio.wait([hurrying])


async def _ended(stopping: asyncio.Task[None], at_once: asyncio.Event) -> None:
    """Wait for a stop to its end: what runs use goes with it. A cancel of the caller hurries it, and comes after it."""
    cancelled: asyncio.CancelledError | None = None
    while not stopping.done():
        try:
            await asyncio.wait([stopping])
        except asyncio.CancelledError as error:
            cancelled = error
            at_once.set()
    stopping.result()
    if cancelled is not None:
        raise cancelled


async def _stop(schedulers: list[Scheduler], drain_seconds: float | None) -> None:
    stops = [each.stop_task_execute(drain_seconds=drain_seconds) for each in schedulers]
    for error in await asyncio.gather(*stops, return_exceptions=True):
        if isinstance(error, BaseException):
            raise error


async def _hurried(schedulers: list[Scheduler], at_once: asyncio.Event) -> None:
    await at_once.wait()
    await _stop(schedulers, 0)


async def until_asked(signals: Signals, schedulers: list[Scheduler]) -> None:
    """Wait for a signal, or for the end of all executions, or of one that was not asked to end."""
    asked = asyncio.create_task(signals.stop.wait())
    ends: set[asyncio.Task[Any]] = {asyncio.create_task(each.wait_stopped()) for each in schedulers}
    try:
        while ends and not asked.done():
            done, _ = await asyncio.wait({asked, *ends}, return_when=asyncio.FIRST_COMPLETED)
            for end in done & ends:
                ends.discard(end)
                end.result()
    finally:
        for each in (asked, *ends):
            each.cancel()
        await asyncio.wait({asked, *ends})
