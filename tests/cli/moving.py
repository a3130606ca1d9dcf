"""What the tests of moving in look at: what a command told, and the tasks that are there then."""

from __future__ import annotations

import json
from typing import Any

from interval_scheduler import BlockingScheduler, ScheduledTask
from tests.cli.conftest import Result
from tests.servers import RedisServer


def told(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a command with `--json` told: for each id why it is left out or differs, and the counts."""
    *rows, counts = map(json.loads, result.out.splitlines())
    return {row["id"]: row for row in rows}, counts


def tasks_of(server: RedisServer, namespace: str) -> dict[str, ScheduledTask]:
    with BlockingScheduler.from_url(server.url, namespace=namespace) as scheduler:
        return {task.id: task for task in scheduler.tasks()}
