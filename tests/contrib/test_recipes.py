"""The recipes of the pages, run as a reader runs them: services, units, probes, and applications of Django."""

from __future__ import annotations

import asyncio
import configparser
import runpy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from interval_scheduler import Scheduler
from interval_scheduler.execution.poller import Poller
from tests.contrib.serving import PATIENCE_SECONDS, Serving, at_a_free_port, commands_of, served, serving, started
from tests.servers import RedisServer
from tests.stories.programs import EXAMPLES
from tests.waiting import until

pytestmark = pytest.mark.asyncio

#: As docs/django.md has them.
(DJANGO_ASGI,) = [command for command in commands_of("django.md") if command.startswith("uvicorn")]
(DJANGO_WSGI,) = [command for command in commands_of("django.md") if command.startswith("gunicorn")]


def _variables(server: RedisServer, namespace: str) -> dict[str, str]:
    return {"INTERVAL_SCHEDULER_REDIS": server.url, "INTERVAL_SCHEDULER_NAMESPACE": namespace}


def _unit() -> configparser.ConfigParser:
    """The unit, as systemd reads it: names with capitals."""
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(EXAMPLES / "feeds.service")
    return unit


async def test_a_unit_of_systemd(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    """Its command is started, killed, started anew, and asked to end, as systemd does."""
    service = _unit()["Service"]
    program = service["ExecStart"].split()[1]  # behind the Python of that machine
    log = tmp_path / "log"
    variables = {**_variables(redis_server, namespace), "INTERVAL_SCHEDULER_LEASE_SECONDS": "10"}

    module = program.removesuffix(".py")

    async def reports(process: Serving) -> None:
        before = process.output.count("feeds: reported")
        await until(lambda: process.output.count("feeds: reported") > before, PATIENCE_SECONDS)

    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        async with started(module, log=log, variables=variables, folder=EXAMPLES) as process:
            await reports(process)
            await process.kill()
            assert await scheduler.has_task("report"), "a service that was killed lost its task"
        async with started(module, log=log, variables=variables, folder=EXAMPLES) as process:
            await reports(process)
            process.process.send_signal(signal.Signals[service["KillSignal"]])
            assert await process.ended() == 0, process.output
        assert await scheduler.queue_size() <= 1
        assert [task async for task in scheduler.tasks(state="leased")] == []
    # The drain, and the five seconds that a lifespan has, end before systemd kills.
    assert float(service["TimeoutStopSec"]) >= 20 + 5
    assert "drain_seconds=20" in (EXAMPLES / program).read_text()


def _probes() -> dict[str, Any]:
    deployment = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text())
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


async def test_probes_of_kubernetes(own_server: Callable[[], RedisServer], namespace: str, tmp_path: Path) -> None:
    """A Redis that is away makes the pod unready, and does not restart it; SIGTERM ends it in time."""
    redis, pod = own_server(), _probes()
    container = pod["containers"][0]
    program, *arguments = container["command"]
    at = {"0.0.0.0": "127.0.0.1", str(container["ports"][0]["containerPort"]): "PORT"}
    arguments = [at.get(each, each) for each in arguments]
    live, ready = (container[f"{name}Probe"]["httpGet"]["path"] for name in ("liveness", "readiness"))
    log, variables = tmp_path / "log", _variables(redis, namespace)
    async with serving(program, *arguments, log=log, variables=variables, folder=EXAMPLES) as server:

        async def answer(path: str) -> int:
            return (await server.http.get(path)).status_code

        async def is_ready() -> bool:
            return await answer(ready) == 200

        async def is_unready() -> bool:
            return await answer(ready) == 503

        assert (await answer(live), await answer(ready)) == (200, 200), server.output
        redis.kill()
        await until(is_unready, PATIENCE_SECONDS)
        assert await answer(live) == 200
        redis.start()
        await until(is_ready, PATIENCE_SECONDS)
        await server.terminate()
        assert "Traceback" not in server.output
    before = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > before + 10
    assert "drain_seconds=10" in (EXAMPLES / "fastapi_app.py").read_text()


async def test_an_execution_that_ended_unasked_is_told_by_both_probes(
    redis_server: RedisServer, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the process starts it again: a restart does, and so the probe of liveness has to fail."""
    for name, value in _variables(redis_server, namespace).items():
        monkeypatch.setenv(name, value)
    module = runpy.run_path(str(EXAMPLES / "fastapi_app.py"))

    async def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug")

    async with served(module["app"]) as client:
        assert [(await client.get(path)).status_code for path in ("/live", "/ready")] == [200, 200]
        monkeypatch.setattr(Poller, "run_once", broken)
        # It is woken, and meets the bug.
        await client.put("/users/ada/refresh", json={"every": 60})

        async def both_fail() -> bool:
            return [(await client.get(path)).status_code for path in ("/live", "/ready")] == [503, 503]

        await until(both_fail, PATIENCE_SECONDS)


async def test_litestar(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    command = at_a_free_port("uvicorn litestar_app:app")
    variables = _variables(redis_server, namespace)
    async with serving(*command, log=tmp_path / "log", variables=variables, folder=EXAMPLES) as server:
        put = await server.http.put("/users/ada/refresh", json={"every": 60})
        assert put.json() == {"user": "ada", "every": 60, "new": True}, server.output
        assert (await server.http.get("/users/ada/refresh")).json()["every"] == 60
        await until(lambda: "refreshing the feed of ada" in server.output, PATIENCE_SECONDS)
        assert (await server.http.delete("/users/ada/refresh")).status_code == 204
        assert (await server.http.get("/users/ada/refresh")).status_code == 404


async def test_django_under_asgi(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    command, variables = at_a_free_port(DJANGO_ASGI), _variables(redis_server, namespace)
    async with serving(*command, log=tmp_path / "log", variables=variables, folder=EXAMPLES) as server:
        assert (await server.http.get("/async/ada")).status_code == 404
        assert (await server.http.put("/async/ada?every=60")).status_code == 201, server.output
        assert (await server.http.put("/plain/ada?every=30")).status_code == 200
        assert (await server.http.put("/plain/bob?every=30")).status_code == 201
        assert (await server.http.get("/async/ada")).json() == {"user": "ada", "every": 30}
        await until(lambda: "refreshing the feed of bob" in server.output, PATIENCE_SECONDS)
        await server.kill()
    async with serving(*command, log=tmp_path / "log", variables=variables, folder=EXAMPLES) as server:
        assert (await server.http.get("/async/ada")).json() == {"user": "ada", "every": 30}
        await server.terminate()
        assert "Traceback" not in server.output


@pytest.mark.parametrize("threads", [1, 8])
async def test_django_under_wsgi(own_server: Callable[[], RedisServer], tmp_path: Path, threads: int) -> None:
    """Two processes that were forked from one which has imported the application, and threads in each of them."""
    redis, log = own_server(), tmp_path / "log"
    command = at_a_free_port(DJANGO_WSGI.replace("--threads 8", f"--threads {threads}"))
    variables = {"REDIS_URL": redis.url}
    users = [f"user-{n}" for n in range(30)]
    async with Scheduler.from_url(redis.url, namespace="feeds") as scheduler:
        async with serving(*command, log=log, variables=variables, folder=EXAMPLES) as server:
            puts = (server.http.put(f"/feeds/{user}?every=60") for user in users)
            assert {answer.status_code for answer in await asyncio.gather(*puts)} == {201}, server.output
            assert (await server.http.get("/feeds/user-0")).json() == {"user": "user-0", "every": 60}
            await server.kill()
        assert await scheduler.task_size() == 30, "what was answered is there"
        async with serving(*command, log=log, variables=variables, folder=EXAMPLES) as server:
            assert (await server.http.put("/feeds/user-0?every=30")).status_code == 200
            assert (await server.http.get("/feeds/nobody")).status_code == 404
            assert await server.terminate() == 0
            assert "Traceback" not in server.output
        # A task of a view is run by any worker of the namespace.
        ran: list[str] = []

        async def note(user: str) -> None:
            ran.append(user)

        await scheduler.start_task_execute(note)
        await until(lambda: {*users} <= {*ran}, PATIENCE_SECONDS)
