"""The lists of tasks, and the search."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard.pages import tasks
from tests.dashboard.conftest import reader_of
from tests.dashboard.forms import form_of
from tests.servers import RedisServer
from tests.waiting import until_away

pytestmark = pytest.mark.asyncio

_LATER = time.time() + 86_400
ODD = "odd <b>&\"'%/?#+\\ \x07\n\r\u202e abc \u05e2\u05d1\u05e8\u05d9\u05ea \U0001f600"


async def read(reader: httpx.AsyncClient, url: str, **values: Any) -> dict[str, Any]:
    answer = await reader.get(url, params=values or None)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_pages_go_on_where_the_last_one_ended(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(IntervalTask(f"feed:{n:03}", every=60, start=_LATER + n) for n in range(120))
    seen, after, pages = [], None, 0
    while True:
        view = await read(reader, "/tasks.json", **({"after": after} if after else {}))
        seen += [row["id"] for row in view["rows"]]
        pages += 1
        if (after := view["next"]) is None:
            break
    assert (seen, pages) == ([f"feed:{n:03}" for n in range(120)], 3)
    first = await reader.get("/tasks")
    assert "Next page" in first.text
    assert "First page" not in first.text
    second = await reader.get("/tasks", params={"after": (await read(reader, "/tasks.json"))["next"]})
    assert "First page" in second.text


async def test_a_list_begins_at_a_moment(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(IntervalTask(f"feed:{n}", every=60, start=_LATER + 60 * n) for n in range(10))
    for moment in (f"{_LATER + 300:.3f}", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_LATER + 299))):
        view = await read(reader, "/tasks.json", **{"from": moment})
        assert [row["id"] for row in view["rows"]] == [f"feed:{n}" for n in range(5, 10)]
    page = await reader.get("/tasks", params={"from": "+1d"})
    assert form_of(page, "/tasks").action == "/tasks"
    assert 'value="+1d"' in page.text
    assert "UTC" in page.text


async def test_states_have_lists_and_counts(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def executor(data: str) -> None:
        begun.set()
        await over.wait()

    await scheduler.assign_tasks(IntervalTask(f"rests:{n}", every=60, start=_LATER) for n in range(2))
    await scheduler.pause_tasks(prefix="rests:", reason="why")
    await scheduler.assign_task(IntervalTask("waits", every=60, start=_LATER))
    await scheduler.assign_task(IntervalTask("runs", every=60))
    await scheduler.start_task_execute(executor)
    try:
        await asyncio.wait_for(begun.wait(), 60)
        ids = {}
        for state in ("waiting", "leased", "paused"):
            view = await read(reader, "/tasks.json", state=state)
            ids[state] = [row["id"] for row in view["rows"]]
            page = await reader.get("/tasks", params={"state": state})
            assert all(f">{each}<" in page.text for each in ids[state])
        assert ids == {"waiting": ["waits"], "leased": ["runs"], "paused": ["rests:0", "rests:1"]}
        assert (view["counts"]["waiting"], view["counts"]["leased"], view["counts"]["paused"]) == (1, 1, 2)
    finally:
        over.set()


@pytest.mark.parametrize(
    "query",
    [
        {"state": "gone"},
        {"from": "yesterday"},
        {"from": "1" * 12},
        {"after": "x"},
        {"state": "leased", "from": "now"},
        {"q": "feed", "after": "x"},
        {"q": "feed", "looked": "-1"},
        {"q": "feed", "found": "9" * 400},
    ],
)
async def test_bad_values_are_told(reader: httpx.AsyncClient, query: dict[str, str]) -> None:
    for url in ("/tasks", "/tasks.json"):
        answer = await reader.get(url, params=query)
        assert answer.status_code == 400, answer.text
    assert answer.json()["error"].endswith(".")


async def test_a_search_tells_how_far_it_is_and_goes_on(
    reader: httpx.AsyncClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BUDGET", 1000)
    await scheduler.assign_tasks(IntervalTask(f"feed:{n:04}", every=60, start=_LATER) for n in range(4000))
    page = await reader.get("/tasks", params={"q": "feed:00"})
    url, seen, looked = "/tasks.json?q=feed:00", set[str](), list[int]()
    while True:
        view = await read(reader, url)
        seen |= {row["id"] for row in view["rows"]}
        assert view["search"]["looked"] <= view["search"]["total"]
        looked.append(view["search"]["looked"])
        assert (view["next"] is None) is view["search"]["is_done"]
        if len(looked) == 1:
            assert view["search"]["total"] == 4000
            assert "Go on" in page.text
        if view["next"] is None:
            break
        search = view["search"]
        url = str(
            httpx.URL(
                "/tasks.json",
                params={"q": "feed:00", "after": view["next"], "looked": search["looked"], "found": search["found"]},
            )
        )
    assert seen == {f"feed:{n:04}" for n in range(100)}
    assert looked[-1] == 4000
    assert looked[-2] > 2 * looked[0]  # of four steps, or more
    assert view["search"]["found"] >= 100


async def test_an_id_and_a_tag_are_found_at_once(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(IntervalTask(f"feed:{n}", every=60, start=_LATER) for n in range(300))
    await scheduler.assign_tasks(IntervalTask(f"{{tenant-7}}:{n}", every=60, start=_LATER) for n in range(3))
    view = await read(reader, "/tasks.json", q="feed:1")
    assert view["rows"][0]["id"] == "feed:1"
    assert view["search"]["has_exact"]
    view = await read(reader, "/tasks.json", q="{tenant-7}")
    assert [row["id"] for row in view["rows"]] == [f"{{tenant-7}}:{n}" for n in range(3)]
    assert (view["search"]["looked"], view["next"]) == (3, None)
    page = await reader.get("/tasks", params={"q": "nobody"})
    assert "0 tasks found" in page.text
    assert 'href="/task?id=nobody"' in page.text


async def test_one_search_goes_on_at_a_time(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over, search = asyncio.Event(), asyncio.Event(), Scheduler.search

    async def slow(self: Scheduler, prefix: str, **options: Any) -> Any:
        if prefix == "a":
            begun.set()
            await over.wait()
        return await search(self, prefix, **options)

    monkeypatch.setattr(Scheduler, "search", slow)
    async with reader_of(scheduler) as reader:
        first = asyncio.create_task(reader.get("/tasks", params={"q": "a"}))
        await asyncio.wait_for(begun.wait(), 60)
        try:
            second = await reader.get("/tasks.json", params={"q": "b"})
            assert second.status_code == 429
            assert "Try again" in second.json()["error"]
        finally:
            over.set()
        assert (await first).status_code == 200
        assert (await reader.get("/tasks", params={"q": "b"})).status_code == 200  # the turn was given back


async def test_a_search_that_is_cancelled_gives_its_turn_back(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, search = asyncio.Event(), Scheduler.search

    async def endless(self: Scheduler, prefix: str, **options: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    async with reader_of(scheduler) as reader:
        monkeypatch.setattr(Scheduler, "search", endless)
        gone = asyncio.create_task(reader.get("/tasks", params={"q": "a"}))
        await asyncio.wait_for(begun.wait(), 60)
        gone.cancel()
        assert isinstance((await asyncio.gather(gone, return_exceptions=True))[0], asyncio.CancelledError)
        monkeypatch.setattr(Scheduler, "search", search)
        assert (await reader.get("/tasks", params={"q": "a"})).status_code == 200


async def test_ids_of_all_characters_are_shown_and_linked(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    for odd in (ODD, ODD + "x" * (512 - len(ODD.encode()))):
        await scheduler.assign_task(IntervalTask(odd, every=60, start=_LATER))
        page = await reader.get("/tasks", params={"q": odd})
        table = page.text.partition("<tbody>")[2]  # the field of the search has it as it is
        assert "<b>" not in page.text
        assert "\u202e" not in table
        assert '<span class="escape">\\x07\\n\\r\\u202e</span>' in table
        assert "\u05e2\u05d1\u05e8\u05d9\u05ea" in page.text  # letters that are read from right to left stay
        link = str(httpx.URL("/task", params={"id": odd}))
        shown = await reader.get(link)
        assert shown.status_code == 200
        assert '<span class="escape">\\x07\\n\\r\\u202e</span>' in shown.text
        assert (await read(reader, "/task.json", id=odd))["id"] == odd
        assert (await read(reader, "/tasks.json", q=odd))["rows"][0]["id"] == odd


@pytest_asyncio.fixture
async def two(own_server: Any, namespace: str) -> AsyncIterator[tuple[Scheduler, RedisServer]]:
    """A scheduler on two partitions, and the server of the second."""
    servers = [own_server(), own_server()]
    async with Scheduler.from_url(*(server.url for server in servers), namespace=namespace) as scheduler:
        yield scheduler, servers[1]


async def test_what_is_missing_is_told(two: tuple[Scheduler, RedisServer]) -> None:
    scheduler, server = two
    await scheduler.assign_tasks(IntervalTask(f"feed:{n}", every=60, start=_LATER + n) for n in range(20))
    names = {task.partition async for task in scheduler.tasks()}
    assert len(names) == 2
    server.kill()
    await until_away(scheduler)
    async with reader_of(scheduler) as reader:
        queries: list[dict[str, str]] = [{}, {"q": "feed:"}]
        for query in queries:
            view = await read(reader, "/tasks.json", **query)
            assert len(view["offline"]) == 1
            assert 0 < len(view["rows"]) < 20
            page = await reader.get("/tasks", params=query)
            assert view["offline"][0] in page.text
