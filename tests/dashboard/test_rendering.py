"""A page that many readers leave open is made once for all of them, and what is said to one stays with that one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard import Level, dashboard, serving
from interval_scheduler.dashboard.answers import Answers
from tests.dashboard.acting import OWN
from tests.dashboard.conftest import HOST, reader_of

pytestmark = pytest.mark.asyncio


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates of all pages that are made, in their order; views are kept for as long as the test."""
    names: list[str] = []
    real: Callable[..., str] = Answers._render

    def render(answers: Answers, template: str, **values: Any) -> str:
        names.append(template)
        return real(answers, template, **values)

    monkeypatch.setattr(Answers, "_render", render)
    monkeypatch.setattr(serving, "_SHARED_SECONDS", 3600.0)
    return names


async def test_many_open_pages_are_made_once(scheduler: Scheduler, made: list[str]) -> None:
    async with reader_of(scheduler) as reader:
        answers = await asyncio.gather(*(reader.get(f"/?odd={number}") for number in range(20)))
        (tag,) = {each.headers["etag"] for each in answers}
        assert len({each.content for each in answers}) == 1
        assert "odd" not in answers[0].text, "links have those values alone that the page asks for"
        for _ in range(20):
            assert (await reader.get("/", headers={"If-None-Match": tag})).status_code == 304
        assert made == ["overview.html"]
        for _ in range(2):
            assert 'aria-current="page">Paused' in (await reader.get("/tasks?state=paused")).text
    assert made == ["overview.html", "tasks.html"]


async def test_what_one_reader_sees_is_not_made_for_another_level(scheduler: Scheduler, made: list[str]) -> None:
    def access(request: Request) -> Level:
        return "operate" if request.headers["x-user"] == "ada" else "read"

    transport = httpx.ASGITransport(dashboard(scheduler, access=access))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as reader:
        texts = [(await reader.get("/", headers={"X-User": name})).text for name in ("ada", "eve", "ada", "eve")]
    assert ["/do/pause-all" in each for each in texts] == [True, False, True, False]
    assert made == ["overview.html"] * 2


async def test_the_words_after_an_action_are_shown_to_who_acted_alone(scheduler: Scheduler, made: list[str]) -> None:
    await scheduler.assign_task(IntervalTask("t", every=3600))
    async with reader_of(scheduler, "operate") as reader:
        form = {"task": "t", "back": "/task?id=t"}
        assert (await reader.post("/do/pause-task", data=form, headers=OWN)).status_code == 303
        told = await reader.get("/task?id=t")
        reader.cookies.clear()
        others = await reader.get("/task?id=t")
    assert "The task t is paused." in told.text
    assert "The task t is paused." not in others.text
    assert made == ["task.html"] * 2
