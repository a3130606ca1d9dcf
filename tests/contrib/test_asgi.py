"""Applications without a lifespan get one, by the protocol of ASGI and under a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interval_scheduler import IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.contrib.asgi import scheduler_of, with_scheduler
from tests.contrib.serving import served
from tests.servers import RedisServer, free_port

pytestmark = pytest.mark.asyncio


async def _assign(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "the application has no lifespan"
    is_new = await scheduler_of(scope).assign_task(IntervalTask("a", every=60))
    await send({"type": "http.response.start", "status": 201 if is_new else 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_requests_have_a_connected_scheduler(redis_server: RedisServer, namespace: str) -> None:
    scheduler = Scheduler.from_url(redis_server.url, namespace=namespace)
    app = with_scheduler(_assign, scheduler)
    for status in (201, 200):
        async with served(app) as client:
            assert (await client.put("/")).status_code == status
        assert not scheduler.online


async def _live(app: Any, *messages: str) -> tuple[list[dict[str, Any]], BaseException | None]:
    """What an application sends in its lifespan, and what it raises."""
    left, sent = [{"type": f"lifespan.{each}"} for each in messages], list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        await app({"type": "lifespan"}, receive, send)
    except Exception as error:  # noqa: BLE001 - whichever it is, the test looks at it
        return sent, error
    return sent, None


async def test_a_lifespan_in_order() -> None:
    app = with_scheduler(_assign, Scheduler.from_url("memory://"))
    sent, error = await _live(app, "startup", "shutdown")
    assert [each["type"] for each in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert error is None


async def test_a_start_that_fails_is_told_without_the_password() -> None:
    app = with_scheduler(_assign, Scheduler.from_url(f"redis://:secret@127.0.0.1:{free_port()}/0"))
    async with asyncio.timeout(60):
        sent, error = await _live(app, "startup")
    assert isinstance(error, PartitionOffline)
    assert [each["type"] for each in sent] == ["lifespan.startup.failed"]
    assert sent[0]["message"].startswith("PartitionOffline: ")
    assert "secret" not in sent[0]["message"]


async def test_what_the_server_keeps_in_the_state_stays() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    state = {"pool": 5}
    await with_scheduler(app, Scheduler.from_url("memory://"))({"type": "http", "state": state}, None, None)
    assert seen == [{"type": "http", "state": {"pool": 5}}]
    assert state == {"pool": 5}
