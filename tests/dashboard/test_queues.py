"""Queues: each is steered and shown by its URL alone, and nobody asks for it by looking at it."""

from __future__ import annotations

from typing import Final

import httpx
import pytest
from starlette.requests import Request

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard import Level, dashboard, registry
from tests.dashboard.acting import OWN, use_action
from tests.dashboard.conftest import HOST, reader_of
from tests.dashboard.forms import form_of, forms_of
from tests.dashboard.test_trouble import run_out
from tests.servers import RedisServer

asynchronous = pytest.mark.asyncio
#: All pages that have a form; some need the task `t`, or `dead`, which is set aside.
_PAGES: Final = (
    "",
    "tasks",
    "task?id=t",
    "task?id=dead",
    "edit?id=t",
    "new",
    "dead",
    "health",
    "sure?action=revive-dead",
    "sure?action=clear-dead",
    "sure?action=repair",
    "bulk?change=pause&prefix=t",
)


@asynchronous
async def test_a_form_reaches_no_other_queue_than_its_url(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def access(request: Request) -> Level:
        return "none" if "secret" in request.query_params.getlist("queue")[:1] else "operate"

    use_action(monkeypatch)
    for name in ("mine", "secret"):
        await scheduler.queue(name).task_size()
    transport = httpx.ASGITransport(dashboard(scheduler, access=access))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as reader:
        answers = [
            await reader.post(f"/do/test{query}", data=body, headers=OWN)
            for query, body in (
                ("", {"queue": "secret"}),
                ("?queue=mine", {"queue": "secret"}),
                ("?queue=", {"queue": "secret"}),
                ("?queue=mine&queue=secret", {"reason": "x"}),
                ("?queue=secret", {"reason": "x"}),
                ("?queue=mine", {"queue": "mine"}),
            )
        ]
        assert (await reader.get("/?queue=mine&queue=secret")).status_code == 400
    assert [each.status_code for each in answers] == [400, 400, 400, 400, 403, 303]
    assert await scheduler.queue("secret").paused() is None
    assert await scheduler.paused() is None
    assert await scheduler.queue("mine").paused() is not None


@asynchronous
async def test_each_form_names_its_queue_in_its_url(scheduler: Scheduler) -> None:
    mine = scheduler.queue("mine")
    await run_out(mine, dead=["dead"])
    await mine.assign_task(IntervalTask("t", every=3600))
    actions = set[str]()
    for is_paused in (False, True):
        if is_paused:
            await mine.pause()
            await mine.pause_task("t")
        async with reader_of(scheduler, "admin") as reader:
            for query in _PAGES:
                page = await reader.get(f"/{query}{'&' if '?' in query else '?'}queue=mine")
                for form in (each for each in forms_of(page) if each.method == "post"):
                    assert form.action.endswith("?queue=mine"), (query, form.action)
                    actions.add(form.action.removeprefix("/do/").partition("?")[0])
    known = {each.name for each in registry.ACTIONS}
    # These three are shown while a run, an audit or a loss of data is there; their forms are made in the same way.
    assert known - actions == {"cancel-run", "stop-audit", "acknowledge"}


@asynchronous
async def test_who_looks_at_a_queue_does_not_ask_for_it(redis_server: RedisServer, namespace: str) -> None:
    """The application gives a queue its options when it asks for it first, which is after somebody looked at it."""
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as other:
        await other.queue("mail").assign_task(IntervalTask("t", every=3600))
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        async with reader_of(scheduler, "admin") as reader:
            assert (await reader.get("/overview.json")).json()["queues"]["rows"][0]["tasks"] == 1
            assert (await reader.get("/overview.json?queue=mail")).json()["tasks"] == 1
            assert scheduler.counts().queues == {}
            new = form_of(await reader.get("/new?queue=mail"), "/do/add-task")
            assert (await new.send(reader, "save", id="added", every="1h")).status_code == 200
            paused = await reader.post("/do/pause-all?queue=mail", data={"reason": ""}, headers=OWN)
            assert paused.status_code == 303
            mail = scheduler.queue("mail", concurrency=5)
            assert (await reader.get("/overview.json?queue=mail")).json()["tasks"] == 2
        assert await mail.has_task("added")
        assert await mail.paused() is not None
        assert list(scheduler.counts().queues) == ["mail"]
