"""A feed refresher as a Litestar service: each user's feed at its own interval.

Run it with `python docs/examples/litestar_app.py`, then:

    curl -X PUT localhost:8000/users/ada/refresh -H 'content-type: application/json' -d '{"every": 5}'
    curl localhost:8000/users/ada/refresh

INTERVAL_SCHEDULER_REDIS: one URL a partition, with blanks between. Default: memory://, gone when the process ends.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import uvicorn
from litestar import Litestar, delete, get, put
from litestar.datastructures import State
from litestar.exceptions import NotFoundException

from interval_scheduler.contrib.litestar import lifespan, scheduler_of
from interval_scheduler.worker import Worker

worker = Worker("memory://", namespace="feeds", drain_seconds=10)


@worker.executor
async def refresh_feed(user: str) -> None:
    """Gets what the task was given as its payload. A real one would fetch the feed here."""
    print("refreshing the feed of", user)


@dataclass
class Refresh:
    """The body of PUT: the interval in seconds."""

    every: float


@put("/users/{user:str}/refresh")
async def assign(user: str, data: Refresh) -> dict[str, Any]:
    """Refresh a user's feed from now on, or change how often."""
    is_new = await refresh_feed.assign(f"user:{user}", user, every=data.every)
    return {"user": user, "every": data.every, "new": is_new}


@get("/users/{user:str}/refresh")
async def inspect(user: str, state: State) -> dict[str, Any]:
    """The schedule of a user's feed."""
    task = await scheduler_of(state).get_task(f"user:{user}")
    if task is None:
        raise NotFoundException(f"the feed of {user} is not refreshed")
    return {"user": user, "every": task.every, "next_run": task.next_run_at.isoformat()}


@delete("/users/{user:str}/refresh")
async def remove(user: str) -> None:
    """Refresh a user's feed no more."""
    if not await refresh_feed.remove(f"user:{user}"):
        raise NotFoundException(f"the feed of {user} is not refreshed")


app = Litestar([assign, inspect, remove], lifespan=[lifespan(worker)])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
