"""The log of actions: who steered what, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ... import Action
from ...cli.output.words import moment_of
from ..look import Look
from ..page import Page, View
from .setbacks import read_page

#: What was done, by the name of the call; of what is noted before it is done, what was asked for.
_WORDS: Final[Mapping[str, str]] = {
    "pause": "paused all",
    "resume": "resumed all",
    "pause_task": "paused a task",
    "resume_task": "resumed a task",
    "pause_tasks": "paused by prefix",
    "resume_tasks": "resumed by prefix",
    "run_task_now": "ran a task now",
    "revive_task": "revived a dead task",
    "cancel_run": "cancelled a run",
    "update_task": "changed a task",
    "set_rate": "set the rate",
    "set_group_concurrency": "set the bound of a group",
    "clear_tasks": "removed by prefix",
    "clear_all_tasks": "removed all tasks",
    "clear_dead_tasks": "forgot the dead tasks",
    "assign_task": "asked to assign a task",
    "remove_task": "asked to remove a task",
    "acknowledge_data_loss": "acknowledged a loss of data",
    "audit": "repaired what an audit found",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log.

    Attributes:
        at: the moment of its first step, in UTC.
        until: the moment of its last step, in UTC.
        who: who asked for it.
        kind: the name of the call.
        what: the same in words.
        task_id: the id of the task, if it concerned one.
        prefix: the prefix of the ids, of a call that takes one.
        count: the number of tasks that it steered.
        details: the reason, or what was changed.
        partition: the name of the partition.
    """

    at: datetime | None
    until: datetime | None
    who: str
    kind: str
    what: str
    task_id: str | None
    prefix: str | None
    count: int
    details: str | None
    partition: str


async def _read(look: Look) -> View:
    page = await read_page(look.scheduler.actions, look)
    return {
        "entries": tuple(map(_entry, page.actions)),
        "is_first": not look.query.get("after"),
        "after": page.after,
        "offline": page.offline,
    }


def _entry(action: Action) -> Entry:
    return Entry(
        moment_of(action.at),
        moment_of(action.until),
        action.who,
        action.kind,
        _WORDS.get(action.kind, action.kind),
        action.task_id,
        action.prefix,
        action.count,
        action.details,
        action.partition,
    )


PAGE = Page("actions", "Actions", _read, asks=("after",))
