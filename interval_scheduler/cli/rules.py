"""The options that say when a task runs and by which rules: those of `assign`, `edit` and `next`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import click

from .durations import Duration, Moment


class Start(Moment):
    """An option that is a moment; `+15m` is left to the server's clock, as a span from now."""

    name = "start"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an aware datetime, or a timedelta for what starts with `+`."""
        if isinstance(value, str) and value.startswith("+"):
            return timedelta(seconds=Duration().convert(value[1:], param, ctx))
        return value if isinstance(value, datetime | timedelta) else super().convert(value, param, ctx)


def repetition(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say when a task runs."""
    return _with(function, _REPETITION)


def rules(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these and those of all further rules."""
    return _with(function, _REPETITION + _RULES)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, by the names of `IntervalTask`."""
    return {_NAMES.get(name, name): value for name, value in options.items() if value is not None}


def _with(function: Callable[..., Any], options: tuple[Any, ...]) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function


_NAMES: Final = {"run_timeout": "timeout"}
_REPETITION: Final = (
    click.option("--every", type=Duration(), help="The interval: 90s, 15m, 6h, 1d."),
    click.option("--cron", metavar="EXPRESSION", help="A cron expression instead, such as '0 9 * * mon-fri'."),
    click.option("--timezone", metavar="ZONE", help="The time zone of the cron expression. Default: UTC."),
    click.option("--start", type=Start(), help="The first run: a date and time, or +15m. Default: at once."),
    click.option("--missed", type=click.Choice(["once", "skip", "all"]), help="What is done about missed runs."),
    click.option("--spread/--no-spread", default=None, help="Spread runs of many tasks over the interval."),
    click.option("--until", type=Moment(), help="No run is due after it."),
    click.option("--max-runs", type=int, help="The task is gone after so many runs."),
)
_RULES: Final = (
    click.option("--retries", type=int, help="Further attempts of a run that fails."),
    click.option("--backoff", type=Duration(), help="The delay before the first of them; it doubles each time."),
    click.option("--run-timeout", type=Duration(), help="The longest time of a run."),
    click.option("--group", metavar="NAME", help="The group that the task belongs to."),
    click.option("--repeat", type=click.Choice(["rate", "delay"]), help="From start to start, or from end to start."),
    click.option("--late", type=click.Choice(["run", "skip"]), help="What is done about a run that is late."),
    click.option("--start-deadline", type=Duration(), help="With --late skip: a run that is later is skipped."),
    click.option("--overlap", type=click.Choice(["skip", "once"]), help="What is done about runs due during a run."),
    click.option("--jitter", type=Duration(), help="Each run is later by up to so much."),
    click.option("--history", type=int, help="The number of past runs that are kept."),
)
