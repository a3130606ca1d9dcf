"""Errors that name an argument of a call tell the option of the command instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from .exits import USAGE, Ended, code_of


@contextmanager
def named_as_options() -> Iterator[None]:
    """Tell a value that cannot be used by the option it came from: `--every must be ...`; others as they are.

    Raises:
        Ended: such a value was given; the exit code is that of the error.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        option = _option_of(getattr(error, "field", None))
        if option is None or code_of(error) != USAGE:  # an option of the environment is no option of the command
            raise
        raise Ended(USAGE, f"{option} {getattr(error, 'problem', '')}") from error


def _option_of(field: str | None) -> str | None:
    """Return the option of the running command with this name, if it has one."""
    options = [each for each in click.get_current_context().command.params if isinstance(each, click.Option)]
    return next((each.opts[0] for each in options if each.name == field), None)
