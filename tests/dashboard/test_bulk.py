"""Changes of many tasks: counted first, and only then made."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.dashboard import walk
from interval_scheduler.dashboard.pages import bulk
from tests.dashboard.conftest import HOST, reader_of
from tests.dashboard.forms import form_of, words_of
from tests.dashboard.test_tasks import ODD, read

pytestmark = pytest.mark.asyncio

_LATER = time.time() + 86_400


@pytest.fixture(autouse=True)
def pages_wait_for_their_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a page has its count; `test_counts` looks at those that have none yet."""
    monkeypatch.setattr(bulk, "PATIENCE", 60)


async def _assign(scheduler: Scheduler, prefix: str, number: int) -> None:
    await scheduler.assign_tasks(IntervalTask(f"{prefix}{n:03}", every=60, start=_LATER + n) for n in range(number))


async def _paused(scheduler: Scheduler) -> int:
    return (await scheduler.overview()).paused


@pytest.mark.parametrize("prefix", ["feed:", "{tenant-7}:\n\r&\u202e"])
async def test_tasks_with_a_prefix_are_counted_and_then_changed(scheduler: Scheduler, prefix: str) -> None:
    await _assign(scheduler, prefix, 30)
    await _assign(scheduler, "other:", 3)
    async with reader_of(scheduler, "admin") as reader:
        steps = (
            ("pause", "30 tasks are paused.", 30),
            ("resume", "30 tasks are resumed.", 0),
            ("remove", "30 tasks are removed.", 0),
        )
        for change, words, paused in steps:
            page = await reader.get("/bulk", params={"change": change, "prefix": prefix})
            assert f"{change.capitalize()} 30 tasks?" in page.text
            view = await read(reader, "/bulk.json", change=change, prefix=prefix)
            assert (view["count"], len(view["first"])) == (30, 20)
            assert await _paused(scheduler) == (30 if change == "resume" else 0)  # nothing was done yet
            answer = await form_of(page, "/do/change-tasks").send(
                reader, sure="on", reason="why" if change == "pause" else None
            )
            assert words_of(answer) == words
            assert await _paused(scheduler) == paused
            if change == "pause":
                task = await scheduler.get_task(f"{prefix}000")
                assert task is not None
                assert task.paused is not None
                assert task.paused.reason == "why"
        assert await scheduler.task_size() == 3
        page = await reader.get("/bulk", params={"change": "remove", "prefix": prefix})
        assert "There is nothing to remove" in page.text


async def test_nothing_is_changed_without_a_yes(scheduler: Scheduler) -> None:
    await _assign(scheduler, "feed:", 3)
    async with reader_of(scheduler, "admin") as reader:
        page = await reader.get("/bulk", params={"change": "remove", "prefix": "feed:"})
        again = await form_of(page, "/do/change-tasks").send(reader)
        assert "Nothing was changed" in again.text
        assert await scheduler.task_size() == 3
        assert words_of(await form_of(again, "/do/change-tasks").send(reader, sure="on")) == "3 tasks are removed."


async def test_more_tasks_than_were_counted_are_asked_about_again(scheduler: Scheduler) -> None:
    await _assign(scheduler, "feed:", 3)
    async with reader_of(scheduler, "admin") as reader:
        page = await reader.get("/bulk", params={"change": "remove", "prefix": "feed:"})
        await _assign(scheduler, "feed:more", 2)
        again = await form_of(page, "/do/change-tasks").send(reader, sure="on")
        assert "There are 5 such tasks by now, and not 3. Nothing was changed." in again.text
        assert await scheduler.task_size() == 5
        assert words_of(await form_of(again, "/do/change-tasks").send(reader, sure="on")) == "5 tasks are removed."


async def test_too_many_are_left_to_the_command_line(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    await _assign(scheduler, "it's:", 30)
    async with reader_of(scheduler, "admin") as reader:
        allowed = await reader.get("/bulk", params={"change": "pause", "prefix": "it's:"})
        monkeypatch.setattr(walk, "MOST", 29)
        page = await reader.get("/bulk", params={"change": "pause", "prefix": "it's"})
        assert "Pause more than 29 tasks?" in page.text
        assert not [form for form in page.text.split("<form") if "change-tasks" in form]
        view = await read(reader, "/bulk.json", change="pause", prefix="it's")
        assert view["count"] is None
        assert view["command"] == """interval-scheduler pause --prefix 'it'"'"'s'"""
        # They became too many after they were counted: nothing is done.
        answer = await form_of(allowed, "/do/change-tasks").send(reader, sure="on")
        assert "Nothing was changed" in answer.text
        assert await _paused(scheduler) == 0


@pytest.mark.parametrize("change", ["pause", "remove"])
async def test_a_change_stops_that_finds_more_than_was_said(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """They become more between the last count and the change, beyond what one step of it looks at."""
    await _assign(scheduler, "feed:", 3)
    count = walk.Walk.to_its_end

    async def counts_and_then_more_come(self: walk.Walk) -> walk.Walked:
        found = await count(self)
        await _assign(scheduler, "feed:more:", 3_000)
        return found

    async with reader_of(scheduler, "admin") as reader:
        page = await reader.get("/bulk", params={"change": change, "prefix": "feed:"})
        monkeypatch.setattr(walk.Walk, "to_its_end", counts_and_then_more_come)
        answer = await form_of(page, "/do/change-tasks").send(reader, sure="on")
        assert answer.status_code == 409
        words = words_of(answer)
    changed = int(words.split()[0].replace(",", ""))
    overview = await scheduler.overview()
    assert changed == (overview.paused if change == "pause" else 3_003 - overview.tasks)
    assert 3 < changed < 3_003
    assert words.endswith(f"are {change}d by now, and not 3: more came meanwhile. Others that came were not changed.")


async def test_chosen_tasks_are_changed(scheduler: Scheduler) -> None:
    ids = [ODD, "feed:1", "feed:2", "feed:3"]
    await scheduler.assign_tasks(IntervalTask(each, every=60, start=_LATER + n) for n, each in enumerate(ids))
    async with reader_of(scheduler, "admin") as reader:
        page = await reader.get("/tasks")
        form = form_of(page, "/do/change-tasks")
        assert len(form.boxes) == 4
        form.values |= dict(list(form.boxes.items())[:3])
        asked = await form.send(reader, "remove")
        assert "Remove 3 tasks?" in asked.text
        assert await scheduler.task_size() == 4
        await scheduler.remove_task("feed:2")
        answer = await form_of(asked, "/do/change-tasks").send(reader, sure="on")
        assert words_of(answer) == "2 tasks are removed. 1 task is not there any more."
        assert [task.id async for task in scheduler.tasks()] == ["feed:3"]
        (entry,) = (await scheduler.actions()).actions
        assert (entry.kind, entry.task_id, entry.count) == ("remove_task", None, 3)
        nothing = await form_of(await reader.get("/tasks"), "/do/change-tasks").send(reader, "pause")
        assert words_of(nothing) == "No task was chosen."
        one = await reader.get("/bulk", params={"change": "remove", "id": "feed:3"})
        assert words_of(await form_of(one, "/do/change-tasks").send(reader, sure="on")) == "1 task is removed."


async def test_one_that_cannot_be_changed_holds_up_no_other(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _assign(scheduler, "feed:", 3)
    pause = Scheduler.pause_task

    async def fails(self: Scheduler, task_id: str, reason: str | None = None) -> Any:
        if task_id == "feed:001":
            raise PartitionOffline("cannot be reached", "somewhere")
        return await pause(self, task_id, reason)

    monkeypatch.setattr(Scheduler, "pause_task", fails)
    form = {f"pick{n}": f"feed:00{n}" for n in range(3)} | {"change": "pause", "sure": "on"}
    async with reader_of(scheduler, "admin") as reader:
        words = words_of(await _post(reader, form))
        assert words.startswith("2 tasks are paused. 1 task could not be changed: ")
        assert "somewhere" in words
        alone = await _post(reader, {"pick1": "feed:001", "change": "pause", "sure": "on"})
        assert alone.status_code == 503


async def test_bad_questions_are_told(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "admin") as reader:
        for query in ({}, {"change": "pause"}, {"change": "burn", "prefix": "a"}, {"change": "pause", "prefix": ""}):
            assert (await reader.get("/bulk", params=query)).status_code == 400
        for form in (
            {"change": "x"},
            {"change": "pause", "prefix": "a", "pick1": "b"},
            {"change": "pause", "prefix": "a", "sure": "on", "count": "x"},
        ):
            assert (await _post(reader, form)).status_code == 400
        many = {f"pick{n}": str(n) for n in range(1001)} | {"change": "pause"}
        assert (await _post(reader, many)).status_code == 400


async def _post(reader: httpx.AsyncClient, form: dict[str, str]) -> httpx.Response:
    return await reader.post("/do/change-tasks", data=form, headers={"Origin": HOST, "Accept": "application/json"})
