"""The page that counts tasks, as its readers look at it."""

from __future__ import annotations

import time
from typing import Any, Final

import httpx

from interval_scheduler import IntervalTask, Scheduler
from tests.waiting import until

LATER: Final = time.time() + 86_400
#: The tasks of `admin_of_many`, of which a hundred are found, by several steps.
TASKS: Final = 4000
SOME: Final = {"change": "pause", "prefix": "feed:00"}
#: What the machine may take for anything at all, beside other suites, in seconds.
PATIENCE: Final = 60


async def assign(scheduler: Scheduler, number: int) -> None:
    """Assign so many tasks."""
    await scheduler.assign_tasks(IntervalTask(f"feed:{n:04}", every=60, start=LATER + n) for n in range(number))


async def look(reader: httpx.AsyncClient, **query: str) -> Any:
    """Look once at how far a count is; without a query, at that of `SOME`."""
    answer = await reader.get("/bulk.json", params=query or SOME)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until_done(reader: httpx.AsyncClient, **query: str) -> Any:
    """Look until a count is done, and return what it tells then."""
    view: Any = None

    async def is_done() -> bool:
        nonlocal view
        view = await look(reader, **query)
        return view["is_done"] is True

    await until(is_done, PATIENCE)
    return view


async def until_looked(reader: httpx.AsyncClient) -> Any:
    """Look until some tasks were looked at, and return what the count tells then."""
    view: Any = None

    async def is_so() -> bool:
        nonlocal view
        view = await look(reader)
        return bool(view["looked"])

    await until(is_so, PATIENCE)
    return view


def asks(page: httpx.Response) -> bool:
    """Whether a page has a form that changes tasks."""
    return "/do/change-tasks" in page.text
