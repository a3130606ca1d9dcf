"""Django under ASGI, in one file: views await the scheduler, and a worker runs beside them.

Run it with `uvicorn django_asgi:application` in this folder, then:

    curl -X PUT 'localhost:8000/async/ada?every=5'
    curl localhost:8000/async/ada

INTERVAL_SCHEDULER_REDIS: one URL a partition, with blanks between. Default: memory://, gone when the process ends.
"""

from __future__ import annotations

import os

import django
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, JsonResponse
from django.urls import path

from interval_scheduler.contrib.asgi import scheduler_of, with_scheduler
from interval_scheduler.worker import Worker

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for this example"),
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
)
django.setup()

worker = Worker("memory://", namespace="feeds", drain_seconds=10)


@worker.executor
async def refresh_feed(user: str) -> None:
    """Gets what the task was given as its payload. The ORM is awaited here: `await User.objects.aget(name=user)`."""
    print("refreshing the feed of", user)


async def feed(request: ASGIRequest, user: str) -> HttpResponse:
    """A view that is a coroutine function awaits the scheduler."""
    if request.method == "PUT":
        is_new = await refresh_feed.assign(f"user:{user}", user, every=float(request.GET["every"]))
        return JsonResponse({"user": user}, status=201 if is_new else 200)
    task = await scheduler_of(request.scope).get_task(f"user:{user}")
    return JsonResponse({"user": user, "every": task and task.every}, status=200 if task else 404)


def feed_in_a_thread(request: ASGIRequest, user: str) -> HttpResponse:
    """A plain view runs in a thread; `async_to_sync` carries the call out in the event loop that serves."""
    every = float(request.GET["every"])
    is_new = async_to_sync(refresh_feed.assign)(f"user:{user}", user, every=every)
    return JsonResponse({"user": user}, status=201 if is_new else 200)


urlpatterns = [path("async/<user>", feed), path("plain/<user>", feed_in_a_thread)]
# Django has no lifespan: this one connects and executes while the app serves.
application = with_scheduler(get_asgi_application(), worker)
