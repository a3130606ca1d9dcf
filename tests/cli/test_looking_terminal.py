"""Commands that look, on a terminal and where the output cannot show all characters."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.cli.looking import ODD_ID, ODD_ID_SHOWN, run_on_terminal, seed
from tests.servers import RedisServer
from tests.waiting import Recorder, until

Command = Callable[..., Result]
#: What steers a terminal.
STEERING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COLORS = re.compile(r"\x1b\[3[0-7]m")


@pytest.mark.asyncio
async def test_a_terminal_has_tables_in_colours(redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    where = ("-n", namespace, "--redis", redis_server.url)

    listed = run_on_terminal("list", *where, "--utc")
    assert (listed.code, listed.err) == (0, "")
    assert COLORS.search(listed.out), "the paused one is yellow"
    lines = STEERING.sub("", listed.out).splitlines()
    assert lines[0].split() == ["id", "state", "next", "in", "runs"]
    assert re.match(r"feed:0 +waiting +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ ", lines[1])
    assert lines[1].index("waiting") == lines[0].index("state"), "columns stand under each other"
    assert max(map(len, lines)) <= 100

    for bare in (
        run_on_terminal("list", *where, "--no-color"),
        run_on_terminal("list", *where, NO_COLOR="1"),
        run_on_terminal("show", "rest", *where, "--no-color"),
    ):
        assert bare.code == 0
        assert "\x1b" not in bare.out
    assert "\x1b" in run_on_terminal("show", "rest", *where).out

    narrow = run_on_terminal("dead", "list", *where, columns=60)
    lines = STEERING.sub("", narrow.out).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) > 3, "what is long goes on in the next line"
    assert len(re.findall(r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "\n".join(lines))) == 2, "and moments do not"
    assert "2J" not in "".join(STEERING.findall(narrow.out)), "an id steers no terminal"
    assert json.loads(run_on_terminal("show", "again", *where, "--json").out)["id"] == "again"


@pytest.mark.asyncio
async def test_an_output_without_emoji(command: Command, redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    shown = command("dead", "show", ODD_ID, PYTHONIOENCODING="ascii")
    assert (shown.code, shown.err) == (0, "")
    assert ODD_ID_SHOWN.replace("🎉", "\\U0001f389") in shown.out
    assert json.loads(command("dead", "show", ODD_ID, "--json", PYTHONIOENCODING="latin-1").out)["id"] == ODD_ID
    stats = command("stats", PYTHONIOENCODING="ascii")
    assert stats.code == 0
    assert re.search(r"^failures\t3\t[\d.]+\t_+#", stats.out, re.MULTILINE)
    assert re.search(r"^lag of 99 %\t<= \d", stats.out, re.MULTILINE), "it is a bound"


@pytest.mark.asyncio
@pytest.mark.parametrize("columns", [80, 120])
async def test_tables_fit_the_terminal(redis_server: RedisServer, namespace: str, columns: int) -> None:
    await seed(redis_server.url, namespace=namespace)
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, drain_seconds=0) as scheduler:
        await scheduler.assign_task(IntervalTask("fails", "no answer from a host with a long name " * 9, every=86_400))
        await scheduler.start_task_execute(_fail)
        await until(lambda: _fails(scheduler, 2), DEADLINE_SECONDS)
        await scheduler.stop_task_execute()
        await scheduler.assign_task(IntervalTask("a-long-run-of-a-user", every=86_400))
        await scheduler.start_task_execute(recorder)

        async def is_told() -> bool:
            return any(card.longest for card in await scheduler.schedulers())

        await until(is_told, DEADLINE_SECONDS)

        async def lines(*words: str) -> list[str]:
            where = ("-n", namespace, "--redis", redis_server.url)
            done = await asyncio.to_thread(run_on_terminal, *words, *where, columns=columns)
            assert done.code == 0, done
            found = STEERING.sub("", done.out).splitlines()
            assert max(map(len, found)) <= columns
            return found

        states = re.findall(r" (\w+) +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "\n".join(await lines("list")))
        assert states == ["leased", *["waiting"] * 7, "paused"], (
            "the leased ones come first, and yet the others are not broken"
        )
        failing = await lines("failing")
        assert {"id", "failed", "failures", "error"} <= set(failing[0].split())
        assert len(failing[0]) - failing[0].index("error") >= columns // 3
        assert len(failing) <= 1 + 2 * 2, "two lines for each"
        assert sum(line.rstrip().endswith("…") for line in failing) == 1
        narrow = ["host", "pid", "executes", "running", "runs", "failures", "longest run"]
        wide = ["host", "pid", "up", "seen", "executes", "running", "places", "runs", "failures", "longest run"]
        schedulers = await lines("schedulers")
        assert re.split("  +", schedulers[0].strip()) == (narrow if columns == 80 else wide)
        assert (await lines("queues"))[1].startswith("the namespace itself  ")
        by = await lines("stats", "--by", "10m", "--since", "30m")
        assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in by[1:])
        assert ("timeouts" in by[0]) == (columns == 120)
        recorder.gate.set()


async def _fail(payload: str) -> None:
    raise ValueError(payload)


async def _fails(scheduler: Scheduler, count: int) -> bool:
    overview = await scheduler.overview()
    return (overview.failing, overview.leased) == (count, 0)
