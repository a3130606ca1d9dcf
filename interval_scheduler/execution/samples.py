"""Samples of runs for those who measure them: so many a second, in which all runs of that second have the same chance.

::

    a run ends ──▶ passed over, or taken ──a second after the first one, or the end of an execution──▶ told

The runs of a busy second are not told as they come, since the first of them are not like the others: where many tasks
are due at the same moment, they are the least late. Most runs are passed over: how many come before the next one that
is taken is drawn ahead, so that each of the others costs a subtraction. That is algorithm L of Kim-Hung Li ("Reservoir-
sampling algorithms of time complexity O(n(1 + log(N/n)))", 1994).
"""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

from ..model.sample import RunSample
from ..support import clock
from ..support.guests import call_apart, ends_process
from ..support.log import GuardedLog
from ..support.loops import running_loop
from ..support.text import describe
from . import outcome
from .run import TaskRun

#: Called with the runs of a second.
SampleHandler = Callable[[list[RunSample]], object]
_SECOND: Final = 1.0
_BELOW_ONE: Final = math.nextafter(1.0, 0.0)  # of 1 there is no logarithm below


@dataclass(slots=True, eq=False)
class _Listener:
    namespace: str | None
    handler: SampleHandler
    most: int
    context: Context
    has_failed: bool = False


class Listeners:
    """Those who measure the runs of a namespace, or of its queues.

    Args:
        log: where handlers that fail are told.
    """

    def __init__(self, log: GuardedLog) -> None:
        self._log = log
        self._all: tuple[_Listener, ...] = ()
        self._changing = threading.Lock()  # measuring is begun and ended in any thread
        #: The samples of the namespace and of each queue.
        self._sources: Final[WeakSet[RunSamples]] = WeakSet()

    def add(self, namespace: str | None, handler: SampleHandler, most: int) -> Callable[[], None]:
        """Tell a handler of at most so many runs a second of each namespace, or of one; return what ends that."""
        listener = _Listener(namespace, handler, most, copy_context())
        with self._changing:
            self._put((*self._all, listener))

        def off() -> None:
            with self._changing:
                self._put(tuple(each for each in self._all if each is not listener))

        return off

    def source(self, samples: RunSamples) -> None:
        """Adapt the samples of the namespace or of a queue from now on, whenever others measure."""
        with self._changing:
            self._sources.add(samples)
            samples.adapt()

    def most_of(self, namespace: str) -> int:
        """Return the most runs that anybody asks for; 0 for nobody."""
        return max((each.most for each in self._all if each.namespace in (None, namespace)), default=0)

    def tell(self, namespace: str, samples: Sequence[RunSample]) -> None:
        """Tell everybody who asks for these runs; a handler that fails is logged once."""
        for each in self._all:
            if each.namespace in (None, namespace):
                mine = list(samples) if len(samples) <= each.most else random.sample(samples, each.most)
                try:
                    call_apart(running_loop(), each.context.copy().run, each.handler, mine)
                except BaseException as error:  # the application's handler, whatever it raises
                    if ends_process(error) is not None:
                        raise
                    if not each.has_failed:
                        each.has_failed = True
                        self._log.error("a handler of samples failed: %s", describe(error), exc_info=error)

    def _put(self, listeners: tuple[_Listener, ...]) -> None:
        self._all = listeners
        for each in tuple(self._sources):
            each.adapt()


class RunSamples:
    """The samples of one namespace or queue.

    Args:
        namespace: its name.
        listeners: those who measure runs.
    """

    def __init__(self, namespace: str, listeners: Listeners) -> None:
        self._namespace = namespace
        self._listeners = listeners
        self._most = 0
        self._kept: list[RunSample] = []
        self._weight = 1.0
        self._timer: asyncio.TimerHandle | None = None
        #: True if anybody measures runs.
        self.is_on = False
        #: How many runs are passed over before one is taken; whoever ends a run counts it down.
        self.left = 0
        listeners.source(self)

    def adapt(self) -> None:
        """Sample as many runs as is asked for by now."""
        self._most = self._listeners.most_of(self._namespace)
        self.is_on = self._most > 0
        self._begin()

    def take(self, run: TaskRun, error: BaseException | None) -> None:
        """Take a run that ended into the sample, and draw how many are passed over after it."""
        most = self._most  # once: another thread may change it meanwhile
        if most == 0:
            return
        how = "ok" if error is None else outcome.ended(error)
        sample = RunSample(self._namespace, run.partition, how, run.lag, clock.monotonic() - run.started_at)
        if not self._kept:
            self._timer = asyncio.get_running_loop().call_later(_SECOND, self.flush, context=Context())
        if len(self._kept) < most:
            self._kept.append(sample)
        else:
            self._kept[random.randrange(most)] = sample
        if len(self._kept) == most:
            self._weight = weight = min(self._weight * _positive_random() ** (1 / most), _BELOW_ONE)
            self.left = math.floor(math.log(_positive_random()) / math.log1p(-weight))
        else:
            self.left = 0

    def flush(self) -> None:
        """Tell what there is now: a second is over, or an execution ends, and its event loop may end with it."""
        kept, self._kept = self._kept, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._begin()
        if kept:
            self._listeners.tell(self._namespace, kept)

    def _begin(self) -> None:
        self._weight, self.left = 1.0, 0


def _positive_random() -> float:
    return 1.0 - random.random()
