"""The audits that a dashboard starts: one at a time, in the background; the last one is kept with its result.

::

    start ─▶ runs, step by step ─┬─▶ a report
                                 ├─▶ a problem: it could not go on
                                 └─▶ stopped: somebody asked for that, or the process ends
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from .. import AuditReport, Scheduler
from .problems import problem_of

_LOG: Final = logging.getLogger("interval_scheduler.dashboard")
_STOPPED: Final = "It was stopped."


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit, as it stands.

    Attributes:
        queue: the queue that it is of; `None`: the namespace with all its queues.
        repair: it mends what is safe to mend.
        began: the moment of its start, in UTC.
        ended: the moment of its end, in UTC; `None` while it runs.
        checked: the number of tasks that were checked so far.
        total: about the number of all tasks; 0 before the first step.
        report: what it found; `None` while it runs, and if it did not come to its end.
        problem: why it did not come to its end, in a sentence.
    """

    queue: str | None
    repair: bool
    began: datetime
    ended: datetime | None = None
    checked: int = 0
    total: int = 0
    report: AuditReport | None = None
    problem: str | None = None


class Audits:
    """The audits of one dashboard."""

    def __init__(self) -> None:
        self.last: Audit | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """True while an audit runs."""
        return self.last is not None and self.last.ended is None

    def start(
        self,
        scheduler: Scheduler,
        queue: str | None,
        *,
        repair: bool,
        at_end: Callable[[], object] | None = None,
    ) -> bool:
        """Start an audit in the background; return False if one runs.

        Args:
            scheduler: the scheduler of the namespace or of the queue.
            queue: the name of the queue, for the result.
            repair: mend what is safe to mend.
            at_end: called when it has ended, however it did. Default: nothing is.
        """
        if self.is_running:
            return False
        self.last = Audit(queue, repair, datetime.now(UTC))
        self._task = asyncio.create_task(self._run(scheduler, self.last, repair=repair))
        self._task.add_done_callback(self._done)
        if at_end is not None:
            self._task.add_done_callback(lambda _: at_end())
        return True

    def last_of(self, queue: str | None) -> Audit | None:
        """Return the last audit, if it concerns a queue alone; to the namespace, whose name is `None`, each belongs.

        Who may see one queue, or steer it, is told nothing of another one.
        """
        return self.last if self.last is not None and queue in {None, self.last.queue} else None

    async def stop(self, queue: str | None) -> bool:
        """Stop the audit that runs, and wait until it has ended; return False if none runs that concerns the queue."""
        task = self._task
        if task is None or task.done() or self.last_of(queue) is None:
            return False
        task.cancel()
        await asyncio.wait([task])
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # here, as one that is stopped before its first step does not run at all
            self._end(problem=_STOPPED)

    async def _run(self, scheduler: Scheduler, audit: Audit, *, repair: bool) -> None:
        try:
            report = await scheduler.audit(repair=repair, progress=self._progress(audit))
            self._end(report=report)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task: the page and the log tell what happened
            problem = problem_of(error)
            self._end(problem=problem.words)
            if problem.is_unexpected:
                _LOG.exception("an audit ended by an unexpected error")

    def _progress(self, audit: Audit) -> Callable[[int, int], None]:
        def tell(checked: int, total: int) -> None:
            self.last = replace(audit, checked=checked, total=total)

        return tell

    def _end(self, *, report: AuditReport | None = None, problem: str | None = None) -> None:
        if self.last is not None:
            checked = self.last.checked if report is None else report.checked
            self.last = replace(self.last, ended=datetime.now(UTC), checked=checked, report=report, problem=problem)
