"""The rows of partitions, as the overview shows them. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ... import Overview, Rate
from ...cli.options.durations import duration_text
from ...cli.output.words import moment_of

COUNTS: Final = ("waiting", "due", "parked", "leased", "paused", "failing", "dead")


def counts_of(overview: Overview) -> dict[str, int]:
    """Return the counts of a namespace or queue."""
    return {"tasks": overview.tasks, **{name: getattr(overview, name) for name in COUNTS}}


def rows_of(overview: Overview, read_at: datetime) -> list[dict[str, Any]]:
    """Return a row for each partition; one that is offline has no more than its name, and the hints for it.

    Args:
        overview: the state.
        read_at: the moment at which it was read, by the clock of this machine.
    """
    found: list[dict[str, Any]] = []
    for each in overview.partitions:
        row = {"name": each.name, "online": each.online, "hints": each.hints}
        if each.online and each.server_time is not None:
            row |= {
                **{name: getattr(each, name) for name in COUNTS},
                "oldest_due": moment_of(each.oldest_due),
                "next_due": moment_of(each.next_due),
                "moving": each.moving,
                "clock": round(each.server_time - read_at.timestamp(), 3),
            }
        found.append(row)
    return found


def rate_words(rate: Rate | None) -> str | None:
    """Return a rate in words."""
    return None if rate is None else f"{rate.count:,} starts in {duration_text(rate.per)}"
