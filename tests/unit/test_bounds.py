"""The bounds of SECURITY.md, as they stand there: what is just within is accepted, one more is refused."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, InvalidValue, RedisInstance, Scheduler
from interval_scheduler.support.text import describe

pytestmark = pytest.mark.asyncio

PAGE = Path(__file__).parents[2] / "SECURITY.md"


def bounds() -> dict[str, int]:
    """What is bounded, and by how many bytes or characters."""
    table = PAGE.read_text().split("| what | bound |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) (?:bytes|characters)", table, re.MULTILINE)
    return {what: int(number.replace(",", "")) for what, number in rows}


async def assign(task: IntervalTask) -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.assign_task(task)


async def lock(name: str) -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        assert await scheduler.try_lock(name)


async def connect(namespace: str) -> None:
    async with Scheduler.from_url("memory://", namespace=namespace):
        pass


async def connect_to(partition: str) -> None:
    async with Scheduler({"storage": {"instances": [RedisInstance(memory="", name=partition)]}}):
        pass


def letters(size: int) -> str:
    return "x" * size


def wide(size: int) -> str:
    """Of so many bytes in UTF-8, most of them in characters of two."""
    return "ü" * (size // 2) + "x" * (size % 2)


def minutes(size: int) -> str:
    """A cron expression of so many characters."""
    rest = " * * * *"
    zeros = size - len(rest)
    return f"{'0' * (2 - zeros % 2)}{',0' * ((zeros - 1) // 2)}{rest}"


USES: dict[str, list[Callable[[int], Awaitable[None]]]] = {
    "id of a task": [lambda size: assign(IntervalTask(letters(size))), lambda size: assign(IntervalTask(wide(size)))],
    "payload": [
        lambda size: assign(IntervalTask("a", letters(size))),
        lambda size: assign(IntervalTask("a", wide(size))),
        lambda size: assign(IntervalTask("a", b"\xff" * size)),
    ],
    "name of a lock": [lambda size: lock(letters(size)), lambda size: lock(wide(size))],
    "group of a task": [
        lambda size: assign(IntervalTask("a", group=letters(size))),
        lambda size: assign(IntervalTask("a", group=wide(size))),
    ],
    "cron expression": [lambda size: assign(IntervalTask("a", cron=minutes(size)))],
    "namespace": [lambda size: connect(letters(size))],
    "name of a partition": [lambda size: connect_to(letters(size))],
}


@pytest.mark.parametrize(("what", "use"), [(what, use) for what, uses in USES.items() for use in uses])
async def test_a_bound(what: str, use: Callable[[int], Awaitable[None]]) -> None:
    bound = bounds()[what]
    await use(bound)
    with pytest.raises(InvalidValue):
        await use(bound + 1)


async def test_an_error_is_cut() -> None:
    bound = bounds()["error that is kept of a dead task"]
    assert len(describe(RuntimeError("x" * 10 * bound))) == bound


async def test_each_bound_is_tested() -> None:
    assert set(bounds()) == {*USES, "error that is kept of a dead task"}
