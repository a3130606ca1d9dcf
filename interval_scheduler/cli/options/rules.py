"""The options that say when a task runs and by which rules: those of `assign`, `edit` and `next`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple

import click

from .adding import with_options
from .times import Duration, Moment, Start


class Off(Enum):
    """The value of a rule that is taken off a task."""

    OFF = "none"


class OrNone(click.ParamType[Any]):
    """An option that may be `none` as well.

    Args:
        wrapped: the type of all other values.
    """

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = click.types.convert_type(wrapped)
        self.name = self._wrapped.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `Off.OFF` for `none`, and what the type makes of all else."""
        return Off.OFF if value in (Off.OFF, Off.OFF.value) else self._wrapped.convert(value, param, ctx)


class _Rule(NamedTuple):
    """One option.

    Attributes:
        name: the option.
        help: its line in the help.
        settings: what else click must know of it.
        can_end: whether a task that has it can do without.
    """

    name: str
    help: str
    settings: dict[str, Any]
    can_end: bool = False

    def option(self, *, editing: bool = False) -> Callable[..., Any]:
        """Return the option for click.

        Args:
            editing: a task that exists is changed, so the option may be `none`, and nothing has a default.
        """
        settings = dict(self.settings)
        if editing and self.can_end:
            settings["type"] = OrNone(settings.get("type", str))
        said, _, default = self.help.partition(" Default: ")
        return click.option(self.name, help=said if editing or not default else self.help, **settings)


def repetition(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say when a task runs."""
    return with_options(function, [rule.option() for rule in _REPETITION])


def rules(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these and those of all further rules."""
    return with_options(function, [rule.option() for rule in _REPETITION + _RULES])


def changes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the same options to change a task; those that can be taken off may be `none`."""
    return with_options(function, [rule.option(editing=True) for rule in _REPETITION + _RULES])


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, by the names of `IntervalTask`; `None` is one that is to be taken off."""
    return {
        _NAMES.get(name, name): None if value is Off.OFF else value
        for name, value in options.items()
        if value is not None
    }


_NAMES: Final = {"run_timeout": "timeout"}
_REPETITION: Final = (
    _Rule("--every", "The interval: 90s, 15m, 6h, 1d.", {"type": Duration()}, can_end=True),
    _Rule(
        "--cron",
        "A cron expression instead, such as '0 9 * * mon-fri'.",
        {"metavar": "EXPRESSION"},
        can_end=True,
    ),
    _Rule("--timezone", "The time zone of the cron expression. Default: UTC.", {"metavar": "ZONE"}),
    _Rule(
        "--start",
        "When it runs first, or next: a date and time, or +15m. Default: at once.",
        {"type": Start()},
        can_end=True,
    ),
    _Rule("--missed", "What is done about missed runs.", {"type": click.Choice(["once", "skip", "all"])}),
    _Rule("--spread/--no-spread", "Spread runs of many tasks over the interval.", {"default": None}),
    _Rule("--until", "No run is due after it.", {"type": Moment()}, can_end=True),
    _Rule("--max-runs", "The task is gone after so many runs.", {"type": int}, can_end=True),
)
_RULES: Final = (
    _Rule("--retries", "Further attempts of a run that fails.", {"type": int}),
    _Rule("--backoff", "The delay before the first of them; it doubles each time.", {"type": Duration()}),
    _Rule("--run-timeout", "The longest time of a run.", {"type": Duration()}, can_end=True),
    _Rule("--group", "The group that the task belongs to.", {"metavar": "NAME"}, can_end=True),
    _Rule("--repeat", "From start to start, or from end to start.", {"type": click.Choice(["rate", "delay"])}),
    _Rule("--late", "What is done about a run that is late.", {"type": click.Choice(["run", "skip"])}),
    _Rule("--start-deadline", "With --late skip: a run that is later is skipped.", {"type": Duration()}, can_end=True),
    _Rule("--overlap", "What is done about runs due during a run.", {"type": click.Choice(["skip", "once"])}),
    _Rule("--jitter", "Each run is later by up to so much.", {"type": Duration()}, can_end=True),
    _Rule("--history", "The number of past runs that are kept.", {"type": int}),
)
