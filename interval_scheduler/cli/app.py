"""The command `interval-scheduler`: a group whose commands are loaded when they are called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

import click

from .. import __version__
from .exits import guarded

NAME: Final = "interval-scheduler"
#: By this variable of the environment a shell asks how a word can go on.
COMPLETION: Final = "_INTERVAL_SCHEDULER_COMPLETE"
#: For each command the section of the help, where it stands (`module:attribute`), and its line in the help. So the help
#: loads none of them.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "show": ("Look", "show:show", "Show one task: its state, its times, its rules and its payload."),
    "top": ("Look", "top:top", "Watch partitions, schedulers and tasks, live."),
    "doctor": ("Look", "doctor:doctor", "Say what is wrong, and what to do about it."),
    "next": ("Look", "next_runs:next_", "Show the next runs of a task, or of a rule."),
    "audit": ("Operate", "audit:audit", "Check all that there is in Redis, and mend it."),
}
SECTIONS: Final = ("Run", "Look", "Change", "Operate")


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; `None` if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][1].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{__package__}.commands.{module}"), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the help, by sections."""
        for section in SECTIONS:
            rows = [(name, line) for name, (of, _, line) in COMMANDS.items() if of == section]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command has its own help: interval-scheduler show --help",
)
@click.version_option(__version__, "-V", "--version", prog_name=NAME)
def app() -> None:
    """Steer and watch interval tasks on Redis, and run their workers."""


def run_app() -> None:
    """Run the command of this process, and end the process with its exit code."""
    if COMPLETION in os.environ:
        app(prog_name=NAME)  # click answers the shell, and ends the process
    with guarded(), app.make_context(NAME, sys.argv[1:]) as context:
        app.invoke(context)
