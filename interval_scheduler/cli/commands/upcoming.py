"""`upcoming`: how many runs come when."""

from __future__ import annotations

import math

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, run_async
from ..frame.settings import Settings, common
from ..options.times import Duration
from ..output.output import Output
from ..output.paging import tell_missing
from ..output.sparklines import bar, sparkline
from ..output.words import moment_of

#: The rows that are shown unless a width is asked for, and the most of a call.
_ROWS = 24
_MOST_ROWS = 120
#: The characters of the longest bar.
_BAR = 30


@click.command("upcoming")
@click.option("--hours", type=click.FloatRange(0.001, 87_600), default=24, show_default=True, help="How far to look.")
@click.option(
    "--width", type=Duration(), help=f"The time of each row, at most {_MOST_ROWS} rows. Default: {_ROWS} rows."
)
@common
def upcoming(settings: Settings, *, hours: float, width: float | None) -> None:
    """Show how many runs come when: exactly the tasks by their next run, and estimated all runs with the further ones.

    The column +/- has the standard error of the estimate. What is late already counts in the first row.
    """
    seconds = 3600 * hours
    rows = _ROWS if width is None else math.ceil(seconds / width) if width > 0 else 0
    if not 1 <= rows <= _MOST_ROWS:
        raise click.UsageError(f"--width: must make from 1 to {_MOST_ROWS} rows of {hours:g} hours, makes {rows:,}.")
    run_async(_upcoming(settings, seconds if width is None else rows * width, rows))


async def _upcoming(settings: Settings, seconds: float, rows: int) -> None:
    out = Output(settings)
    async with connected(settings) as scheduler:
        forecast = await scheduler.forecast(seconds, rows)
        try:
            exact = await scheduler.upcoming(forecast.start, forecast.width, rows)
        except interval_scheduler.PartitionOffline:  # they are exact or nothing
            exact = None
    counts: list[int | None] = [None] * rows
    if exact is not None:
        counts = [exact[0] + forecast.late, *exact[1:]]
    moments = [forecast.start + n * forecast.width for n in range(rows)]
    most = max(forecast.runs)
    found = list(zip(moments, counts, forecast.runs, forecast.errors, strict=True))
    out.rows(
        ("from", "next runs", "all runs", "+/-", ""),
        [
            (moment_of(at), count, round(runs), round(error) or None, bar(runs, most, _BAR, blocks=out.has_blocks))
            for at, count, runs, error in found
        ],
        [
            {"at": at, "seconds": forecast.width, "next_runs": count, "runs": runs, "error": error}
            for at, count, runs, error in found
        ],
    )
    if not settings.as_json:
        _say(out, forecast)
    tell_missing(forecast.missing, "runs")


def _say(out: Output, forecast: interval_scheduler.Forecast) -> None:
    """Say what all rows together mean."""
    out.say(sparkline(forecast.runs, blocks=out.has_blocks))
    parts = [f"{forecast.total:,.0f} runs, {forecast.demand:,.2f} a second"]
    if forecast.late:
        parts.append(f"{forecast.late:,} tasks are late")
    if forecast.dispatched:
        parts.append(f"{forecast.dispatched:,.2f} runs a second ended in the last ten minutes")
    elif forecast.dispatched is not None:
        parts.append("no run is counted for the last ten minutes")
    out.say("; ".join(parts) + ".")
