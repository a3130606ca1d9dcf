"""The command `interval-scheduler`: a group whose commands are loaded when they are called."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from .. import __version__
from .frame.exits import guarded
from .frame.lazy_group import LazyGroup, Places
from .frame.names import COMPLETION, NAME

COMMANDS: Final[Places] = {
    "run": ("Run", "run:run", "Run a worker in processes that are kept up."),
    "demo": ("Run", "demo:demo", "Thousands of tasks live, with a scheduler killed in the middle."),
    "list": ("Look", "list_tasks:list_", "List tasks, in the order in which they are due."),
    "show": ("Look", "show:show", "Show one task: its state, its times, its rules and its payload."),
    "next": ("Look", "next_runs:next_", "Show the next runs of a task, or of a rule."),
    "dead": ("Look", "dead:dead", "List, show, revive and clear tasks that were set aside."),
    "failing": ("Look", "failing:failing", "List and show tasks whose last run failed and that go on."),
    "queues": ("Look", "queues:queues", "Show the namespace and its queues in numbers."),
    "upcoming": ("Look", "upcoming:upcoming", "Show how many runs come when."),
    "stats": ("Look", "stats:stats", "Show what was run: counts, failures and lags over time."),
    "schedulers": ("Look", "schedulers:schedulers", "List the schedulers that are alive, and their longest runs."),
    "top": ("Look", "top:top", "Watch partitions, schedulers and tasks, live."),
    "dashboard": ("Look", "dashboard:dashboard", "Serve pages that show all of it in a browser."),
    "doctor": ("Look", "doctor:doctor", "Say what is wrong, and what to do about it."),
    "assign": ("Change", "assign:assign", "Put a task under schedule, or update it."),
    "edit": ("Change", "assign:edit", "Change single things of a task."),
    "remove": ("Change", "changing:remove", "Take tasks off the schedule."),
    "run-now": ("Change", "changing:run_now", "Run tasks as soon as possible."),
    "pause": ("Change", "changing:pause", "Let tasks rest, or the whole namespace."),
    "resume": ("Change", "changing:resume", "Let paused tasks go on, or the whole namespace."),
    "revive": ("Change", "changing:revive", "Schedule dead tasks anew."),
    "cancel": ("Change", "changing:cancel", "Cancel runs in progress."),
    "clear": ("Change", "clearing:clear", "Remove all tasks of the namespace or the queue."),
    "rate": ("Change", "rating:rate", "Show or set how many runs may start in some time."),
    "audit": ("Operate", "audit:audit", "Check all that there is in Redis, and mend it."),
    "export": ("Operate", "exporting:export", "Write all tasks into a file."),
    "import": ("Operate", "importing:import_", "Restore a backup, or carry schedules of others over."),
    "bench": ("Operate", "benching:bench", "Measure a server, in a namespace of its own."),
    "completion": ("Operate", "completion:completion", "Print the script by which a shell completes words."),
}


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
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
