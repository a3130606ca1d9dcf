"""The screen of `top`, steered by its pilot, over a real Redis with a worker at work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static
from textual.worker import WorkerFailed

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.cli.frame.settings import Settings
from interval_scheduler.cli.output.output import Output
from interval_scheduler.cli.top.details import Details
from interval_scheduler.cli.top.reading import Reading, read
from interval_scheduler.cli.top.refreshing import Refreshing
from interval_scheduler.cli.top.screen import TopApp
from interval_scheduler.cli.top.table import PaneTable
from tests.cli.watched import DEADLINE_SECONDS
from tests.servers import RedisServer
from tests.waiting import until

NewServer = Callable[..., RedisServer]

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000
SETTINGS = Settings(
    urls=(),
    namespace=None,
    queue=None,
    as_json=False,
    quiet=False,
    color=True,
    timeout=10,
    utc=True,
    debug=False,
)


async def work(data: str) -> None:
    if data == "slow":
        await asyncio.sleep(3600)  # it is cut short when the worker stops
    if data == "bad":
        raise ValueError("no such feed")


@asynccontextmanager
async def worker_of(urls: list[str], namespace: str) -> AsyncIterator[Scheduler]:
    """A worker at work; and some tasks of each sort."""
    async with Scheduler.from_url(*urls, namespace=namespace, reconnect_interval_seconds=0.1) as worker:
        await worker.assign_tasks([IntervalTask(f"later:{n:03}", every=900, start=FAR + n) for n in range(150)])
        await worker.assign_task(IntervalTask("slow", "slow"))
        await worker.assign_task(IntervalTask("bad", "bad", every=3600))
        await worker.assign_task(IntervalTask("dying", "bad"))
        await worker.assign_task(IntervalTask("often", every=0.2))
        await worker.start_task_execute(work)

        async def is_told() -> bool:
            cards, found = await worker.schedulers(), await worker.overview()
            return (found.failing, found.dead) == (1, 1) and any(each.longest for each in cards)

        try:
            await until(is_told, DEADLINE_SECONDS)
            yield worker
        finally:
            await worker.stop_task_execute(drain_seconds=0)


@asynccontextmanager
async def screen(urls: list[str], namespace: str, **options: Any) -> AsyncIterator[tuple[TopApp, Pilot[int]]]:
    timeout, size = options.pop("timeout", 10), options.pop("size", (120, 40))
    reader = Scheduler.from_url(
        *urls, namespace=namespace, reconnect_interval_seconds=0.1, operation_timeout_seconds=timeout
    )
    await reader.connect(create=False)
    try:
        app = TopApp(reader, Output(SETTINGS), "title", options.pop("interval", 0.3), **options)
        async with app.run_test(size=size) as pilot:
            yield app, pilot
    finally:
        await reader.close()


def shown(app: TopApp, name: str) -> list[str]:
    """The first cells of the rows of a pane."""
    table = app.query_one(f"#{name}", PaneTable)
    return [str(table.get_row_at(at)[0]) for at in range(table.row_count)]


def is_window_open(app: TopApp) -> bool:
    return isinstance(app.screen, Details)


def window_of(app: TopApp) -> str:
    """What stands in the window that is open, if one is."""
    return "".join(str(each.content) for each in app.screen.query(Static)) if is_window_open(app) else ""


def chosen(app: TopApp) -> str | None:
    """The due task at the cursor."""
    row = app.query_one("#due", PaneTable).chosen
    return None if row is None else row.key


def text(app: TopApp, name: str) -> str:
    return str(app.query_one(f"#{name}", Static).content)


async def test_it_shows_what_goes_on(redis_server: RedisServer, namespace: str) -> None:
    urls = [redis_server.url]
    async with worker_of(urls, namespace), screen(urls, namespace) as (app, pilot):
        await until(lambda: shown(app, "runs") == ["slow"], DEADLINE_SECONDS)
        await until(lambda: shown(app, "failing") == ["bad"] and shown(app, "dead") == ["dying"], DEADLINE_SECONDS)
        assert len(shown(app, "schedulers")) == len(shown(app, "partitions")) == 1
        assert shown(app, "due")[-1] >= "later:097"
        assert "tasks 153" in text(app, "head")
        assert "schedulers 1" in text(app, "head")
        before = text(app, "title")
        await until(lambda: text(app, "title") != before, DEADLINE_SECONDS)  # it goes on by itself
        words = {"Partitions", "Schedulers", "Longest", "Failing", "Dead", "slow", "dying"}
        await until(lambda: all(each in app.export_screenshot() for each in words), DEADLINE_SECONDS)
        await pilot.press("q")
        await until(lambda: app.return_value == 0, DEADLINE_SECONDS)


async def test_keys(redis_server: RedisServer, namespace: str) -> None:
    urls = [redis_server.url]
    async with worker_of(urls, namespace), screen(urls, namespace, interval=60) as (app, pilot):
        await until(lambda: len(shown(app, "due")) > 90, DEADLINE_SECONDS)
        assert app.focused is app.query_one("#due")
        for key, name in (
            *(("tab", "failing"), ("right", "dead"), ("right", "partitions"), ("shift+tab", "dead")),
            *(("left", "failing"), ("1", "partitions"), ("6", "dead")),
        ):
            await pilot.press(key)
            await until(lambda name=name: app.focused is app.query_one(f"#{name}"), DEADLINE_SECONDS)  # type: ignore[misc]
        for keys, holds in (
            ("question_mark", lambda: is_window_open(app)),
            ("escape", lambda: not is_window_open(app)),
            ("p", lambda: "paused" in text(app, "title")),
            ("p", lambda: "every 60s" in text(app, "title")),
            ("d", lambda: app.theme == "textual-light"),
            ("4 s", lambda: shown(app, "due") == sorted(shown(app, "due"))),
            ("S", lambda: shown(app, "due") == sorted(shown(app, "due"), reverse=True)),
            ("ctrl+c", lambda: app.return_value == 130),
        ):
            await pilot.press(*keys.split())
            await until(holds, DEADLINE_SECONDS)  # on a busy machine a key counts a little later


async def test_filter(redis_server: RedisServer, namespace: str) -> None:
    urls = [redis_server.url]
    async with worker_of(urls, namespace), screen(urls, namespace) as (app, pilot):
        await until(lambda: len(shown(app, "due")) > 90, DEADLINE_SECONDS)
        await pilot.press("slash", *"R:01")
        await until(lambda: shown(app, "due") == [f"later:01{n}" for n in range(10)], DEADLINE_SECONDS)
        assert "filtered" in str(app.query_one("#due").border_title)
        await pilot.press("enter")  # it steers the pane again, and the filter stays
        await until(lambda: app.focused is app.query_one("#due"), DEADLINE_SECONDS)
        assert len(shown(app, "due")) == 10
        await pilot.press("escape")
        await until(lambda: len(shown(app, "due")) > 90, DEADLINE_SECONDS)
        await until(lambda: not app.query_one("#filter", Input).display, DEADLINE_SECONDS)


async def test_details(redis_server: RedisServer, namespace: str) -> None:
    urls = [redis_server.url]
    async with worker_of(urls, namespace) as worker, screen(urls, namespace, interval=60) as (app, pilot):
        await until(lambda: len(shown(app, "due")) > 90, DEADLINE_SECONDS)
        for key, words in (
            ("1", "its clock"),
            ("2", "slow"),
            ("3", "leased"),
            ("5", "no such feed"),
            ("6", "no such feed"),
        ):
            await pilot.press(key, "enter")
            await until(lambda words=words: words in window_of(app), DEADLINE_SECONDS)  # type: ignore[misc]
            await pilot.press("escape")
            await until(lambda: not is_window_open(app), DEADLINE_SECONDS)
        await pilot.press("4")
        await until(lambda: app.focused is app.query_one("#due"), DEADLINE_SECONDS)
        gone = chosen(app)
        assert gone is not None
        await worker.remove_task(gone)
        await pilot.press("enter")
        await until(lambda: [each.message for each in app._notifications], DEADLINE_SECONDS)
        assert not is_window_open(app), "a task that is gone is told"


async def test_the_cursor_stays_with_its_row(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"later:{n:03}", start=FAR + n) for n in range(10)])
        async with screen([redis_server.url], namespace) as (app, pilot):
            await until(lambda: len(shown(app, "due")) == 10, DEADLINE_SECONDS)
            await pilot.press(*["down"] * 5)
            await until(lambda: chosen(app) == "later:005", DEADLINE_SECONDS)
            await worker.assign_tasks([IntervalTask(f"first:{n}", start=FAR - 1) for n in range(3)])
            await until(lambda: shown(app, "due")[0] == "first:0", DEADLINE_SECONDS)
            assert chosen(app) == "later:005"
            await worker.remove_task("later:005")
            await until(lambda: len(shown(app, "due")) == 12, DEADLINE_SECONDS)
            assert chosen(app) is not None


async def test_a_partition_goes_away_and_comes_back(own_server: NewServer, namespace: str) -> None:
    servers = [own_server(), own_server(appendonly="yes", appendfsync="always")]
    urls = [each.url for each in servers]
    name = f"127.0.0.1:{servers[1].port}/0"
    async with Scheduler.from_url(*urls, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"later:{n:03}", start=FAR + n) for n in range(40)])
        async with screen(urls, namespace, timeout=5) as (app, _):
            await until(lambda: len(shown(app, "due")) == 40, DEADLINE_SECONDS)
            servers[1].kill()
            await until(lambda: f"partition {name} is offline since" in text(app, "alerts"), DEADLINE_SECONDS)
            await until(lambda: 0 < len(shown(app, "due")) < 40, DEADLINE_SECONDS)
            servers[1].start()
            await until(lambda: f"partition {name} is back since" in text(app, "alerts"), DEADLINE_SECONDS)
            await until(lambda: len(shown(app, "due")) == 40, DEADLINE_SECONDS)
            servers[0].kill()
            servers[1].kill()
            await until(lambda: text(app, "alerts").count("is offline since") == 2, DEADLINE_SECONDS)
            servers[0].start()
            servers[1].start()
            await until(lambda: text(app, "alerts").count("is back since") == 2, DEADLINE_SECONDS)


async def test_an_answer_that_does_not_come_is_told(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with (
        Scheduler.from_url(server.url, namespace=namespace),
        screen([server.url], namespace, timeout=30) as (app, _),
    ):
        await until(lambda: "every" in text(app, "title"), DEADLINE_SECONDS)
        server.freeze()
        await until(lambda: "waits for an answer for" in text(app, "title"), DEADLINE_SECONDS)
        server.thaw()
        await until(lambda: "every" in text(app, "title"), DEADLINE_SECONDS)


async def test_it_writes_nothing_and_costs_little(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"later:{n:03}", every=900, start=FAR + n) for n in range(500)])
    reader = Scheduler.from_url(server.url, namespace=namespace)
    await reader.connect(create=False)
    with server.client() as client:
        await read(reader)
        changes: Any = client.info("persistence")["rdb_changes_since_last_save"]
        microseconds = []
        for _ in range(3):
            client.config_resetstat()
            await read(reader)
            stats: Any = client.info("commandstats")
            scripts = [each for name, each in stats.items() if name.startswith("cmdstat_eval")]
            assert sum(each["calls"] for each in scripts) <= 8, "few scripts"
            microseconds.append(sum(each["usec"] for each in scripts))
        after: Any = client.info("persistence")["rdb_changes_since_last_save"]
    await reader.close()
    assert after == changes
    assert min(microseconds) < 100_000, "the time of a machine that stands still counts as well"


@pytest.mark.parametrize("size", [(200, 60), (80, 24), (30, 8), (10, 3)])
async def test_sizes(redis_server: RedisServer, namespace: str, size: tuple[int, int]) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as worker:
        await worker.assign_tasks([IntervalTask(f"later:{n:03}", start=FAR + n) for n in range(10)])
        async with screen([redis_server.url], namespace, size=size) as (app, pilot):
            await until(lambda: len(shown(app, "due")) == 10, DEADLINE_SECONDS)
            await pilot.press("question_mark", "escape", "1", "q")
            await until(lambda: app.return_value == 0, DEADLINE_SECONDS)


@pytest.mark.parametrize(("lines", "rows"), [(24, 0), (30, 2), (40, 4)])
async def test_panes_show_what_they_have(redis_server: RedisServer, namespace: str, lines: int, rows: int) -> None:
    """Without the focus, each has its title, and where there is room the names of the columns and some rows."""
    urls = [redis_server.url]

    def heights() -> dict[str, int]:
        return {each.id or "": each.size.height for each in app.query(PaneTable)}

    async with worker_of(urls, namespace) as worker, screen(urls, namespace, size=(110, lines)) as (app, _):
        await worker.assign_tasks([IntervalTask(f"bad:{n}", "bad", every=3600) for n in range(9)])
        one = rows and 2
        most = rows and 1 + rows
        wanted = {"partitions": one, "schedulers": one, "runs": one, "failing": most, "dead": one}
        await until(lambda: {**heights(), "due": 0} == {**wanted, "due": 0}, DEADLINE_SECONDS)
        assert heights()["due"] >= 5
        await worker.clear_all_tasks()
        await worker.clear_dead_tasks()
        empty = {"failing": 0, "dead": 0, "due": 0}
        await until(lambda: empty.items() <= heights().items(), DEADLINE_SECONDS)


async def test_a_bug_ends_it_without_the_values_of_variables() -> None:
    nobody: Any = None
    app = TopApp(nobody, Output(SETTINGS), "title", 1)
    with pytest.raises(WorkerFailed, match="AttributeError"):  # noqa: PT012 - it is raised where the screen ends
        async with app.run_test() as pilot:
            await until(lambda: app.failure, DEADLINE_SECONDS)
            await pilot.pause()
    assert not app._exit_renderables


async def test_readings_never_overlap() -> None:
    active = most = 0
    readings: list[float] = []

    async def slow_read() -> Reading:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await asyncio.sleep(0.02)  # longer than the interval
        active -= 1
        readings.append(time.monotonic())
        return Reading(time.time())

    seen: list[Reading] = []
    refreshing = Refreshing(slow_read, seen.append, 0.001)
    running = asyncio.create_task(refreshing.run())
    await until(lambda: len(seen) >= 3, DEADLINE_SECONDS)
    for _ in range(10):
        refreshing.hurry()
    await until(lambda: len(seen) >= 6, DEADLINE_SECONDS)
    assert most == 1
    refreshing.is_paused = True
    await until(lambda: active == 0, DEADLINE_SECONDS)
    count = len(seen)
    refreshing.hurry()
    await until(lambda: len(seen) > count, DEADLINE_SECONDS)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
