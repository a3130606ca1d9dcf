"""What the overview does to a whole namespace or queue: pause, resume, and to take note of lost data."""

from __future__ import annotations

import httpx
import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.dashboard.conftest import reader_of
from tests.dashboard.test_overview import NewServer, codes, view_of
from tests.integration.test_data_lost import flush
from tests.waiting import until

pytestmark = pytest.mark.asyncio

#: What a browser sends with a form of the same site.
OWN = {"Sec-Fetch-Site": "same-origin"}


async def test_pause_and_resume_with_a_reason(scheduler: Scheduler) -> None:
    await scheduler.queue("mail").pause_task("unknown")
    async with reader_of(scheduler, "operate") as operator:
        shown = (await operator.get("/?window=6h")).text
        assert 'action="/do/pause-all"' in shown
        assert '<input type="hidden" name="back" value="/?window=6h">' in shown
        answer = await operator.post("/do/pause-all", data={"reason": "release 4.2", "back": "/"}, headers=OWN)
        assert answer.status_code == 303
        paused = await scheduler.paused()
        assert paused is not None
        assert paused.reason == "release 4.2"
        assert await scheduler.queue("mail").paused() is None
        shown = (await operator.get("/")).text
        assert 'action="/do/resume-all"' in shown
        assert 'action="/do/pause-all"' not in shown
        await operator.post("/do/resume-all", data={"back": "/"}, headers=OWN)
        assert await scheduler.paused() is None
        await operator.post("/do/pause-all?queue=mail", data={"reason": "", "queue": "mail"}, headers=OWN)
        paused = await scheduler.queue("mail").paused()
        assert paused is not None
        assert paused.reason is None
        assert await scheduler.paused() is None


async def test_who_may_only_read_is_shown_no_button_and_refused(
    reader: httpx.AsyncClient, scheduler: Scheduler
) -> None:
    assert "/do/" not in (await reader.get("/")).text
    for name in ("pause-all", "resume-all", "acknowledge"):
        assert (await reader.post(f"/do/{name}", data={}, headers=OWN)).status_code == 403
    async with reader_of(scheduler, "operate") as operator:
        assert (await operator.post("/do/acknowledge", data={}, headers=OWN)).status_code == 403
    assert await scheduler.paused() is None


async def test_lost_data_is_told_until_it_is_acknowledged(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(f"{server.url}?name=p", namespace=namespace) as scheduler:
        lost: list[object] = []
        scheduler.on("data-lost", lost.append)
        await scheduler.assign_task(IntervalTask("t", every=3600))
        flush(server)

        async def is_noticed() -> bool:
            await scheduler.assign_task(IntervalTask("t", every=3600))
            return bool(lost)

        await until(is_noticed, 60)
        async with reader_of(scheduler, "admin") as admin:
            (banner,) = [each for each in (await view_of(admin))["banners"] if each["code"] == "data-lost"]
            assert banner["partition"] == "p"
            assert 'action="/do/acknowledge"' in (await admin.get("/")).text
            answer = await admin.post("/do/acknowledge", data={"partition": "p", "back": "/"}, headers=OWN)
            assert answer.status_code == 303
            assert "data-lost" not in codes(await view_of(admin, "/overview.json?window=6h"))
