"""The rules of a task by their names, so that type checkers and editors know them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypedDict

_Seconds = float | timedelta
_Moment = float | datetime


class TaskRules(TypedDict, total=False):
    """The arguments of `IntervalTask` beside the id and the payload."""

    every: _Seconds | None
    start: _Moment | timedelta | None
    repeat: Literal["rate", "delay"]
    missed: Literal["once", "skip", "all"]
    spread: bool
    until: _Moment | None
    max_runs: int | None
    cron: str | None
    timezone: str
    timeout: _Seconds | None
    retries: int
    backoff: _Seconds
    group: str | None
    late: Literal["run", "skip"]
    start_deadline: _Seconds | None
    overlap: Literal["skip", "once"]
    jitter: _Seconds | None
    history: int


class TaskChanges(TaskRules, total=False):
    """The arguments of `update_task` beside the id and the payload."""

    reschedule: Literal["keep", "interval", "start"]
