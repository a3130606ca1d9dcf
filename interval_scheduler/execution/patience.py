"""Hands queued runs back that will not start in time, so that another scheduler can have them.

::

    queued ──a place is free──▶ started
       │
       └──the start window is about to end──▶ handed back, and nothing is claimed ahead for now

Nobody takes a run off the queue while all places are busy. So a timer looks: one at a time, and none while the queue is
empty. A run that was claimed at most once stays, unless its task is leased all the same: nobody else can have it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..model.records import CorruptRecord
from ..support import clock
from .room import Room
from .run import TaskRun

#: The share of the time from the receipt of a claim to the end of its start window for which its runs may be queued.
#: The rest is for their start elsewhere.
WAITING_SHARE: Final = 0.6


class Patience:
    """The timer of one queue.

    Args:
        queue: the runs that have not started.
        room: the permits that they hold.
        hand_back: hands a run back.
    """

    def __init__(self, queue: deque[TaskRun], room: Room, hand_back: Callable[[TaskRun], None]) -> None:
        self._queue = queue
        self._room = room
        self._hand_back = hand_back
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Look when the first run of the queue will have waited long enough, unless a look is planned."""
        if self._timer is None and self._queue:
            self._look_at(_ends(self._queue[0]))

    def look(self) -> None:
        """Hand back what has waited long enough."""
        self._timer = None
        now = clock.monotonic()
        late = [run for run in self._queue if _ends(run) <= now and _is_leased(run)]
        if late:
            gone = set(late)
            kept = [run for run in self._queue if run not in gone]
            self._queue.clear()
            self._queue.extend(kept)
            for run in late:
                self._hand_back(run)
            self._room.claim_nothing_ahead()
            self._room.give_back(len(late))
        if ahead := [ends for run in self._queue if (ends := _ends(run)) > now]:
            self._look_at(min(ahead))

    def _look_at(self, moment: float) -> None:
        seconds = max(0.0, moment - clock.monotonic())
        self._timer = asyncio.get_running_loop().call_later(seconds, self.look)


def _ends(run: TaskRun) -> float:
    """Return until when a run may be queued, monotonic seconds."""
    return run.received_at + WAITING_SHARE * (run.leased_start_by - run.received_at)


def _is_leased(run: TaskRun) -> bool:
    if not run.is_leased and not run.header:
        with suppress(CorruptRecord):  # one that is set aside when it starts
            run.read()
    return run.is_leased
