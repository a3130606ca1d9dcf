"""Asks before something that cannot be taken back: on a terminal by typing a name, elsewhere by `--yes` alone."""

from __future__ import annotations

import os
import sys

import click

from .. import SchedulerOptions
from ..environment import options_from
from .exits import refuse
from .settings import Settings


def name_of(settings: Settings) -> str:
    """Return the name of what a command concerns: the queue, or else the namespace."""
    if settings.queue is not None:
        return settings.queue
    return settings.namespace or str(options_from(os.environ).get("namespace", SchedulerOptions().namespace))


def confirm_by_name(settings: Settings, what: str, *, yes: bool) -> None:
    """Go on only if somebody said so.

    Args:
        settings: the common options; they name the namespace or the queue.
        what: what is going to be done, as a sentence.
        yes: whether the command has `--yes`.

    Raises:
        Ended: nobody confirmed it.
    """
    if yes:
        return
    name = name_of(settings)
    if not sys.stdin.isatty():
        refuse(f"{what} Nothing was changed: nobody can be asked here. Give --yes to do it.")
    kind = "namespace" if settings.queue is None else "queue"
    click.echo(what, err=True)
    typed = click.prompt(f"Type the name of the {kind} to go on", default="", show_default=False, err=True)
    if typed != name:
        refuse(f"Nothing was changed: that is not {name!r}.")
