"""A WSGI application whose BlockingScheduler was connected when the file was imported, before the process forks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from interval_scheduler import BlockingScheduler, WouldDeadlock

scheduler = BlockingScheduler.from_url(os.environ["INTERVAL_SCHEDULER_REDIS"], namespace=os.environ["NAMESPACE"])
scheduler.start_task_accept()


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    try:
        answer = str(scheduler.task_size())
    except WouldDeadlock as error:
        answer = str(error)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
