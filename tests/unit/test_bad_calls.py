"""Bad input, second part: locks, executors, the order of calls, and options. See `test_bad_input.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from interval_scheduler import (
    AlreadyExecuting,
    ConfigurationError,
    IntervalTask,
    InvalidType,
    InvalidValue,
    Lock,
    NotAcceptingTasks,
    NotConnected,
    RedisInstance,
    Scheduler,
    SchedulerOptions,
)
from tests.unit.naming import Bad, names


async def _try_auto_lock(scheduler: Scheduler, name: Any, seconds: Any) -> None:
    await scheduler.try_auto_lock(name, seconds)


async def _try_lock(scheduler: Scheduler, name: Any, seconds: Any) -> None:
    await scheduler.try_lock(name)


async def _lock(scheduler: Scheduler, name: Any, seconds: Any) -> None:
    async with scheduler.lock(name, seconds):
        pytest.fail("locked")


@pytest.mark.asyncio
@pytest.mark.parametrize("call", [_try_auto_lock, _lock])
@pytest.mark.parametrize(
    ("seconds", "error"),
    [
        (0, InvalidValue),
        (-1, InvalidValue),
        (timedelta(0), InvalidValue),
        (float("nan"), InvalidValue),
        (float("inf"), InvalidValue),
        (1e12, InvalidValue),
        (True, InvalidType),
        ("60", InvalidType),
        (None, InvalidType),
    ],
)
async def test_lock_seconds(
    sealed: Scheduler, call: Callable[[Scheduler, Any, Any], Awaitable[None]], seconds: Any, error: Bad
) -> None:
    with pytest.raises(error) as caught:
        await call(sealed, "name", seconds)
    assert names(caught, "seconds")


@pytest.mark.asyncio
@pytest.mark.parametrize("call", [_try_auto_lock, _try_lock, _lock])
@pytest.mark.parametrize(
    ("name", "error"), [("", InvalidValue), ("a\0", InvalidValue), (b"a", InvalidType), (None, InvalidType)]
)
async def test_lock_names(
    sealed: Scheduler, call: Callable[[Scheduler, Any, Any], Awaitable[None]], name: Any, error: Bad
) -> None:
    with pytest.raises(error) as caught:
        await call(sealed, name, 10)
    assert names(caught, "name")


@pytest.mark.asyncio
@pytest.mark.parametrize("wait", [-1, float("nan"), "1"])
async def test_how_long_to_wait_for_a_lock(sealed: Scheduler, wait: Any) -> None:
    with pytest.raises((InvalidValue, InvalidType), match=r"^wait_seconds "):
        async with sealed.lock("name", 10, wait_seconds=wait):
            pytest.fail("locked")


@pytest.mark.asyncio
@pytest.mark.parametrize("thing", ["name", None, True, ("name", 1)])
async def test_unlock_takes_a_lock(sealed: Scheduler, thing: Any) -> None:
    with pytest.raises(InvalidType, match=r"^lock must be a Lock"):
        await sealed.unlock(thing)


@pytest.mark.asyncio
async def test_unlock_with_a_foreign_or_used_lock_is_false_and_does_nothing() -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        held = await scheduler.try_lock("door")
        assert held is not None
        for foreign in (Lock("door", held.token + 1), Lock("door", 0), Lock("other", held.token)):
            assert await scheduler.unlock(foreign) is False
        assert await scheduler.try_lock("door") is None, "still held"
        assert await scheduler.unlock(held) is True
        again = await scheduler.try_lock("door")
        assert again is not None
        assert await scheduler.unlock(held) is False
        assert await scheduler.try_lock("door") is None, "the used one took nothing from its successor"


def _sync(data: Any) -> None: ...


@pytest.mark.asyncio
@pytest.mark.parametrize("executor", [_sync, None, "run", print])
async def test_a_sync_executor(sealed: Scheduler, apart: Scheduler, executor: Any) -> None:
    for scheduler in (sealed, apart):
        with pytest.raises(InvalidType, match=r"^executor must be a coroutine function"):
            await scheduler.start_task_execute(executor)
        assert not scheduler.executing_tasks


@pytest.mark.asyncio
async def test_a_sync_executor_gets_a_hint(apart: Scheduler) -> None:
    with pytest.raises(InvalidType, match=r"write 'async def', and call blocking code with 'await asyncio.to_thread"):
        await apart.start_task_execute(_sync)  # type: ignore[arg-type]


async def _executor(data: Any) -> None: ...


@pytest.mark.asyncio
@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True, "5", 100_001])
async def test_concurrency(sealed: Scheduler, apart: Scheduler, concurrency: Any) -> None:
    for scheduler in (sealed, apart):
        with pytest.raises(ConfigurationError) as caught:
            await scheduler.start_task_execute(_executor, concurrency=concurrency)
        assert names(caught, "concurrency")
        assert not scheduler.executing_tasks


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", True])
async def test_drain_seconds(sealed: Scheduler, apart: Scheduler, seconds: Any) -> None:
    for scheduler in (sealed, apart):
        with pytest.raises((InvalidValue, InvalidType), match=r"^drain_seconds "):
            await scheduler.stop_task_execute(drain_seconds=seconds)


@pytest.mark.asyncio
async def test_start_task_execute_twice() -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.start_task_execute(_executor)
        with pytest.raises(AlreadyExecuting):
            await scheduler.start_task_execute(_executor)
        assert scheduler.executing_tasks
        await scheduler.stop_task_execute()
        await scheduler.start_task_execute(_executor)


@pytest.mark.asyncio
async def test_assign_before_and_after_accepting() -> None:
    scheduler = Scheduler.from_url("memory://")
    for call in (lambda: scheduler.assign_task(IntervalTask("a")), lambda: scheduler.assign_tasks([IntervalTask("a")])):
        with pytest.raises(NotAcceptingTasks):
            await call()
        await scheduler.start_task_accept()
        await call()
        await scheduler.stop_task_accept()
        with pytest.raises(NotAcceptingTasks):
            await call()
        await scheduler.close()
        with pytest.raises(NotAcceptingTasks):
            await call()


@pytest.mark.asyncio
async def test_calls_that_need_a_connection_say_so(apart: Scheduler) -> None:
    for call in (
        apart.remove_task("a"),
        apart.remove_tasks(["a"]),
        apart.is_scheduled("a"),
        apart.get_task("a"),
        apart.task_size(),
        apart.queue_size(),
        apart.clear_all_tasks(),
        apart.try_lock("a"),
        apart.try_auto_lock("a", 1),
        apart.unlock(Lock("a", 1)),
    ):
        with pytest.raises(NotConnected, match=r"connect"):
            await call
    with pytest.raises(NotConnected):
        await anext(apart.tasks())
    with pytest.raises(NotConnected):
        await _lock(apart, "a", 1)


@pytest.mark.asyncio
async def test_the_state_to_list(sealed: Scheduler) -> None:
    with pytest.raises(InvalidValue, match=r"^state must be 'waiting', 'leased', 'paused' or None"):
        await anext(sealed.tasks(state="ready"))  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_the_prefix_to_list(sealed: Scheduler) -> None:
    with pytest.raises(InvalidType, match=r"^prefix "):
        await anext(sealed.tasks(prefix=5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Scheduler({"storage": {"instances": []}}), "storage.instances"),
        (Scheduler.from_url, "urls"),
        (lambda: Scheduler.from_url("redis://h", "redis://h:6379"), "storage.instances"),
        (lambda: Scheduler({"storage": {"instances": [{}, {}]}}), "storage.instances"),
        (lambda: Scheduler.from_url("redis://h", master_index=1), "storage.master_index"),
        (lambda: Scheduler({"storage": {"masterIndex": -1}}), "storage.master_index"),
        (lambda: Scheduler.from_url("redis://h/notadb"), "db"),
        (lambda: Scheduler.from_url("http://h"), "url"),
        (lambda: Scheduler.from_url("redis://h:0"), "port"),
        (lambda: Scheduler.from_url("redis://h:70000"), "port"),
        (lambda: Scheduler({"storage": {"instances": [{"port": 0}]}}), "storage.instances[0].port"),
        (lambda: RedisInstance(port=70000), "port"),
        (lambda: Scheduler({"namespace": ""}), "namespace"),
        (lambda: Scheduler({"namespace": "{"}), "namespace"),
        (lambda: Scheduler({"namespace": "a}"}), "namespace"),
        (lambda: Scheduler({"namespace": "*"}), "namespace"),
        (lambda: Scheduler({"leaseSeconds": 3, "leaseRenewalSeconds": 1}), "lease_seconds"),
        (lambda: Scheduler.from_url("redis://h", lease_seconds=0), "lease_seconds"),
        (lambda: Scheduler({"concurrency": 0}), "concurrency"),
        (lambda: SchedulerOptions(concurrency=0), "concurrency"),
    ],
)
def test_options_raise_when_the_scheduler_is_made(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert names(caught, field)
