"""Rates and bounds that are set at run time, as an application sees them: on Redis, embedded, on several partitions."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from interval_scheduler import (
    GroupNeedsTag,
    IntervalTask,
    InvalidType,
    InvalidValue,
    NotConnected,
    OutcomeUnknown,
    PartitionOffline,
    Rate,
    RedisInstance,
    Scheduler,
    SchedulerOptions,
    StorageOptions,
    current_run,
)
from interval_scheduler.model.quotas import to_caps
from interval_scheduler.storage.commands.quotas import QuotaChange
from interval_scheduler.storage.partition.group_tags import GroupTags
from interval_scheduler.storage.requests.batching import Partly
from interval_scheduler.storage.requests.callers import Callers
from tests.waiting import heartbeat, until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]
FAR = 4_000_000_000


class Starts:
    """An executor that notes when each run was claimed to start, and where."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.ids: list[str] = []
        self.partitions: Counter[str] = Counter()

    async def __call__(self, _: str) -> None:
        run = current_run()
        self.at.append(time.monotonic())
        self.ids.append(run.id)
        self.partitions[run.partition] += 1

    @property
    def count(self) -> int:
        return len(self.at)


def once(prefix: str, count: int, group: str | None = None) -> list[IntervalTask]:
    return [IntervalTask(f"{prefix}{n:04}", start=1_000_000_000 + n, group=group) for n in range(count)]


def urls(count: int, name: str) -> Sequence[str]:
    return [f"memory://{name}-{n}" for n in range(count)]


async def are_parked(scheduler: Scheduler, count: int) -> bool:
    """Whether so many tasks wait for room in their group."""
    return (await scheduler.overview()).parked == count


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_schedulers_share_a_rate_and_the_earliest_go_first(make_scheduler: MakeScheduler, delivery: str) -> None:
    starts = Starts()
    schedulers = [await make_scheduler(delivery=delivery, check_tasks_every_seconds=600) for _ in range(3)]
    await schedulers[0].set_rate(Rate(50, per=1, burst=5))
    await schedulers[0].assign_tasks(once("t", 200))
    began = time.monotonic()
    for scheduler in schedulers:
        await scheduler.start_task_execute(starts)
    await until(lambda: starts.count >= 55)
    assert time.monotonic() - began >= 0.99, "5 at once, and 50 in the second after"
    ids = [f"t{n:04}" for n in range(200)]
    assert max(abs(ids.index(task_id) - n) for n, task_id in enumerate(starts.ids)) < 15, "the earliest due go first"
    await schedulers[0].set_rate(Rate(1, per=3600))
    await schedulers[1].set_rate(None)
    await until(lambda: starts.count == 200)
    assert len(set(starts.ids)) == 200


async def test_a_rate_is_read_changed_and_taken_off(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    assert await one.get_rate() is None
    assert await one.get_rate(group="g") is None
    await one.set_rate(Rate(100, per=60))
    await one.set_rate(Rate(3, burst=2), group="g")
    assert await other.get_rate() == Rate(100, per=60)
    assert await other.get_rate(group="g") == Rate(3, burst=2)
    await other.set_rate(None)
    assert (await one.get_rate(), await one.get_rate(group="g")) == (None, Rate(3, burst=2))
    await other.set_rate(None, group="g")
    await other.set_rate(None, group="unknown")
    assert await one.get_rate(group="g") is None


async def test_bounds_are_read_changed_and_taken_off(make_scheduler: MakeScheduler) -> None:
    one, other = await make_scheduler(), await make_scheduler()
    assert await one.get_group_concurrency() is None
    for value, found in [(5, {"*": 5}), ({"g": 1}, {"g": 1}), ({}, {}), ({"g": 2, "*": 7}, {"g": 2, "*": 7})]:
        await one.set_group_concurrency(value)  # type: ignore[arg-type]  # int | dict of a literal
        assert await other.get_group_concurrency() == found
    await other.set_group_concurrency(None)
    assert await one.get_group_concurrency() is None


async def test_bad_calls_change_nothing(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    calls: list[tuple[Callable[[], Awaitable[object]], type[Exception], str]] = [
        (lambda: scheduler.set_rate(5), InvalidType, "rate"),  # type: ignore[arg-type]
        (lambda: scheduler.set_rate(Rate(1), group=""), InvalidValue, "group"),
        (lambda: scheduler.set_rate(Rate(1), group=7), InvalidType, "group"),  # type: ignore[arg-type]
        (lambda: scheduler.get_rate(group="a;b"), InvalidValue, "group"),
        (lambda: scheduler.set_rate(Rate(1), group="*"), InvalidValue, "group"),
        (lambda: scheduler.get_rate(group="*"), InvalidValue, "group"),
        (lambda: scheduler.set_group_concurrency(0), InvalidValue, "caps"),
        (lambda: scheduler.set_group_concurrency({7: 1}), InvalidType, "caps"),  # type: ignore[dict-item]
        (lambda: scheduler.set_group_concurrency({"a": 1.5}), InvalidType, "caps['a']"),  # type: ignore[dict-item]
    ]
    for call, error, field in calls:
        with pytest.raises(error) as caught:
            await call()
        assert caught.value.field == field  # type: ignore[attr-defined]
    assert await scheduler.get_rate() is None
    await scheduler.close()
    with pytest.raises(NotConnected):
        await scheduler.set_rate(Rate(1))


async def test_only_so_many_groups_have_a_rate(namespace: str) -> None:
    async with Scheduler.from_url("memory://", namespace=namespace) as scheduler:
        store = scheduler._lifespan.require().partitions.quotas

        await store.change(lambda before: replace(before, rates={f"g{n}": Rate(1) for n in range(1000)}))
        with pytest.raises(InvalidValue, match="group cannot have a rate: 1000 groups have one"):
            await scheduler.set_rate(Rate(1), group="one more")
        await scheduler.set_rate(Rate(2), group="g7")
        assert await scheduler.get_rate(group="g7") == Rate(2)


async def test_setting_the_same_rate_again_brings_no_tokens(make_scheduler: MakeScheduler) -> None:
    starts, scheduler = Starts(), await make_scheduler()
    await scheduler.set_rate(Rate(1, per=3600, burst=3))
    await scheduler.assign_tasks(once("t", 10))
    await scheduler.start_task_execute(starts)
    await until(lambda: starts.count == 3)
    for _ in range(3):
        await scheduler.set_rate(Rate(1, per=3600, burst=3))
    await scheduler.set_rate(Rate(2, per=3600, burst=5))
    await asyncio.sleep(0.1)  # nothing tells of a start that does not happen
    assert starts.count == 3, "another rate keeps the tokens that there are: none"


async def test_a_group_without_tokens_holds_nobody_up_and_goes_on(make_scheduler: MakeScheduler) -> None:
    starts, scheduler = Starts(), await make_scheduler(check_tasks_every_seconds=600)
    await scheduler.set_rate(Rate(10, burst=1), group="slow")
    await scheduler.assign_tasks([*once("a", 300, "slow"), *once("b", 100, "other"), *once("c", 100)])
    began = time.monotonic()
    await scheduler.start_task_execute(starts)
    await until(lambda: sum(task_id[0] != "a" for task_id in starts.ids) == 200, seconds=20)
    await until(lambda: sum(task_id[0] == "a" for task_id in starts.ids) >= 6)
    assert time.monotonic() - began >= 0.49, "one at once, and one in each tenth of a second"
    assert len(set(starts.ids)) == len(starts.ids)
    await scheduler.set_rate(None, group="slow")
    await until(lambda: starts.count == 500, seconds=20)


async def test_a_group_that_waits_for_tokens_does_not_stand(make_scheduler: MakeScheduler) -> None:
    starts, scheduler = Starts(), await make_scheduler()
    await scheduler.set_rate(Rate(5, per=3600, burst=5), group="g")
    await scheduler.assign_tasks(once("g", 8, "g"))
    await scheduler.start_task_execute(starts)
    await until(lambda: starts.count == 5)
    await scheduler.stop_task_execute()
    assert (await scheduler.audit()).ok


async def test_a_change_of_a_bound_that_was_cut_off_may_be_repeated(make_scheduler: MakeScheduler) -> None:
    """What is kept is what was asked for, and nobody was told that there is room."""
    starts, gate, scheduler = Starts(), asyncio.Event(), await make_scheduler()

    async def executor(data: str) -> None:
        await starts(data)
        await gate.wait()

    await scheduler.set_group_concurrency({"g": 1})
    await scheduler.assign_tasks(once("g", 10, "g"))
    await scheduler.start_task_execute(executor)
    await until(lambda: starts.count == 1)
    partitions = scheduler._lifespan.require().partitions
    parked = partitions.master.keys.groups + b"parked"
    await until(lambda: _is_count(partitions.master._client.zcard(parked), 9))
    copies = partitions.quotas
    before = await copies.read()
    change = QuotaChange(replace(before, revision=before.revision + 1, caps=to_caps("caps", {"g": 6})), before.revision)
    assert await copies._master.put_quotas.submit(change)
    await scheduler.set_group_concurrency({"g": 6})
    await until(lambda: starts.count == 6)
    gate.set()


async def _is_count(asked: Awaitable[int], count: int) -> bool:
    return await asked == count


async def test_a_bound_is_changed_while_long_runs_go_on(make_scheduler: MakeScheduler) -> None:
    running: Counter[str] = Counter()
    gate = asyncio.Event()

    async def executor(group: str) -> None:
        running[group] += 1
        await gate.wait()

    schedulers = [await make_scheduler(group_concurrency=n, check_tasks_every_seconds=600) for n in (1, 7)]
    await schedulers[0].set_group_concurrency({"a": 2, "*": 1})
    tasks = [IntervalTask(f"{group}{n}", group, group=group) for n in range(30) for group in "abc"]
    await schedulers[0].assign_tasks(tasks)
    for scheduler in schedulers:
        await scheduler.start_task_execute(executor)
    await until(lambda: running == {"a": 2, "b": 1, "c": 1})
    await until(lambda: are_parked(schedulers[0], len(tasks) - 4))
    assert running == {"a": 2, "b": 1, "c": 1}, "what is kept in Redis holds for both, whatever their options are"
    await schedulers[1].set_group_concurrency({"a": 4, "b": 3, "*": 2})
    await until(lambda: running == {"a": 4, "b": 3, "c": 2})
    await schedulers[0].set_group_concurrency({"a": 1})
    await until(lambda: running == {"a": 4, "b": 30, "c": 30})
    await schedulers[0].set_group_concurrency({})
    await until(lambda: running["a"] == 30)
    gate.set()


@pytest.mark.parametrize("count", [1, 3])
async def test_a_rate_holds_over_all_partitions_and_goes_where_the_tasks_are(namespace: str, count: int) -> None:
    starts = Starts()
    addresses = urls(count, namespace)
    async with (
        Scheduler.from_url(*addresses, namespace=namespace) as one,
        Scheduler.from_url(*addresses, namespace=namespace) as other,
    ):
        await one.set_rate(Rate(50, burst=5))
        await one.assign_tasks(once("t", 120))
        began = time.monotonic()
        await one.start_task_execute(starts)
        await other.start_task_execute(starts)
        await until(lambda: starts.count >= 55)
        assert time.monotonic() - began >= 0.99
        assert len(starts.partitions) == count
        assert min(starts.partitions.values()) > 55 / count / 3, "none of them starves"
        await until(lambda: starts.count == 120)
        # All on one partition, which may be any: it gets the whole rate.
        for tag in ("x", "y", "z"):
            before, began = starts.count, time.monotonic()
            async with heartbeat() as beat:
                await one.assign_tasks([IntervalTask(f"{{{tag}}}:{n}") for n in range(60)])
                await until(lambda: starts.count == before + 60)  # noqa: B023 - called at once
            assert 1.09 <= time.monotonic() - began < 2.4 + 3 * beat.longest


async def test_a_task_of_a_bounded_group_needs_a_tag_on_several_partitions(namespace: str) -> None:
    async with Scheduler.from_url(*urls(2, namespace), namespace=namespace) as scheduler:
        bare = IntervalTask("feed:1", group="tenant-7", start=FAR)
        assert await scheduler.assign_task(bare) is True
        await scheduler.set_group_concurrency({"tenant-7": 1})
        with pytest.raises(GroupNeedsTag, match=r"'\{tenant-7\}:feed:1'") as caught:
            await scheduler.assign_task(bare)
        assert (caught.value.field, caught.value.id, caught.value.group) == ("id", "feed:1", "tenant-7")
        assert await scheduler.assign_task(IntervalTask("{tenant-7}:feed:1", group="tenant-7", start=FAR))
        assert await scheduler.assign_task(IntervalTask("feed:2", group="tenant-8", start=FAR)), "it has no bound"
        many = [IntervalTask(f"t{n}", group="tenant-7" if n == 7 else None, start=FAR) for n in range(20)]
        outcomes = await asyncio.gather(*map(scheduler.assign_task, many), return_exceptions=True)
        assert [n for n, outcome in enumerate(outcomes) if outcome is not True] == [7]
        await scheduler.set_group_concurrency(None)
        await scheduler.set_rate(Rate(1), group="tenant-8")
        with pytest.raises(GroupNeedsTag):
            await scheduler.assign_task(IntervalTask("feed:3", group="tenant-8", start=FAR))
        with pytest.raises(GroupNeedsTag):
            await scheduler.update_task("t1", group="tenant-8")
        assert (found := await scheduler.get_task("t1")) is not None
        assert found.rules.group is None
        assert await scheduler.update_task("t1", retries=1)
        assert await scheduler.update_task("{tenant-7}:feed:1", group="tenant-8")
        await scheduler.set_rate(None, group="tenant-8")
        assert await scheduler.update_task("t1", group="tenant-8")
        assert await scheduler.assign_task(many[7]) is True
    async with Scheduler.from_url(*urls(2, namespace), namespace=namespace, group_concurrency=1) as scheduler:
        with pytest.raises(GroupNeedsTag):
            await scheduler.assign_task(bare)
    async with Scheduler.from_url("memory://", namespace=namespace, group_concurrency=1) as scheduler:
        assert await scheduler.assign_task(bare), "one partition counts for all"


class Lost:
    """A partition that is lost before it says that it has its copy."""

    def submit(self, _: object) -> asyncio.Future[bool]:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        future.set_exception(OutcomeUnknown("lost"))
        return future


async def test_each_partition_looks_at_its_groups_whatever_becomes_of_the_others(
    namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: Counter[str] = Counter()
    gate = asyncio.Event()

    async def executor(group: str) -> None:
        running[group] += 1
        await gate.wait()

    async with Scheduler.from_url(*urls(2, namespace), namespace=namespace, drain_seconds=0) as scheduler:
        partitions = scheduler._lifespan.require().partitions
        (other,) = [partition for partition in partitions.all if partition is not partitions.master]
        tags = {partitions.home(f"{{{n}}}".encode()): str(n) for n in range(20)}
        here, there = tags[partitions.master], tags[other]
        await scheduler.set_group_concurrency(1)
        await scheduler.assign_tasks(
            IntervalTask(f"{{{tag}}}:{n}", tag, group=tag) for tag in (here, there) for n in range(3)
        )
        await scheduler.start_task_execute(executor)
        for partition in partitions.all:
            parked = partition.keys.groups + b"parked"
            await until(lambda: _is_count(partition._client.zcard(parked), 2))  # noqa: B023 - called at once
        with monkeypatch.context() as patch:
            patch.setattr(other, "put_quotas", Lost())
            with pytest.raises(OutcomeUnknown):
                await scheduler.set_group_concurrency(3)
        await until(lambda: running == {here: 3, there: 1})
        await partitions.quotas.bring(other)  # as when it comes back
        await until(lambda: running == {here: 3, there: 3})
        gate.set()


async def test_who_is_refused_is_told_so_if_the_others_are_in_doubt(namespace: str) -> None:
    instances = [RedisInstance.from_url(url) for url in urls(2, namespace)]
    options = SchedulerOptions(storage=StorageOptions(instances=instances), group_concurrency=1)
    async with Scheduler(options) as scheduler:
        check = GroupTags(scheduler._lifespan.require().partitions.master, options)

        async def send(_: Sequence[str], __: Callers) -> Sequence[bool]:
            raise OutcomeUnknown("here")

        checked = check.checked(send, lambda task_id: (task_id.encode(), "g"))
        with pytest.raises(Partly) as caught:
            await checked(["{g}:1", "bare", "{g}:2"], Callers([asyncio.Future() for _ in range(3)]))
    assert [type(outcome) for outcome in caught.value.outcomes] == [OutcomeUnknown, GroupNeedsTag, OutcomeUnknown]


async def test_a_scheduler_that_waits_for_tokens_asks_no_more_than_needed(make_scheduler: MakeScheduler) -> None:
    starts, scheduler = Starts(), await make_scheduler(check_tasks_every_seconds=600)
    await scheduler.set_rate(Rate(1, per=3600))
    await scheduler.assign_tasks(once("t", 100))
    await scheduler.start_task_execute(starts)
    await until(lambda: starts.count == 1)
    poller = scheduler._executing._execution._firsts[0]  # type: ignore[union-attr]
    await until(lambda: poller._tokens_from > time.monotonic())  # it has learnt how long there is no token
    sequence = poller._claims._session._sequence
    for n in range(50):
        await scheduler.assign_task(IntervalTask(f"more{n}"))
        await scheduler.assign_task(IntervalTask(f"early{n}", start=1_000_000 + n))
    await asyncio.sleep(0.1)  # nothing tells of a claim that is not made
    assert poller._claims._session._sequence == sequence, "what becomes due cannot start either"
    await scheduler.set_rate(Rate(100_000))
    await until(lambda: starts.count == 200)


async def test_a_run_that_was_cut_short_has_had_its_token(make_scheduler: MakeScheduler) -> None:
    gate = asyncio.Event()
    running: list[str] = []

    async def executor(_: str) -> None:
        running.append(current_run().id)
        await gate.wait()

    scheduler, starts = await make_scheduler(concurrency=1, lease_seconds=60), Starts()
    await scheduler.set_rate(Rate(1, per=3600, burst=4))
    await scheduler.set_rate(Rate(1, per=3600, burst=4), group="g")
    await scheduler.assign_tasks(once("t", 10, "g"))
    await scheduler.start_task_execute(executor)
    await until(lambda: len(running) == 1)
    await scheduler.stop_task_execute(drain_seconds=0)
    other = await make_scheduler()
    await other.start_task_execute(starts)
    await until(lambda: starts.count == 3)
    await asyncio.sleep(0.1)  # nothing tells of a start that does not happen
    assert starts.count == 3, "it had started, so it costs another one when it runs again"


async def test_a_partition_is_told_of_a_rate_when_it_comes(namespace: str) -> None:
    """A process that knows only one partition of the list writes the quotas of the master to whatever comes online."""
    addresses = urls(2, namespace)
    async with Scheduler.from_url(*addresses, namespace=namespace) as scheduler:
        await scheduler.set_rate(Rate(1, per=3600))
        await scheduler.set_group_concurrency({"g": 3})
        other = scheduler._lifespan.require().partitions.all[1]
        keys = [other.keys.groups + name for name in (b"quota", b"caps", b"rates", b"revision")]
        await other._client.delete(*keys)
        assert not await other._client.exists(*keys)
        async with Scheduler.from_url(*addresses, namespace=namespace):
            assert await other._client.hget(keys[0], "rate") == Rate(1, per=3600).encode()
            assert await other._client.hget(keys[1], "g") == b"3"


async def test_a_partition_that_is_away_refuses_the_call(namespace: str) -> None:
    async with Scheduler.from_url("memory://", "redis://localhost:1/0", namespace=namespace) as scheduler:
        with pytest.raises(PartitionOffline):
            await scheduler.set_rate(Rate(1))
        assert await scheduler.get_rate() is None, "nothing was changed"
