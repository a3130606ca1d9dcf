"""`assign` and `edit`: they put one task under schedule, and change single things of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..changing.doubt import in_doubt
from ..frame.connecting import connected, no_task, place_of, run_async
from ..frame.settings import Settings, common
from ..options.payloads import Payload
from ..options.rules import changes, given, rules
from ..output.output import Output
from ..output.words import moment_of

_RESCHEDULES: Final = click.Choice(["keep", "interval", "start"])


def _payload(default: str) -> Callable[..., Any]:
    return click.option("--data", type=Payload(), help=f"The payload: a text, a file, or stdin. {default}".rstrip())


@click.command("assign")
@click.argument("id")
@_payload("Default: empty.")
@rules
@click.option(
    "--reschedule",
    type=_RESCHEDULES,
    default="keep",
    show_default=True,
    help="The next run of a task that exists: as planned, by the new interval, or at --start, which is for a new task "
    "else.",
)
@click.option("--if-absent", is_flag=True, help="Leave a task that exists as it is.")
@common
def assign(
    settings: Settings, *, id: str, reschedule: Any, if_absent: bool, data: str | bytes | None, **options: Any
) -> None:
    """Put the task ID under schedule, or update it. Without --every and --cron it runs once.

    The namespace is made if it is new. A task that exists gets all that is said here and nothing else; `edit` changes
    single things of it.
    """
    task = interval_scheduler.IntervalTask(id, data or "", **given(options))
    run_async(_assign(settings, task, reschedule, if_absent=if_absent))


async def _assign(
    settings: Settings, task: interval_scheduler.IntervalTask, reschedule: Any, *, if_absent: bool
) -> None:
    out = Output(settings)
    if await _is_new(settings):
        place = place_of(settings)
        out.say(f"{place[0].upper()}{place[1:]} is new.")
    async with connected(settings, create=True) as scheduler:
        with in_doubt(out, f"It is not known whether the task {task.id!r} is assigned: run it again."):
            if if_absent and await scheduler.has_task(task.id):
                result = "exists"
            else:
                await scheduler.note_action("assign_task", [task])
                result = "new" if await scheduler.assign_task(task, reschedule=reschedule) else "updated"
        await _tell(out, scheduler, task.id, result)
    if result == "updated" and task.start is not None and reschedule != "start":
        out.say("Its next run was not moved to --start, which is for a new task: add --reschedule start.")


async def _is_new(settings: Settings) -> bool:
    """Tell if there is no such namespace or queue yet, since its name may be mistyped."""
    try:
        async with connected(settings) as scheduler:
            await scheduler.paused()  # any partition answers: one that is offline is no obstacle
    except interval_scheduler.UnknownNamespace:
        return True
    return False


@click.command("edit")
@click.argument("id")
@_payload("")
@changes
@click.option(
    "--reschedule",
    type=_RESCHEDULES,
    default="interval",
    show_default=True,
    help="The next run if the interval is another one: as planned, by the new interval, or at --start.",
)
@common
def edit(settings: Settings, *, id: str, reschedule: Any, **options: Any) -> None:
    """Change what is given of the task ID, and nothing else. `none` takes a rule off: --until none.

    Exit code 1 if there is no such task.
    """
    asked = given(options)
    if not asked:
        raise click.UsageError("Say what is to be changed.")
    run_async(_edit(settings, id, asked, reschedule))


async def _edit(settings: Settings, task_id: str, asked: dict[str, Any], reschedule: Any) -> None:
    out = Output(settings)
    async with connected(settings) as scheduler:
        with in_doubt(out, f"It is not known whether the task {task_id!r} is changed: run it again."):
            if not await scheduler.update_task(task_id, **asked, reschedule=reschedule):
                raise no_task(task_id)
        found = await _tell(out, scheduler, task_id, "changed")
    if found is not None and asked.keys() & {"every", "cron"} and found.every is None and found.cron is None:
        out.say("It has no interval and no cron expression now: it runs once more.")


async def _tell(
    out: Output, scheduler: interval_scheduler.Scheduler, task_id: str, result: str
) -> interval_scheduler.ScheduledTask | None:
    """Write what became of the task, and its next run as far as it can be read: what is done is done.

    Returns:
        The task; `None` if it is gone or cannot be read.
    """
    found: interval_scheduler.ScheduledTask | None = None
    try:
        with in_doubt(out, f"The task {task_id!r} is {result}; its next run was not read."):
            found = await scheduler.get_task(task_id)
    except interval_scheduler.StorageError as error:
        out.say(f"The task {task_id!r} is {result}. Its next run cannot be read: {error}")
    next_run = found.next_run if found else None
    value = {"id": task_id, "result": result, "next_run": next_run}
    out.record(value, {"id": task_id, "result": result, "next run": moment_of(next_run)})
    return found
