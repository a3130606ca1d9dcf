"""The answers of a worker process to its supervisor, which asks how it is."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from ... import Health, SchedulerError
from ...worker.started import Started
from .metrics import FIELDS

#: The longest time for figures; the check of the health has the time-outs of the scheduler.
_LONGEST_SECONDS: Final = 5.0
_log = logging.getLogger("interval_scheduler.run")


class Answers:
    """Answers each question once at a time.

    Args:
        worker: the worker.
        tell: sends an answer.
    """

    def __init__(self, worker: Started, tell: Callable[[dict[str, Any]], None]) -> None:
        self._worker = worker
        self._tell = tell
        self._asked: dict[str, asyncio.Task[None]] = {}

    def ask(self, question: str) -> None:
        """Answer `health` or `figures`, in the background."""
        if question not in self._asked:
            task = asyncio.get_running_loop().create_task(self._answer(question))
            self._asked[question] = task
            task.add_done_callback(lambda _: self._asked.pop(question))

    async def _answer(self, question: str) -> None:
        answer: dict[str, Any] | None = None
        try:
            answer = await (_health(self._worker) if question == "health" else _figures(self._worker))
        except Exception:  # noqa: BLE001 - a bug here is told, and the supervisor gets an answer all the same
            _log.exception("a question of the supervisor cannot be answered: %s", question)
        self._tell({"answer": question, "value": answer})


def problems_of(health: Health) -> list[str]:
    """Return what is wrong, in sentences; each problem of a queue has its name in front."""
    found = [] if health.connected else ["it is not connected"]
    found += [health.stopped] if health.stopped else []
    for partition in health.partitions:
        found += [f"partition {partition.name!r}: {partition.problem}"] if partition.problem else []
        found += [each.message for each in partition.findings if each.severity == "error"]
    for name, queue in health.queues.items():
        found += [f"queue {name!r}: {each}" for each in problems_of(queue)]
    return found


async def _health(worker: Started) -> dict[str, Any]:
    health = await worker.scheduler.check_health()
    return {"ok": health.ok, "problems": problems_of(health)}


async def _figures(worker: Started) -> dict[str, Any]:
    """Return the state of each queue by partitions, and the counts of this process, if they come in time."""
    figures: dict[str, Any] = {"queues": {}, "runs": None}
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            for name, scheduler in worker.executing.items():
                overview = await scheduler.overview()
                figures["queues"][name] = [{key: getattr(each, key) for key in FIELDS} for each in overview.partitions]
            figures["runs"] = await _runs(worker)
    except (SchedulerError, TimeoutError):
        pass  # what could not be had is missing: /ready tells the reason
    return figures


async def _runs(worker: Started) -> dict[str, int] | None:
    """Return the counts of this process from its card; `None` if it has none (yet)."""
    host, pid = socket.gethostname(), os.getpid()
    own = [card for card in await worker.scheduler.schedulers() if card.pid == pid and card.host == host]
    if not own:
        return None
    return {name: sum(getattr(card, name) for card in own) for name in ("runs", "failures", "running", "places")}
