"""Calls of several kinds that wait for their turn: the order in which they are sent. Pure.

::

    put ──▶ the last round: a lane for each kind ──▶ ... ──▶ the first round ──take──▶ a batch of one kind

In a round, no id waits in two lanes. A call on an id that waits in another lane opens the next round, and a call that
concerns all tasks has no other lane beside it. So the lanes of one round may take turns in any order, batches stay
large, and the calls on one id keep their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from .batching import MAX_BATCH, MAX_BATCH_BYTES
from .callers import Awaited

Item = TypeVar("Item")


class Kind(Generic[Item]):
    """One kind of calls.

    Args:
        id_of: returns the task id of an item; `None`: its calls concern all tasks.
        weigh: returns the weight of an item in bytes; `None`: items weigh nothing.
    """

    __slots__ = ("id_of", "weigh")

    def __init__(self, id_of: Callable[[Item], bytes] | None, weigh: Callable[[Item], int] | None = None) -> None:
        self.id_of = id_of
        self.weigh = weigh


# One call: its item, and the result that its caller waits for. Any: each kind has items and results of its own.
Call = tuple[Any, Awaited]


class _Lane:
    """The calls of one kind in a round.

    Attributes:
        calls: the calls.
        last: the last call on each id among them; `None` while no other lane was there, which is the frequent case.
    """

    __slots__ = ("calls", "last")

    def __init__(self) -> None:
        self.calls: deque[Call] = deque()
        self.last: dict[bytes | None, Call] | None = None

    def has(self, kind: Kind[Any], raw_id: bytes | None) -> bool:
        """Tell if a call on an id is among them; `None` stands for all ids."""
        if kind.id_of is None or raw_id is None:
            return True
        if self.last is None:
            self.last = {kind.id_of(call[0]): call for call in self.calls}
        return raw_id in self.last


class Rounds:
    """The calls that wait."""

    def __init__(self) -> None:
        self._rounds: deque[dict[Kind[Any], _Lane]] = deque([{}])

    def put(self, kind: Kind[Any], call: Call) -> None:
        """Add a call behind those that wait."""
        lanes = self._rounds[-1]
        lane = lanes.get(kind)
        if len(lanes) > (lane is not None):
            raw_id = None if kind.id_of is None else kind.id_of(call[0])
            if any(kind is not other and its_lane.has(other, raw_id) for other, its_lane in lanes.items()):
                lanes, lane = {}, None
                self._rounds.append(lanes)
        if lane is None:
            lane = lanes[kind] = _Lane()
        lane.calls.append(call)
        if lane.last is not None and kind.id_of is not None:
            lane.last[kind.id_of(call[0])] = call

    def put_all(self, kind: Kind[Any], calls: Iterable[Call]) -> None:
        """Add calls of one kind, as `put` does."""
        lanes = self._rounds[-1]
        lane = lanes.setdefault(kind, _Lane()) if lanes.keys() <= {kind} else None
        if lane is not None and lane.last is None:  # the frequent case
            lane.calls.extend(calls)
            return
        for call in calls:
            self.put(kind, call)

    def put_back(self, kind: Kind[Any], calls: Sequence[Call]) -> None:
        """Put calls of the last batch back, before all others: they have not been sent to Redis."""
        lane = _Lane()
        lane.calls.extend(calls)
        self._rounds.appendleft({kind: lane})

    def take(self) -> tuple[Kind[Any], list[Call]] | None:
        """Take the next batch, without the calls whose callers gave up; `None`: no call waits."""
        while True:
            lanes = self._rounds[0]
            if not lanes:
                if len(self._rounds) == 1:
                    return None
                self._rounds.popleft()
                continue
            kind = next(iter(lanes))
            lane = lanes.pop(kind)
            batch = _batch(kind, lane)
            if lane.calls:
                lanes[kind] = lane  # behind the others, so that it is their turn now
            if batch:
                return kind, batch


def _batch(kind: Kind[Any], lane: _Lane) -> list[Call]:
    """Take a batch from the front of a lane, bounded in items and in weight; calls that concern all tasks go alone."""
    calls, last, id_of, weigh = lane.calls, lane.last, kind.id_of, kind.weigh
    left = 1 if id_of is None else MAX_BATCH
    batch: list[Call] = []
    weight = 0
    while calls and left:
        call = calls[0]
        item, future = call
        if weigh is not None:
            weight += weigh(item)
            if batch and weight > MAX_BATCH_BYTES:
                break
        calls.popleft()
        if last is not None and id_of is not None and last.get(raw_id := id_of(item)) is call:
            del last[raw_id]
        if not future.done():
            batch.append(call)
            left -= 1
    return batch
