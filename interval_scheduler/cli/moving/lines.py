"""Writes tasks as the lines of a backup, which `Scheduler.restore` takes: so a task comes in with its pause at once.

Pure functions. docs/backup.md has the format.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

from ... import IntervalTask, next_runs
from .found import CannotCarry, Carried

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MS: Final = timedelta(milliseconds=1)
#: The rules that a peer's schedule may ask for, by their names in a line; spans and moments are ms.
_PLAIN: Final = ("missed", "max_runs", "cron", "timezone", "retries")
_SPANS: Final = ("timeout", "start_deadline", "jitter", "until")
#: The shortest time between two moments, in seconds: an occurrence at this very moment is no next one.
_MOMENT: Final = 0.001
#: What is left out of a line.
_DEFAULTS: Final = {"missed": "once", "timezone": "UTC", "retries": 0}


async def written(tasks: AsyncIterable[Carried], now: float, peer: str) -> AsyncIterator[bytes]:
    """Yield the lines of a whole backup.

    Args:
        tasks: the tasks; each has a next run, see `next_run_of`.
        now: the present moment, epoch seconds.
        peer: the name of the peer, for the reason of a pause.
    """
    yield _line({"format": "interval-scheduler", "version": 1})
    count = 0
    async for found in tasks:
        count += 1
        yield _line(_fields(found, now, peer))
    yield _line({"end": True, "tasks": count})


def next_run_of(task: IntervalTask, now: float) -> float:
    """Return when a task runs next, in epoch seconds: at its start; without one, not before an interval is over.

    Raises:
        CannotCarry: it has no further run.
    """
    if task.start is not None:
        return _seconds(task.start)
    # What moves in did run there until now: assigned anew, all tasks would be due at once.
    runs = next_runs(task, 1, now + (_MOMENT if task.every is None else _seconds(task.every)))
    if not runs:
        raise CannotCarry("it has no further run")
    return runs[0].timestamp()


def _fields(found: Carried, now: float, peer: str) -> dict[str, Any]:
    task, rules = found.task, found.task.rules
    due_ms = round(1000 * next_run_of(task, now))
    fields: dict[str, Any] = {"id": task.id}
    if isinstance(task.data, str):
        fields["text"] = task.data
    else:
        fields["base64"] = base64.b64encode(task.data).decode()
    fields |= {"state": "paused" if found.paused else "waiting", "due_ms": due_ms}
    if found.paused:
        fields |= {"paused_ms": round(1000 * now), "paused_for": f"paused in {peer}"}
    if task.every is not None:
        every_ms = round(1000 * _seconds(task.every))
        fields |= {"every_ms": every_ms, "phase_ms": due_ms % every_ms}
    said: dict[str, Any] = {name: getattr(rules, name) for name in _PLAIN}
    said |= {f"{name}_ms": _ms(getattr(rules, name)) for name in _SPANS}
    said = {name: value for name, value in said.items() if value not in (None, _DEFAULTS.get(name))}
    return {**fields, "rules": said} if said else fields


def _ms(value: float | timedelta | datetime | None) -> int | None:
    return None if value is None else round(1000 * _seconds(value))


def _seconds(value: float | timedelta | datetime) -> float:
    """Return a span, or a moment since the epoch, in seconds."""
    if isinstance(value, datetime):
        return (value - _EPOCH) / timedelta(seconds=1)
    return value.total_seconds() if isinstance(value, timedelta) else value


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
