"""The pages of failing and of dead tasks: grouped and listed, page by page, and the tasks revived and forgotten."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.dashboard.actions.dead import chosen
from interval_scheduler.dashboard.grouping import Setback, grouped, same_error
from interval_scheduler.dashboard.pages.setbacks import ROWS
from tests.dashboard.conftest import HOST, reader_of
from tests.servers import RedisServer
from tests.waiting import until, until_away

#: What the machine may take for anything at all, beside other suites, in seconds.
PATIENCE = 60
#: As a browser sends it with the form of a page of this site.
SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": HOST}
#: An id that is text in a page and nothing else.
ODD = '\n"><script>alert(1)</script>&a=%2F?#'


async def fail(data: str) -> None:
    raise ConnectionError(f"503 of {data}")


async def run_out(scheduler: Scheduler, *, failing: Iterable[str] = (), dead: Iterable[str] = ()) -> None:
    """Have tasks run once, and fail: those that recur go on, the others are dead, beside those of before."""
    going_on, ended, before = list(failing), list(dead), (await scheduler.overview()).dead
    await scheduler.assign_tasks(IntervalTask(each, each, every=86_400) for each in going_on)
    await scheduler.assign_tasks(IntervalTask(each, each) for each in ended)
    await scheduler.start_task_execute(fail)

    async def is_so() -> bool:
        found = await scheduler.overview()
        return (found.failing, found.dead) == (len(going_on), before + len(ended))

    await until(is_so, PATIENCE)
    await scheduler.stop_task_execute()


async def press(client: httpx.AsyncClient, action: str, queue: str = "", **form: str) -> None:
    """Send the form of a button."""
    answer = await client.post(
        f"/do/{action}{f'?queue={queue}' if queue else ''}", data={"back": "/dead", **form}, headers=SAME_SITE
    )
    assert answer.status_code == 303, answer.text


async def view(client: httpx.AsyncClient, page: str) -> dict[str, Any]:
    """Read the view of a page, whose name may have a query."""
    name, _, query = page.partition("?")
    answer = await client.get(f"/{name}.json?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest_asyncio.fixture
async def admin(scheduler: Scheduler) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may do everything."""
    async with reader_of(scheduler, "admin") as client:
        yield client


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Timeout after 31.2 s", "Timeout after 7 s"),
        ("no user 'ann'", "no user 'a much longer name'"),
        ('KeyError: "a"', 'KeyError: "b"'),
        ("row 0be0a10a-53c8-4d4e-8a1c-6a9cf4d5b1aa is gone", "row 4d4e0a10-53c8-4d4e-8a1c-6a9cf4d5b1ff is gone"),
        ("<Feed at 0x7f3a11>", "<Feed at 0x7f3a99>"),
        ("commit 9f86d081884c7d65 is unknown", "commit 1234567890abcdef is unknown"),
        ("first line 1\nsecond", "first line 2\nanother"),
    ],
)
def test_errors_that_are_the_same(one: str, other: str) -> None:
    assert same_error(one) == same_error(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("no such user", "no such feed"), ("KeyError: 'a'", "ValueError: 'a'"), ("defaced facade", "effaced facade")],
)
def test_errors_that_differ(one: str, other: str) -> None:
    assert same_error(one) != same_error(other)


def test_the_largest_group_comes_first() -> None:
    def task(number: int, error: str) -> Setback:
        return Setback(f"t{number}", error, None, 1, None, None, "dead", "a")

    groups = grouped([task(1, "x"), task(2, "y 1"), task(3, "y 2"), task(4, "z")])
    assert [(each.error, each.count, [task.id for task in each.tasks]) for each in groups] == [
        ("y …", 2, ["t2", "t3"]),
        ("x", 1, ["t1"]),
        ("z", 1, ["t4"]),
    ]
    assert (groups[0].first, groups[0].last) == (None, None)


def test_what_a_form_of_dead_tasks_is_about() -> None:
    shown = {"id-1": "a", "id-2": "b", "pick-2": "on"}
    assert chosen(shown) == ["b"]
    assert chosen({**shown, "which": "picked"}) == ["b"]
    assert chosen({**shown, "which": "shown"}) == ["a", "b"]
    assert chosen({**shown, "task": "c"}) == ["c"]
    assert chosen({}) == []
    assert chosen({"task": "100%25%0A"}) == ["100%\n"]


@pytest.mark.asyncio
async def test_pages_without_trouble(reader: httpx.AsyncClient) -> None:
    assert "No task fails." in (await reader.get("/failing")).text
    assert "No task is dead." in (await reader.get("/dead")).text
    assert (await view(reader, "dead"))["total"] == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("page", ["failing", "dead"])
async def test_all_of_them_page_by_page(scheduler: Scheduler, reader: httpx.AsyncClient, page: str) -> None:
    ids = {f"{page}:{n}" for n in range(ROWS + 3)}
    await run_out(scheduler, **{page: ids})
    first = await view(reader, f"{page}?shape=list")
    assert (first["total"], len(first["tasks"]), first["is_first"]) == (len(ids), ROWS, True)
    second = await view(reader, f"{page}?shape=list&after={quote(first['after'])}")
    assert (second["after"], second["is_first"]) == (None, False)
    assert sorted(each["id"] for each in first["tasks"] + second["tasks"]) == sorted(ids)
    moments = [each["at"] for each in first["tasks"] + second["tasks"]]
    assert moments == sorted(moments, reverse=True)
    assert moments[0].endswith("Z")
    shown = await reader.get(f"/{page}?after={quote(first['after'])}")
    assert shown.status_code == 200
    assert "First page" in shown.text
    assert "Next page" not in shown.text


@pytest.mark.asyncio
async def test_they_are_grouped_by_their_error(scheduler: Scheduler, reader: httpx.AsyncClient) -> None:
    await run_out(scheduler, dead=["mail:1", "mail:2", "post"])
    found = await view(reader, "dead")
    assert [(each["error"], each["count"]) for each in found["groups"]] == [
        ("ConnectionError: … of mail:…", 2),
        ("ConnectionError: … of post", 1),
    ]
    assert (await view(reader, "dead?shape=list"))["groups"] == []
    (task,) = found["groups"][1]["tasks"]
    assert (task["error"], task["attempts"], task["state"]) == ("ConnectionError: 503 of post", 1, "dead")


@pytest.mark.asyncio
@pytest.mark.parametrize("page", ["failing", "dead", "failing.json", "dead.json"])
@pytest.mark.parametrize("query", ["shape=tree", "after=nonsense", "after=%00"])
async def test_bad_values_of_the_url(reader: httpx.AsyncClient, page: str, query: str) -> None:
    assert (await reader.get(f"/{page}?{query}")).status_code == 400


@pytest.mark.asyncio
async def test_an_odd_id_is_shown_as_text(scheduler: Scheduler, admin: httpx.AsyncClient) -> None:
    await run_out(scheduler, dead=[ODD], failing=[f"f{ODD}"])
    for page in ("failing", "dead", "dead?shape=list"):
        text = (await admin.get(f"/{page}")).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
    await press(admin, "revive", task=quote(ODD))
    assert await scheduler.has_task(ODD)


@pytest.mark.asyncio
async def test_one_these_and_those_that_are_shown_are_revived(scheduler: Scheduler, admin: httpx.AsyncClient) -> None:
    await run_out(scheduler, dead=[f"mail:{n}" for n in range(6)])
    await press(admin, "revive", task="mail:0")
    assert await scheduler.has_task("mail:0")
    text = (await admin.get("/dead")).text
    ids = dict(re.findall(r'name="(id-\d+)" value="([^"]+)"', text))
    assert sorted(ids.values()) == [f"mail%3A{n}" for n in range(1, 6)]
    number = next(name for name, task_id in ids.items() if task_id == "mail%3A3").removeprefix("id-")
    await press(admin, "revive", **ids, **{f"pick-{number}": "on", "which": "picked"})
    assert await scheduler.has_task("mail:3")
    assert (await scheduler.overview()).dead == 4
    await press(admin, "revive", which="shown", **ids)
    assert (await scheduler.overview()).dead == 0
    assert await scheduler.task_size() == 6


@pytest.mark.asyncio
async def test_the_dead_tasks_of_a_queue(scheduler: Scheduler, admin: httpx.AsyncClient) -> None:
    mail = scheduler.queue("mail")
    await run_out(mail, dead=["one", "two"])
    assert (await view(admin, "dead"))["total"] == 0
    assert (await view(admin, "dead?queue=mail"))["total"] == 2
    await press(admin, "revive", queue="mail", task="one")
    assert await mail.has_task("one")
    await press(admin, "clear-dead", queue="mail", count="1")
    assert (await mail.overview()).dead == 0


@pytest.mark.asyncio
async def test_buttons_and_actions_need_their_level(scheduler: Scheduler) -> None:
    await run_out(scheduler, dead=["mail"])
    async with reader_of(scheduler, "read") as reader:
        assert "/do/" not in (await reader.get("/dead?shape=list")).text
        for action in ("revive", "revive-dead", "clear-dead", "audit", "stop-audit", "repair"):
            answer = await reader.post(f"/do/{action}", data={"task": "mail"}, headers=SAME_SITE)
            assert answer.status_code == 403
        assert "/do/" not in (await reader.get("/sure?action=clear-dead")).text
    async with reader_of(scheduler, "operate") as operator:
        text = (await operator.get("/dead")).text
        assert "Revive the selected" in text
        assert "Forget all" not in text
        for action in ("revive-dead", "clear-dead", "repair"):
            assert (await operator.post(f"/do/{action}", headers=SAME_SITE)).status_code == 403
        assert (await scheduler.overview()).dead == 1
        await press(operator, "revive", task="mail")
    assert (await scheduler.overview()).dead == 0


@pytest.mark.asyncio
async def test_a_bad_id_in_the_form(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/do/revive", data={"task": ""}, headers=SAME_SITE)
    assert answer.status_code == 400


@pytest.mark.asyncio
@pytest.mark.parametrize("killed", [0, 1])
async def test_a_partition_that_is_down_is_named(
    own_server: Callable[..., RedisServer], namespace: str, killed: int
) -> None:
    servers = [own_server(), own_server()]
    urls = [server.url for server in servers]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        ids = [f"mail:{n}" for n in range(20)]
        await run_out(scheduler, dead=ids, failing=[f"feed:{n}" for n in range(20)])
        name = f"127.0.0.1:{servers[killed].port}/0"
        kept = [task.id async for task in scheduler.dead_tasks() if task.partition != name]
        servers[killed].kill()
        await until_away(scheduler)
        async with reader_of(scheduler, "admin") as client:
            for page in ("failing", "dead", "actions", "sure?action=clear-dead"):
                found = await view(client, page)
                assert found["offline"] == [name], page
                assert name in (await client.get(f"/{page}")).text
            health = await view(client, "health")
            assert not health["ok"]
            assert ("offline", name) in [(each["kind"], each["partition"]) for each in health["findings"]]
            assert "offline" in (await client.get("/health")).text
            await press(client, "revive-dead", count="20")
            revived = [task.id for task in (await scheduler.page(limit=100)).tasks]
            assert sorted(set(revived) & set(ids)) == sorted(kept)
