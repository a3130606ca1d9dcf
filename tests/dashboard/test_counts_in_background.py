"""Counts that go on in the background: who shares them, when they rest, and that they end."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import Any

import httpx
import pytest

from interval_scheduler import Scheduler, SearchPage
from interval_scheduler.dashboard import counts
from tests.dashboard.conftest import reader_of
from tests.dashboard.counted import PATIENCE, SOME, TASKS, assign, look, until_done
from tests.dashboard.gating import Gate
from tests.dashboard.test_trouble import SAME_SITE
from tests.waiting import until

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("quick_steps")]


async def test_readers_share_a_count_and_it_is_kept_when_it_is_done(
    admin_of_many: httpx.AsyncClient, gate: Gate
) -> None:
    first, second = await asyncio.gather(look(admin_of_many), look(admin_of_many, change="remove", prefix="feed:00"))
    assert first["is_done"] is second["is_done"] is False
    gate.open()
    await until_done(admin_of_many)
    steps = len(gate.begun)
    assert (await look(admin_of_many, change="remove", prefix="feed:00"))["count"] == 100
    assert len(gate.begun) == steps
    assert [after for _, after in gate.begun].count(None) == 1, "it began once"
    await until_done(admin_of_many, change="pause", prefix="feed:01")
    assert gate.begun[steps] == ("feed:01", None)


async def end_untold(reader: httpx.AsyncClient, gate: Gate) -> None:
    """Have a count come to its end while nobody looks."""
    before = asyncio.all_tasks()
    assert not (await look(reader))["is_done"]
    gate.open()
    await until(lambda: asyncio.all_tasks() <= before, PATIENCE)


async def test_an_action_forgets_no_count_that_somebody_waits_for(admin_of_many: httpx.AsyncClient, gate: Gate) -> None:
    """Else others who act often would keep it from ever being told."""
    await end_untold(admin_of_many, gate)
    steps = len(gate.begun)
    assert (await admin_of_many.post("/do/pause-all", data={"back": "/"}, headers=SAME_SITE)).status_code == 303
    assert (await look(admin_of_many))["is_done"]
    assert len(gate.begun) == steps
    assert (await admin_of_many.post("/do/resume-all", data={"back": "/"}, headers=SAME_SITE)).status_code == 303
    await until_done(admin_of_many)
    assert len(gate.begun) > steps, "one that was told is counted anew"


async def test_a_count_that_somebody_waits_for_gives_its_place_to_nobody(
    admin_of_many: httpx.AsyncClient, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "MOST_COUNTS", 1)
    await end_untold(admin_of_many, gate)
    steps, other = len(gate.begun), {"change": "pause", "prefix": "feed:02"}
    refused = await admin_of_many.get("/bulk", params=other)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert "Many other counts go on just now" in refused.text
    assert 'data-refresh="2"' in refused.text, "it tries again by itself"
    assert (await look(admin_of_many))["is_done"]
    assert len(gate.begun) == steps
    assert (await until_done(admin_of_many, **other))["count"] == 100


async def test_a_count_that_is_old_is_counted_anew(
    admin_of_many: httpx.AsyncClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await until_done(admin_of_many))["count"] == 100
    await scheduler.remove_task("feed:0000")
    assert (await look(admin_of_many))["count"] == 100
    monkeypatch.setattr(counts, "KEPT_SECONDS", 0)
    assert not (await look(admin_of_many))["is_done"]
    monkeypatch.setattr(counts, "KEPT_SECONDS", PATIENCE)
    assert (await until_done(admin_of_many))["count"] == 99


async def test_a_count_on_which_nobody_looks_rests_and_goes_on_where_it_was(
    admin_of_many: httpx.AsyncClient, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = asyncio.all_tasks()
    monkeypatch.setattr(counts, "REST_SECONDS", 0)
    assert not (await look(admin_of_many))["is_done"]
    gate.open()
    await until(lambda: asyncio.all_tasks() <= before, PATIENCE)
    assert [after for _, after in gate.begun] == [None], "it took the step in which it was, and no other"
    view = await until_done(admin_of_many)
    assert (view["count"], view["looked"]) == (100, TASKS)
    marks = [after for _, after in gate.begun]
    assert marks.count(None) == 1
    assert len(marks) == len(set(marks)) > 2, "no step was taken twice"


async def test_a_scheduler_that_is_closed_ends_its_counts(
    admin_of_many: httpx.AsyncClient, scheduler: Scheduler, gate: Gate
) -> None:
    before = asyncio.all_tasks()
    await look(admin_of_many)
    await until(lambda: gate.begun, PATIENCE)
    await scheduler.close()
    gate.open()
    await until(lambda: asyncio.all_tasks() <= before, PATIENCE)
    assert (await admin_of_many.get("/bulk", params=SOME)).status_code == 503


async def test_an_error_that_nobody_foresaw_is_logged_though_nobodyasks(
    admin_of_many: httpx.AsyncClient, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await admin_of_many.get("/bulk", params=SOME)).status_code == 200
    gate.problem = RuntimeError("nobody foresaw it")
    gate.open()
    await until(lambda: "nobody foresaw it" in caplog.text, PATIENCE)
    assert "a count ended by an unexpected error" in caplog.text


async def test_a_task_that_comes_twice_counts_once(
    admin_of_many: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, before = Scheduler.search, list[Any]()

    async def repeats(self: Scheduler, prefix: str, **options: Any) -> SearchPage:
        page = await search(self, prefix, **options)
        before.extend(page.rows)
        return dataclasses.replace(page, rows=tuple(before))

    monkeypatch.setattr(Scheduler, "search", repeats)
    view = await until_done(admin_of_many)
    assert view["count"] == 100
    assert len(set(view["first"])) == 20


async def test_searches_of_others_have_turns_between_the_steps(admin_of_many: httpx.AsyncClient, gate: Gate) -> None:
    other = {"change": "pause", "prefix": "feed:01"}
    await look(admin_of_many)
    await until(lambda: gate.begun, PATIENCE)
    await look(admin_of_many, **other)  # it waits for its turn now
    assert len(gate.begun) == 1, "one search goes on at a time"
    gate.open()

    async def has_a_turn() -> bool:  # who does not get one within a second is told so, and asks again
        return (await admin_of_many.get("/tasks.json", params={"q": "feed:0001"})).status_code == 200

    await until(has_a_turn, PATIENCE)
    await asyncio.gather(until_done(admin_of_many), until_done(admin_of_many, **other))
    order = [prefix for prefix, _ in gate.begun]
    assert order[:2] == ["feed:00", "feed:01"], "the next step of a count comes after those who wait"
    assert order.count("feed:00") > 1


async def test_no_more_than_some_go_on_at_a_time(
    admin_of_many: httpx.AsyncClient, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "MOST_COUNTS", 2)
    for prefix in ("feed:00", "feed:01", "feed:00"):
        assert not (await look(admin_of_many, change="pause", prefix=prefix))["is_done"]
    third = {"change": "pause", "prefix": "feed:02"}
    assert (await admin_of_many.get("/bulk", params=third)).status_code == 429
    gate.open()
    await until_done(admin_of_many)
    assert (await until_done(admin_of_many, **third))["count"] == 100


async def test_two_dashboards_behind_one_address_come_to_an_end(scheduler: Scheduler) -> None:
    await assign(scheduler, TASKS)
    async with reader_of(scheduler, "admin") as one, reader_of(scheduler, "admin") as other:
        dashboards = itertools.cycle([one, other])

        async def is_done() -> bool:
            view = await look(next(dashboards))
            return (view["is_done"], view["count"]) == (True, 100)

        await until(is_done, PATIENCE)
