"""Tasks that this process cannot work out, though another may: puts them off, and tells of them.

::

    claimed ──cannot be worked out──▶ put off: nobody may claim it for a while ──▶ due as it was, uncharged
                                          (1 s at first, twice as long each time, 15 s at the most)

A library, a time zone, or a newer version of either is missing here. So the executor is not called: its run could not
end. A worker that can work the task out gets it at one of the next claims.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from ..model.health import Finding
from ..model.wire import readable
from ..support import clock
from ..support.log import Log
from ..support.text import describe
from .run import TaskRun

_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 15.0
#: A task that did not come again for so long was run by another scheduler, or changed; seconds.
_FORGOTTEN_AFTER: Final = 4 * _LONGEST_DELAY
#: The most tasks, and reasons, that are remembered.
_KEPT: Final = 10_000


class Unworkable:
    """The tasks that one execution cannot work out.

    Args:
        log: where each reason is told once.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        #: By partition and id: the number of times that it came, the last one in monotonic seconds, and the reason.
        self._tasks: OrderedDict[tuple[str, bytes], tuple[int, float, str]] = OrderedDict()
        self._told: OrderedDict[str, None] = OrderedDict()

    def put_off(self, run: TaskRun, error: Exception) -> float:
        """Note a run that cannot be worked out; return for how long nobody should claim it, in seconds."""
        reason, task = describe(error), (run.partition, run.raw_id)
        times, last, _ = self._tasks.pop(task, (0, -math.inf, ""))
        now = clock.monotonic()
        if now - last > _FORGOTTEN_AFTER:
            times = 0
        self._tasks[task] = (times + 1, now, reason)
        if len(self._tasks) > _KEPT:
            self._tasks.popitem(last=False)
        if reason not in self._told:
            self._told[reason] = None
            if len(self._told) > _KEPT:
                self._told.popitem(last=False)
            self._log.error(
                "task %r is not run here, since its next run cannot be worked out: %s; it is put off for other "
                "schedulers, and so are all tasks for which the reason is the same",
                run.id,
                reason,
            )
        return min(_FIRST_DELAY * (1 << min(times, 10)), _LONGEST_DELAY)

    @property
    def finding(self) -> Finding | None:
        """The finding for `check_health`, if such tasks came of late."""
        now = clock.monotonic()
        while self._tasks:
            _, last, _ = next(iter(self._tasks.values()))
            if now - last <= _FORGOTTEN_AFTER:
                break
            self._tasks.popitem(last=False)
        if not self._tasks:
            return None
        (_, raw_id), (_, _, reason) = next(reversed(self._tasks.items()))
        count = len(self._tasks)
        return Finding(
            "unworkable",
            "warning",
            f"tasks are put off for other schedulers, as their next run cannot be worked out here: {count:,} of late, "
            f"the last is {readable(raw_id)!r}: {reason}",
        )
