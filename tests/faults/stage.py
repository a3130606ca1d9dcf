"""A scheduler that executes while calls on it are cut short, what they need, and what was wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Final

from interval_scheduler import IntervalTask, Scheduler, current_run

Call = Callable[[], Awaitable[object]]
FAR: Final = 4e9
#: Tasks that recur all the time. The payload of each task is its id, so that a mixed-up reply is noticed.
RECURRING: Final = [IntervalTask(f"recurring {n}", f"recurring {n}", every=0.03) for n in range(10)]
#: Tasks that are never due.
RESTING: Final = [IntervalTask(f"resting {n}", f"resting {n}", every=1000, start=FAR + n) for n in range(10)]


class Stage:
    """A scheduler that executes, and what calls on it need.

    Args:
        scheduler: the scheduler.
        another: makes one more on the same namespace, for the calls that begin and end things.
        settle: waits until Redis has carried out all that was sent to it, also by calls that were cut short.
    """

    def __init__(
        self, scheduler: Scheduler, another: Callable[[], Scheduler], settle: Callable[[], Awaitable[None]]
    ) -> None:
        self.scheduler = scheduler
        self.another = another
        self.settle = settle
        self.locks: set[str] = set()
        self.wrong: list[str] = []
        self.runs = 0
        #: Tasks that fail, so that they die.
        self.failing: set[str] = set()
        self._numbers = count()
        scheduler.on("run-error", self._note_error)

    async def executor(self, data: str) -> None:
        """A run makes calls too."""
        task_id = current_run().id
        self.expect("the payload of a run", data, task_id)
        if task_id in self.failing:
            raise LookupError(task_id)
        self.expect("is_scheduled in a run", await self.scheduler.is_scheduled(task_id), task_id, None)
        self.runs += 1

    def _note_error(self, run: object, error: BaseException) -> None:
        if not isinstance(error, LookupError):
            self.wrong.append(f"{run!r}: {error!r}")

    def expect(self, what: str, found: object, *expected: object) -> None:
        """Note a result that is none of those that are right."""
        if found not in expected:
            self.wrong.append(f"{what}: {found!r} instead of {expected!r}")

    def holds(self, what: str, found: bool) -> None:  # noqa: FBT001 - what was found
        """Note what does not hold."""
        if found is not True:
            self.wrong.append(f"{what}: {found!r}")

    def new(self, kind: str) -> str:
        """An id, or a name of a lock, that was not there before."""
        return f"{kind} {next(self._numbers)}"

    async def assigned(self, kind: str, start: float | None = FAR) -> str:
        """The id of a new one-shot."""
        task_id = self.new(kind)
        self.holds("assign_task", await self.scheduler.assign_task(IntervalTask(task_id, task_id, start=start)))
        return task_id


Entry = Callable[[Stage], AbstractAsyncContextManager[Call]]


def plain(call: Callable[[Stage], Awaitable[object]]) -> Entry:
    """A call that needs nothing before and after it."""

    @asynccontextmanager
    async def entry(stage: Stage) -> AsyncIterator[Call]:
        yield lambda: call(stage)

    return entry


def of_another(
    call: Callable[[Stage, Scheduler], Awaitable[object]],
    prepare: Callable[[Stage, Scheduler], Awaitable[object]] | None = None,
) -> Entry:
    """A call that begins or ends things, on a scheduler of its own."""

    @asynccontextmanager
    async def entry(stage: Stage) -> AsyncIterator[Call]:
        other = stage.another()
        if prepare is not None:
            await prepare(stage, other)
        yield lambda: call(stage, other)
        await other.close()

    return entry
