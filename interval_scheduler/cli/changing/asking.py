"""The questions before a command changes what cannot be brought back, or many tasks."""

from __future__ import annotations

import sys

import click

from ..frame.connecting import namespace_of
from ..frame.exits import refuse
from ..frame.settings import Settings


def confirm(what: str, *, yes: bool) -> None:
    """Ask whether something is meant, on the terminal.

    Args:
        what: what would be done, without an end of the sentence: `Remove 12 tasks`.
        yes: it was said on the command line, so nobody is asked.

    Raises:
        Ended: there is no terminal, or the answer is no; the exit code is 64.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        refuse(f"{what}? There is no terminal to ask at: give --yes if it is meant. Nothing was changed.")
    click.echo(f"{what}? [y/N]: ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        refuse("Nothing was changed.")


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
    name = settings.queue or namespace_of(settings)
    if not sys.stdin.isatty():
        refuse(f"{what} Nothing was changed: nobody can be asked here. Give --yes to do it.")
    kind = "namespace" if settings.queue is None else "queue"
    click.echo(what, err=True)
    typed = click.prompt(f"Type the name of the {kind} to go on", default="", show_default=False, err=True)
    if typed != name:
        refuse(f"Nothing was changed: that is not {name!r}.")
