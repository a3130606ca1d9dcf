"""Queues: each is steered and shown by its URL alone, and nobody asks for it by looking at it."""

from __future__ import annotations

from typing import Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Mount

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
        assert (await reader.get("/?queue=secret")).status_code == 403
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


@asynchronous
async def test_an_empty_name_opens_no_namespace_to_who_may_see_a_queue(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`access` compares names alone: a URL that has one, be it empty, is not of the namespace for it."""
    asked: list[str | None] = []

    def access(request: Request) -> Level:
        asked.append(request.query_params.get("queue"))
        return "none" if asked[-1] is None else "operate"

    use_action(monkeypatch)
    app = Starlette(routes=[Mount("/ops", dashboard(scheduler, access=access))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as reader:
        for page, clean in (("/", "/"), ("/tasks", "/tasks?q=a%26b"), ("/overview.json", "/overview.json")):
            values = {"q": "a&b"} if page == "/tasks" else {}
            answer = await reader.get(f"/ops{page}", params={"queue": "", **values})
            assert (answer.status_code, answer.headers["location"]) == (303, f"/ops{clean}")
            assert (await reader.get(answer.headers["location"])).status_code == 403
        for query in ("?queue=", "?queue"):
            refused = await reader.post(f"/ops/do/test{query}", data={"reason": "x"}, headers=OWN)
            assert refused.status_code == 400
    assert asked == [None] * 3
    assert await scheduler.paused() is None


@asynchronous
@pytest.mark.parametrize("elsewhere", [None, HTTPException(303, headers={"Location": "/login"}), ValueError("x")])
async def test_who_may_see_one_queue_is_not_told_the_names_of_others(
    scheduler: Scheduler, elsewhere: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def access(request: Request) -> Level:
        asked.append(str(request.url))
        if request.headers.get("x-user") == "ada" or request.query_params.get("queue") in {"mine", "unknown"}:
            return "admin"
        if elsewhere is not None:
            raise elsewhere
        return "none"

    for name in ("mine", "secret"):
        await scheduler.queue(name).assign_task(IntervalTask("t", every=3600))
    transport = httpx.ASGITransport(dashboard(scheduler, access=access))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as reader:
        for page in ("/", "/health", "/task?id=t", "/new", "/task?id=unknown", "/tasks?queue=unknown"):
            url = page if "queue=" in page else f"{page}{'&' if '?' in page else '?'}queue=mine"
            # Who sees all asks first: what is made for one is shared with those alone who may see as much.
            whole = await reader.get(url, headers={"x-user": "ada"})
            assert "secret" in whole.text, url
            asked.clear()
            part = await reader.get(url)
            assert part.status_code == whole.status_code
            assert "secret" not in part.text, url
            assert part.status_code == 404 or "Queue mine" in part.text
            assert len(asked) == 2, "one question more"
            assert "queue" not in asked[1]
            assert asked[1].partition("?")[0] == asked[0].partition("?")[0]
        asked.clear()
        assert (await reader.get("/overview.json?queue=mine")).status_code == 200
        assert len(asked) == 1, "a twin has no names"
    assert ("Traceback" in caplog.text) is isinstance(elsewhere, ValueError)
