"""Servers of several processes: each connects after the fork, all execute, and one that dies loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from interval_scheduler import Scheduler
from tests.contrib.serving import (
    PATIENCE_SECONDS,
    Serving,
    at_a_free_port,
    commands_of,
    ledger_of,
    ledger_variables,
    serving,
    started,
)
from tests.folders import lives
from tests.servers import RedisServer
from tests.waiting import until

#: As docs/services.md has them.
COMMANDS = [command for command in commands_of("services.md") if "fastapi_app:app" in command]
GUNICORN = "gunicorn --workers 2 --preload"


def test_the_page_has_them_all() -> None:
    assert [command.split()[0] for command in COMMANDS] == ["uvicorn", "gunicorn", "gunicorn"]
    assert all("--workers 2" in command for command in COMMANDS)
    assert all("--preload" in command for command in COMMANDS[1:])


@pytest.mark.asyncio
@pytest.mark.parametrize("command", COMMANDS)
async def test_both_execute_and_one_that_is_killed_loses_nothing(
    command: str, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger, assigned = tmp_path / "ledger", set[str]()
    variables = ledger_variables(redis_server.url, namespace, ledger)
    server = at_a_free_port(command.replace("fastapi_app:app", "tests.contrib.apps.with_fastapi:app"))

    async def assign(server: Serving, count: int) -> None:
        names = [f"task-{len(assigned) + n}" for n in range(count)]
        answers = await asyncio.gather(*(server.http.put(f"/tasks/{name}") for name in names))
        assert {answer.status_code for answer in answers} == {200}, server.output
        assigned.update(names)

    async with (
        serving(*server, log=tmp_path / "log", variables=variables) as serves,
        Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
    ):

        async def both_execute() -> bool:
            await assign(serves, 20)
            return len({process for process, _ in ledger_of(ledger)}) == 2

        async def is_done() -> bool:
            return await scheduler.task_size() == 0

        async def two_are_alive() -> bool:
            cards = await scheduler.schedulers()
            return len({card.pid for card in cards if card.pid not in (victim, os.getpid())}) == 2

        await until(both_execute, PATIENCE_SECONDS)
        victim = ledger_of(ledger)[0][0]
        await assign(serves, 20)
        os.kill(victim, signal.SIGKILL)
        await until(lambda: not lives(victim), PATIENCE_SECONDS)  # till then it may take a request, and answer nothing
        await serves.answers()
        await assign(serves, 20)
        await until(is_done, PATIENCE_SECONDS)
        assert {name for _, name in ledger_of(ledger)} == assigned
        await until(two_are_alive, PATIENCE_SECONDS)
        await serves.terminate()
        assert "Traceback" not in serves.output
        # They were asked to end, and took their cards off.
        assert {card.pid for card in await scheduler.schedulers()} <= {victim, os.getpid()}


@pytest.mark.asyncio
async def test_a_scheduler_that_connected_before_the_fork_connects_anew(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    """Its event loop was closed: the connections ended with it, and each process makes its own."""
    variables = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "NAMESPACE": namespace, "LOOP": "closed"}
    command = at_a_free_port(f"{GUNICORN} --worker-class asgi tests.contrib.apps.connected_before:app")
    async with serving(*command, log=tmp_path / "log", variables=variables) as server:
        answers = await asyncio.gather(*(server.http.put(f"/tasks/task-{n}") for n in range(40)))
        assert [answer.json() for answer in answers] == [True] * 40
        async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
            assert await scheduler.task_size() == 40

            async def each_has_a_card() -> bool:
                return len({card.pid for card in await scheduler.schedulers()} - {os.getpid()}) == 2

            await until(each_has_a_card, PATIENCE_SECONDS)


@pytest.mark.asyncio
async def test_a_scheduler_whose_event_loop_goes_on_elsewhere_is_refused(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    variables = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "NAMESPACE": namespace, "LOOP": "open"}
    log = tmp_path / "log"
    command = at_a_free_port(f"{GUNICORN} --worker-class asgi tests.contrib.apps.connected_before:app")
    async with started(*command, log=log, variables=variables) as server:
        assert await server.ended() != 0
    assert "WrongEventLoop: wrong event loop: this scheduler belongs to the one that connected it" in server.output


@pytest.mark.asyncio
async def test_a_blocking_scheduler_that_connected_before_the_fork_is_refused(
    redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    variables = {"INTERVAL_SCHEDULER_REDIS": redis_server.url, "NAMESPACE": namespace}
    command = at_a_free_port(f"{GUNICORN} tests.contrib.apps.blocking_before:app")
    async with serving(*command, log=tmp_path / "log", variables=variables) as server:
        assert "was connected before the process forked" in (await server.http.get("/")).text
