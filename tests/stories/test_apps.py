"""The example services, started as a user starts them, on a real Redis, driven over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
import pytest_asyncio

from interval_scheduler import Scheduler
from tests.servers import RedisServer, free_port
from tests.stories.programs import EXAMPLES, ROOT, command, environment
from tests.waiting import until

pytestmark = pytest.mark.asyncio

APPS = ["fastapi_app", "aiohttp_app"]
#: The patience with a machine that has much else to do.
DEADLINE_SECONDS = 60


class Service:
    """One of the apps, running in a process of its own."""

    def __init__(self, app: str, log: IO[str], *urls: str) -> None:
        self._urls = urls
        port = free_port()
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS)
        self.log = log
        self.process = subprocess.Popen(
            command(EXAMPLES / f"{app}.py"),
            cwd=ROOT,
            env=environment(INTERVAL_SCHEDULER_REDIS=" ".join(urls), PORT=str(port)),
            stdout=self.log,
            stderr=self.log,
        )

    async def serves(self) -> bool:
        """Whether it answers; fails if it ended."""
        assert self.process.poll() is None, self.output()
        try:
            return (await self.http.get("/health")).status_code == 200
        except httpx.TransportError:  # it does not serve yet
            return False

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read()

    async def refreshes(self, user: str) -> int:
        """How many refreshes of a user's feed the service tells of."""
        answer = await self.http.get(f"/users/{user}")
        assert answer.status_code == 200
        count: int = answer.json()["refreshes"]
        return count

    async def refreshed(self, user: str, times: int) -> None:
        """Wait until a user's feed was refreshed so often."""

        async def enough() -> bool:
            return await self.refreshes(user) >= times

        await until(enough, DEADLINE_SECONDS)

    async def put(self, user: str, every: Any) -> httpx.Response:
        return await self.http.put(f"/users/{user}/refresh", json={"every": every})

    async def terminate(self) -> int:
        """As an orchestrator does; the exit code."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, DEADLINE_SECONDS)

    def scheduler(self) -> Scheduler:
        """A scheduler of another process on the same tasks."""
        return Scheduler.from_url(*self._urls, namespace="feeds")


@pytest.fixture
def server(own_server: Callable[[], RedisServer]) -> RedisServer:
    return own_server()


@pytest_asyncio.fixture
async def start(server: RedisServer, tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[Service]]]:
    """Starts services on two partitions, and waits until they serve."""
    started: list[Service] = []
    logs = contextlib.ExitStack()
    partitions = (server.url, server.url.removesuffix("/0") + "/1")

    async def start(app: str) -> Service:
        log = logs.enter_context((tmp_path / f"{app}.log").open("w+"))
        service = Service(app, log, *partitions)
        started.append(service)
        await until(service.serves, DEADLINE_SECONDS)
        return service

    yield start
    for service in started:
        service.process.kill()
        service.process.wait(DEADLINE_SECONDS)
        await service.http.aclose()
    logs.close()


@pytest_asyncio.fixture(params=APPS)
async def service(request: pytest.FixtureRequest, start: Callable[[str], Awaitable[Service]]) -> Service:
    return await start(request.param)


async def test_assign_inspect_run_update_remove(service: Service) -> None:
    assert (await service.http.get("/users/ada/refresh")).status_code == 404

    assert (await service.put("ada", 0.1)).status_code == 201
    inspected = await service.http.get("/users/ada/refresh")
    assert inspected.status_code == 200
    assert inspected.json().items() >= {"user": "ada", "every": 0.1}.items()
    await service.refreshed("ada", 3)
    shown = (await service.http.get("/users/ada")).json()
    assert 0 <= shown["last_lag"] < DEADLINE_SECONDS

    assert (await service.put("ada", 3600)).status_code == 200
    assert (await service.http.get("/users/ada/refresh")).json()["every"] == 3600

    assert (await service.http.delete("/users/ada/refresh")).status_code == 204
    assert (await service.http.get("/users/ada/refresh")).status_code == 404
    assert (await service.http.delete("/users/ada/refresh")).status_code == 404


async def test_a_shorter_interval_counts_at_once(service: Service) -> None:
    await service.put("ada", 3600)
    await service.refreshed("ada", 1)

    async def its_next_run_is_planned() -> bool:
        # Until then a new interval would count in any case.
        return bool((await service.http.get("/users/ada/refresh")).json()["state"] == "waiting")

    await until(its_next_run_is_planned, DEADLINE_SECONDS)
    await service.put("ada", 0.1)
    await service.refreshed("ada", 3)


async def test_a_removed_feed_is_not_refreshed(service: Service) -> None:
    for user in ("ada", "grace"):
        await service.put(user, 0.05)
    await service.refreshed("ada", 2)
    await service.http.delete("/users/ada/refresh")
    of_ada = await service.refreshes("ada")
    # Ten intervals, told by another feed.
    await service.refreshed("grace", await service.refreshes("grace") + 10)
    assert await service.refreshes("ada") == of_ada


async def test_a_feed_is_seen_by_every_process(start: Callable[[str], Awaitable[Service]]) -> None:
    one, other = [await start(app) for app in APPS]
    await one.put("ada", 3600)
    assert (await other.http.get("/users/ada/refresh")).json()["every"] == 3600
    assert (await other.put("ada", 1800)).status_code == 200
    assert (await one.http.get("/users/ada/refresh")).json()["every"] == 1800


BAD_BODIES = [
    *(f'{{"every": {every}}}' for every in ("0", "-1", "1e-9", "1e12", "NaN", "1e400", '"soon"', "null", "[]")),
    *("{}", "[]", "5", "every 5", ""),
]


async def test_bad_input_changes_nothing(service: Service) -> None:
    for user, body in [*(("ada", body) for body in BAD_BODIES), ("a" * 600, '{"every": 5}')]:
        answer = await service.http.put(
            f"/users/{user}/refresh", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, (user, body, answer.text)
        assert answer.json()["detail"]
    assert (await service.http.get("/health")).json()["task_size"] == 0
    # The message of the library says what to do.
    assert (await service.put("ada", 0)).json() == {"detail": "every must be above 0 seconds, got 0.0"}


async def test_health(service: Service) -> None:
    for user in ("ada", "grace", "edsger"):
        await service.put(user, 3600)

    async def all_ran() -> bool:
        health = await service.http.get("/health")
        assert health.status_code == 200
        return bool(health.json() == {"online": True, "task_size": 3, "queue_size": 0})

    await until(all_ran, DEADLINE_SECONDS)


async def test_redis_goes_away_and_comes_back(start: Callable[[str], Awaitable[Service]], server: RedisServer) -> None:
    """Both services at once, since a connection that is lost half-way takes its time-out to be given up."""
    services = [await start(app) for app in APPS]

    async def unavailable(service: Service) -> None:
        async def answers_so() -> bool:
            return (await service.http.get("/health")).status_code == 503

        await until(answers_so, DEADLINE_SECONDS)
        for answer in (await service.put("ada", 60), await service.http.get("/users/ada/refresh")):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json() == {"detail": "try again later"}

    async def available_again(service: Service) -> None:
        await until(service.serves, DEADLINE_SECONDS)

        async def assigned() -> bool:
            # Its partition may come back after the one that the other requests need.
            return (await service.put("ada", 0.1)).is_success

        async def refreshed_again() -> bool:
            # By either of the two; that of the other one is not told here.
            return sum([await service.refreshes("ada") for service in services]) >= 3

        await until(assigned, DEADLINE_SECONDS)
        await until(refreshed_again, DEADLINE_SECONDS)

    server.kill()
    await asyncio.gather(*map(unavailable, services))
    server.start()
    await asyncio.gather(*map(available_again, services))


async def test_it_stops_in_order(service: Service) -> None:
    # So busy that at each moment some of them are claimed.
    answers = await asyncio.gather(*(service.put(f"user-{n}", 0.02) for n in range(100)))
    assert {answer.status_code for answer in answers} == {201}
    await service.refreshed("user-99", 3)
    exit_code = await service.terminate()
    # uvicorn ends by the signal that it was sent.
    assert exit_code in (0, -signal.SIGTERM), service.output()
    assert "Traceback" not in service.output()
    async with service.scheduler() as scheduler:
        assert [task.id async for task in scheduler.tasks(state="leased")] == []
        assert await scheduler.task_size() == 100
