"""Cards: all that there is to say about a task, a scheduler or a partition, by name."""

from __future__ import annotations

from typing import Any

from ... import DeadTask, PartitionOverview, ScheduledTask, SchedulerCard
from ..options.durations import duration_text
from .output import Colored, Output
from .words import executes_of, moment_of, pause_of, repetition_of, rules_of


def task_card(task: ScheduledTask, out: Output) -> dict[str, Any]:
    """Return the fields of a scheduled task that have something to say, in the order in which people read them."""
    last = task.last_run
    fields: dict[str, Any] = {
        "id": task.id,
        "state": task.state,
        "next run": moment_of(task.next_run),
        "runs": repetition_of(task.every, task.cron, task.timezone),
        "rules": rules_of(task) or None,
        "group": task.group,
        "partition": task.partition,
        "attempt": task.attempt if task.attempt > 1 else None,
        "failures": task.failures or None,
        "claimed": moment_of(task.claimed_at),
        "paused": task.paused and pause_of(task.paused, out.moment),
        "failed": moment_of(task.failed_at),
        "last error": task.last_error and Colored(task.last_error, "red"),
        "last run": last and f"{out.cell(last.started_at)}, {last.outcome}",
        "payload": task.data,
    }
    return {name: value for name, value in fields.items() if value is not None}


def dead_card(task: DeadTask) -> dict[str, Any]:
    """Return the fields of a dead task."""
    return {
        "id": task.id,
        "state": "dead",
        "died": moment_of(task.died_at),
        "error": Colored(task.error, "red"),
        "attempts": task.attempts,
        "partition": task.partition,
        "payload": task.data,
    }


def scheduler_card(card: SchedulerCard) -> dict[str, Any]:
    """Return the fields of a scheduler; its longest runs are a line each."""
    longest = [
        f"{duration_text(max(0.0, card.last_seen - run.since))}  {run.id}" + (f"  ({run.queue})" if run.queue else "")
        for run in card.longest
    ]
    return {
        "host": card.host,
        "process": str(card.pid),
        "version": card.version,
        "connected": card.since_time,
        "last seen": card.last_seen_time,
        "accepts": card.accepting,
        "executes": executes_of(card) or "nothing",
        "partitions": "\n".join(card.partitions),
        "places": card.places,
        "running": card.running,
        "runs": card.runs,
        "failed": card.failures,
        "longest": "\n".join(longest) or "none",
    }


def partition_card(partition: PartitionOverview, out: Output) -> dict[str, Any]:
    """Return the fields of a partition that have something to say."""
    fields: dict[str, Any] = {"partition": partition.name, "online": partition.online, "hints": partition.hints}
    if partition.online:
        fields |= {
            name: getattr(partition, name)
            for name in ("waiting", "due", "parked", "leased", "paused", "failing", "dead")
        }
        rate, moving = partition.rate, partition.moving
        fields |= {
            "oldest due": moment_of(partition.oldest_due),
            "next due": moment_of(partition.next_due),
            "stopped": partition.pause and pause_of(partition.pause, out.moment),
            "rate": rate and f"{rate.count:,} starts in {duration_text(rate.per)}",
            "moving": moving and f"{moving.moved:,} tasks are gone, {moving.left:,} are left",
            "its clock": partition.server_time_at,
        }
    return {name: value for name, value in fields.items() if value is not None}
