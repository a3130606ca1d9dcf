"""`stats`: what all schedulers counted: runs, failures, lags and more, over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..options.durations import duration_text
from ..options.times import Duration, Since
from ..output.output import Colored, Output
from ..output.paging import missing, tell_missing
from ..output.sparklines import sparkline, squeezed
from ..output.words import moment_of

By = Literal["1m", "10m", "1h"]

#: So long do schedulers keep the counts of every minute; some minutes are left to the call and to other clocks.
_MINUTES_KEPT: Final = timedelta(hours=2, minutes=55)
#: The characters of the longest sparkline.
_WIDTH: Final = 60
_KEPT: Final = "counts are kept for eight days, and those of --by 1m for three hours."
_COUNTS: Final = {
    "runs": "runs",
    "failures": "failures",
    "timeouts": "timeouts",
    "postponed": "postponed",
    "retries": "retries",
    "crashed": "crashed",
    "dead": "dead",
    "lost leases": "lost_leases",
    "gone": "gone",
    "skipped": "skipped",
    "handed back": "handed_back",
    "claimed": "claimed",
}
_BAD: Final = frozenset({"failures", "timeouts", "crashed", "dead", "lost leases"})
_LAGS: Final = {"lag of 50 %": 0.5, "lag of 99 %": 0.99}
_COLUMNS: Final = ("from", "runs", "failures", "timeouts", "retries", "dead", "skipped", *_LAGS)
#: Columns that are left out on a terminal with fewer columns than this.
_WIDE: Final = {"timeouts": 110, "retries": 110, "skipped": 110}


@click.command("stats")
@click.option("--since", type=Since(), default="1h", show_default=True, help="From then on: a date and time, or 6h.")
@click.option("--by", type=click.Choice(["1m", "10m", "1h"]), help="A row for each such time, instead of the sums.")
@click.option("--watch", type=Duration(), is_flag=False, flag_value="5s", help="Again and again, every 5s or so.")
@common
def stats(settings: Settings, *, since: datetime, by: By | None, watch: float | None) -> None:
    """Show what all schedulers counted: runs, failures, lags and more.

    Counts are kept for eight days, those of each minute for three hours. With --json, a line for each time. With
    --watch, all is written anew each time, until it is interrupted.
    """
    if watch is not None and watch < 0.1:
        raise click.UsageError("--watch: must be at least 100ms.")
    run_async(_stats(settings, since, by, watch))


async def _stats(settings: Settings, since: datetime, by: By | None, watch: float | None) -> None:
    import asyncio  # noqa: PLC0415 - the help of a command needs none of it

    out = Output(settings)
    span = datetime.now(UTC) - since  # the time that is watched moves on
    async with connected(settings) as scheduler:
        while True:
            series = await _read(scheduler, datetime.now(UTC) - span, by)
            if watch is not None and out.is_terminal:
                click.clear()
            _write(out, series, settings, by)
            if watch is None:
                break
            if series.missing:
                out.say(missing(series.missing, "counts"))
            await asyncio.sleep(watch)
    tell_missing(series.missing, "counts")


async def _read(scheduler: interval_scheduler.Scheduler, since: datetime, by: By | None) -> interval_scheduler.Series:
    is_long = datetime.now(UTC) - since > _MINUTES_KEPT
    try:
        if by == "1h":
            return _by_hours(await scheduler.statistics(since, resolution="10m"))
        return await scheduler.statistics(since, resolution=by or ("10m" if is_long else "1m"))
    except interval_scheduler.InvalidValue as error:
        raise click.UsageError(f"--since is too long ago: {_KEPT}") from error


def _by_hours(series: interval_scheduler.Series) -> interval_scheduler.Series:
    """Return the same counts by the hours of UTC."""
    hours: dict[int, list[interval_scheduler.Point]] = {}
    for point in series:
        hours.setdefault(int(point.at // 3600), []).append(point)
    return interval_scheduler.Series(
        tuple(interval_scheduler.Series(tuple(some), 600).total for some in hours.values()), 3600, series.missing
    )


def _write(out: Output, series: interval_scheduler.Series, settings: Settings, by: By | None) -> None:
    if settings.as_json or by is not None:
        values = [_value(point, series.seconds) for point in series]
        out.rows(_COLUMNS, [_row(out, point) for point in series], values, wide=_WIDE)
        return
    seconds = len(series) * series.seconds
    total = series.total
    rows: list[tuple[Any, ...]] = []
    for name, attribute in _COUNTS.items():
        count = getattr(total, attribute)
        cell = Colored(count, "red") if count and name in _BAD else count
        rows.append((name, cell, f"{count / seconds:,.2f}", _line(out, [getattr(each, attribute) for each in series])))
    for name, share in _LAGS.items():
        rows.append((name, _lag(out, total, share), None, _line(out, [each.lag(share) or 0 for each in series])))
    out.rows((f"last {duration_text(seconds)}", "all", "a second", "over time"), rows)


def _line(out: Output, figures: Sequence[float]) -> str:
    return sparkline(squeezed(figures, _WIDTH), blocks=out.has_blocks)


def _row(out: Output, point: interval_scheduler.Point) -> list[Any]:
    counts = [getattr(point, _COUNTS[name]) for name in _COLUMNS if name in _COUNTS]
    return [moment_of(point.at), *counts, *(_lag(out, point, share) for share in _LAGS.values())]


def _value(point: interval_scheduler.Point, seconds: int) -> dict[str, Any]:
    counts = {attribute: getattr(point, attribute) for attribute in _COUNTS.values()}
    lags = {"lag_median": point.lag(0.5), "lag_99": point.lag(0.99)}
    return {"at": point.at, "seconds": seconds, **counts, **lags, "lags": point.lags}


def _lag(out: Output, point: interval_scheduler.Point, share: float) -> str | None:
    """Return the bound that the lag of so many tasks kept; how far below it they stayed is not counted."""
    lag = point.lag(share)
    if lag is None:
        return None
    if math.isinf(lag):
        return f"over {duration_text(point.LAG_EDGES[-1])}"
    return f"{'≤' if out.has_blocks else '<='} {duration_text(lag)}"
