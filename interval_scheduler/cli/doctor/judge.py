"""Judges all that was gathered: from readings to diagnoses, problems first. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from ... import AuditReport, PartitionMove
from .diagnosis import Diagnosis
from .gather import Gathered
from .schedules import judge_reach, judge_schedule
from .servers import judge_servers, judge_unread


def judge(gathered: Gathered) -> list[Diagnosis]:
    """Return what is wrong, problems first."""
    partitions = gathered.health.partitions
    online = {each.name for each in partitions if each.online and each.problem is None}
    found = [
        *judge_servers(gathered.health),
        *judge_unread(gathered.unread, {each.name for each in partitions} - online),
        *_moves(gathered.moves or ()),
        *judge_reach(gathered.cards or (), online),
        *[each for schedule in gathered.schedules for each in judge_schedule(schedule)],
        *_audit(gathered.audit),
    ]
    return sorted(found, key=lambda each: each.severity != "problem")


def _moves(moves: Iterable[PartitionMove]) -> Iterable[Diagnosis]:
    for move in moves:
        fact = (
            f"Tasks move away from partition {move.partition!r}: {move.moved:,} are gone, and about {move.left:,} have "
            "not been looked at yet."
        )
        advice = "Keep that partition, and a scheduler with the new list, running until none are left."
        yield Diagnosis("moving", "warning", fact, advice, move.partition, move.queue)


def _audit(report: AuditReport | None) -> Iterable[Diagnosis]:
    if report is not None and report.counts:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
        advice = "See each with: interval-scheduler audit; mend them with: interval-scheduler audit --repair."
        yield Diagnosis("audit", "problem", f"The key space has faults: {kinds}.", advice)
