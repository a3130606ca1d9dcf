"""The overview, load ahead and the schedulers on a real Redis: what they show, lead to, and do."""

from __future__ import annotations

import html
import itertools
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from interval_scheduler import IntervalTask, Rate, Scheduler
from interval_scheduler.dashboard import queue_rows
from interval_scheduler.dashboard.pages import schedulers as schedulers_page
from tests.dashboard.conftest import reader_of
from tests.servers import RedisServer
from tests.waiting import Recorder, until, until_away

pytestmark = pytest.mark.asyncio

NewServer = Callable[..., RedisServer]


async def view_of(reader: httpx.AsyncClient, path: str = "/overview.json") -> Any:
    answer = await reader.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def text_of(reader: httpx.AsyncClient, path: str = "/") -> str:
    """The text of a page, without its elements."""
    answer = await reader.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def codes(view: Any) -> list[str]:
    return [each["code"] for each in view["banners"]]


async def test_a_namespace_without_tasks(redis_server: RedisServer, namespace: str) -> None:
    # That of the dashboard would tell of itself after a second.
    async with (
        Scheduler.from_url(redis_server.url, namespace=namespace, statistics=False) as scheduler,
        reader_of(scheduler) as reader,
    ):
        view = await view_of(reader)
        assert (view["tasks"], view["due"], view["late"], view["banners"], view["queues"]) == (0, 0, None, [], None)
        assert len(view["history"]["points"]) in range(59, 62)
        assert view["history"]["total"]["runs"] == view["coming"]["total"] == 0
        assert "No scheduler tells of itself" in await text_of(reader, "/schedulers")
        assert "No minute has many more runs" in await text_of(reader, "/ahead")


async def test_counts_and_pauses_and_who_is_missing(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(IntervalTask(f"late:{n}", every=3600, start=time.time() - 120) for n in range(3))
    await scheduler.assign_tasks(IntervalTask(f"later:{n}", every=3600, start=time.time() + 600) for n in range(4))
    await scheduler.pause_task("later:0")
    await scheduler.set_rate(Rate(100, per=60))
    await scheduler.pause(reason="<release> & more")
    view = await view_of(reader)
    assert (view["tasks"], view["due"], view["paused"], view["rate"]) == (7, 3, 1, "100 starts in 1m")
    assert 120 <= view["late"] < 1000
    assert codes(view) == ["nobody", "paused"]
    (row,) = view["partitions"]
    assert (row["waiting"], row["due"], row["paused"], row["online"]) == (6, 3, 1, True)
    assert abs(row["clock"]) < 60, "the server has the clock of this machine; a reply may take its time"
    assert view["coming"]["late"] == 3
    assert view["coming"]["points"][0]["next_runs"] == 3
    shown = (await reader.get("/")).text
    assert "(&lt;release&gt; &amp; more): no run starts." in shown
    assert "3 tasks are due, and no scheduler tells that it executes any." in shown


async def test_runs_failures_and_lags_of_a_worker(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    async def work(data: str) -> None:
        if data == "bad":
            raise ValueError("no such feed")

    await scheduler.assign_tasks(IntervalTask(f"good:{n}", every=3600) for n in range(20))
    await scheduler.assign_task(IntervalTask("bad", "bad", every=3600))
    await scheduler.start_task_execute(work)

    async def is_counted() -> bool:
        return (await scheduler.statistics(time.time() - 3600)).total.runs == 21

    await until(is_counted, 60)
    for window, step in (("1h", 60), ("6h", 600), ("24h", 1800), ("7d", 10_800)):
        view = await view_of(reader, f"/overview.json?window={window}")
        past = view["history"]
        assert (past["total"]["runs"], past["total"]["failures"], past["total"]["claimed"]) == (21, 1, 21)
        assert sum(each["runs"] for each in past["points"]) == 21
        assert past["seconds"] == step
        moments = [datetime.fromisoformat(each["at"]).timestamp() for each in past["points"]]
        assert {after - before for before, after in itertools.pairwise(moments)} == {step}
        shown = await text_of(reader, f"/?window={window}")
        assert "21 runs" in shown
        assert "1 failure " in shown
    assert view["failing"] == 1
    await scheduler.stop_task_execute()


async def test_a_bar_leads_to_the_tasks_of_its_time(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    soon = time.time() + 1800
    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=7200, start=soon) for n in range(9))
    view = await view_of(reader)
    (bar,) = [each for each in view["coming"]["points"] if each["next_runs"]]
    assert (bar["next_runs"], bar["further"]) == (9, 0)
    link = urlsplit(str(bar["tasks_url"]))
    begin = datetime.fromisoformat(parse_qs(link.query)["from"][0])
    assert link.path == "/tasks"
    assert begin.tzinfo is not None
    assert begin.timestamp() <= soon < begin.timestamp() + view["coming"]["seconds"] + 0.01
    page = await scheduler.page(due_from=begin, limit=100)
    assert len(page.tasks) == 9
    shown = await reader.get("/?ahead=24h&window=6h")
    assert shown.text.count('class="bar next_runs"') == 1
    links = [parse_qs(urlsplit(html.unescape(link)).query) for link in re.findall(r'href="(/\?[^"]*)"', shown.text)]
    assert {"ahead": ["24h"], "window": ["7d"]} in links, "a switch keeps what else was chosen"


async def test_load_ahead_of_a_day_and_its_peaks(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    hour = time.time() // 3600 * 3600
    await scheduler.assign_tasks(IntervalTask(f"herd:{n}", start=hour + 7200 + 300) for n in range(200))
    await scheduler.assign_tasks(IntervalTask(f"tomorrow:{n}", start=hour + 86_400 + 3600) for n in range(50))
    view = await view_of(reader, "/ahead.json")
    cells = [cell for row in view["hours"] for cell in row["cells"] if cell and cell["runs"]]
    assert [(cell["next_runs"], cell["runs"]) for cell in cells] == [(200, 200)]
    assert datetime.fromisoformat(cells[0]["at"]).timestamp() == hour + 7500
    (peak,) = view["peaks"]
    assert (peak["next_runs"], peak["even"]) == (200, pytest.approx(200 / 60))
    assert peak["cut"] == pytest.approx(1 - 1 / 60)
    assert (view["total"], view["is_exact"], len(view["hours"])) == (200, True, 24)
    tomorrow = await view_of(reader, "/ahead.json?day=1")
    assert (tomorrow["total"], tomorrow["peaks"][0]["next_runs"]) == (50, 50)
    shown = await text_of(reader, "/ahead")
    assert "200 runs" in shown
    assert "98 %" in shown
    assert "No minute has" in await text_of(reader, "/ahead?day=6")


async def test_interval_tasks_load_the_whole_day(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=600, spread=True) for n in range(100))
    view = await view_of(reader, "/ahead.json?day=1")
    assert view["total"] == pytest.approx(14_400, rel=0.05), "100 tasks, 144 times a day; up to 250 are all read"
    runs = [cell["runs"] for row in view["hours"] for cell in row["cells"]]
    assert (min(runs), max(runs)) == (pytest.approx(50, rel=0.2), pytest.approx(50, rel=0.2))
    assert view["peaks"] == []


async def test_the_cards_of_schedulers(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    await scheduler.start_task_execute(recorder, concurrency=7)
    mail = scheduler.queue("mail")
    await mail.assign_task(IntervalTask("<mail> & 1", every=3600))
    await mail.start_task_execute(recorder, concurrency=2)
    await scheduler.assign_task(IntervalTask("slow/1?", every=3600))
    await recorder.ran(2)

    async def is_told() -> bool:
        return any(len(card.longest) == 2 for card in await scheduler.schedulers())

    await until(is_told, 60)
    view = await view_of(reader, "/schedulers.json")
    (card,) = view["schedulers"]
    assert (card["places"], card["running"], card["executes"]) == (9, 2, "the namespace itself, mail")
    assert (card["unreached"], card["is_late"], card["accepting"]) == ([], False, True)
    links = {run["id"]: run["task_url"] for run in card["longest"]}
    assert links == {"slow/1?": "/task?id=slow%2F1%3F", "<mail> & 1": "/task?queue=mail&id=%3Cmail%3E+%26+1"}
    assert (await view_of(reader))["schedulers"] == 1
    shown = (await reader.get("/schedulers?queue=mail")).text
    assert "&lt;mail&gt; &amp; 1" in shown
    assert "slow/1?" not in shown
    assert "1 of 2 places" in shown
    recorder.gate.set()
    await mail.stop_task_execute()
    await scheduler.stop_task_execute()


async def test_queues_have_their_own_numbers(
    reader: httpx.AsyncClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("a", "b", "c")):
        later = time.time() + 600
        await scheduler.queue(name).assign_tasks(IntervalTask(f"t{n}", start=later) for n in range(number))
    await scheduler.queue("b").pause(reason="no mail today")
    view = await view_of(reader)
    rows = view["queues"]["rows"]
    assert [(row["name"], row["tasks"], bool(row["pause"])) for row in rows] == [
        ("a", 0, False),
        ("b", 1, True),
        ("c", 2, False),
    ]
    inside = await view_of(reader, "/overview.json?queue=b")
    assert (inside["place"], inside["tasks"], inside["queues"], codes(inside)) == ("queue", 1, None, ["paused"])
    assert 'href="/?queue=b"' in (await reader.get("/")).text
    monkeypatch.setattr(queue_rows, "MOST", 2)
    second = await view_of(reader, "/overview.json?queues=2&window=6h")
    assert [row["name"] for row in second["queues"]["rows"]] == ["c"]
    assert second["queues"]["total"] == 3
    first = (await reader.get("/?window=6h")).text
    assert 'href="/?window=6h&amp;queues=2"' in first


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/?window=2h", "The value 'window' must be one of 1h, 6h, 24h, 7d"),
        ("/?ahead=7d", "The value 'ahead' must be one of 1h, 24h"),
        ("/ahead?day=7", "The value 'day' must be one of 0, 1, 2, 3, 4, 5, 6"),
        ("/ahead?day=%00", "The value 'day' must be one of 0, 1"),
        ("/?queues=x", "The value 'queues' must be a number from 1 on"),
        ("/schedulers?page=0", "The value 'page' must be a number from 1 on"),
    ],
)
async def test_bad_values_in_the_url_are_told(reader: httpx.AsyncClient, path: str, words: str) -> None:
    answer = await reader.get(path)
    assert answer.status_code == 400
    assert words in html.unescape(answer.text)


async def test_names_in_the_url_that_mean_nothing_are_harmless_and_in_no_link(reader: httpx.AsyncClient) -> None:
    for path in ("/", "/ahead", "/schedulers?"):
        answer = await reader.get(path, params={"page": "1", "self": "2", "<x>": '"', "window": "6h"})
        assert answer.status_code == 200
        assert "%3Cx%3E" not in answer.text
    assert 'href="/ahead?day=1"' in (await reader.get("/ahead?page=1&self=2&%3Cx%3E=%22&window=6h")).text


async def test_schedulers_come_in_pages(
    reader: httpx.AsyncClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards: list[Any] = []

    async def is_told() -> bool:
        cards[:] = await scheduler.schedulers()
        return len(cards) == 1

    await until(is_told, 60)
    monkeypatch.setattr(schedulers_page, "_ROWS", 1)

    async def twice() -> list[Any]:
        return cards * 2

    monkeypatch.setattr(scheduler, "schedulers", twice)
    view = await view_of(reader, "/schedulers.json?page=2")
    assert (len(view["schedulers"]), view["page"], view["last"], view["total"]) == (1, 2, 2, 2)
    assert 'href="/schedulers?page=2"' in (await reader.get("/schedulers")).text


async def test_a_partition_that_is_offline_hides_nothing_of_the_others(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server()]
    urls = [f"{server.url}?name=p{n}" for n, server in enumerate(servers)]
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler, reader_of(scheduler) as reader:
        later = time.time() + 600
        await scheduler.assign_tasks(IntervalTask(f"t{n}", every=3600, start=later) for n in range(50))
        mail = scheduler.queue("mail")
        await mail.assign_task(IntervalTask("m", start=later))
        servers[1].kill()
        for each in (scheduler, mail):
            await until_away(each)
        view = await view_of(reader)
        assert codes(view) == ["offline"]
        assert view["offline"] == view["coming"]["missing"] == view["history"]["missing"] == ["p1"]
        assert 0 < view["tasks"] < 50
        assert (view["coming"]["is_exact"], view["coming"]["total"] > 0) == (False, True)
        assert view["queues"]["rows"][0]["offline"] == ["p1"]
        shown = await text_of(reader)
        assert "Partition p1 is offline: nothing of it is in the figures below." in shown
        assert "not late" in shown
        ahead = await view_of(reader, "/ahead.json")
        assert (ahead["is_exact"], ahead["offline"], ahead["problems"]) == (False, ["p1"], [])
        assert ahead["total"] > 0
        assert "all of them are estimated" in await text_of(reader, "/ahead")
        cards = await view_of(reader, "/schedulers.json")
        assert cards["offline"] == ["p1"]
        servers[0].kill()
        for each in (scheduler, mail):
            await until_away(each, 2)
        # Other values in the URL: what was read just now is shown again for a second.
        view = await view_of(reader, "/overview.json?window=6h")
        assert (codes(view), view["tasks"], view["history"], view["coming"]) == (["offline", "offline"], 0, None, None)
        shown = await text_of(reader, "/?window=6h")
        assert "The counts cannot be read at the moment." in shown
        assert "not late" not in shown  # nor is there a count of 0: nothing is known
        assert re.search(r" Tasks \D+ Schedulers ", shown[shown.index(" Overview Problem") :])
        assert "The runs to come cannot be read" in await text_of(reader, "/ahead?day=1")
        assert "is offline" in await text_of(reader, "/schedulers?page=2")


async def test_plots_have_nothing_inline(reader: httpx.AsyncClient, scheduler: Scheduler) -> None:
    await scheduler.assign_tasks(IntervalTask(f"t{n}", every=60, spread=True) for n in range(50))
    for path in ("/", "/ahead", "/schedulers"):
        shown = (await reader.get(path)).text
        assert not re.search(r"<[^>]+ (style|on\w+)=", shown)
        assert shown.count("<svg") == shown.count("</svg>")
