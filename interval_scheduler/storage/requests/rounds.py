"""Calls of several kinds that wait for their turn: the order in which they are sent. Pure.

::

    put ──▶ the last round: a lane for each kind ──▶ ... ──▶ the first round ──take──▶ a batch of one kind

In a round, no id waits in two lanes. A call on an id that waits in another lane opens the next round, and a call that
concerns all tasks has no other lane beside it. So the lanes of one round may take turns in any order, batches stay
large, and the calls on one id keep their order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
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


# Items of one caller in their order, at least one, and what it waits for. Any: each kind has items and results of its
# own.
Portion = tuple[Sequence[Any], Awaited]


class _Lane:
    """The calls of one kind in a round.

    Attributes:
        portions: the items, by their callers.
        waiting: how many of them concern each id; `None` while no other lane was there, which is the frequent case.
    """

    __slots__ = ("_id_of", "portions", "waiting")

    def __init__(self, kind: Kind[Any]) -> None:
        self._id_of = kind.id_of
        self.portions: deque[Portion] = deque()
        self.waiting: Counter[bytes] | None = None

    def has(self, raw_id: bytes | None) -> bool:
        """Tell if a call on an id is among them; `None` stands for all ids."""
        if self._id_of is None or raw_id is None:
            return True
        if self.waiting is None:
            self.waiting = Counter(self._id_of(item) for items, _ in self.portions for item in items)
        return raw_id in self.waiting

    def remember(self, items: Sequence[Any]) -> None:
        """Remember the ids of items that were added."""
        if self.waiting is not None and self._id_of is not None:
            self.waiting.update(map(self._id_of, items))

    def forget(self, items: Sequence[Any]) -> None:
        """Forget the ids of items that were taken."""
        if self.waiting is None or self._id_of is None:
            return
        for raw_id in map(self._id_of, items):
            self.waiting[raw_id] -= 1
            if not self.waiting[raw_id]:
                del self.waiting[raw_id]


class Rounds:
    """The calls that wait."""

    def __init__(self) -> None:
        self._rounds: deque[dict[Kind[Any], _Lane]] = deque([{}])

    def put(self, kind: Kind[Any], portion: Portion) -> None:
        """Add items behind all that wait."""
        lanes = self._rounds[-1]
        lane = lanes.get(kind)
        if len(lanes) > (lane is not None):
            items, awaited = portion
            if len(items) > 1:  # each may open the next round
                for item in items:
                    self.put(kind, ((item,), awaited))
                return
            raw_id = None if kind.id_of is None else kind.id_of(items[0])
            if any(kind is not other and its_lane.has(raw_id) for other, its_lane in lanes.items()):
                lanes, lane = {}, None
                self._rounds.append(lanes)
        if lane is None:
            lane = lanes[kind] = _Lane(kind)
        lane.portions.append(portion)
        lane.remember(portion[0])

    def put_back(self, kind: Kind[Any], portions: Sequence[Portion]) -> None:
        """Put items of the last batch back, before all others: they have not been sent to Redis."""
        lane = _Lane(kind)
        lane.portions.extend(portions)
        self._rounds.appendleft({kind: lane})

    def take(self) -> tuple[Kind[Any], list[Portion]] | None:
        """Take the next batch, without the items of callers who gave up; `None`: nothing waits."""
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
            if lane.portions:
                lanes[kind] = lane  # behind the others, so that it is their turn now
            if batch:
                return kind, batch


def _batch(kind: Kind[Any], lane: _Lane) -> list[Portion]:
    """Take a batch from the front of a lane, bounded in items and in weight; calls that concern all tasks go alone."""
    left = 1 if kind.id_of is None else MAX_BATCH
    batch: list[Portion] = []
    room = MAX_BATCH_BYTES
    while lane.portions and left:
        items, awaited = lane.portions.popleft()
        if awaited.done():
            lane.forget(items)
            continue
        fitting, room = _fitting(kind, items, left, room, is_first=not batch)
        if fitting < len(items):
            lane.portions.appendleft((items[fitting:], awaited))
            if not fitting:
                break
            items = items[:fitting]
        batch.append((items, awaited))
        lane.forget(items)
        left -= len(items)
    return batch


def _fitting(kind: Kind[Any], items: Sequence[Any], most: int, room: int, *, is_first: bool) -> tuple[int, int]:
    """Count the items that fit into a batch, and the bytes that are left then: 0 or less if no further one fits.

    The first item of a batch always fits.
    """
    count = min(len(items), most)
    if kind.weigh is None:
        return count, room
    for n in range(count):
        weight = kind.weigh(items[n])
        if weight > room and (n or not is_first):
            return n, 0
        room -= weight
    return count, room
