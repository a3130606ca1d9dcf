"""Whatever leaves an executor is the result of its run: the others go on, and it is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.waiting import until

pytestmark = pytest.mark.asyncio

MakeScheduler = Callable[..., Awaitable[Scheduler]]


class Panic(BaseException):
    """As those of Rust, of `pytest.fail` and of many a time-out."""


def raiser(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(raiser(Panic("in a group"))())  # type: ignore[arg-type]


async def a_cancelled_child() -> None:
    child = asyncio.create_task(asyncio.Event().wait())
    child.cancel()
    await child


KINDS: dict[str, tuple[Callable[[], Awaitable[None]], type[BaseException]]] = {
    "an error": (raiser(ValueError("broken")), ValueError),
    "a panic": (raiser(Panic("panicked")), Panic),
    "a failed test": (raiser(pytest.fail.Exception("failed")), pytest.fail.Exception),
    "a GeneratorExit": (raiser(GeneratorExit()), GeneratorExit),
    "a panic in a task group": (in_a_group, BaseExceptionGroup),
    "a group of both": (raiser(BaseExceptionGroup("both", [ValueError(), Panic()])), BaseExceptionGroup),
    "a CancelledError": (raiser(asyncio.CancelledError()), asyncio.CancelledError),
    "a cancelled child": (a_cancelled_child, asyncio.CancelledError),
}


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
@pytest.mark.parametrize("kind", KINDS)
async def test_others_go_on_and_it_is_told_once(make_scheduler: MakeScheduler, kind: str, delivery: str) -> None:
    scheduler = await make_scheduler(delivery=delivery, concurrency=2)
    fail, expected = KINDS[kind]
    good: list[str] = []
    told: list[tuple[str, BaseException]] = []

    async def executor(data: str) -> None:
        if data == "poison":
            await fail()
        good.append(data)

    scheduler.on("run-error", lambda run, error: told.append((run.id, error)))
    await scheduler.assign_task(IntervalTask("poison", "poison", every=3600))
    await scheduler.start_task_execute(executor)
    await until(lambda: told != [])
    await scheduler.assign_tasks([IntervalTask(f"good:{n}", "good") for n in range(20)])
    await until(lambda: len(good) == 20)
    assert [task_id for task_id, _ in told] == ["poison"]
    assert isinstance(told[0][1], expected)
    assert scheduler.executing_tasks
    assert await scheduler.is_scheduled("poison") == "poison"
