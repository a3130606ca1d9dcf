"""A feed refresher as an aiohttp service: each user's feed at its own interval.

Run it with `python docs/examples/aiohttp_app.py`, then:

    curl -X PUT localhost:8080/users/ada/refresh -d '{"every": 5}'
    curl localhost:8080/users/ada

INTERVAL_SCHEDULER_REDIS: one URL a partition, with blanks between. Default: memory://, gone when the process ends.
"""

from __future__ import annotations

import json
import os
from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler

from interval_scheduler import InvalidType, InvalidValue, PartitionOffline, TaskRun
from interval_scheduler.contrib.aiohttp import SCHEDULER, cleanup_context
from interval_scheduler.worker import Worker

worker = Worker("memory://", namespace="feeds", drain_seconds=10)
routes = web.RouteTableDef()
refreshes: Counter[str] = Counter()  # what this process did
last_lag: dict[str, float] = {}


@worker.executor
async def refresh_feed(user: str, *, run: TaskRun) -> None:
    """Gets what the task was given as its payload. A real one would fetch the feed here."""
    refreshes[user] += 1
    last_lag[user] = run.lag


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors of the library as HTTP statuses."""
    try:
        return await handler(request)
    except (InvalidValue, InvalidType) as error:
        # The message names the field and what it must be: good enough for a client.
        return problem(422, str(error))
    except PartitionOffline:
        # The scheduler reconnects by itself, so the client need only try again.
        return problem(503, "try again later", {"Retry-After": "1"})


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"detail": detail}, status=status, headers=headers)


@routes.put("/users/{user}/refresh")
async def assign(request: web.Request) -> web.Response:
    """Refresh a user's feed from now on, or change how often. 201 if new, 200 if changed."""
    user = request.match_info["user"]
    try:
        every = (await request.json())["every"]
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError):
        return problem(422, 'the body must be JSON: {"every": seconds}')
    if every is None:
        return problem(422, "every must be a number of seconds")  # to the library, None would mean: run once
    # "interval": a changed interval counts at once, not only after the next run.
    task = refresh_feed.task(f"user:{user}", user, every=every)
    is_new = await request.app[SCHEDULER].assign_task(task, reschedule="interval")
    return web.json_response({"user": user, "every": every}, status=201 if is_new else 200)


@routes.get("/users/{user}/refresh")
async def inspect(request: web.Request) -> web.Response:
    """The schedule of a user's feed."""
    user = request.match_info["user"]
    task = await request.app[SCHEDULER].get_task(f"user:{user}")
    if task is None:
        return problem(404, f"the feed of {user} is not refreshed")
    next_run = task.next_run_at.isoformat()
    return web.json_response({"user": user, "every": task.every, "next_run": next_run, "state": task.state})


@routes.delete("/users/{user}/refresh")
async def remove(request: web.Request) -> web.Response:
    """Refresh a user's feed no more."""
    user = request.match_info["user"]
    if not await request.app[SCHEDULER].remove_task(f"user:{user}"):
        return problem(404, f"the feed of {user} is not refreshed")
    return web.Response(status=204)


@routes.get("/users/{user}")
async def show(request: web.Request) -> web.Response:
    """What this process did for a user."""
    user = request.match_info["user"]
    return web.json_response({"user": user, "refreshes": refreshes[user], "last_lag": last_lag.get(user)})


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """Whether tasks can be assigned and run; 503 while a partition is offline."""
    scheduler = request.app[SCHEDULER]
    return web.json_response(
        {
            "online": scheduler.online,
            "task_size": await scheduler.task_size(),
            "queue_size": await scheduler.queue_size(),
        }
    )


def create_app() -> web.Application:
    app = web.Application(middlewares=[errors])
    app.add_routes(routes)
    # The worker connects and executes while the app serves; then runs in progress may end, and the rest is handed back.
    app.cleanup_ctx.append(cleanup_context(worker))
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
