"""Whatever runs of a batch come to, their tasks end as by single runs: random mixes, side by side."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interval_scheduler import BatchFailed, IntervalTask, Retry, RunTimeout, Scheduler, TaskRun, current_run
from interval_scheduler.config.options import Delivery
from interval_scheduler.testing import time_machine
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

#: A way in which a run ends; after the last one that is drawn, all are fine.
Way = Literal["fine", "fails", "later", "hangs"]
HOUR = 3600.0


class Mix(NamedTuple):
    """A task and the ways of its runs, one after the other."""

    recurs: bool
    retries: int
    timeout: float | None
    group: str | None
    ways: tuple[Way, ...]

    def task(self, task_id: str, start: float, unit: float) -> IntervalTask:
        """The task; `unit` is the seconds of its delays."""
        rules: dict[str, Any] = {"backoff": unit} if self.retries else {}
        return IntervalTask(
            task_id,
            "hangs" if self.timeout else "",
            every=HOUR if self.recurs else None,
            start=start,
            retries=self.retries,
            timeout=None if self.timeout is None else self.timeout * unit,
            group=self.group,
            **rules,
        )


WAYS = st.sampled_from(["fine", "fails", "later"])
MIXES = st.lists(
    st.builds(
        Mix,
        recurs=st.booleans(),
        retries=st.integers(0, 2),
        timeout=st.sampled_from([None, None, 20, 30]),
        group=st.sampled_from([None, None, "a", "b"]),
        ways=st.lists(WAYS | st.just("hangs"), max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=12,
)


class Doing:
    """Both executors: single runs, and batches of the same."""

    def __init__(self, mixes: Mapping[str, Mix], unit: float) -> None:
        self._ways = {name: iter(mix.ways) for name, mix in mixes.items()}
        self._unit = unit
        self._timeouts = {name: (mix.timeout or 0) * unit for name, mix in mixes.items()}
        self.active: set[str] = set()

    def _next(self, run: TaskRun) -> Way:
        way: Way = next(self._ways[run.id], "fine")
        return "fails" if way == "hangs" and run.data != "hangs" else way  # nothing would end it

    def _error(self, way: Way) -> Exception | None:
        return ValueError("no luck") if way == "fails" else Retry(after=self._unit) if way == "later" else None

    async def one(self, _: object) -> None:
        way = self._next(current_run())
        if way == "hangs":
            await asyncio.Event().wait()
        if error := self._error(way):
            raise error

    async def many(self, runs: list[TaskRun]) -> None:
        assert self.active.isdisjoint(run.id for run in runs)
        self.active.update(run.id for run in runs)
        ways = {run: self._next(run) for run in runs}
        failed: dict[TaskRun, BaseException] = {run: error for run, way in ways.items() if (error := self._error(way))}
        try:
            if "hangs" in ways.values():
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            failed |= {run: RunTimeout(self._timeouts[run.id]) for run, way in ways.items() if way == "hangs"}
        finally:
            self.active.difference_update(run.id for run in runs)
        if failed:
            raise BatchFailed(failed)


async def outcome(scheduler: Scheduler, runs: Mapping[str, list[Any]]) -> dict[str, object]:
    """All that can be told of the tasks afterwards."""
    return {
        "runs": dict(runs),
        "tasks": {task.id: (task.next_run, task.state, task.attempt) async for task in scheduler.tasks()},
        "dead": {task.id: (task.error, task.attempts) async for task in scheduler.dead_tasks()},
    }


async def begin(scheduler: Scheduler, mixes: list[Mix], start: float, unit: float, batch: int | None) -> dict[str, Any]:
    """Assign and execute; return what is told of the runs."""
    named = {f"t{n}": mix for n, mix in enumerate(mixes)}
    runs: dict[str, Any] = defaultdict(list)
    scheduler.on("run", lambda run: runs[run.id].append((run.attempt, repr(run.error))))
    await scheduler.start_task_accept()
    await scheduler.assign_tasks(mix.task(name, start, unit) for name, mix in named.items())
    doing = Doing(named, unit)
    if batch is None:
        await scheduler.start_task_execute(doing.one)
    else:
        await scheduler.start_task_execute(doing.many, batch=batch)
    return runs


@settings(max_examples=60)
@given(
    mixes=MIXES,
    batch=st.sampled_from([1, 2, 5, 500]),
    concurrency=st.integers(1, 3),
    group_concurrency=st.sampled_from([None, 1, 2]),
    delivery=st.sampled_from(["at-least-once", "at-most-once"]),
)
async def test_in_a_time_machine(mixes: list[Mix], batch: int, delivery: Delivery, **limits: Any) -> None:
    async def end(batch: int | None) -> dict[str, object]:
        async with time_machine(errors="log") as clock:
            scheduler = clock.scheduler(delivery=delivery, **limits)
            runs = await begin(scheduler, mixes, clock.time(), 1.0, batch)
            await clock.advance(HOUR - 1)
            return await outcome(scheduler, runs)

    assert await end(batch) == await end(None)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mixes=MIXES, batch=st.sampled_from([1, 3, 500]), group_concurrency=st.sampled_from([None, 1]))
async def test_on_redis(redis_server: RedisServer, mixes: list[Mix], batch: int, group_concurrency: int | None) -> None:
    start = float(int(time.time()) - 1)  # whole, as a due time is one of whole ms

    async def end(batch: int | None) -> dict[str, object]:
        namespace = f"test-alike-{uuid.uuid4().hex[:8]}"
        url = redis_server.url
        async with Scheduler.from_url(url, namespace=namespace, group_concurrency=group_concurrency) as scheduler:
            runs = await begin(scheduler, mixes, start, 0.005, batch)
            recurring = sum(mix.recurs for mix in mixes)

            async def is_over() -> bool:
                if await scheduler.task_size() != recurring:
                    return False  # a list may miss a task that moves meanwhile
                tasks = [task async for task in scheduler.tasks()]
                return len(tasks) == recurring and all(task.next_run >= start + HOUR for task in tasks)

            await until(is_over)
            await scheduler.stop_task_execute()
            return await outcome(scheduler, runs)

    assert await end(batch) == await end(None)
