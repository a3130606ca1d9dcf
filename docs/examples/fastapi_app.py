"""A feed refresher as a FastAPI service: each user's feed at its own interval.

Run it with `python docs/examples/fastapi_app.py`, then:

    curl -X PUT localhost:8000/users/ada/refresh -H 'content-type: application/json' -d '{"every": 5}'
    curl localhost:8000/users/ada

INTERVAL_SCHEDULER_REDIS: one URL a partition, with blanks between. Default: memory://, gone when the process ends.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from interval_scheduler import InvalidType, InvalidValue, PartitionOffline, TaskRun
from interval_scheduler.contrib.fastapi import SchedulerDep, lifespan
from interval_scheduler.worker import Worker

worker = Worker("memory://", namespace="feeds", drain_seconds=10)
refreshes: Counter[str] = Counter()  # what this process did
last_lag: dict[str, float] = {}


@worker.executor
async def refresh_feed(user: str, *, run: TaskRun) -> None:
    """Gets what the task was given as its payload. A real one would fetch the feed here."""
    refreshes[user] += 1
    last_lag[user] = run.lag


class Refresh(BaseModel):
    """The body of PUT: the interval in seconds."""

    every: float


# The worker connects and executes while the app serves; then runs in progress may end, and the rest is handed back.
app = FastAPI(title="Feed refresher", lifespan=lifespan(worker))


@app.put("/users/{user}/refresh")
async def assign(user: str, body: Refresh, scheduler: SchedulerDep, response: Response) -> dict[str, Any]:
    """Refresh a user's feed from now on, or change how often. 201 if new, 200 if changed."""
    task = refresh_feed.task(f"user:{user}", user, every=body.every)
    # "interval": a changed interval counts at once, not only after the next run.
    is_new = await scheduler.assign_task(task, reschedule="interval")
    response.status_code = 201 if is_new else 200
    return {"user": user, "every": body.every}


@app.get("/users/{user}/refresh")
async def inspect(user: str, scheduler: SchedulerDep) -> dict[str, Any]:
    """The schedule of a user's feed."""
    task = await scheduler.get_task(f"user:{user}")
    if task is None:
        raise HTTPException(404, f"the feed of {user} is not refreshed")
    return {"user": user, "every": task.every, "next_run": task.next_run_at, "state": task.state}


@app.delete("/users/{user}/refresh", status_code=204)
async def remove(user: str, scheduler: SchedulerDep) -> None:
    """Refresh a user's feed no more."""
    if not await scheduler.remove_task(f"user:{user}"):
        raise HTTPException(404, f"the feed of {user} is not refreshed")


@app.get("/users/{user}")
async def show(user: str) -> dict[str, Any]:
    """What this process did for a user."""
    return {"user": user, "refreshes": refreshes[user], "last_lag": last_lag.get(user)}


@app.get("/health")
async def health(scheduler: SchedulerDep) -> dict[str, Any]:
    """Whether tasks can be assigned and run; 503 while a partition is offline."""
    return {
        "online": scheduler.online,
        "task_size": await scheduler.task_size(),
        "queue_size": await scheduler.queue_size(),
    }


@app.get("/live")
async def live(scheduler: SchedulerDep, response: Response) -> dict[str, bool]:
    """Whether this process answers and executes. Redis plays no part: no restart of this process mends it."""
    response.status_code = 200 if scheduler.executing_tasks else 503
    return {"executing": scheduler.executing_tasks}


@app.get("/ready")
async def ready(scheduler: SchedulerDep, response: Response) -> dict[str, Any]:
    """Whether tasks can be assigned and run, and if not, why. It asks every partition, and raises nothing."""
    health = await scheduler.check_health()
    response.status_code = 200 if health.ok else 503
    return {"ready": health.ok, "partitions": {each.name: each.problem for each in health.partitions}}


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
