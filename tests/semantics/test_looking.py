"""The calls that show what there is: `overview`, `page`, `dead_page`, `failing_page` and `search`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interval_scheduler import (
    BlockingScheduler,
    DeadPage,
    DeadTask,
    IntervalTask,
    InvalidType,
    InvalidValue,
    PartitionOffline,
    Rate,
    ScheduledTask,
    Scheduler,
    SearchPage,
    TaskPage,
    current_run,
)
from interval_scheduler.model.cursors import to_mark
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
HOUR = 3600
FAR = 4_000_000_000
KIB = 1024


async def fail(_: str) -> None:
    raise ValueError("no luck")


async def all_pages(call: Callable[..., Awaitable[Any]], **arguments: Any) -> list[Any]:
    """Read pages until the end."""
    seen, after = [], None
    for _ in range(10_000):
        page = await call(after=after, **arguments)
        seen += page.tasks
        after = page.after
        if after is None:
            return seen
    pytest.fail("the list does not end")


async def three(namespace: str) -> Scheduler:
    scheduler = Scheduler.from_url(*[f"memory://{namespace}-{n}" for n in range(3)], namespace=namespace)
    await scheduler.start_task_accept()
    return scheduler


# The overview


async def test_an_overview_of_nothing(scheduler: Scheduler) -> None:
    found = await scheduler.overview()
    (entry,) = found.partitions
    assert (entry.online, found.online, found.tasks, found.waiting, found.due, found.dead) == (True, True, 0, 0, 0, 0)
    assert (entry.oldest_due, entry.next_due, entry.paused_since, entry.rate, entry.moving) == (None,) * 5
    assert (entry.hints, found.hints, found.moving) == (0, 0, ())
    assert entry.server_time == pytest.approx(time.time(), abs=60)
    assert entry.server_time_at is not None
    assert entry.server_time_at.timestamp() == pytest.approx(entry.server_time)


async def test_an_overview_counts_every_state(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(group_concurrency=1)
    let_go = asyncio.Event()

    async def execute(data: str) -> None:
        if data == "hang":
            await let_go.wait()
        elif data == "fail":
            raise ValueError("no luck")

    await scheduler.assign_tasks([IntervalTask(f"h{n}", "hang", every=HOUR, group="g") for n in range(3)])
    await scheduler.assign_tasks([IntervalTask("f", "fail", every=HOUR), IntervalTask("d", "fail")])
    later = time.time() + HOUR / 2
    await scheduler.assign_tasks([IntervalTask(f"w{n}", every=HOUR, start=later + n) for n in range(4)])
    await scheduler.assign_task(IntervalTask("p", every=HOUR, start=later - 60))
    await scheduler.pause_task("p")
    await scheduler.start_task_execute(execute)

    async def is_so() -> bool:
        found = await scheduler.overview()
        return (found.leased, found.dead, found.failing, found.parked) == (1, 1, 1, 2)

    await until(is_so)
    found = await scheduler.overview()
    assert (found.waiting, found.leased, found.paused, found.dead, found.failing) == (4 + 1 + 2, 1, 1, 1, 1)
    assert (found.tasks, found.due) == (await scheduler.task_size(), await scheduler.queue_size())
    assert (found.due, found.parked, found.oldest_due) == (2, 2, None)
    assert found.next_due == pytest.approx(later, abs=0.01)
    let_go.set()


async def test_how_late_the_oldest_is(scheduler: Scheduler) -> None:
    before = time.time()
    await scheduler.assign_tasks([IntervalTask("a", start=before - 100), IntervalTask("b", start=before - 50)])
    await scheduler.assign_tasks([IntervalTask("c", start=FAR + 1), IntervalTask("d", start=FAR)])
    found = await scheduler.overview()
    assert (found.waiting, found.due) == (4, 2)
    assert found.oldest_due == pytest.approx(before - 100, abs=0.01)
    assert found.next_due == FAR


async def test_an_overview_tells_of_a_pause_and_a_rate(scheduler: Scheduler) -> None:
    before = time.time()
    await scheduler.pause("the shop is closed")
    await scheduler.set_rate(Rate(7, per=60))
    found = await scheduler.overview()
    assert found.paused_since == pytest.approx(before, abs=60)
    assert found.pause == found.partitions[0].pause == await scheduler.paused()
    assert found.pause is not None
    assert found.pause.reason == "the shop is closed"
    assert found.rate == found.partitions[0].rate == Rate(7, per=60)
    queue = await scheduler.queue("mail").overview()
    assert (queue.paused_since, queue.rate, queue.tasks) == (None, None, 0)
    await scheduler.resume()
    await scheduler.set_rate(None)
    found = await scheduler.overview()
    assert (found.paused_since, found.pause, found.rate) == (None, None, None)


async def test_the_pause_is_read_up_to_a_blank(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.pause()
        with redis_server.client() as client:
            (key,) = client.keys(f"*{namespace}*:halt")
            for text, seconds in ((b"1700000000123 someone there", 1_700_000_000.123), (b"nonsense", 0), (b"", 0)):
                client.set(key, text)
                assert (await scheduler.overview()).paused_since == seconds
        await scheduler.resume()


async def test_a_partition_that_is_offline_is_an_entry(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    urls = [server.url for server in servers]
    ids = [f"t{n:02}" for n in range(30)]
    async with Scheduler.from_url(
        *urls, namespace=namespace, on_offline="hint", operation_timeout_seconds=60
    ) as scheduler:
        gone: list[str] = []
        scheduler.on("db-disconnect", gone.append)
        await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ids)
        there = {task.id: task.partition async for task in scheduler.tasks()}
        lost = scheduler._options.storage.instances[1].partition_name
        servers[1].kill()
        await until(lambda: gone)
        mine = next(task_id for task_id in ids if there[task_id] == lost)
        await scheduler.assign_task(IntervalTask(mine, start=FAR))
        before = time.monotonic()
        found = await scheduler.overview()
        first, middle, last = found.partitions
        assert (first.online, middle.online, last.online) == (True, False, True)
        assert (middle.waiting, middle.due, middle.next_due, middle.server_time) == (0, 0, None, None)
        assert (first.hints, middle.hints, last.hints) == (0, 1, 0)
        left = [task_id for task_id in ids if there[task_id] != lost]
        assert found.waiting == len(left)
        for page in (
            await scheduler.page(limit=1000),
            await scheduler.page("dead"),
            await scheduler.dead_page(),
            await scheduler.failing_page(),
            await scheduler.search("t"),
        ):
            assert (page.offline, page.after) == ((lost,), None)
        assert [task.id for task in (await scheduler.page(limit=1000)).tasks] == left
        assert {task.id for task in (await scheduler.search("t")).rows} == set(left)
        assert [task.id for task in (await scheduler.search(left[0])).rows] == [left[0]]
        # The hint tells of it, as `get_task` does.
        assert [task.id for task in (await scheduler.search(mine)).rows] == [mine]
        assert time.monotonic() - before < 30
        with pytest.raises(PartitionOffline):
            await scheduler.search(f"{{{next(t for t in map(str, range(99)) if home(scheduler, t) == lost)}}}")
        servers[2].kill()
        servers[0].kill()
        await until(lambda: len(gone) == 3)
        for call in (scheduler.page, scheduler.dead_page, scheduler.failing_page, lambda: scheduler.search("t")):
            with pytest.raises(PartitionOffline):
                await call()
        found = await scheduler.overview()
        assert [(entry.online, entry.hints) for entry in found.partitions] == [(False, None)] * 3


def home(scheduler: Scheduler, tag: str) -> str:
    """The name of the partition where the tasks of a tag live."""
    partitions = scheduler._lifespan.require().partitions
    return partitions._listed[partitions._home(f"{{{tag}}}".encode())].name


# Pages


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
async def test_pages_in_due_order_over_partitions(namespace: str, limit: int) -> None:
    chance = random.Random(limit)
    dues = {f"t{n:03}": FAR + chance.randrange(20) for n in range(90)}
    async with await three(namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(task_id, start=due) for task_id, due in dues.items())
        paused = sorted(dues)[::3]
        for task_id in paused:
            await scheduler.pause_task(task_id)

        def wanted(ids: list[str]) -> list[str]:
            return sorted(ids, key=lambda task_id: (dues[task_id], task_id))

        waiting = await all_pages(scheduler.page, limit=limit)
        assert [task.id for task in waiting] == wanted([each for each in dues if each not in paused])
        assert {type(task) for task in waiting} == {ScheduledTask}
        assert len({task.partition for task in waiting}) == 3
        found = await all_pages(scheduler.page, state="paused", limit=limit)
        assert [task.id for task in found] == wanted(paused)
        first = await scheduler.page("paused", limit=limit)
        assert len(first.tasks) == min(limit, len(paused))
        assert (first.after is None) == (limit >= len(paused))
        for due_from in (FAR + 10, datetime.fromtimestamp(FAR + 10, UTC)):
            for state, ids in (("waiting", [each for each in dues if each not in paused]), ("paused", paused)):
                found = await all_pages(scheduler.page, state=state, due_from=due_from, limit=limit)
                assert [task.id for task in found] == wanted([each for each in ids if dues[each] >= FAR + 10])
        exact = await scheduler.page(limit=60)
        assert (len(exact.tasks), exact.after) == (60, None)


async def test_a_large_page_is_read_in_parts(scheduler: Scheduler) -> None:
    ids = [f"t{n:03}" for n in range(600)]
    await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ids)
    for limit, is_last in ((599, False), (600, True), (1000, True)):
        page = await scheduler.page(limit=limit)
        assert ([task.id for task in page.tasks], page.after is None) == (ids[:limit], is_last)


async def test_a_mark_is_a_place(namespace: str) -> None:
    """What comes and goes between two pages changes nothing for those that stay."""
    async with await three(namespace) as scheduler:
        ids = [f"t{n:02}" for n in range(60)]
        await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ids)
        seen: list[str] = []
        after = None
        while True:
            page = await scheduler.page(after=after, limit=7)
            seen += [task.id for task in page.tasks]
            after = page.after
            if after is None:
                break
            # The last one that was shown goes, some that were shown go, and others come before the place.
            await scheduler.remove_tasks(seen[-1:] + seen[:2])
            await scheduler.assign_task(IntervalTask(f"a{len(seen)}", start=FAR))
        assert seen == ids


async def test_a_page_is_bounded_in_bytes(namespace: str) -> None:
    async with await three(namespace) as scheduler:
        ids = [f"t{n:02}" for n in range(30)]
        await scheduler.assign_tasks(IntervalTask(task_id, b"x" * (200 * KIB), start=FAR) for task_id in ids)
        pages = 0

        async def page_of(*, after: str | None) -> TaskPage:
            nonlocal pages
            pages += 1
            page = await scheduler.page(after=after, limit=1000)
            assert 1 <= len(page.tasks) <= 5
            return page

        assert [task.id for task in await all_pages(page_of)] == ids
        assert pages <= 12
        found = await all_pages(scheduler.search, prefix="t")
        assert sorted(task.id for task in found) == ids
        assert len((await scheduler.search("t")).rows) <= 12


async def test_leased_tasks_and_bad_ones_are_shown(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler(concurrency=5)
    let_go = asyncio.Event()

    async def execute(_: str) -> None:
        await let_go.wait()

    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=HOUR) for n in range(5))
    await scheduler.start_task_execute(execute)

    async def all_leased() -> bool:
        return (await scheduler.overview()).leased == 5

    await until(all_leased)
    for limit in (2, 100):
        found = await all_pages(scheduler.page, state="leased", limit=limit)
        assert sorted(task.id for task in found) == [f"t{n}" for n in range(5)]
        assert {task.state for task in found} == {"leased"}
    let_go.set()


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_parked_tasks_come_first_group_by_group(make_scheduler: MakeScheduler, limit: int) -> None:
    scheduler = await make_scheduler(group_concurrency=1)
    let_go = asyncio.Event()

    async def execute(_: str) -> None:
        await let_go.wait()

    now = time.time()
    parked = [f"{group}{n}" for group in "ab" for n in range(4)]
    await scheduler.assign_tasks(
        IntervalTask(task_id, every=HOUR, start=now - 1000 + 100 * int(task_id[1]), group=task_id[0])
        for task_id in parked
    )
    await scheduler.assign_tasks(IntervalTask(f"w{n}", every=HOUR, start=FAR + n) for n in range(3))
    await scheduler.start_task_execute(execute)

    async def six_parked() -> bool:
        return (await scheduler.overview()).parked == 6

    await until(six_parked)
    waiting = ["a1", "a2", "a3", "b1", "b2", "b3", "w0", "w1", "w2"]
    found = await all_pages(scheduler.page, limit=limit)
    assert [task.id for task in found] == waiting
    found = await all_pages(scheduler.page, due_from=now - 750, limit=limit)
    assert [task.id for task in found] == ["a3", "b3", "w0", "w1", "w2"]
    found = await all_pages(scheduler.page, due_from=FAR, limit=limit)
    assert [task.id for task in found] == ["w0", "w1", "w2"]
    found = await all_pages(scheduler.search, prefix="a")
    assert {task.id: task.state for task in found} == {
        "a0": "leased",
        "a1": "waiting",
        "a2": "waiting",
        "a3": "waiting",
    }
    let_go.set()


async def test_what_cannot_be_read_is_left_out(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(4))
        with redis_server.client() as client:
            (key,) = client.keys(f"*{namespace}*:tasks")
            client.hset(key, "t1", "nonsense")
            client.hdel(key, "t2")  # only the place is left
        for limit in (1, 100):
            found = await all_pages(scheduler.page, limit=limit)
            assert [task.id for task in found] == ["t0", "t3"]
        assert {task.id for task in (await scheduler.search("t")).rows} == {"t0", "t3"}


# Dead ones


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_dead_tasks_over_partitions(namespace: str, limit: int, *, newest_first: bool) -> None:
    ids = [f"t{n:02}" for n in range(20)]
    async with await three(namespace) as scheduler:
        await scheduler.start_task_execute(fail)
        for task_id in ids:
            await scheduler.assign_task(IntervalTask(task_id, task_id))

        async def all_dead() -> bool:
            return (await scheduler.overview()).dead == len(ids)

        await until(all_dead)
        found: list[DeadTask] = await all_pages(scheduler.dead_page, limit=limit, newest_first=newest_first)
        assert sorted(task.id for task in found) == ids
        assert {(type(task), task.error) for task in found} == {(DeadTask, "ValueError: no luck")}
        assert all(task.data == task.id for task in found)
        order = [(task.died_at, task.id) for task in found]
        assert order == sorted(order, reverse=newest_first)
        oldest = await all_pages(scheduler.page, state="dead", limit=limit)
        assert oldest == (found[::-1] if newest_first else found)
        assert await all_pages(scheduler.search, prefix="t") == []


async def test_a_dead_task_by_its_id(namespace: str) -> None:
    ids = [*(f"t{n:02}" for n in range(20)), "{tenant-7}:mail"]
    async with await three(namespace) as scheduler:
        mail = scheduler.queue("mail")
        await scheduler.start_task_execute(fail)
        await mail.start_task_execute(fail)
        await scheduler.assign_tasks(IntervalTask(task_id, task_id) for task_id in ids)
        await scheduler.assign_task(IntervalTask("waits", start=FAR))
        await mail.assign_task(IntervalTask("letter", b"\x00"))

        async def all_dead() -> bool:
            return ((await scheduler.overview()).dead, (await mail.overview()).dead) == (len(ids), 1)

        await until(all_dead)
        listed = {task.id: task async for task in scheduler.dead_tasks()}
        assert [await scheduler.get_dead_task(task_id) for task_id in ids] == [listed[task_id] for task_id in ids]
        assert await scheduler.get_dead_task(listed["t00"]) == listed["t00"]
        assert await scheduler.get_dead_task(IntervalTask("t01")) == listed["t01"]
        assert [await scheduler.get_dead_task(task_id) for task_id in ("letter", "waits")] == [None, None]
        letter = await mail.get_dead_task("letter")
        assert letter is not None
        assert (letter.data, letter.error, letter.attempts) == (b"\x00", "ValueError: no luck", 1)
        await scheduler.stop_task_execute()
        assert await scheduler.revive_task("t02")
        assert await scheduler.get_dead_task("t02") is None
        with pytest.raises(InvalidValue, match="id"):
            await scheduler.get_dead_task("")


async def test_heavy_dead_and_failing_tasks(scheduler: Scheduler) -> None:
    ids = [f"t{n:02}" for n in range(12)]
    failing = [f"f{n:02}" for n in range(12)]
    await scheduler.start_task_execute(fail)
    await scheduler.assign_tasks(IntervalTask(task_id, "x" * (200 * KIB)) for task_id in ids)
    await scheduler.assign_tasks(IntervalTask(task_id, "x" * (200 * KIB), every=HOUR) for task_id in failing)

    async def all_failed() -> bool:
        found = await scheduler.overview()
        return (found.dead, found.failing) == (len(ids), len(failing))

    await until(all_failed)
    for newest_first in (True, False):
        for page_of, wanted in ((scheduler.dead_page, ids), (scheduler.failing_page, failing)):
            seen, after = list[str](), None
            while True:
                page = await page_of(after, 1000, newest_first=newest_first)
                assert 1 <= len(page.tasks) <= 5
                seen += [task.id for task in page.tasks]
                if (after := page.after) is None:
                    break
            assert sorted(seen) == wanted


# Searches


@pytest.mark.parametrize("count", [40, 3000])
async def test_a_search_finds_each_once(scheduler: Scheduler, count: int) -> None:
    ids = [f"{'user' if n % 10 else 'u*er[1]'}:{n}" for n in range(count)]
    await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ids)
    await scheduler.pause_task(ids[0])
    for prefix in ("user:1", "u*er[1]:", "u*", "us", "", "nobody", "user:12"):
        for budget in (1, 777, 20_000):
            if budget == 1 and count > 100:
                continue
            pages: list[SearchPage] = []

            async def page_of(
                *, after: str | None, prefix: str = prefix, budget: int = budget, pages: list[SearchPage] = pages
            ) -> SearchPage:
                pages.append(await scheduler.search(prefix, after=after, budget=budget))
                return pages[-1]

            found = await all_pages(page_of)
            assert sorted(task.id for task in found) == sorted(each for each in ids if each.startswith(prefix))
            assert sum(page.looked for page in pages) == count == pages[-1].total
            assert all(page.looked <= max(budget, 512) + 50 for page in pages)
            assert {page.next is None for page in pages[:-1]} <= {False}


async def test_the_task_of_that_very_id_comes_first(namespace: str) -> None:
    async with await three(namespace) as scheduler:
        ids = [*(f"user:{n}" for n in range(300)), "user:"]
        await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ids)
        for task_id in ("user:1", "user:29", "user:299", "user:"):
            page = await scheduler.search(task_id)
            assert page.rows[0].id == task_id
            found = await all_pages(scheduler.search, prefix=task_id)
            assert sorted(task.id for task in found) == sorted(each for each in ids if each.startswith(task_id))


async def test_of_a_tag_only_its_tasks_are_looked_at(namespace: str) -> None:
    async with await three(namespace) as scheduler:
        ids = [f"x{{t{tag}}}:{'feed' if n % 2 else 'mail'}:{n:03}" for tag in range(5) for n in range(250)]
        await scheduler.assign_tasks(IntervalTask(task_id, start=FAR) for task_id in ids)
        for prefix in ("x{t3}", "x{t3}:feed:", "x{t3}:feed:00", "x{t9}", "{t3}"):
            mine = [each for each in ids if each.startswith(prefix)]
            pages: list[SearchPage] = []

            async def page_of(
                *, after: str | None, prefix: str = prefix, pages: list[SearchPage] = pages
            ) -> SearchPage:
                pages.append(await scheduler.search(prefix, after=after, budget=10_000_000))  # no page ends by its time
                return pages[-1]

            assert [task.id for task in await all_pages(page_of)] == sorted(mine)
            assert {page.total for page in pages} == {len(mine)}
            assert sum(page.looked for page in pages) == len(mine)
            assert len(pages) <= len(mine) // 100 + 1
        few = await scheduler.search("x{t3}", budget=10)
        assert (len(few.tasks), few.looked, few.after is None) == (10, 10, False)


# Bad input


ANY = (
    "5",
    "",
    "5 a",
    "x" * 3000,
    "é",
    to_mark("w"),
    to_mark("wo", b"0", b"0", b"5"),
    to_mark("x", b"0", b"0", b"5", b"a"),
)


@pytest.mark.parametrize("after", [*ANY, 5, b"5"], ids=repr)
async def test_marks_that_are_none(after: Any) -> None:
    scheduler = Scheduler.from_url("memory://")  # it is not connected: nothing is asked before
    for call in (
        lambda: scheduler.page(after=after),
        lambda: scheduler.page("dead", after=after),
        lambda: scheduler.dead_page(after),
        lambda: scheduler.failing_page(after),
        lambda: scheduler.search("a", after=after),
    ):
        with pytest.raises(InvalidValue if isinstance(after, str) else InvalidType, match=r"^after "):
            await call()


async def test_the_mark_of_another_list_is_refused(namespace: str) -> None:
    async with await three(namespace) as scheduler:
        await scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(150))
        mark = (await scheduler.page(limit=2)).after
        found = (await scheduler.search("t")).next
        assert mark is not None
        assert found is not None
        for call in (
            lambda: scheduler.page("paused", after=mark),
            lambda: scheduler.page("dead", after=mark),
            lambda: scheduler.failing_page(mark),
            lambda: scheduler.search("t", after=mark),
            lambda: scheduler.search("u", after=found),
            lambda: scheduler.page(after=found),
        ):
            with pytest.raises(InvalidValue, match=r"^after "):
                await call()
    async with Scheduler.from_url(f"memory://{namespace}-9", namespace=namespace) as other:
        with pytest.raises(InvalidValue, match=r"^after "):
            await other.search("t", after=found)


@pytest.mark.parametrize(
    ("call", "error", "field"),
    [
        (lambda s: s.page("running"), InvalidValue, "state"),
        (lambda s: s.page(None), InvalidValue, "state"),
        (lambda s: s.page(limit=0), InvalidValue, "limit"),
        (lambda s: s.page(limit=1001), InvalidValue, "limit"),
        (lambda s: s.page(limit="5"), InvalidType, "limit"),
        (lambda s: s.page(limit=True), InvalidType, "limit"),
        (lambda s: s.page(due_from="5"), InvalidType, "due_from"),
        (lambda s: s.page(due_from=timedelta(1)), InvalidType, "due_from"),
        (lambda s: s.page(due_from=5), InvalidValue, "due_from"),
        (lambda s: s.page("leased", due_from=FAR), InvalidValue, "due_from"),
        (lambda s: s.page("dead", due_from=FAR), InvalidValue, "due_from"),
        (lambda s: s.dead_page(limit=0), InvalidValue, "limit"),
        (lambda s: s.dead_page(newest_first=1), InvalidType, "newest_first"),
        (lambda s: s.search(5), InvalidType, "prefix"),
        (lambda s: s.search("\ud800"), InvalidValue, "prefix"),
        (lambda s: s.search("a", budget=0), InvalidValue, "budget"),
        (lambda s: s.search("a", budget=1.5), InvalidType, "budget"),
    ],
)
async def test_bad_input(call: Callable[[Any], Awaitable[object]], error: type[Exception], field: str) -> None:
    with pytest.raises(error, match=f"^{field} "):
        await call(Scheduler.from_url("memory://"))


async def test_a_blocking_scheduler_shows_the_same(namespace: str) -> None:
    def work() -> None:
        with BlockingScheduler.from_url("memory://", namespace=namespace) as scheduler:
            scheduler.assign_tasks(IntervalTask(f"t{n}", start=FAR) for n in range(3))
            page = scheduler.page(limit=2)
            assert [task.id for task in page.tasks] == ["t0", "t1"]
            assert [task.id for task in scheduler.page(after=page.after, due_from=None).tasks] == ["t2"]
            assert scheduler.page("dead") == scheduler.dead_page() == DeadPage((), None)
            assert len(scheduler.search("t").rows) == scheduler.overview().waiting == 3
            assert scheduler.queue("mail").page() == TaskPage((), None)

    await asyncio.to_thread(work)


async def test_a_run_may_look(scheduler: Scheduler) -> None:
    seen: list[int] = []

    async def execute(_: str) -> None:
        seen.append((await scheduler.overview()).leased)
        seen.append(len((await scheduler.page("leased")).tasks))
        assert [task.id for task in (await scheduler.search(current_run().id)).rows] == ["a"]
        seen.append(1)

    await scheduler.start_task_execute(execute)
    await scheduler.assign_task(IntervalTask("a"))
    await until(lambda: _is(len(seen) == 3))
    assert seen == [1, 1, 1]


async def _is(value: bool) -> bool:  # noqa: FBT001
    return value
