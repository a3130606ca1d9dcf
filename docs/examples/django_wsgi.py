"""Django under WSGI, in one file: plain views call a BlockingScheduler. The tasks are executed by a worker elsewhere.

Run it with `gunicorn --preload --workers 2 django_wsgi:application` in this folder, then:

    curl -X PUT 'localhost:8000/feeds/ada?every=5'
    curl localhost:8000/feeds/ada

REDIS_URL: the URL of Redis. Default: that of this machine.
"""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from interval_scheduler import BlockingScheduler, IntervalTask

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for this example"),
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
)
django.setup()

# Made when the file is imported, connected by the first call of each process: its thread does not come along in a fork.
_scheduler = BlockingScheduler.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379/0"), namespace="feeds")


def scheduler() -> BlockingScheduler:
    """The scheduler of this process, connected. Any number of threads may ask for it."""
    _scheduler.start_task_accept()  # it does nothing if that was done
    return _scheduler


def feed(request: HttpRequest, user: str) -> HttpResponse:
    if request.method == "PUT":
        task = IntervalTask(f"user:{user}", user, every=float(request.GET["every"]))
        return JsonResponse({"user": user}, status=201 if scheduler().assign_task(task) else 200)
    found = scheduler().get_task(f"user:{user}")
    return JsonResponse({"user": user, "every": found and found.every}, status=200 if found else 404)


urlpatterns = [path("feeds/<user>", feed)]
application = get_wsgi_application()
