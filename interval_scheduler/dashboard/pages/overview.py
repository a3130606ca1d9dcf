"""The overview: the state of a namespace or queue on one page, with its past and the time to come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from ... import Series
from ...cli.output.words import moment_of
from .. import queries
from ..figures import ahead, windows
from ..figures.banners import banners_of
from ..figures.demand import demand_words, executing, late_by
from ..figures.partitions import counts_of, rate_words, rows_of
from ..figures.slices import number_of
from ..figures.windows import Window
from ..look import Look
from ..page import Page, View
from ..queue_rows import read_queues
from ..reading import Attempts, HealthOfServers, read_ahead, server_now, tasks_from


async def _read(look: Look) -> View:
    past = windows.PAST[queries.choice_in(look.query, "window", windows.PAST, "1h")]
    coming = windows.AHEAD[queries.choice_in(look.query, "ahead", windows.AHEAD, "1h")]
    number = number_of("queues", look.query.get("queues"))
    attempts, scheduler = Attempts(), look.scheduler
    overview = await scheduler.overview()
    read_at = datetime.now(UTC)
    now = server_now(overview, read_at)
    series, future, cards, examined, queues = await asyncio.gather(
        attempts.tried(scheduler.statistics(past.since(now), resolution=past.resolution)),
        attempts.tried(read_ahead(scheduler, coming.seconds, coming.seconds // coming.step)),
        attempts.tried(scheduler.schedulers()),
        attempts.tried(look.kept.the(HealthOfServers).of(look)),
        read_queues(look, number),
    )
    alive = None if cards is None else executing(cards)
    return {
        "place": look.place,
        "banners": banners_of(overview, cards, examined and examined.health, attempts.problems, look.place),
        "pause": overview.pause,
        **counts_of(overview),
        "online": overview.online,
        "offline": [each.name for each in overview.partitions if not each.online],
        "late": late_by(overview),
        "next_due": moment_of(overview.next_due),
        "rate": rate_words(overview.rate),
        "schedulers": None if alive is None else len(alive),
        "partitions": rows_of(overview, read_at),
        "window": past.name,
        "window_words": past.words,
        "windows": list(windows.PAST),
        "history": None if series is None else _history(series, past, now),
        "ahead": coming.name,
        "ahead_words": coming.words,
        "aheads": list(windows.AHEAD),
        "coming": None if future is None else _coming(look, future, coming),
        "demand": [] if future is None else demand_words(future.forecast, overview, cards, coming.words),
        "queues": queues,
    }


def _history(series: Series, window: Window, now: float) -> dict[str, Any]:
    """Return the counts of a window: its points, and all of it."""
    total = windows.total_of(series)
    since = series[0].at if len(series) else now
    return {
        "seconds": window.step,
        "points": windows.points_of(series, window.step),
        "total": total,
        "pace": total["runs"] / max(1.0, now - since),
        "missing": series.missing,
    }


def _coming(look: Look, future: ahead.Ahead, window: Window) -> dict[str, Any]:
    """Return the time to come."""
    forecast = future.forecast
    return {
        "seconds": window.step,
        "points": ahead.points_of(future, tasks_from(look)),
        "is_exact": future.exact is not None,
        "total": forecast.total,
        "total_error": forecast.total_error,
        "late": forecast.late,
        "demand": forecast.demand,
        "demand_error": forecast.demand_error,
        "dispatched": forecast.dispatched,
        "missing": forecast.missing,
    }


PAGE = Page("", "Overview", _read, asks=("window", "ahead", "queues"))
