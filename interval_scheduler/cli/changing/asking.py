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
    if not yes and _answer(f"{what}?", "[y/N]").lower() not in ("y", "yes"):
        refuse("Nothing was changed.")


def confirm_by_name(settings: Settings, what: str, *, yes: bool) -> None:
    """Ask for the name of the namespace or the queue, on the terminal: so nobody changes another one by mistake.

    Args:
        settings: the common options; they name the namespace or the queue.
        what: as for `confirm`.
        yes: as for `confirm`.

    Raises:
        Ended: there is no terminal, or the answer is another name; the exit code is 64.
        ConfigurationError: an option of the environment cannot be used.
    """
    name = settings.queue or namespace_of(settings)
    kind = "namespace" if settings.queue is None else "queue"
    if not yes and _answer(f"{what}?", f"Type the name of the {kind} if it is meant") != name:
        refuse(f"Nothing was changed: that is not {name!r}.")


def _answer(question: str, hint: str) -> str:
    """Ask on the terminal, and return the line that is typed, without blanks around it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        refuse(f"{question} There is no terminal to ask at: give --yes if it is meant. Nothing was changed.")
    click.echo(f"{question} {hint}: ", nl=False, err=True)
    return sys.stdin.readline().strip()
