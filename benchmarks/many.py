"""Calls on very many tasks, each measured in a process of its own on a server that is full of them.

One task in a hundred has a hash tag, which a thousand of them share; all are due at random moments. Each function takes
the URL of the server and tells what its call came to, and the memory of its process.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from benchmarks.bench import DATA, NAMESPACE
from benchmarks.measuring import Figures, tell
from benchmarks.spread import DAY, moments
from interval_scheduler import IntervalTask, Scheduler

#: The number of tasks that share a hash tag, and which of the tags is asked for.
SHARE: Final = 1_000
_TAG: Final = "{tenant-0}"
_TAGS_AMONG: Final = 100
_CALLS: Final = 50
_SYNCS: Final = 5


def task_id(n: int) -> str:
    """Return the id of the task that is assigned as the n-th."""
    return f"{{tenant-{n // SHARE}}}:{n:08}" if n // SHARE % _TAGS_AMONG == 0 else f"user:{n:08}"


def share_due(count: int) -> int:
    """Return how many of so many tasks are due: one in twenty."""
    return count // 20


def tasks(count: int, now: float) -> Iterator[IntervalTask]:
    """Make them, one after the other."""
    due = share_due(count)
    for n, start in enumerate(moments(due, count - due, now, at_random=True)):
        yield IntervalTask(task_id(n), DATA, every=DAY, start=start)


def assign(url: str, count: int) -> Figures:
    """`assign_tasks` of all of them."""

    async def work(scheduler: Scheduler) -> Figures:
        began = time.perf_counter()
        counts = await scheduler.assign_tasks(_told(tasks(count, time.time()), count))
        assert counts.assigned == count
        return _rate(count, began)

    return _with_scheduler(url, work)


def first_page(url: str) -> Figures:
    """`page()`."""
    return _with_scheduler(url, lambda scheduler: _timed(scheduler.page))


def pages_in_the_middle(url: str) -> Figures:
    """`page(after=...)`, one after the other, from the middle of all on."""

    async def work(scheduler: Scheduler) -> Figures:
        after = (await scheduler.page(due_from=time.time() + DAY / 2)).after

        async def following() -> None:
            nonlocal after
            page = await scheduler.page(after=after)
            assert page.tasks
            after = page.after

        return await _timed(following)

    return _with_scheduler(url, work)


def search_by_tag(url: str) -> Figures:
    """`search` for a hash tag: its first page."""

    async def work(scheduler: Scheduler) -> Figures:
        page = await scheduler.search(_TAG)
        assert len(page.tasks) >= 100
        return await _timed(lambda: scheduler.search(_TAG))

    return _with_scheduler(url, work)


def sync_a_tag(url: str) -> Figures:
    """`sync_tasks` of a tag: all as they are; and each with another payload."""

    async def work(scheduler: Scheduler) -> Figures:
        data = DATA

        async def sync() -> None:
            wanted = [IntervalTask(task_id(n), data, every=DAY) for n in range(SHARE)]
            counts = await scheduler.sync_tasks(wanted, scope=_TAG)
            assert counts.unchanged + counts.updated == SHARE, counts

        async def change() -> None:
            nonlocal data
            data = data[::-1] if data != DATA else "y" + DATA[1:]
            await sync()

        same = await _timed(sync, _SYNCS)
        changed = await _timed(change, _SYNCS)
        return {**same, **{f"all_changed_{name}": value for name, value in changed.items()}}

    return _with_scheduler(url, work)


def overview(url: str, count: int) -> Figures:
    """`overview()`."""

    async def work(scheduler: Scheduler) -> Figures:
        assert (await scheduler.overview()).waiting == count
        return await _timed(scheduler.overview)

    return _with_scheduler(url, work)


def export(url: str, count: int) -> Figures:
    """`export()` into a file."""

    with tempfile.TemporaryFile(prefix="interval-scheduler-export-") as file:

        async def work(scheduler: Scheduler) -> Figures:
            lines, began = 0, time.perf_counter()
            async for line in scheduler.export():
                file.write(line)
                lines += 1
                _tell_some(lines, count)
            assert lines == count + 2  # the header, and the line with the number
            return _rate(count, began) | {"bytes_per_task": file.tell() / count}

        return _with_scheduler(url, work)


def audit(url: str, count: int) -> Figures:
    """`audit()`."""

    async def work(scheduler: Scheduler) -> Figures:
        began = time.perf_counter()
        report = await scheduler.audit(progress=_tell_some)
        assert report.ok, report.counts
        assert report.checked == count
        return _rate(count, began)

    return _with_scheduler(url, work)


def _with_scheduler(url: str, work: Callable[[Scheduler], Awaitable[Figures]]) -> Figures:
    async def connected() -> Figures:
        async with Scheduler.from_url(url, namespace=NAMESPACE) as scheduler:
            return await work(scheduler)

    figures = asyncio.run(connected())
    return figures | {"process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _rate(count: int, began: float) -> Figures:
    seconds = time.perf_counter() - began
    return {"per_second": count / seconds, "seconds": seconds}


async def _timed(call: Callable[[], Awaitable[Any]], times: int = _CALLS) -> Figures:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return {"p50_ms": took[len(took) // 2], "longest_ms": took[-1]}


def _told(found: Iterator[IntervalTask], count: int) -> Iterator[IntervalTask]:
    for n, task in enumerate(found):
        _tell_some(n, count)
        yield task


def _tell_some(done: int, count: int) -> None:
    """Tell of each million, or thereabouts."""
    if done and done % 1_000_000 == 0:
        tell(f"  {done:,} of {count:,}")
