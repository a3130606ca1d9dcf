"""Words for the rules, the pauses and the times of tasks, and for what executes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..options.durations import duration_text

#: The name of what has no queue, in tables.
THE_NAMESPACE: Final = "the namespace itself"
_SPANS: Final = frozenset({"timeout", "backoff", "start_deadline", "jitter"})


def repetition_of(every: float | None, cron: str | None, timezone: str = "UTC") -> str:
    """Return when a task runs, such as `every 15m`, `cron 0 9 * * * (UTC)` or `once`."""
    if cron is not None:
        return f"cron {cron} ({timezone})"
    return "once" if every is None else f"every {duration_text(every)}"


def rules_of(task: interval_scheduler.ScheduledTask) -> str:
    """Return the rules that differ from their defaults: `retries 3, backoff 5s`; empty if there are none."""
    said = ["repeat delay"] if task.repeat == "delay" else []
    for rule in fields(interval_scheduler.Rules):
        value = getattr(task.rules, rule.name)
        if value != rule.default and rule.name not in ("cron", "timezone", "group"):
            said.append(f"{rule.name.replace('_', ' ')} {_text(rule.name, value)}".replace(" True", ""))
    return ", ".join(said)


def pause_of(pause: interval_scheduler.PausedState, moment_text: Callable[[datetime], str]) -> str:
    """Return since when, by whom and why something is paused, as far as it is known."""
    since = moment_of(pause.at)
    parts = [
        since and f"since {moment_text(since)}",
        pause.who and f"by {pause.who}",
        pause.reason and f"({pause.reason})",
    ]
    return " ".join(each for each in parts if each) or "yes"


def executes_of(card: interval_scheduler.SchedulerCard) -> str:
    """Return what a scheduler executes: `the namespace itself, mail`; empty for nothing."""
    return ", ".join([*([THE_NAMESPACE] if card.executing else []), *card.queues])


def moment_of(seconds: float | None) -> datetime | None:
    """Return epoch seconds as a datetime in UTC; `None` for what no datetime can say."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _text(name: str, value: Any) -> str:
    if name in _SPANS:
        return duration_text(value)
    return str(moment_of(value)) if name == "until" else str(value)
