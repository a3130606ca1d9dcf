"""Failed runs in a time machine: each fails the test, unless the test expects it."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from interval_scheduler import IntervalTask, InvalidValue, Retry, RunTimeout, Scheduler
from interval_scheduler.execution.executor import Executor
from interval_scheduler.testing import TimeMachine, time_machine

pytestmark = pytest.mark.asyncio


async def begin(clock: TimeMachine, executor: Executor, *, own: bool = False, **rules: Any) -> Scheduler:
    scheduler = Scheduler.from_url("memory://") if own else clock.scheduler()
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(executor)
    await scheduler.assign_task(IntervalTask("a", "wrong", **rules))
    return scheduler


async def checks(data: str) -> None:
    assert data == "right"


@pytest.mark.parametrize("own", [False, True])
async def test_an_assertion_in_an_executor_is_raised_by_the_next_advance(own: bool) -> None:  # noqa: FBT001
    async with time_machine() as clock:
        scheduler = await begin(clock, checks, own=own)
        with pytest.raises(AssertionError, match="right") as caught:
            await clock.advance(1)
        assert caught.value.__notes__ == ["raised by the run of task 'a', attempt 1, at 2030-01-01T00:00:00+00:00"]
        assert "in checks" in "".join(traceback.format_exception(caught.value))
        await clock.advance(1)  # once only
        await scheduler.close()


async def test_several_are_raised_as_a_group() -> None:
    async with time_machine() as clock:
        await begin(clock, checks, every=60)
        with pytest.raises(ExceptionGroup, match=r"^3 runs failed in a time machine") as caught:
            await clock.advance(minutes=2)
        assert all(isinstance(error, AssertionError) for error in caught.value.exceptions)


async def test_of_very_many_some_are_told() -> None:
    async with time_machine() as clock:
        await begin(clock, checks, every=1)
        with pytest.raises(ExceptionGroup, match=r"^101 runs failed .*, 20 of their errors are told") as caught:
            await clock.advance(100)
        assert len(caught.value.exceptions) == 20


async def test_run_raises_them_too() -> None:
    async with time_machine() as clock:
        await begin(clock, checks)
        with pytest.raises(AssertionError):
            await clock.run(asyncio.sleep(1))  # the machine's time


async def test_the_end_of_the_machine_raises_what_is_left() -> None:
    with pytest.raises(AssertionError, match="right"):  # noqa: PT012 - the block is the point
        async with time_machine() as clock:
            await begin(clock, checks)
            await clock.drain()


async def test_an_error_of_the_test_itself_goes_first_and_tells_of_them() -> None:
    with pytest.raises(KeyError) as caught:  # noqa: PT012 - the block is the point
        async with time_machine() as clock:
            await begin(clock, checks)
            await clock.drain()
            raise KeyError("of the test")
    assert caught.value.__notes__[0].startswith("1 run failed before, first: AssertionError(")
    assert isinstance(caught.value.__context__, AssertionError)


async def test_what_pytest_raises_goes_through_as_it_is() -> None:
    async def never(_: str) -> None:
        pytest.fail("called")

    async with time_machine() as clock:
        await begin(clock, never)
        with pytest.raises(pytest.fail.Exception, match="called"):
            await clock.advance(1)


async def test_a_cancellation_that_a_run_lets_through_does_not_cancel_the_test() -> None:
    async def cancels(_: str) -> None:
        raise asyncio.CancelledError

    async with time_machine() as clock:
        await begin(clock, cancels)
        with pytest.raises(BaseExceptionGroup, match="1 run failed") as caught:
            await clock.advance(1)
        assert isinstance(caught.value.exceptions[0], asyncio.CancelledError)


async def test_a_run_that_takes_too_long_failed() -> None:
    async def slow(_: str) -> None:
        await asyncio.sleep(100)  # the machine's time

    async with time_machine() as clock:
        await begin(clock, slow, timeout=10)
        with pytest.raises(RunTimeout):
            await clock.advance(20)


async def test_a_retry_is_no_failure() -> None:
    attempts = 0

    async def later(_: str) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise Retry(after=10)

    async with time_machine() as clock:
        await begin(clock, later)
        await clock.advance(60)
    assert attempts == 3


async def test_failed_runs_can_be_expected(caplog: pytest.LogCaptureFixture) -> None:
    async with time_machine(errors="log") as clock:
        await begin(clock, checks, every=60)
        await clock.advance(minutes=2)
    assert caplog.text.count("the run of task 'a' failed: AssertionError") == 3
    with pytest.raises(InvalidValue, match=r"errors must be 'raise' or 'log', got 'ignore'"):
        async with time_machine(errors="ignore"):  # type: ignore[arg-type]
            pass


async def test_a_run_that_begins_when_the_machine_is_closed_fails_the_test() -> None:
    async def fails(data: str) -> None:
        raise KeyError(data)

    async def test() -> None:
        async with time_machine() as clock:
            scheduler = clock.scheduler()
            await scheduler.start_task_accept()
            await scheduler.start_task_execute(fails)
            await scheduler.assign_task(IntervalTask("a", "at the end"))

    with pytest.raises(KeyError, match="at the end"):
        await test()
