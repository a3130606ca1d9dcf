"""A group of commands that are loaded when they are called, so that help and completion load none of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

import click

from .loading import loading

#: For each command the section of the help, where it stands in `interval_scheduler.cli.commands` (`module:attribute`),
#: and its line in the help.
Places = Mapping[str, tuple[str, str, str]]
#: The sections of a help, in their order.
SECTIONS: Final = ("Run", "Look", "Change", "Operate")
_COMMANDS: Final = "interval_scheduler.cli.commands"


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is called.

    Args:
        places: the commands by their names, in the order of the help.
        default: the command that is called if none is named; its options may follow. Default: none, the help is shown.
        options: what `click.Group` takes.
    """

    def __init__(self, *, places: Places, default: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._places: Final = places
        self._default: Final = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; those without a command are for the default one.

        Raises:
            UsageError: an option of a command stands before its name.
        """
        is_named = bool(args) and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        if self._default is not None and not is_named and not ctx.resilient_parsing:
            args = [self._default, *args]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            option = error.option_name
            words = f"Options follow the command, as in {ctx.command_path} {next(iter(self._places))} {option} …"
            raise click.UsageError(f"No such option here: {option}. {words}", ctx) from error

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(self._places)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; `None` if there is none of this name."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name][1].partition(":")
        with loading():
            command: click.Command = getattr(importlib.import_module(f"{_COMMANDS}.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called; a name that is no command fails with the nearest one that is."""
        name = args[0]
        if name not in self._places and not name.startswith("-") and not ctx.resilient_parsing:
            fail_with_nearest(ctx, name, self._places)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return how a word goes on. The names of commands come from the table, so none of them is loaded for it."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - it is needed for a completion only

        names = [
            CompletionItem(name, help=line)
            for name, (_, _, line) in self._places.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the help, by sections."""
        for section in SECTIONS:
            rows = [(name, line) for name, (of, _, line) in self._places.items() if of == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)


def fail_with_nearest(ctx: click.Context, name: str, known: Iterable[str]) -> NoReturn:
    """End with a usage error that names the known command nearest to what was typed, if one is near.

    Raises:
        UsageError: always.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - it is needed for mistakes only

    near = get_close_matches(name, list(known), n=1)
    raise click.UsageError(f"There is no command {name!r}." + "".join(f" Did you mean {each!r}?" for each in near), ctx)
