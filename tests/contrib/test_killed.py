"""Services that are killed and started again lose nothing: each task that was assigned stands in the ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interval_scheduler import Scheduler
from tests.contrib.serving import PATIENCE_SECONDS, Serving, at_a_free_port, ledger_of, ledger_variables, serving
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

SERVICES = {
    "fastapi": at_a_free_port("uvicorn tests.contrib.apps.with_fastapi:app"),
    "litestar": at_a_free_port("uvicorn tests.contrib.apps.with_litestar:app"),
    "asgi": at_a_free_port("uvicorn tests.contrib.apps.plain_asgi:app"),
    "aiohttp": ("tests.contrib.apps.with_aiohttp", "PORT"),
}
NAMES = {f"task-{n}" for n in range(40)}


async def _assign(server: Serving) -> None:
    answers = await asyncio.gather(*(server.http.put(f"/tasks/{name}") for name in NAMES))
    assert {answer.status_code for answer in answers} == {200}, server.output


@pytest.mark.parametrize("service", [*SERVICES])
async def test_a_killed_service_loses_nothing(
    service: str, redis_server: RedisServer, namespace: str, tmp_path: Path
) -> None:
    ledger, log = tmp_path / "ledger", tmp_path / "log"
    variables = ledger_variables(redis_server.url, namespace, ledger)
    async with Scheduler.from_url(redis_server.url, namespace=namespace) as scheduler:
        hanging = {**variables, "HANGS_AFTER": "4"}
        async with serving(*SERVICES[service], log=log, variables=hanging) as server:
            await _assign(server)
            await until(lambda: len(ledger_of(ledger)) == 4, PATIENCE_SECONDS)

            async def some_are_in_progress() -> bool:
                return bool([task async for task in scheduler.tasks(state="leased")])

            await until(some_are_in_progress, PATIENCE_SECONDS)
            await server.kill()
        async with serving(*SERVICES[service], log=log, variables=variables) as server:
            await until(lambda: {name for _, name in ledger_of(ledger)} == NAMES, PATIENCE_SECONDS)

            async def is_done() -> bool:
                return await scheduler.task_size() == 0

            await until(is_done, PATIENCE_SECONDS)
            await server.terminate()
            assert "Traceback" not in server.output
