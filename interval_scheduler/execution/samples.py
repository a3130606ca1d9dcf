"""Samples of runs for those who measure them: so many a second, in which all runs of that second have the same chance.

::

    a run ends ──▶ has a place, or none ──a second after the first one, or the end of an execution──▶ told

The runs of a busy second are not told as they come, since the first of them are not like the others: where many tasks
are due at the same moment, they are the least late.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextvars import copy_context
from typing import Final

from ..model.sample import RunSample
from ..support import clock
from ..support.guests import ends_process
from ..support.log import GuardedLog
from ..support.text import describe
from . import outcome
from .run import TaskRun

#: Called with the runs of a second.
SampleHandler = Callable[[list[RunSample]], object]
_SECOND: Final = 1.0


class RunSamples:
    """The samples of a namespace with its queues.

    Args:
        log: where handlers that fail are told.
    """

    def __init__(self, log: GuardedLog) -> None:
        self._log = log
        #: Those who measure runs; nobody as a rule, and then a run costs no more than a look at this.
        self.listeners: list[_Listener] = []

    def add(self, namespace: str | None, handler: SampleHandler, most: int) -> Callable[[], None]:
        """Tell a handler of at most so many runs a second, of one namespace or of all; return what ends that."""
        listener = _Listener(namespace, handler, most, self._log)
        self.listeners = [*self.listeners, listener]

        def off() -> None:
            self.listeners = [each for each in self.listeners if each is not listener]

        return off

    def note(self, namespace: str, run: TaskRun, error: BaseException | None) -> None:
        """Take a run that ended into the samples."""
        for listener in self.listeners:
            if listener.namespace is None or listener.namespace == namespace:
                listener.note(namespace, run, error)

    def flush(self) -> None:
        """Tell what there is now: an execution ends, and its event loop may end with it."""
        for listener in self.listeners:
            listener.tell()


class _Listener:
    """One who measures runs."""

    def __init__(self, namespace: str | None, handler: SampleHandler, most: int, log: GuardedLog) -> None:
        self.namespace = namespace
        self._handler, self._most, self._log = handler, most, log
        self._context = copy_context()
        self._kept: list[RunSample] = []
        self._seen = 0
        self._timer: asyncio.TimerHandle | None = None
        self._has_failed = False

    def note(self, namespace: str, run: TaskRun, error: BaseException | None) -> None:
        """Give a run a place, or none."""
        self._seen += 1
        if self._seen <= self._most:
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(_SECOND, self.tell, context=self._context.copy())
            self._kept.append(_sample_of(namespace, run, error))
        elif (place := int(random.random() * self._seen)) < self._most:
            self._kept[place] = _sample_of(namespace, run, error)

    def tell(self) -> None:
        """Tell the handler of the sample, and begin anew. A handler that fails is told once."""
        kept, self._kept, self._seen = self._kept, [], 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not kept:
            return
        try:
            self._context.copy().run(self._handler, kept)
        except BaseException as error:  # the application's handler, whatever it raises
            if ends_process(error) is not None:
                raise
            if not self._has_failed:
                self._has_failed = True
                self._log.error("a handler of samples failed: %s", describe(error), exc_info=error)


def _sample_of(namespace: str, run: TaskRun, error: BaseException | None) -> RunSample:
    how = "ok" if error is None else outcome.ended(error)
    return RunSample(namespace, run.partition, how, run.lag, clock.monotonic() - run.started_at)
