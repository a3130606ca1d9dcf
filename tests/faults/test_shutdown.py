"""Ends of processes and of event loops, in order and not: nothing lost, nothing doubled, nothing said."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.faults import leaving
from tests.faults.figures import often, tell
from tests.integration.processes import ROOT, Worker, check_key_space, read_ledger
from tests.leaks import leases_left
from tests.servers import RedisServer
from tests.waiting import Recorder, until

#: One-shots that a worker finds when it starts: more than it can do before it is told to end.
_EACH_TIME = 60


async def is_empty(scheduler: Scheduler) -> bool:
    return await scheduler.task_size() == 0


@pytest.mark.asyncio
async def test_drain(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Workers that are told to end at random moments, every other one with less time than its runs need."""
    ledger = tmp_path / "ledger"
    times, dice, longest, held = often(3, 100), random.Random(2), 0.0, 0
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        for number in range(times):
            await scheduler.assign_tasks([IntervalTask(f"{number}-{n}") for n in range(_EACH_TIME)])
            drain_seconds, work = (30, "sleep:0.02") if number % 2 else (0.01, "sleep:0.1")
            with Worker(
                redis_server.url, namespace, ledger, work, concurrency=10, drain_seconds=drain_seconds
            ) as worker:
                await asyncio.sleep(dice.uniform(0, 0.15))  # a random moment of the worker's life is the point
                began = time.monotonic()
                assert worker.terminate() == 0
                longest = max(longest, time.monotonic() - began)
            held += sum((await leases_left(scheduler)).values())
            with redis_server.client() as client:
                check_key_space(client, namespace)
        with Worker(redis_server.url, namespace, ledger, "sleep:0"):
            await until(lambda: is_empty(scheduler), 60)
    entries = read_ledger(ledger)
    ended = Counter(entry.id for entry in entries if entry.event == "end")
    lost = sum(f"{number}-{n}" not in ended for number in range(times) for n in range(_EACH_TIME))
    doubled = sum(ended.values()) - len(ended)
    handed_back = sum(entry.event == "start" for entry in entries) - sum(ended.values())
    charged = sum(entry.attempt > 1 for entry in entries)
    tell(
        2,
        "drain (SIGTERM at random moments)",
        count=f"{times} times, {_EACH_TIME} one-shots each",
        expected="lost 0, duplicates 0, attempts charged 0, leases left 0",
        figure=f"lost {lost}, duplicates {doubled}, attempts charged {charged}, leases left {held}; "
        f"{handed_back} runs cut short and handed back; slowest end {longest:.2f} s",
        holds=lost == doubled == charged == held == 0,
    )


@pytest.mark.parametrize("engine", ["redis", "memory"])
def test_the_event_loop_closes_under_a_scheduler(redis_server: RedisServer, namespace: str, engine: str) -> None:
    """However it ends: with one line, at once, and without a trace but leases that end."""
    url = redis_server.url if engine == "redis" else f"memory://{namespace}"
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", leaving.__name__, url, namespace]
    ended = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )
    told = r"the scheduler ended without being asked to: its asyncio tasks were cancelled.*\n"
    said = re.sub(told, "", ended.stdout).splitlines()
    assert [line.split(" ")[0] for line in said] == [way.__name__ for way in leaving.WAYS], ended.stdout
    assert ended.returncode == 0
    assert max(float(line.split(" ")[1]) for line in said) < 15, ended.stdout
    with redis_server.client() as client:
        for way in leaving.WAYS:
            check_key_space(client, f"{namespace}-{way.__name__}")
        block = f"{namespace}-{leaving.is_interrupted_in_a_block.__name__}"
        assert client.keys(f"{{{block}:*}}:leased") == [], "what a block was at is handed back"


@pytest.mark.parametrize("engine", ["redis", "memory"])
def test_a_scheduler_outlives_its_event_loop(redis_server: RedisServer, namespace: str, engine: str) -> None:
    url = redis_server.url if engine == "redis" else f"memory://{namespace}"
    scheduler = Scheduler.from_url(url, namespace=namespace, lease_seconds=1.5, check_tasks_every_seconds=0.1)
    recorder = Recorder()
    recorder.gate.clear()

    async def begin() -> None:
        await scheduler.start_task_accept()
        await scheduler.assign_task(IntervalTask("a"))
        await scheduler.start_task_execute(recorder)
        await recorder.ran(1)

    async def go_on(again: Recorder) -> None:
        async with scheduler:
            await scheduler.start_task_execute(again)
            await again.ran(1)
            await until(lambda: is_empty(scheduler))

    async def close() -> None:
        await scheduler.close()

    asyncio.run(begin())
    assert (scheduler.online, scheduler.executing_tasks) == (False, False)
    asyncio.run(close())
    asyncio.run(go_on(after := Recorder()))
    assert len(recorder.cancelled) == 1
    assert [run.attempt for run in after.runs] == [2], "its lease ended, which counts as a crash"
