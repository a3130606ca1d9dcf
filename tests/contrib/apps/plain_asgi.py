"""An ASGI application without a framework and without a lifespan."""

from __future__ import annotations

from typing import Any

from interval_scheduler.contrib.asgi import scheduler_of, with_scheduler
from tests.contrib.apps.ledger import work, worker


async def _assign(scope: Any, receive: Any, send: Any) -> None:
    if scope["method"] == "PUT":
        name = scope["path"].rpartition("/")[2]
        await scheduler_of(scope).assign_task(work.task(name, name))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"true"})


app = with_scheduler(_assign, worker)
