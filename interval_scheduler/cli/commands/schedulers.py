"""`schedulers`: who is alive, and what runs there."""

from __future__ import annotations

from typing import Any

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, run_async
from ..frame.exits import NO, Ended
from ..frame.settings import Settings, common
from ..options.durations import duration_text
from ..output.output import Colored, Output
from ..output.paging import tell_missing
from ..output.words import executes_of

_COLUMNS = ("host", "pid", "version", "up", "seen", "executes", "running", "places", "runs", "failures", "longest run")
#: Columns that are left out on a terminal with fewer columns than this.
_WIDE = {"seen": 100, "up": 120, "places": 120, "version": 140}


@click.command("schedulers")
@common
def schedulers(settings: Settings) -> None:
    """List the schedulers that accept or execute tasks, as they told of themselves in the last seconds.

    Exit code 1 if there is none.
    """
    run_async(_schedulers(settings))


async def _schedulers(settings: Settings) -> None:
    out = Output(settings)
    async with connected(settings) as scheduler:
        overview = await scheduler.overview()
        cards = await scheduler.schedulers()
    now = max(each.server_time or 0 for each in overview.partitions)
    out.rows(_COLUMNS, [_row(card, now) for card in cards], cards, wide=_WIDE)
    tell_missing({each.name for each in overview.partitions if not each.online}, "reports")
    if not cards:
        raise Ended(NO, "There is no scheduler that accepts or executes tasks.")


def _row(card: interval_scheduler.SchedulerCard, now: float) -> tuple[Any, ...]:
    return (
        card.host,
        str(card.pid),
        card.version,
        _span(now - card.since),
        _span(now - card.last_seen),
        executes_of(card) or None,
        card.running,
        card.places,
        card.runs,
        Colored(card.failures, "red") if card.failures else 0,
        f"{card.longest[0].id} ({_took(card.last_seen - card.longest[0].since)})" if card.longest else None,
    )


def _span(seconds: float) -> str:
    return duration_text(max(0.0, round(seconds)))


def _took(seconds: float) -> str:
    """Write how long a run had taken when its scheduler told of it, short ones to a tenth of a second."""
    return duration_text(max(0.0, round(seconds, 1 if seconds < 10 else 0)))
