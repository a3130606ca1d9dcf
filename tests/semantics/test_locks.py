"""Locks: one holder, only the holder releases, renewal, loss, fencing tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import InvalidType, InvalidValue, Lock, LockLost, LockTimeout, Scheduler
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


async def test_one_holder_at_a_time(make_scheduler: MakeScheduler) -> None:
    one, two = await make_scheduler(), await make_scheduler()
    answers = await asyncio.gather(*(scheduler.try_lock("name") for scheduler in [one, two] * 20))
    held = [lock for lock in answers if lock is not None]
    assert len(held) == 1
    assert await two.unlock(held[0]) is True
    assert await two.try_lock("name") is not None


async def test_an_auto_lock_releases_itself(scheduler: Scheduler) -> None:
    assert await scheduler.try_auto_lock("name", 5) is True
    assert await scheduler.try_auto_lock("name", 5) is False

    async def free() -> bool:
        return await scheduler.try_auto_lock("name", 10)

    await until(free)


async def test_unlock_with_a_used_or_foreign_token_changes_nothing(scheduler: Scheduler) -> None:
    lock = await scheduler.try_lock("name")
    assert lock is not None
    assert await scheduler.unlock(Lock("name", lock.token + 1)) is False
    assert await scheduler.unlock(Lock("other", lock.token)) is False
    assert await scheduler.try_lock("name") is None
    assert await scheduler.unlock(lock) is True
    assert await scheduler.unlock(lock) is False
    again = await scheduler.try_lock("name")
    assert again is not None
    assert await scheduler.unlock(lock) is False
    assert await scheduler.try_lock("name") is None


async def test_tokens_strictly_increase(make_scheduler: MakeScheduler) -> None:
    one, two = await make_scheduler(), await make_scheduler()
    tokens = []
    for scheduler in [one, two] * 10:
        lock = await scheduler.try_lock("name")
        assert lock is not None
        tokens.append(lock.token)
        await scheduler.unlock(lock)
    assert tokens == sorted(set(tokens))


async def test_a_held_lock_is_renewed_and_released_at_the_end(scheduler: Scheduler) -> None:
    async with scheduler.lock("name", 6) as lock:
        for _ in range(5):
            await asyncio.sleep(1.5)  # Redis ends a lock by its own clock and tells nobody: more than its time in all
            assert await scheduler.try_lock("name") is None
    again = await scheduler.try_lock("name")
    assert again is not None
    assert again.token > lock.token


async def test_waiting_for_a_lock(scheduler: Scheduler) -> None:
    lock = await scheduler.try_lock("name")
    assert lock is not None
    with pytest.raises(LockTimeout, match="'name'"):
        async with scheduler.lock("name", 60, wait_seconds=0):
            pytest.fail("two holders")
    with pytest.raises(TimeoutError):
        async with scheduler.lock("name", 60, wait_seconds=0.1):
            pytest.fail("two holders")
    order: list[str] = []

    async def wait() -> None:
        async with scheduler.lock("name", 60):
            order.append("acquired")

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)  # it begins to wait
    order.append("released")
    await scheduler.unlock(lock)
    await waiting
    assert order == ["released", "acquired"]


async def test_losing_a_lock_cancels_the_block(scheduler: Scheduler) -> None:
    reached = cancelled = False

    async def lose() -> None:
        nonlocal reached, cancelled
        async with scheduler.lock("name", 6) as lock:
            assert await scheduler.unlock(lock)
            thief = await scheduler.try_lock("name")
            assert thief is not None
            assert thief.token > lock.token
            try:
                await asyncio.sleep(60)  # bounds the test if the loss of this lock of six seconds does not cancel it
                reached = True
            except asyncio.CancelledError:
                cancelled = True
                raise

    with pytest.raises(LockLost):
        await lose()
    assert (reached, cancelled) == (False, True)
    assert await scheduler.try_lock("name") is None, "the thief's lock is left alone"


async def test_an_error_in_the_block_comes_out_as_it_is(scheduler: Scheduler) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with scheduler.lock("name", 60):
            raise KeyError("mine")
    assert await scheduler.try_lock("name") is not None


async def test_a_cancelled_holder_releases(scheduler: Scheduler) -> None:
    inside = asyncio.Event()

    async def hold() -> None:
        async with scheduler.lock("name", 60):
            inside.set()
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold())
    await inside.wait()
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert await scheduler.try_lock("name") is not None


async def test_a_lock_whose_taking_was_cancelled_is_free_again(scheduler: Scheduler) -> None:
    for rounds in range(20):
        taking = asyncio.create_task(scheduler.try_lock("name"))
        for _ in range(rounds):
            await asyncio.sleep(0)  # each turn of the event loop is a place to cancel it
        taking.cancel()
        await asyncio.wait([taking])
        if not taking.cancelled() and (lock := taking.result()) is not None:
            await scheduler.unlock(lock)

        async def is_free() -> bool:
            again = await scheduler.try_lock("name")
            return again is not None and await scheduler.unlock(again)

        await until(is_free)


async def test_locks_and_tasks_do_not_meet(scheduler: Scheduler) -> None:
    from interval_scheduler import IntervalTask

    assert await scheduler.try_lock("a") is not None
    assert await scheduler.assign_task(IntervalTask("a", start=4e9)) is True
    assert await scheduler.clear_all_tasks() == 1
    assert await scheduler.try_lock("a") is None


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
async def test_bad_seconds(scheduler: Scheduler, seconds: float) -> None:
    with pytest.raises(InvalidValue, match="seconds"):
        await scheduler.try_auto_lock("name", seconds)
    with pytest.raises(InvalidValue, match="seconds"):
        async with scheduler.lock("name", seconds):
            pytest.fail("held")


async def test_bad_names_and_locks(scheduler: Scheduler) -> None:
    with pytest.raises(InvalidValue, match="name"):
        await scheduler.try_lock("")
    with pytest.raises(InvalidType, match="name"):
        await scheduler.try_lock(7)  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="lock"):
        await scheduler.unlock("name")  # type: ignore[arg-type]


async def test_a_block_that_is_cancelled_while_it_releases_leaves_the_lock_to_nobody(scheduler: Scheduler) -> None:
    async def hold() -> None:
        async with scheduler.lock("name", 3600):
            pass

    for steps in range(12):
        holder = asyncio.create_task(hold())
        for _ in range(steps):
            await asyncio.sleep(0)  # each turn of the event loop is a place to cancel it
        holder.cancel()
        await asyncio.wait([holder])
        async with asyncio.timeout(60), scheduler.lock("name", 3600):
            pass


async def test_a_block_does_not_outlive_its_scheduler(make_scheduler: MakeScheduler, scheduler: Scheduler) -> None:
    other = await make_scheduler()
    inside = asyncio.Event()
    left: list[BaseException] = []

    async def work() -> None:
        try:
            async with other.lock("door", 60):
                inside.set()
                await asyncio.Event().wait()
        except LockLost as error:
            left.append(error)

    working = asyncio.create_task(work())
    await inside.wait()
    await other.close()
    await asyncio.wait_for(working, 25)
    (error,) = left
    assert (
        str(error) == "lock 'door' is not renewed any more, since the scheduler was closed: another holder is possible"
    )
