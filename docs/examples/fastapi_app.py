"""A feed refresher as a FastAPI service: each user's feed at its own interval.

Run it with `python docs/examples/fastapi_app.py`, then:

    curl -X PUT localhost:8000/users/ada/refresh -H 'content-type: application/json' -d '{"every": 5}'
    curl localhost:8000/users/ada

REDIS_URL: one URL a partition, separated by commas. Default: memory://, gone when the process ends.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from interval_scheduler import IntervalTask, InvalidType, InvalidValue, PartitionOffline, Scheduler, current_run


class Feeds:
    """Refreshes feeds, and remembers what this process did."""

    def __init__(self) -> None:
        self.refreshes: Counter[str] = Counter()
        self.last_lag: dict[str, float] = {}

    async def refresh(self, user: str) -> None:
        """The executor: gets what the task was given as its data. A real one would fetch the feed here."""
        self.refreshes[user] += 1
        self.last_lag[user] = current_run().lag


class Refresh(BaseModel):
    """The body of PUT: the interval in seconds."""

    every: float


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Connects and executes while the app serves; then runs in progress may end, and the rest is handed back."""
    urls = os.environ.get("REDIS_URL", "memory://").split(",")
    feeds = Feeds()
    async with Scheduler.from_url(*urls, namespace="feeds", drain_seconds=10) as scheduler:
        await scheduler.start_task_execute(feeds.refresh)
        yield {"scheduler": scheduler, "feeds": feeds}


def get_scheduler(request: Request) -> Scheduler:
    scheduler: Scheduler = request.state.scheduler
    return scheduler


def get_feeds(request: Request) -> Feeds:
    feeds: Feeds = request.state.feeds
    return feeds


TheScheduler = Annotated[Scheduler, Depends(get_scheduler)]
TheFeeds = Annotated[Feeds, Depends(get_feeds)]

app = FastAPI(title="Feed refresher", lifespan=lifespan)


@app.put("/users/{user}/refresh")
async def assign(user: str, body: Refresh, scheduler: TheScheduler, response: Response) -> dict[str, Any]:
    """Refresh a user's feed from now on, or change how often. 201 if new, 200 if changed."""
    task = IntervalTask(f"user:{user}", user, every=body.every)
    # "interval": a changed interval counts at once, not only after the next run.
    is_new = await scheduler.assign_task(task, reschedule="interval")
    response.status_code = 201 if is_new else 200
    return {"user": user, "every": body.every}


@app.get("/users/{user}/refresh")
async def inspect(user: str, scheduler: TheScheduler) -> dict[str, Any]:
    """The schedule of a user's feed."""
    task = await scheduler.get_task(f"user:{user}")
    if task is None:
        raise HTTPException(404, f"the feed of {user} is not refreshed")
    return {"user": user, "every": task.every, "next_run": task.next_run_at, "state": task.state}


@app.delete("/users/{user}/refresh", status_code=204)
async def remove(user: str, scheduler: TheScheduler) -> None:
    """Refresh a user's feed no more."""
    if not await scheduler.remove_task(f"user:{user}"):
        raise HTTPException(404, f"the feed of {user} is not refreshed")


@app.get("/users/{user}")
async def show(user: str, feeds: TheFeeds) -> dict[str, Any]:
    """What this process did for a user."""
    return {"user": user, "refreshes": feeds.refreshes[user], "last_lag": feeds.last_lag.get(user)}


@app.get("/health")
async def health(scheduler: TheScheduler) -> dict[str, Any]:
    """Whether tasks can be assigned and run; 503 while a partition is offline."""
    return {
        "online": scheduler.online,
        "task_size": await scheduler.task_size(),
        "queue_size": await scheduler.queue_size(),
    }


@app.exception_handler(InvalidValue)
@app.exception_handler(InvalidType)
async def bad_input(request: Request, error: Exception) -> JSONResponse:
    """The message names the field and what it must be: good enough for a client."""
    return JSONResponse({"detail": str(error)}, status_code=422)


@app.exception_handler(PartitionOffline)
async def offline(request: Request, error: Exception) -> JSONResponse:
    """The scheduler reconnects by itself, so the client need only try again."""
    return JSONResponse({"detail": "try again later"}, status_code=503, headers={"Retry-After": "1"})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
