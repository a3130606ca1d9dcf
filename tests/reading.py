"""Each public call that goes to Redis: those that only read, and those that change something.

A new call gets one line in one of the two tables; `tests/integration/test_readers.py` then sees that a user without any
right to write can make the first ones, and is refused the others. The namespace is that of `fill`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from interval_scheduler import IntervalTask, Lock, PausedState, Rate, Scheduler
from tests.waiting import until

Call = Callable[[Scheduler], Awaitable[Any]]

#: A backup of one task.
BACKUP: Final = (
    b'{"format":"interval-scheduler","version":1,"namespace":"app","at_ms":1}',
    b'{"id":"restored","text":"","state":"waiting","due_ms":4000000000000}',
    b'{"end":true,"tasks":1,"left_out":0}',
)


async def listed(found: AsyncIterator[Any]) -> list[Any]:
    """All that an async iterator gives."""
    return [each async for each in found]


async def _tailed(scheduler: Scheduler) -> bool:
    runs = scheduler.tail()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):  # it goes on until it is closed
                await anext(runs)
    finally:
        await runs.aclose()
    return True


async def _paused(scheduler: Scheduler) -> tuple[PausedState | None]:
    return (await scheduler.paused(),)


async def _hold(scheduler: Scheduler) -> None:
    async with scheduler.lock("door", 60):
        pass


#: They change nothing, in Redis or anywhere else.
READING: Final[dict[str, Call]] = {
    "actions": lambda scheduler: scheduler.actions(),
    "audit": lambda scheduler: scheduler.audit(),
    "check_health": lambda scheduler: scheduler.check_health(),
    "count_tasks": lambda scheduler: scheduler.count_tasks(prefix="feed:"),
    "count_tasks of a tag": lambda scheduler: scheduler.count_tasks(prefix="{tenant}"),
    "dead_page": lambda scheduler: scheduler.dead_page(),
    "dead_tasks": lambda scheduler: listed(scheduler.dead_tasks()),
    "export": lambda scheduler: listed(scheduler.export()),
    "failing_page": lambda scheduler: scheduler.failing_page(),
    "forecast": lambda scheduler: scheduler.forecast(3600, 3),
    "get_dead_task": lambda scheduler: scheduler.get_dead_task("dead"),
    "get_group_concurrency": lambda scheduler: scheduler.get_group_concurrency(),
    "get_rate": lambda scheduler: scheduler.get_rate(),
    "get_task": lambda scheduler: scheduler.get_task("feed:1"),
    "has_task": lambda scheduler: scheduler.has_task("feed:1"),
    "is_scheduled": lambda scheduler: scheduler.is_scheduled("feed:1"),
    "moving": lambda scheduler: scheduler.moving(),
    "overview": lambda scheduler: scheduler.overview(),
    "page": lambda scheduler: scheduler.page(),
    "page of paused ones": lambda scheduler: scheduler.page("paused"),
    "paused": _paused,
    "queue_size": lambda scheduler: scheduler.queue_size(),
    "queues": lambda scheduler: scheduler.queues(),
    "run_history": lambda scheduler: scheduler.run_history("kept"),
    "schedulers": lambda scheduler: scheduler.schedulers(),
    "search": lambda scheduler: scheduler.search("feed:"),
    "search of a tag": lambda scheduler: scheduler.search("{tenant}"),
    "statistics": lambda scheduler: scheduler.statistics(time.time() - 600),
    "tail": _tailed,
    "task_size": lambda scheduler: scheduler.task_size(),
    "task_size of a queue": lambda scheduler: scheduler.queue("mail").task_size(),
    "tasks": lambda scheduler: listed(scheduler.tasks()),
    "tasks of a tag": lambda scheduler: listed(scheduler.tasks(prefix="{tenant}")),
    "upcoming": lambda scheduler: scheduler.upcoming(4_000_000_000, 60, 3),
    "tasks that are paused": lambda scheduler: listed(scheduler.tasks(state="paused")),
}

#: Each changes something in the namespace of `fill`.
WRITING: Final[dict[str, Call]] = {
    "assign_task": lambda scheduler: scheduler.assign_task(IntervalTask("new", every=60)),
    "assign_tasks": lambda scheduler: scheduler.assign_tasks([IntervalTask("new", every=60)]),
    "cancel_run": lambda scheduler: scheduler.cancel_run("leased"),
    "clear_all_tasks": lambda scheduler: scheduler.clear_all_tasks(),
    "clear_dead_tasks": lambda scheduler: scheduler.clear_dead_tasks(),
    "clear_tasks": lambda scheduler: scheduler.clear_tasks(prefix="feed:"),
    "lock": _hold,
    "note_action": lambda scheduler: scheduler.note_action("remove_task", ["feed:1"]),
    "pause": lambda scheduler: scheduler.pause(),
    "pause_task": lambda scheduler: scheduler.pause_task("feed:1"),
    "pause_tasks": lambda scheduler: scheduler.pause_tasks(prefix="feed:"),
    "remove_task": lambda scheduler: scheduler.remove_task("feed:1"),
    "remove_tasks": lambda scheduler: scheduler.remove_tasks(["feed:1"]),
    "resume_task": lambda scheduler: scheduler.resume_task("paused"),
    "resume_tasks": lambda scheduler: scheduler.resume_tasks(prefix="paused"),
    "restore": lambda scheduler: scheduler.restore(BACKUP),
    "revive_task": lambda scheduler: scheduler.revive_task("dead"),
    "run_task_now": lambda scheduler: scheduler.run_task_now("feed:1"),
    "set_group_concurrency": lambda scheduler: scheduler.set_group_concurrency(3),
    "set_rate": lambda scheduler: scheduler.set_rate(Rate(7, per=60)),
    "sync_tasks": lambda scheduler: scheduler.sync_tasks([IntervalTask("new", every=60)], scope="new"),
    "try_auto_lock": lambda scheduler: scheduler.try_auto_lock("door", 60),
    "try_lock": lambda scheduler: scheduler.try_lock("door"),
    "unlock": lambda scheduler: scheduler.unlock(Lock("held", 1)),
    "update_task": lambda scheduler: scheduler.update_task("feed:1", retries=1),
}

#: They write only where there is something to do, and there is nothing: they may be refused, and change nothing.
IDLE: Final[dict[str, Call]] = {
    "acknowledge_data_loss": lambda scheduler: scheduler.acknowledge_data_loss(),
    "audit with repair": lambda scheduler: scheduler.audit(repair=True),
    "resume": lambda scheduler: scheduler.resume(),
}

#: They concern this scheduler alone, or are about its life.
OTHERS: Final = frozenset(
    {
        "close",
        "connect",
        "start_task_accept",
        "start_task_execute",
        "stop_task_accept",
        "stop_task_execute",
        "wait_stopped",
    }
)


async def fill(scheduler: Scheduler, *, runs: bool = True) -> None:
    """Fill a namespace with something for each call to see; `scheduler` executes nothing in the end."""

    async def execute(data: str) -> None:
        if data == "bad":
            raise RuntimeError("it does not work")

    mail = scheduler.queue("mail")
    await scheduler.start_task_accept()
    await mail.assign_task(IntervalTask("letter", every=3600, start=2e9))
    await scheduler.set_rate(Rate(100_000))
    await scheduler.set_group_concurrency({"*": 5})
    if runs:
        await scheduler.assign_tasks(
            [
                IntervalTask("dead", "bad", retries=0),
                IntervalTask("failing", "bad", every=3600),
                IntervalTask("kept", every=3600, history=3),
            ]
        )
        await scheduler.start_task_execute(execute)
        await until(lambda: _have_run(scheduler))
        await scheduler.stop_task_execute()
    await scheduler.assign_tasks([IntervalTask(f"feed:{n}", every=3600, start=2e9) for n in range(20)])
    await scheduler.assign_tasks([IntervalTask(f"{{tenant}}:{n}", group="tenant", every=3600) for n in range(5)])
    await scheduler.assign_task(IntervalTask("paused", every=60))
    await scheduler.pause_task("paused")


async def _have_run(scheduler: Scheduler) -> bool:
    page, kept = await scheduler.failing_page(), await scheduler.run_history("kept")
    return len(page.tasks) == 1 and len(kept) == 1 and len(await listed(scheduler.dead_tasks())) == 1
