"""What concerns all dead tasks: they are revived or forgotten after a question, and no more of them than it named."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from interval_scheduler import Scheduler
from interval_scheduler.dashboard.actions import dead
from interval_scheduler.dashboard.look import Look
from interval_scheduler.dashboard.page import Again
from interval_scheduler.dashboard.pages import sure
from interval_scheduler.dashboard.pages.setbacks import ROWS
from tests.dashboard.conftest import reader_of
from tests.dashboard.forms import form_of, words_of
from tests.dashboard.test_trouble import SAME_SITE, press, run_out


@pytest_asyncio.fixture
async def admin(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with reader_of(scheduler, "admin") as client:
        yield client


@pytest.mark.asyncio
async def test_all_are_revived_after_a_question(scheduler: Scheduler, admin: httpx.AsyncClient) -> None:
    await run_out(scheduler, dead=[f"mail:{n}" for n in range(ROWS + 5)])
    asked = await admin.get("/sure?action=revive-dead")
    assert f"{ROWS + 5} dead tasks are scheduled anew" in asked.text
    assert 'action="/do/revive-dead"' in asked.text
    assert (await scheduler.overview()).dead == ROWS + 5
    await press(admin, "revive-dead", count=str(ROWS + 5))
    found = await scheduler.overview()
    assert (found.dead, found.tasks) == (0, ROWS + 5)


@pytest.mark.asyncio
async def test_no_more_are_revived_than_one_action_may(
    scheduler: Scheduler, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, bound in (("MOST_REVIVED", 5), ("_AT_ONCE", 2)):
        monkeypatch.setattr(dead, name, bound)
    await run_out(scheduler, dead=[f"mail:{n}" for n in range(9)])
    answer = await admin.post(
        "/do/revive-dead", data={"back": "/", "count": "9"}, headers={**SAME_SITE, "Accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["words"] == "5 tasks are revived, and due now. More dead tasks are left."
    assert (await scheduler.overview()).dead == 4


@pytest.mark.asyncio
async def test_no_more_are_revived_than_were_said(
    scheduler: Scheduler, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More die between the last count and the change."""
    await run_out(scheduler, dead=["a", "b"])
    ask_again = sure.ask_again

    async def asks_and_then_more_die(look: Look, action: str, said: int) -> Again | None:
        again = await ask_again(look, action, said)
        await run_out(scheduler, dead=["c", "d", "e"])
        return again

    monkeypatch.setattr(dead, "ask_again", asks_and_then_more_die)
    asked = form_of(await admin.get("/sure?action=revive-dead"), "/do/revive-dead")
    assert words_of(await asked.send(admin)) == "2 tasks are revived, and due now. More dead tasks are left."
    assert (await scheduler.overview()).dead == 3


@pytest.mark.asyncio
async def test_all_are_forgotten_after_a_question(scheduler: Scheduler, admin: httpx.AsyncClient) -> None:
    await run_out(scheduler, dead=["a", "b"])
    asked = await admin.get("/sure?action=clear-dead")
    assert "2 dead tasks are forgotten" in asked.text
    assert "so are those that die meanwhile" in asked.text
    assert (await scheduler.overview()).dead == 2
    await press(admin, "clear-dead", count="2")
    found = await scheduler.overview()
    assert (found.dead, found.tasks) == (0, 0)
    assert '<button class="bad"' not in (await admin.get("/sure?action=clear-dead")).text
    assert (await admin.get("/sure?action=format-disk")).status_code == 400


@pytest.mark.asyncio
@pytest.mark.parametrize(("action", "what"), [("clear-dead", "forgotten"), ("revive-dead", "revived")])
async def test_more_than_was_told_is_asked_about_again(
    scheduler: Scheduler, admin: httpx.AsyncClient, action: str, what: str
) -> None:
    await run_out(scheduler, dead=["a", "b"])
    asked = form_of(await admin.get(f"/sure?action={action}"), f"/do/{action}")
    await run_out(scheduler, dead=["c"])
    again = await asked.send(admin)
    assert "There are 3 by now, and not 2. Nothing was changed." in again.text
    assert (await scheduler.overview()).dead == 3
    assert f"3 tasks are {what}" in words_of(await form_of(again, f"/do/{action}").send(admin)).replace("dead ", "")
    assert (await scheduler.overview()).dead == 0
    assert (await admin.post(f"/do/{action}", data={"back": "/"}, headers=SAME_SITE)).status_code == 400, "no count"
