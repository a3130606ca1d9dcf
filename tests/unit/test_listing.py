"""Pages of several partitions as one list, and pages that are asked for ahead."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interval_scheduler.model.plain import plain_task
from interval_scheduler.model.rules import NO_RULES
from interval_scheduler.model.task import ScheduledTask
from interval_scheduler.storage import listing
from interval_scheduler.storage.ahead import read_ahead
from interval_scheduler.storage.commands.lookup import Row
from tests.waiting import until

Dues = list[list[int]]


def _one_by_one(sources: Sequence[Sequence[tuple[int, str]]]) -> list[str]:
    """Merge them as a person would: always the row with the earliest due time of those that come next."""
    heads = [(source[0][0], n, 0) for n, source in enumerate(sources) if source]
    heapq.heapify(heads)
    found = []
    while heads:
        _, n, at = heapq.heappop(heads)
        found.append(sources[n][at][1])
        if at + 1 < len(sources[n]):
            heapq.heappush(heads, (sources[n][at + 1][0], n, at + 1))
    return found


@given(st.lists(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), max_size=4), min_size=1, max_size=4))
def test_pages_are_merged_as_if_row_by_row(partitions: list[Dues]) -> None:
    """Also where rows are in no due order, as parked tasks are."""
    named = [
        [
            [Row(f"{n}-{p}-{r}".encode(), b"s\n", due, "waiting", 0) for r, due in enumerate(dues)]
            for p, dues in enumerate(each)
        ]
        for n, each in enumerate(partitions)
    ]

    async def pages(partition: Any, _: object) -> AsyncGenerator[Sequence[Row], None]:
        for page in named[partition]:
            yield page

    async def merge() -> list[str]:
        found = []
        async with aclosing(listing.merged(list(range(len(named))), "parked")) as merged:  # type: ignore[arg-type]
            async for rows in merged:
                found += [row.id.decode() for _, row in rows]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "pages", pages)
        found = asyncio.run(merge())
    assert found == _one_by_one([[(row.due_ms, row.id.decode()) for page in each for row in page] for each in named])


class _Pages:
    """Pages with numbers up to the last one; those from `missing` on never arrive."""

    def __init__(self, last: int, missing: int = 1000) -> None:
        self.asked: list[int] = []
        self.last = last
        self.missing = missing

    async def read(self, at: int) -> tuple[int, int | None]:
        self.asked.append(at)
        if at >= self.missing:
            await asyncio.Event().wait()
        return at, at + 1 if at < self.last else None


@pytest.mark.asyncio
async def test_one_page_is_asked_for_ahead() -> None:
    pages = _Pages(last=3)
    found = []
    async with aclosing(read_ahead(pages.read, 0)) as ahead:
        async for page in ahead:
            found.append(page)
            assert pages.asked == list(range(min(page + 1, 3) + 1)), "the next one, and no other"
    assert found == [0, 1, 2, 3]


@pytest.mark.asyncio
async def test_who_stops_early_leaves_nothing_behind() -> None:
    """The fixture looks after asyncio tasks."""
    pages = _Pages(last=3, missing=1)
    async with aclosing(read_ahead(pages.read, 0)) as ahead:
        assert await anext(ahead) == 0
        assert pages.asked == [0, 1]
    async for page in read_ahead(pages.read, 0):  # nobody closes this one
        assert page == 0
        break
    assert pages.asked == [0, 1, 0, 1]


@pytest.mark.asyncio
async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    pages = _Pages(last=3, missing=0)

    async def use() -> None:
        async with aclosing(read_ahead(pages.read, 0)) as ahead:
            async for _ in ahead:
                pass

    using = asyncio.create_task(use())
    await until(lambda: pages.asked == [0])
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using


@pytest.mark.asyncio
async def test_an_error_comes_with_its_page() -> None:
    async def read(at: int) -> tuple[int, int | None]:
        if at:
            raise ZeroDivisionError
        return 0, 1

    async with aclosing(read_ahead(read, 0)) as ahead:
        assert await anext(ahead) == 0
        with pytest.raises(ZeroDivisionError):
            await anext(ahead)
    async with aclosing(read_ahead(read, 0)) as ahead:
        assert await anext(ahead) == 0  # nobody hears of the error, and asyncio does not complain


def test_a_plain_task_is_as_any_other() -> None:
    made = plain_task("a", b"x", 1.5, 7.0, "delay", NO_RULES, "p", 0.5, 0.1)
    same = ScheduledTask("a", b"x", 1.5, 7.0, "waiting", 1, "p", repeat="delay", phase=0.5, rounding=0.1)
    assert type(made) is ScheduledTask
    assert (made, hash(made), repr(made)) == (same, hash(same), repr(same))
    values = [[getattr(task, each.name) for each in fields(ScheduledTask)] for task in (made, same)]
    assert values[0] == values[1], "also those that do not count for equality"
    with pytest.raises(AttributeError):
        made.id = "b"  # type: ignore[misc]
