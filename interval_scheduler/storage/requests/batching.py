"""Self-clocking batches: while one batch is in flight, items gather; its return sends all that gathered.

::

    put ──▶ waiting ──take──▶ in flight ──report──▶ (done)
               ▲                 │
               └── gather while ─┘

No timers: at low load an item goes out alone and at once, at high load batches grow by themselves. A batch is bounded
in items and in weight (bytes). A failed batch fails each of its items and no others; the batcher goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from ...errors import NotConnected, OutcomeUnknown

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result = TypeVar("Result")

#: The most items of one batch: keeps a script within a few milliseconds.
MAX_BATCH: Final = 500
#: The most bytes of one batch, unless one item alone is heavier.
MAX_BATCH_BYTES: Final = 1 << 20


class Submits(Protocol[Item_contra, Result]):
    """Calls of one kind that gather in batches."""

    def submit(self, item: Item_contra) -> asyncio.Future[Result]:
        """Send an item with a batch; the future gives its result."""


class Partly(Exception):
    """Some items of a batch failed; `outcomes` has for each item, or for each of the first, a result or an error."""

    def __init__(self, outcomes: Sequence[Any]) -> None:
        super().__init__("some items of the batch failed")
        self.outcomes = outcomes


class Batcher(Generic[Item, Result]):
    """Sends items in batches, one batch at a time.

    Args:
        partition: the name of the partition that the batches go to, for errors.
        send: sends a batch and returns one result an item, in order; with fewer results than items, but one at least,
            the others are sent again.
        report: called once a batch with its items and their results, or the error of the whole batch.
        weigh: returns the weight of an item in bytes. Default: items weigh nothing.
        reads: True if items change nothing, so that the end leaves none of them in doubt.
    """

    def __init__(
        self,
        partition: str,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        report: Callable[[Sequence[Item], Sequence[Result] | Exception], None],
        weigh: Callable[[Item], int] | None = None,
        *,
        reads: bool = False,
    ) -> None:
        self._reads = reads
        self._partition = partition
        self._send = send
        self._report = report
        self._weigh = weigh
        self._waiting: deque[Item] = deque()
        self._in_flight: Sequence[Item] = ()
        self._ended = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """Count the items that wait or are in flight."""
        return len(self._waiting) + len(self._in_flight)

    @property
    def items(self) -> list[Item]:
        """The items that wait or are in flight."""
        return [*self._in_flight, *self._waiting]

    def put(self, item: Item) -> None:
        """Add an item to the next batch; its result goes to `report`."""
        if self._ended:
            self._report([item], NotConnected())
            return
        self._waiting.append(item)
        if not self._wake.is_set():
            self._wake.set()
            self._idle.clear()

    async def flushed(self) -> None:
        """Wait until nothing is waiting or in flight."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send batches until cancelled; at the end every item has a result or an error."""
        try:
            while True:
                await self._wake.wait()
                while batch := self._take():
                    results = await self._attempt(batch)
                    outcomes = results.outcomes if isinstance(results, Partly) else results
                    if not isinstance(outcomes, Exception) and len(outcomes) < len(batch):
                        # The rest was too heavy for one request: it comes first in the next.
                        self._waiting.extendleft(reversed(batch[len(outcomes) :]))
                        batch = batch[: len(outcomes)]
                    self._report(batch, results)
                self._wake.clear()
                self._idle.set()
        finally:
            self._ended = True
            left = list(self._waiting)
            self._waiting.clear()
            self._idle.set()
            if left:
                self._report(left, NotConnected())

    async def _attempt(self, batch: Sequence[Item]) -> Sequence[Result] | Exception:
        self._in_flight = batch
        try:
            return await self._send(batch)
        except asyncio.CancelledError:
            self._report(batch, NotConnected() if self._reads else OutcomeUnknown(self._partition))
            raise
        except Exception as error:  # noqa: BLE001 - every error belongs to the items of its batch
            return error
        finally:
            self._in_flight = ()

    def _take(self) -> list[Item]:
        waiting = self._waiting
        if self._weigh is None:
            return [waiting.popleft() for _ in range(min(len(waiting), MAX_BATCH))]
        batch: list[Item] = []
        weight = 0
        while waiting and len(batch) < MAX_BATCH:
            weight += self._weigh(waiting[0])
            if batch and weight > MAX_BATCH_BYTES:
                break
            batch.append(waiting.popleft())
        return batch


def _placed(outcomes: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
    """Put the outcomes of the wanted calls at their places, up to the first that has none."""
    if len(outcomes) < sum(wanted):
        places = [place for place, want in enumerate(wanted) if want]
        wanted = wanted[: places[len(outcomes)]]
    following = iter(outcomes)
    return [next(following) if want else None for want in wanted]


class BatchedCalls(Generic[Item, Result]):
    """A batcher for callers that await their own result.

    A caller that is cancelled before its batch is sent is left out of it; one that is cancelled later harms no other,
    and its own item takes effect.
    """

    def __init__(
        self,
        partition: str,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        reads: bool = False,
    ) -> None:
        self._send_items = send
        self._batcher: Batcher[tuple[Item, asyncio.Future[Result]], Result | None] = Batcher(
            partition, self._send, self._report, reads=reads
        )
        self.run = self._batcher.run

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Send an item with the next batch; the future gives its result."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._batcher.put((item, future))
        return future

    async def _send(self, calls: Sequence[tuple[Item, asyncio.Future[Result]]]) -> Sequence[Result | None]:
        wanted = [not future.done() for _, future in calls]
        live = [item for (item, _), want in zip(calls, wanted, strict=True) if want]
        try:
            results = await self._send_items(live) if live else ()
        except Partly as partly:
            raise Partly(_placed(partly.outcomes, wanted)) from None
        return _placed(results, wanted)

    @staticmethod
    def _report(
        calls: Sequence[tuple[Item, asyncio.Future[Result]]], results: Sequence[Result | None] | Exception
    ) -> None:
        if isinstance(results, Exception):
            outcomes = results.outcomes if isinstance(results, Partly) else [results] * len(calls)
            for (_, future), outcome in zip(calls, outcomes, strict=True):
                if not future.done():
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
            return
        for (_, future), result in zip(calls, results, strict=True):
            if not future.done():
                future.set_result(cast("Result", result))
