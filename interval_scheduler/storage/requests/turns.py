"""Turns: all changes of a scheduler to a partition, sent one batch at a time over one session.

::

    submit ──▶ waiting, in rounds ──take──▶ in flight ──▶ results
                  ▲                             │
                  └──────── gather while ───────┘

One session numbers all batches, so whatever is carried out outdates all copies of earlier ones. So the calls on one id
take effect in the order in which they were made; a call in doubt took effect before every later call, or never does.
At low load a call goes out alone and at once, at high load batches grow by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, Final, Generic, TypeVar

from ...errors import NotConnected, OutcomeUnknown
from .batching import Partly
from .callers import Awaited, Callers
from .rounds import Kind, Portion, Rounds
from .together import Answers, Together

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Sends a batch, and returns one result an item, in order; with fewer results, but one at least, the others are sent
#: again.
Send = Callable[[Sequence[Item], Callers], Awaitable[Sequence[Result]]]


class Turns:
    """The changes to one partition.

    Args:
        partition: the name of the partition, for errors.
    """

    def __init__(self, partition: str) -> None:
        self._partition = partition
        self._rounds = Rounds()
        self._senders: dict[Kind[Any], Send[Any, Any]] = {}
        self._wake = asyncio.Event()
        self._ended = False

    def add(
        self,
        send: Send[Item, Result],
        id_of: Callable[[Item], bytes] | None,
        weigh: Callable[[Item], int] | None = None,
    ) -> Turn[Item, Result]:
        """Add a kind of changes.

        Args:
            send: sends a batch of them.
            id_of: returns the task id of an item; `None`: they concern all tasks.
            weigh: returns the weight of an item in bytes. Default: items weigh nothing.
        """
        kind = Kind(id_of, weigh)
        self._senders[kind] = send
        return Turn(self, kind)

    def put(self, kind: Kind[Item], item: Item) -> asyncio.Future[Any]:
        """Add a call to those that wait; the future gives its result."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._ended:
            future.set_exception(NotConnected())
            return future
        self._rounds.put(kind, ((item,), future))
        if not self._wake.is_set():
            self._wake.set()
        return future

    def put_all(self, kind: Kind[Item], items: Sequence[Item]) -> asyncio.Future[Answers[Any]]:
        """Add some calls, at least one, to those that wait; the future gives their answers."""
        together: Together[Any] = Together(len(items))
        if self._ended:
            together.future.set_result(Answers([], NotConnected()))
            return together.future
        self._rounds.put(kind, (items, together))
        self._wake.set()
        return together.future

    async def run(self) -> None:
        """Send batches until cancelled; at the end every call has a result or an error."""
        try:
            while True:
                await self._wake.wait()
                while (taken := self._rounds.take()) is not None:
                    await self._send(*taken)
                self._wake.clear()
        finally:
            self._ended = True
            while (taken := self._rounds.take()) is not None:
                _fail(_futures(taken[1]), NotConnected())

    async def _send(self, kind: Kind[Any], portions: Sequence[Portion]) -> None:
        """Send a batch. Its failure is that of each of its calls, and of no other."""
        items = list(chain.from_iterable([some for some, _ in portions]))
        futures = _futures(portions)
        try:
            outcomes = await self._senders[kind](items, Callers(futures))
            _give(portions, outcomes)
        except asyncio.CancelledError:
            _fail(futures, OutcomeUnknown(self._partition))
            raise
        except Partly as partly:
            outcomes = partly.outcomes
            for future, outcome in zip(futures, outcomes, strict=False):
                _settle(future, outcome)
        except Exception as error:  # noqa: BLE001 - every error belongs to the calls of its batch
            _fail(futures, error)
            return
        if len(outcomes) < len(items):  # the rest was too heavy for one request
            self._rounds.put_back(kind, _rest(portions, len(outcomes)))


class Turn(Generic[Item, Result]):
    """One kind of changes to a partition; `Turns.add` makes it.

    A caller that gives up before its batch is sent is left out of it; one that gives up later harms no other, and its
    own item may take effect.
    """

    def __init__(self, turns: Turns, kind: Kind[Item]) -> None:
        self._turns: Final = turns
        self._kind: Final = kind

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Send an item when it is its turn; the future gives its result."""
        return self._turns.put(self._kind, item)

    def submit_all(self, items: Sequence[Item]) -> asyncio.Future[Answers[Result]]:
        """Send some items, at least one, when it is their turn; the future gives their answers, and has no error."""
        return self._turns.put_all(self._kind, items)


def _futures(portions: Sequence[Portion]) -> list[Awaited]:
    """Return for each item what its caller waits for."""
    return [awaited for items, awaited in portions for _ in items]


def _rest(portions: Sequence[Portion], count: int) -> list[Portion]:
    """Return the items without the first ones."""
    left: list[Portion] = []
    for items, awaited in portions:
        if count < len(items):
            left.append((items[count:], awaited))
        count = max(0, count - len(items))
    return left


def _give(portions: Sequence[Portion], results: Sequence[Any]) -> None:
    """Give the callers the results of their items, of which there may be fewer than items."""
    start = 0
    for items, awaited in portions:
        some = results[start : start + len(items)]
        start += len(items)
        if not some or awaited.done():
            continue
        if isinstance(awaited, Together):
            awaited.set_results(some)
        else:
            awaited.set_result(some[0])


def _fail(futures: Sequence[Awaited], error: Exception) -> None:
    for future in futures:
        _settle(future, error)


def _settle(future: Awaited, outcome: object) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
