"""One task: its state, its times, its payload, its last runs, and who runs it now."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ... import DeadTask, InvalidType, InvalidValue, ScheduledTask, SchedulerError, next_runs
from ...cli.output.words import moment_of
from .. import queries
from ..look import Look
from ..page import NotThere, Page, View
from ..pausing import whole_pause
from ..payloads import allowed, shown
from ..rows import rows_of
from ..visible import escaped

#: So many runs to come are shown.
COMING: Final = 10
_LOG: Final = logging.getLogger("interval_scheduler.dashboard")


async def _read(look: Look) -> View:
    task_id = queries.text_of(look.query, "id")
    task = await look.scheduler.get_task(task_id)
    if task is not None:
        return await _scheduled(look, task)
    dead = await look.scheduler.get_dead_task(task_id)
    if dead is None:
        raise NotThere(f"There is no task with the id {escaped(task_id)}. It may be done, or removed.")
    return await _dead(look, dead)


def coming_view(runs: list[datetime], zone: str) -> list[dict[str, Any]]:
    """Return runs to come, each in the time zone of the task too; `None` there if that is UTC, or not known here."""
    own = None
    if zone != "UTC":
        try:
            own = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            own = None  # the page shows UTC alone then
    return [{"at": run, "there": own and f"{run.astimezone(own):%a %Y-%m-%d %H:%M:%S %Z}"} for run in runs]


async def _scheduled(look: Look, task: ScheduledTask) -> View:
    coming, problem = list[datetime](), None
    try:
        coming = next_runs(task, COMING, look.now)
    except (InvalidValue, InvalidType) as error:  # its expression or its zone cannot be read here
        problem = str(error)
    return {
        **rows_of([task])[0],
        "planned": moment_of(task.planned),
        "whole_pause": await whole_pause(look),
        "paused": task.paused
        and {"at": moment_of(task.paused.at), "who": task.paused.who, "reason": task.paused.reason},
        "repeat": task.repeat,
        "timezone": task.timezone,
        "failed_at": moment_of(task.failed_at),
        "died_at": None,
        "payload": shown(allowed(look.redact, task.id, task.data)),
        "coming": coming_view(coming, task.timezone),
        "coming_problem": problem,
        "keeps_history": task.rules.history,
        "history": await _history(look, task.id) if task.rules.history else (),
        "running": await _running(look, task.id) if task.state == "leased" else (),
    }


async def _dead(look: Look, task: DeadTask) -> View:
    return {
        "id": task.id,
        "state": "dead",
        "last_error": task.error,
        "attempt": task.attempts,
        "died_at": moment_of(task.died_at),
        "partition": task.partition,
        "payload": shown(allowed(look.redact, task.id, task.data)),
        "history": await _history(look, task.id),
    }


async def _history(look: Look, task_id: str) -> tuple[Any, ...] | None:
    """Read the last runs; `None` if they cannot be read: the rest of the page is shown."""
    try:
        return await look.scheduler.run_history(task_id)
    except (InvalidValue, InvalidType):
        return ()  # the id of a dead task whose bytes are no text
    except SchedulerError:
        _LOG.warning("The last runs of %s cannot be read", ascii(task_id), exc_info=True)
        return None


async def _running(look: Look, task_id: str) -> list[dict[str, Any]] | None:
    """Tell which schedulers have the task among their longest runs; `None` if they cannot be asked."""
    try:
        cards = await look.scheduler.schedulers()
    except SchedulerError:
        _LOG.warning("The schedulers cannot be read", exc_info=True)
        return None
    return [
        {"scheduler": card.id, "host": card.host, "pid": card.pid, "since": moment_of(run.since)}
        for card in cards
        for run in card.longest
        if run.id == task_id and run.queue == look.queue
    ]


PAGE = Page("task", "Task", _read, in_navigation=False, asks=("id",))
