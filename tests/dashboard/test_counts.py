"""The count before a change: its page tells how far it is, and what comes of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.dashboard.actions import many
from interval_scheduler.dashboard.pages import bulk
from tests.dashboard.conftest import reader_of
from tests.dashboard.counted import LATER, PATIENCE, SOME, TASKS, asks, assign, until_done, until_looked
from tests.dashboard.forms import form_of, words_of
from tests.dashboard.gating import Gate
from tests.servers import RedisServer
from tests.waiting import until, until_away

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("quick_steps")]

_AGAIN = re.compile(r'href="([^"]*)">Look again<')


async def test_a_slow_count_tells_how_far_it_is_and_then_asks(
    admin_of_many: httpx.AsyncClient, scheduler: Scheduler, gate: Gate
) -> None:
    page = await admin_of_many.get("/bulk", params=SOME)
    assert "Counting the tasks to pause…" in page.text
    assert "The count begins." in page.text
    assert not asks(page)
    gate.let()
    view = await until_looked(admin_of_many)
    assert (view["is_done"], view["count"], view["total"]) == (False, None, TASKS)
    assert 0 < view["found"] <= view["looked"] < TASKS
    assert len(view["first"]) == min(20, view["found"])
    page = await admin_of_many.get("/bulk", params=SOME)
    assert f"{view['looked']:,} of 4,000 tasks looked at, {view['found']} found so far" in page.text
    assert f'<progress max="4000" value="{view["looked"]}"' in page.text
    assert 'data-refresh="1"' in page.text
    assert all(f">{each}<" in page.text for each in view["first"])
    assert not asks(page)
    gate.open()

    async def is_asked() -> bool:
        nonlocal page
        link = _AGAIN.search(page.text)
        assert link, "a page that counts has a link to itself, for those without JavaScript"
        page = await admin_of_many.get(unescape(link[1]))
        return "Pause 100 tasks?" in page.text

    await until(is_asked, PATIENCE)
    assert 'data-refresh="0"' in page.text
    assert "4,000 of 4,000 tasks looked at, 100 found." in page.text
    answer = await form_of(page, "/do/change-tasks").send(admin_of_many, sure="on")
    assert words_of(answer) == "100 tasks are paused."
    assert (await scheduler.overview()).paused == 100


async def test_a_count_that_is_done_in_time_is_shown_at_once(
    admin_of_many: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PATIENCE", PATIENCE)
    page = await admin_of_many.get("/bulk", params=SOME)
    assert "Pause 100 tasks?" in page.text
    assert asks(page)
    assert "Look again" not in page.text


async def test_an_error_of_a_step_is_told_and_not_kept(admin_of_many: httpx.AsyncClient, gate: Gate) -> None:
    gate.let()
    await until_looked(admin_of_many)
    answer = httpx.Response(0)

    async def is_told(status: int) -> bool:
        nonlocal answer
        answer = await admin_of_many.get("/bulk.json", params=SOME)
        return answer.status_code == status

    for problem, status in ((PartitionOffline("the-second"), 503), (RuntimeError("a secret"), 500)):
        gate.problem = problem
        gate.open()
        await until(functools.partial(is_told, status), PATIENCE)
        assert ("the-second" in answer.text, "secret" in answer.text) == (status == 503, False)
    gate.problem = None
    gate.begun.clear()
    assert (await until_done(admin_of_many))["count"] == 100
    assert gate.begun[0] == ("feed:00", None), "it began anew"


async def test_tasks_of_a_partition_that_is_offline_are_not_left_out(
    own_server: Callable[..., RedisServer], namespace: str
) -> None:
    servers = [own_server(), own_server()]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        await assign(scheduler, 40)
        async with reader_of(scheduler, "admin") as reader:
            await until_done(reader)
            form = form_of(await reader.get("/bulk", params=SOME), "/do/change-tasks")
            servers[1].kill()
            await until_away(scheduler)
            name = f"127.0.0.1:{servers[1].port}/0"

            async def is_told() -> bool:
                answer = await reader.get("/bulk", params={"change": "remove", "prefix": "feed:"})
                assert not asks(answer)
                return answer.status_code == 503 and name in answer.text

            await until(is_told, PATIENCE)
            refused = await form.send(reader, sure="on")
            assert refused.status_code == 503
            assert name in refused.text


async def test_a_count_ends_where_there_are_too_many(scheduler: Scheduler) -> None:
    await assign(scheduler, 10_300)
    async with reader_of(scheduler, "admin") as reader:
        view = await until_done(reader, change="pause", prefix="feed:")
        assert (view["count"], view["total"]) == (None, 10_300)
        assert 10_000 < view["found"] < 10_300, "those behind are not looked for"
        assert view["command"] == "interval-scheduler pause --prefix feed:"
        page = await reader.get("/bulk", params={"change": "pause", "prefix": "feed:"})
        assert "Pause more than 10,000 tasks?" in page.text
        assert "more than 10,000 found." in page.text
        assert not asks(page)


async def test_an_action_counts_once_before_it_asks_again(
    admin_of_many: httpx.AsyncClient, scheduler: Scheduler, gate: Gate
) -> None:
    gate.open()
    await until_done(admin_of_many)
    form = form_of(await admin_of_many.get("/bulk", params=SOME), "/do/change-tasks")
    await scheduler.assign_task(IntervalTask("feed:00-new", every=60, start=LATER))
    gate.begun.clear()
    again = await form.send(admin_of_many, sure="on")
    assert "There are 101 such tasks by now, and not 100. Nothing was changed." in again.text
    assert "Pause 101 tasks?" in again.text
    assert [after for _, after in gate.begun].count(None) == 1
    assert (await scheduler.overview()).paused == 0


async def test_an_action_that_counts_for_too_long_changes_nothing(
    admin_of_many: httpx.AsyncClient, scheduler: Scheduler, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.open()
    await until_done(admin_of_many)
    form = form_of(await admin_of_many.get("/bulk", params=SOME), "/do/change-tasks")
    monkeypatch.setattr(many, "COUNT_SECONDS", 0)
    answer = await form.send(admin_of_many, sure="on")
    assert answer.status_code == 409
    assert words_of(answer).endswith("This command does it: interval-scheduler pause --prefix feed:00")
    assert (await scheduler.overview()).paused == 0
