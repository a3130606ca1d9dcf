"""The question before a command changes many tasks."""

from __future__ import annotations

import sys

import click

from .exits import refuse


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
