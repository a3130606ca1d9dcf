"""Attempts and groups over random stories: what fails how often, and how long runs of which group take."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from interval_scheduler import IntervalTask, current_run
from interval_scheduler.testing import START, time_machine

ORIGIN = START.timestamp()


async def _attempts(
    failures: list[int], every: float, retries: int, backoff: float
) -> tuple[list[tuple[float, int]], int]:
    """When each attempt of a recurring task starts, and which it is; its n-th occurrence fails so often."""
    seen: list[tuple[float, int]] = []
    left = list(failures)
    async with time_machine(errors="log") as clock:

        async def execute(_: str) -> None:
            now = clock.time() - ORIGIN
            seen.append((now, current_run().attempt))
            occurrence = int((now + 1e-6) / every)
            if occurrence < len(left) and left[occurrence] > 0:
                left[occurrence] -= 1
                raise RuntimeError

        scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(execute)
        await scheduler.assign_task(IntervalTask("t", every=every, start=ORIGIN, retries=retries, backoff=backoff))
        await clock.advance(every * len(failures) - 0.001)
        task = await scheduler.get_task("t")
        assert task is not None
        return seen, task.failures


@settings(max_examples=60)
@given(
    failures=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    every=st.sampled_from([1.0, 10.0, 60.0]),
    retries=st.integers(0, 4),
    backoff=st.sampled_from([0.01, 0.5, 3.0]),
)
def test_attempts_come_in_time_and_before_the_next_occurrence_or_not_at_all(
    failures: list[int], every: float, retries: int, backoff: float
) -> None:
    seen, given_up = asyncio.run(_attempts(failures, every, retries, backoff))
    by_occurrence: dict[int, list[tuple[float, int]]] = {}
    for at, attempt in seen:
        by_occurrence.setdefault(int((at + 1e-6) / every), []).append((at, attempt))
    assert list(by_occurrence) == list(range(len(failures))), "its grid never moves, and no occurrence is left out"
    failed_for_good = 0
    for number, wanted in enumerate(failures):
        runs = by_occurrence[number]
        assert abs(runs[0][0] - number * every) < 0.0005
        assert [attempt for _, attempt in runs] == list(range(1, len(runs) + 1))
        assert len(runs) <= min(wanted, retries) + 1
        for n, (before, after) in enumerate(itertools.pairwise(runs)):
            longest = max(min(backoff * 2**n, 3600), backoff)
            assert 0.5 * longest - 0.002 <= after[0] - before[0] <= longest + 0.002
        if len(runs) < wanted + 1:
            failed_for_good += 1
            if len(runs) <= retries:  # given up before its attempts were used up: the next would have come too late
                latest = runs[-1][0] + max(min(backoff * 2 ** (len(runs) - 1), 3600), backoff)
                assert latest >= (number + 1) * every - 0.002
    assert given_up == failed_for_good


@settings(max_examples=40)
@given(
    tasks=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=40),
    bound=st.integers(1, 4),
    schedulers=st.integers(1, 3),
    concurrency=st.integers(1, 8),
)
def test_no_group_runs_more_than_it_may_and_every_task_runs_once(
    tasks: list[tuple[str, int, int]], bound: int, schedulers: int, concurrency: int
) -> None:
    async def story() -> tuple[Counter[str], Counter[str]]:
        running: Counter[str] = Counter()
        most: Counter[str] = Counter()
        ran: Counter[str] = Counter()

        async def execute(data: str) -> None:
            group, seconds = data.split()
            ran[current_run().id] += 1
            running[group] += 1
            most[group] = max(most[group], running[group])
            await asyncio.sleep(int(seconds))  # of the machine's time
            running[group] -= 1

        async with time_machine() as clock:
            for _ in range(schedulers):
                scheduler = clock.scheduler(group_concurrency=bound, concurrency=concurrency)
                await scheduler.start_task_accept()
                await scheduler.start_task_execute(execute)
            await scheduler.assign_tasks(
                IntervalTask(f"t{n}", f"{group} {seconds}", start=ORIGIN + start, group=group)
                for n, (group, start, seconds) in enumerate(tasks)
            )
            await clock.advance(minutes=10)
            assert await scheduler.task_size() == 0
        return most, ran

    most, ran = asyncio.run(story())
    assert max(most.values()) <= bound
    assert ran == {f"t{n}": 1 for n in range(len(tasks))}
