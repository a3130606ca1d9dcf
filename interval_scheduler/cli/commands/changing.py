"""`remove`, `run-now`, `pause`, `resume`, `revive`, `cancel`: they change tasks by their ids, or all with a prefix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from ..changing.changes import Cancel, Pause, Remove, Resume, Revive, RunNow
from ..changing.many import change_tasks, change_whole
from ..frame.settings import Settings, common
from ..options.adding import with_options

#: The most characters of a reason, as in `Scheduler.pause`.
_LONGEST_REASON: Final = 500


def _which(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the arguments that say which tasks it changes, and how safely."""
    return with_options(function, _WHICH)


_WHICH: Final = (
    click.argument("ids", nargs=-1, metavar="[ID]..."),
    click.option("--prefix", metavar="TEXT", help="All tasks whose ids start with it, instead of IDs."),
    click.option("--yes", is_flag=True, help="Do not ask."),
    click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    common,
)


@click.command("remove")
@_which
def remove(settings: Settings, **which: Any) -> None:
    """Take tasks off the schedule: those with the given IDs, or all with a --prefix.

    The ID - stands for the lines of stdin. A run in progress goes on to its end. What is dead is forgotten.

    Exit code 1 if one of the IDs is not scheduled.
    """
    change_tasks(settings, Remove(), **which)


@click.command("run-now")
@_which
def run_now(settings: Settings, **which: Any) -> None:
    """Run tasks as soon as possible: those with the given IDs, or all with a --prefix. Their later runs stay.

    The ID - stands for the lines of stdin.

    Exit code 1 if one of the IDs is not scheduled, is paused, or is in its last run.
    """
    change_tasks(settings, RunNow(), **which)


def _reason(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Check the reason as the calls of a scheduler do, before one of them is made."""
    if value is not None and (len(value) > _LONGEST_REASON or not value.isprintable()):
        raise click.BadParameter(f"it must have at most {_LONGEST_REASON} characters, in one line, all printable.")
    return value


@click.command("pause")
@click.option("--reason", metavar="TEXT", callback=_reason, help="Why, in one line; `show` tells it.")
@_which
def pause(settings: Settings, *, reason: str | None, **which: Any) -> None:
    """Let tasks rest until `resume`: those with the given IDs, or all with a --prefix. Runs in progress go on.

    The ID - stands for the lines of stdin. Without IDs and --prefix, the whole namespace or --queue rests: nothing is
    started there.

    Exit code 1 if one of the IDs is not scheduled.
    """
    if which["ids"] or which["prefix"] is not None:
        change_tasks(settings, Pause(reason), **which)
    else:
        safety = {name: which[name] for name in ("yes", "dry_run")}
        change_whole(settings, "pause", "paused", lambda scheduler: scheduler.pause(reason), **safety)


@click.command("resume")
@_which
def resume(settings: Settings, **which: Any) -> None:
    """Let paused tasks go on: those with the given IDs, or all with a --prefix.

    The ID - stands for the lines of stdin. Without IDs and --prefix, the whole namespace or --queue goes on; tasks that
    were paused by themselves stay so.

    Exit code 1 if one of the IDs is not scheduled.
    """
    if which["ids"] or which["prefix"] is not None:
        change_tasks(settings, Resume(), **which)
    else:
        safety = {name: which[name] for name in ("yes", "dry_run")}
        change_whole(settings, "resume", "resumed", lambda scheduler: scheduler.resume(), **safety)


@click.command("revive")
@_which
def revive(settings: Settings, **which: Any) -> None:
    """Schedule dead tasks anew, due now: those with the given IDs, or all with a --prefix.

    The ID - stands for the lines of stdin.

    Exit code 1 if one of the IDs is not that of a dead task.
    """
    change_tasks(settings, Revive(), **which)


@click.command("cancel")
@click.option("--hand-back", is_flag=True, help="The run does not count as failed, and starts again later.")
@_which
def cancel(settings: Settings, *, hand_back: bool, **which: Any) -> None:
    """Cancel runs in progress: of the tasks with the given IDs, or of all with a --prefix. The tasks stay scheduled.

    The ID - stands for the lines of stdin.

    Exit code 1 if one of the IDs has no run in progress.
    """
    change_tasks(settings, Cancel(hand_back=hand_back), **which)
