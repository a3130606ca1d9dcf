"""`queues`, `upcoming`, `stats` and `schedulers` on one Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from interval_scheduler import IntervalTask, Point, Rate, Scheduler, Series
from interval_scheduler.cli.commands.stats import _by_hours
from interval_scheduler.cli.frame.connecting import connected
from interval_scheduler.cli.frame.settings import Settings
from tests.cli.conftest import DEADLINE_SECONDS, Result
from tests.cli.looking import seed, values_of
from tests.servers import RedisServer
from tests.waiting import Recorder, until

Command = Callable[..., Result]


@pytest.mark.asyncio
async def test_queues_in_numbers(command: Command, redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    async with Scheduler.from_url(redis_server.url, namespace=namespace, actor="me") as scheduler:
        await scheduler.queue("mail").pause("it is night")
        await scheduler.queue("mail").set_rate(Rate(5, per=60))
    itself, mail = values_of(command("queues", "--json"), "queue")
    assert (itself["queue"], itself["waiting"], itself["paused"], itself["dead"], itself["failing"]) == (
        None,
        6,
        1,
        2,
        1,
    )
    assert (mail["queue"], mail["tasks"], mail["pause"]["reason"], mail["rate"]["count"]) == (
        "mail",
        1,
        "it is night",
        5,
    )
    shown = command("queues")
    assert (shown.code, shown.err) == (0, "")
    rows = [line.split("\t") for line in shown.out.splitlines()]
    assert [row[0] for row in rows] == ["queue", "the namespace itself", "mail"]
    assert rows[2][-1].endswith("by me (it is night)")
    alone = command("queues", "--queue", "mail", "--quiet").out.splitlines()
    assert [line.split("\t")[:2] for line in alone] == [["mail", "1"]]


@pytest.mark.asyncio
async def test_what_comes(command: Command, redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    found = values_of(command("upcoming", "--hours", "3", "--width", "30m", "--json"), "upcoming")
    assert len(found) == 6
    assert sum(row["next_runs"] for row in found) == 5, "each feed once; the paused and the daily one not at all"
    assert sum(row["runs"] for row in found) == pytest.approx(5 * 8, abs=5), "every 15m from an hour on"
    assert {row["seconds"] for row in found} == {1800}
    shown = command("upcoming", "--utc")
    assert shown.code == 0
    assert len(shown.out.splitlines()) == 1 + 24
    assert "█" in shown.out
    assert "a second" in shown.err
    plain = command("upcoming", "--quiet", PYTHONIOENCODING="ascii")
    assert (plain.code, plain.err) == (0, "")
    assert "#" in plain.out
    for words in (["--width", "0s"], ["--width", "1s"], ["--hours", "0"]):
        assert command("upcoming", *words).code == 2


@pytest.mark.asyncio
async def test_what_was_counted(command: Command, redis_server: RedisServer, namespace: str) -> None:
    await seed(redis_server.url, namespace=namespace)
    points = values_of(command("stats", "--json"), "point")
    assert {point["seconds"] for point in points} == {60}
    assert len(points) in (61, 62)
    assert (sum(point["failures"] for point in points), sum(point["dead"] for point in points)) == (3, 2)
    long = values_of(command("stats", "--json", "--since", "1d"), "point")
    assert {point["seconds"] for point in long} == {600}, "the counts of each minute are not kept for so long"
    hours = values_of(command("stats", "--json", "--since", "5h", "--by", "1h"), "point")
    assert len(hours) == 6
    assert sum(point["runs"] for point in hours) == 3
    shown = command("stats")
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in shown.out.splitlines())}
    assert rows["runs"][0] == rows["failures"][0] == "3"
    assert len(rows["runs"][2]) == 31, "61 minutes, two by two"
    assert "█" in rows["runs"][2]
    by = command("stats", "--by", "10m", "--utc").out.splitlines()
    assert by[0].split("\t")[:3] == ["from", "runs", "failures"]
    assert len(by) in (8, 9)
    assert rows["lag of 99 %"][0].startswith("≤ "), "it is a bound"
    for words in (["--since", "9d"], ["--since", "5h", "--by", "1m"]):
        refused = command("stats", *words)
        assert refused.code == 2
        assert "--since is too long ago" in refused.err
        assert "resolution" not in refused.err
    assert command("stats", "--watch", "1ms").code == 2


def test_hours_are_sums() -> None:
    lags = (1,) + (0,) * len(Point.LAG_EDGES)
    points = tuple(Point(3600 * 100 + 600 * n, runs=n, lags=lags) for n in range(3, 9))
    hours = _by_hours(Series(points, 600, ("b",)))
    assert (hours.seconds, hours.missing) == (3600, ("b",))
    assert [(point.at, point.runs, point.claimed) for point in hours] == [
        (3600 * 100 + 1800, 12, 3),
        (3600 * 101, 21, 3),
    ]


@pytest.mark.asyncio
async def test_statistics_are_watched(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace):
        pass
    words = ["stats", "--watch=100ms", "--by", "1h", "--quiet", "--redis", redis_server.url, "-n", namespace]
    assert await asyncio.to_thread(_lines_until_interrupted, words, 7) == 130


def _lines_until_interrupted(words: list[str], count: int) -> int:
    """Read so many lines of a command, interrupt it, and return its exit code."""
    program = [sys.executable, "-m", "interval_scheduler.cli", *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for _ in range(count):
            assert datetime.fromisoformat(process.stdout.readline().split("\t")[0]) > datetime.now(UTC) - timedelta(
                days=1
            )
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        return process.wait(DEADLINE_SECONDS)


@pytest.mark.asyncio
async def test_schedulers_that_are_alive(command: Command, redis_server: RedisServer, namespace: str) -> None:
    recorder = Recorder()
    recorder.gate.clear()
    async with Scheduler.from_url(redis_server.url, namespace=namespace, drain_seconds=0) as scheduler:
        await scheduler.assign_task(IntervalTask("long"))
        await scheduler.start_task_execute(recorder)

        async def is_told() -> bool:
            return any(card.longest for card in await scheduler.schedulers())

        await until(is_told, DEADLINE_SECONDS)
        (card,) = values_of(await asyncio.to_thread(command, "schedulers", "--json"), "scheduler")
        assert (card["pid"], card["longest"][0]["id"], card["running"]) == (os.getpid(), "long", 1)
        shown = await asyncio.to_thread(command, "schedulers")
        rows = [line.split("\t") for line in shown.out.splitlines()]
        assert (rows[0][1], rows[1][1], rows[1][-1].split(" ")[0]) == ("pid", str(os.getpid()), "long")
        listed = await asyncio.to_thread(command, "list", "--state", "leased", "--columns", "id,state", "--quiet")
        assert listed.out == "long\tleased\n"
        recorder.gate.set()
    nobody = command("schedulers")
    assert (nobody.code, nobody.err) == (1, "There is no scheduler that accepts or executes tasks.\n")


@pytest.mark.asyncio
async def test_a_command_that_looks_is_no_scheduler(redis_server: RedisServer, namespace: str) -> None:
    async with Scheduler.from_url(redis_server.url, namespace=namespace):
        pass
    settings = Settings(
        urls=(redis_server.url,),
        namespace=namespace,
        queue=None,
        as_json=False,
        quiet=False,
        color=False,
        timeout=DEADLINE_SECONDS,
        utc=False,
        debug=False,
    )
    async with connected(settings) as scheduler:
        assert scheduler.online
        assert not scheduler.accepting_tasks, "so it tells nothing of itself"
