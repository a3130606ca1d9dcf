"""Searches that end in time, and marks that no search gave."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidValue, Scheduler, SearchPage
from interval_scheduler.model.cursors import to_mark
from interval_scheduler.storage.commands import looking
from interval_scheduler.support import clock
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000
COUNT = 12_000


class SlowSteps:
    """Makes each step of a search take longer, by the clock of the library."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        #: The number of tasks that each step was to look at.
        self.asked: list[int] = []
        self._late = 0.0
        self._search = looking.search
        plain = clock.monotonic
        monkeypatch.setattr(clock, "monotonic", lambda: plain() + self._late)
        monkeypatch.setattr(looking, "search", self._step)

    async def _step(self, partition: Any, cursor: bytes, count: int, wanted: int, prefix: bytes) -> looking.Step:
        step = await self._search(partition, cursor, count, wanted, prefix)
        if count:  # else it only counts
            self.asked.append(count)
            self._late += self.seconds
        return step


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> SlowSteps:
    return SlowSteps(monkeypatch)


async def pages_of(scheduler: Scheduler, prefix: str, **arguments: Any) -> list[SearchPage]:
    pages = [await scheduler.search(prefix, **arguments)]
    while pages[-1].next is not None:
        pages.append(await scheduler.search(prefix, after=pages[-1].next, **arguments))
    return pages


async def test_a_page_ends_in_time_and_the_next_goes_on(scheduler: Scheduler, steps: SlowSteps) -> None:
    await scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(COUNT))
    steps.seconds = 0.008  # two of them are more than 15 ms
    first = await scheduler.search("t7777")
    assert first.next is not None
    assert len(steps.asked) in (1, 2)
    assert 1500 * len(steps.asked) <= first.looked < 1600 * len(steps.asked), "what was looked at, and no more"
    pages = await pages_of(scheduler, "t7777")
    assert {task.id for page in pages for task in page.rows} == {"t7777"}
    assert sum(page.looked for page in pages) == COUNT
    steps.asked.clear()
    [whole] = await pages_of(scheduler, "t7777", budget=10_000_000)
    assert whole.looked == COUNT, "a larger budget stands for more time"
    assert len(steps.asked) >= COUNT // 2600


async def test_each_page_makes_progress_however_slow_it_is(scheduler: Scheduler, steps: SlowSteps) -> None:
    await scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(COUNT))
    steps.seconds = 60
    pages = await pages_of(scheduler, "nobody")
    assert len(steps.asked) == len(pages) <= COUNT // 1500 + 1
    assert all(page.looked for page in pages)
    assert sum(page.looked for page in pages) == COUNT


async def test_of_few_tasks_one_page_is_enough_however_many_partitions(namespace: str, steps: SlowSteps) -> None:
    steps.seconds = 60
    async with Scheduler.from_url(*[f"memory://{namespace}-{n}" for n in range(5)], namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(500))
        [page] = await pages_of(scheduler, "t77")
        assert {task.id for task in page.rows} == {"t77", *(f"t77{n}" for n in range(10))} & {
            f"t{n}" for n in range(500)
        }
        assert page.looked == 500


def mark_of(prefix: str, partition: bytes, looked: bytes, cursor: bytes) -> str:
    return to_mark("s", b"%d" % zlib.crc32(prefix.encode()), partition, looked, cursor)


@pytest.mark.parametrize(
    ("prefix", "looked", "cursor"),
    [
        ("t", b"0", b"18446744073709551616"),
        ("t", b"0", b"999999999999999999999"),
        ("t", b"0", b"=t1"),
        ("t", b"0", b"-1"),
        ("t", b"0", b""),
        ("t", b"x", b"0"),
        ("t", b"9" * 17, b"0"),
        ("{t}", b"0", b"5"),
        ("{t}", b"0", b"t1"),
    ],
)
async def test_a_mark_that_no_search_gave_is_refused(
    redis_server: RedisServer, namespace: str, prefix: str, looked: bytes, cursor: bytes
) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ("t1", "{t}1"))
        partition = scheduler._lifespan.require().partitions.master.name.encode()
        with pytest.raises(InvalidValue, match=r"^after "):
            await scheduler.search(prefix, after=mark_of(prefix, partition, looked, cursor))


@pytest.mark.parametrize(("prefix", "cursor"), [("t", b"18446744073709551615"), ("{t}", b"=" + b"\xff" * 900)])
async def test_a_mark_that_a_search_could_give_finds_what_is_behind(
    redis_server: RedisServer, namespace: str, prefix: str, cursor: bytes
) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ("t1", "{t}1"))
        partition = scheduler._lifespan.require().partitions.master.name.encode()
        page = await scheduler.search(prefix, after=mark_of(prefix, partition, b"0", cursor))
        assert {task.id for task in page.rows} <= {"t1", "{t}1"}
        assert page.next is None


@pytest.mark.parametrize("score", [b"9e999", b"-9e999", b"1e-999", b"0.1e-400"])
async def test_a_place_that_no_double_can_tell_is_refused(namespace: str, score: bytes) -> None:
    async with Scheduler.from_url("memory://", namespace=namespace) as scheduler:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: scheduler.page(after=to_mark("wo", b"0", b"0", score, b"a")),
            lambda: scheduler.failing_page(to_mark("fn", b"0", b"0", score, b"a")),
        ]
        for call in calls:
            with pytest.raises(InvalidValue, match=r"^after "):
                await call()
        assert (await scheduler.page(after=to_mark("wo", b"0", b"0", b"-inf", b"a"))).tasks == ()
