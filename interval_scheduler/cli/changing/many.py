"""Carries out a change of many tasks: counts them, asks, changes them, and says what became of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import click

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import connected, place_of, run_async
from ..frame.exits import NO, Ended
from ..frame.settings import Settings
from ..options.ids import ids_of
from ..output.output import Output
from ..output.pauses import tell_pause
from ..output.progress import Progress
from .asking import confirm
from .changes import BulkChange, Change
from .doubt import in_doubt
from .steps import Report, Step, work_through

#: The most tasks that a dry run names.
_NAMED: Final = 20
#: Finds the ids of the tasks that are to be changed.
Find = Callable[["interval_scheduler.Scheduler"], AsyncIterator[str]]


def change_tasks(
    settings: Settings, change: Change, *, ids: Sequence[str], prefix: str | None, yes: bool, dry_run: bool
) -> None:
    """Change the tasks with these ids, or all with a prefix.

    Raises:
        UsageError: neither or both are given, or one cannot be used.
        Ended: not all could be changed, or nobody said yes.
    """
    if bool(ids) == (prefix is not None):
        raise click.UsageError("Give either IDs or --prefix.")
    if prefix is None:
        run_async(_change_each(settings, change, ids_of(ids), dry_run=dry_run))
        return
    if not prefix:
        raise click.UsageError("--prefix must not be empty.")
    if isinstance(change, BulkChange):
        _change_prefix(settings, change, prefix, yes=yes, dry_run=dry_run)
    else:
        find: Find = lambda scheduler: change.find(scheduler, prefix)  # noqa: E731 - it is an argument
        if not change_found(settings, change, find, prefix=prefix, yes=yes, dry_run=dry_run):
            raise _nothing(change, prefix)


def change_found(
    settings: Settings,
    change: Change,
    find: Find,
    *,
    kind: str = "",
    prefix: str = "",
    yes: bool,
    dry_run: bool = False,
) -> int:
    """Change the tasks that are found now; each is answered by a row. Return how many were found.

    Args:
        settings: the common options.
        change: the change.
        find: finds them.
        kind: what they are in the question: `dead`. Default: just tasks.
        prefix: how their ids start. Default: anyhow.
        yes: change them without asking.
        dry_run: say only how many they are, and name the first of them.

    Raises:
        Ended: not all could be changed, or nobody said yes.
    """
    ids = run_async(_ids(settings, find))
    if dry_run:
        tell_dry_run(settings, change.past, len(ids), ids[:_NAMED])
        return len(ids)
    if ids:
        confirm(how_many(change.verb, len(ids), kind=kind, prefix=prefix), yes=yes)
    run_async(_change_each(settings, change, ids))
    return len(ids)


def change_whole(
    settings: Settings,
    verb: str,
    past: str,
    call: Callable[[interval_scheduler.Scheduler], Awaitable[None]],
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    """Change the namespace or the queue itself.

    Raises:
        Ended: nobody said yes.
    """
    place, out = place_of(settings), Output(settings)
    if dry_run:
        out.value({"result": f"would be {past}"}, f"{place} would be {past}")
        return
    confirm(f"{verb.capitalize()} {place}", yes=yes)

    async def run() -> None:
        async with connected(settings) as scheduler:
            with in_doubt(out, f"It is not known whether {place} is {past}: run it again."):
                await call(scheduler)

    run_async(run())
    out.value({"result": past}, f"{place} is {past}")


async def _ids(settings: Settings, find: Find) -> list[str]:
    ids = list[str]()
    with Progress(settings) as progress:
        async with connected(settings) as scheduler:
            async for each in find(scheduler):
                ids.append(each)
                progress.tell(f"{len(ids):,} found")
    return list(dict.fromkeys(ids))  # a task that moves while they are listed is there twice


async def _change_each(settings: Settings, change: Change, ids: Sequence[str], *, dry_run: bool = False) -> None:
    report = Report(Output(settings), Progress(settings), len(ids))
    async with connected(settings) as scheduler:

        async def look(task_id: str) -> Step:
            why_not = await change.obstacle(scheduler, task_id)
            return Step(task_id, f"would be {change.past}") if why_not is None else Step(task_id, why_not, NO)

        async def make(task_id: str) -> Step:
            if await change.make(scheduler, task_id):
                return Step(task_id, change.past)
            return Step(task_id, await change.why_not(scheduler, task_id), NO)

        if change.removes and not dry_run:
            await scheduler.note_action("remove_task", ids)
        try:
            await work_through(ids, look if dry_run else make, report)
        finally:
            errors = report.end()
        if change.starts_runs:
            await tell_pause(settings, scheduler)
    if report.code:
        raise Ended(report.code, errors)


def _change_prefix(settings: Settings, change: BulkChange, prefix: str, *, yes: bool, dry_run: bool) -> None:
    if dry_run:
        count, ids = run_async(_size(settings, prefix, is_named=True))
        tell_dry_run(settings, change.past, count, ids)
    else:
        if not yes:
            count, _ = run_async(_size(settings, prefix))
            confirm(how_many(change.verb, count, prefix=prefix) + change.besides, yes=yes)
        count = run_async(_change_all(settings, change, prefix))
        tell_count(settings, change.past, count)
    if not count:
        raise _nothing(change, prefix)


def _nothing(change: Change, prefix: str) -> Ended:
    return Ended(NO, f"There are no tasks to {change.verb} whose ids start with {prefix!r}.")


async def _size(settings: Settings, prefix: str, *, is_named: bool = False) -> tuple[int, Sequence[str]]:
    """Return the number of tasks with a prefix, and the first ids if they are to be named."""
    with Progress(settings) as progress:
        async with connected(settings) as scheduler:
            count = await scheduler.count_tasks(
                prefix=prefix, progress=lambda found, looked: progress.tell(f"{found:,} found, {looked:,} looked at")
            )
            return count, await first_ids(scheduler, count, prefix) if is_named else ()


async def first_ids(scheduler: interval_scheduler.Scheduler, count: int, prefix: str = "") -> list[str]:
    """Return the ids that a dry run names, of so many tasks with a prefix."""
    ids = dict[str, None]()
    if count:  # else all tasks would be looked through for nothing
        async for task in scheduler.tasks(prefix=prefix):
            ids[task.id] = None
            if len(ids) >= min(count, _NAMED):
                break
    return list(ids)


async def _change_all(settings: Settings, change: BulkChange, prefix: str) -> int:
    progress, so_far = Progress(settings), 0

    def tell(done: int, looked: int) -> None:
        nonlocal so_far
        so_far = done
        progress.tell(f"{done:,} {change.past}, {looked:,} looked at")

    async with connected(settings) as scheduler:
        try:
            with progress:
                return await change.make_all(scheduler, prefix, tell)
        except interval_scheduler.InvalidValue:  # nothing was sent
            raise
        except BaseException:  # an interrupt too
            Output(settings).say(f"At least {so_far:,} tasks are {change.past}. Run it again for the others.")
            raise


def tell_count(settings: Settings, result: str, count: int) -> None:
    """Write what became of so many tasks."""
    Output(settings).value({"count": count, "result": result}, f"{count:,} {result}")


def tell_dry_run(settings: Settings, past: str, count: int, ids: Sequence[str]) -> None:
    """Write what would become of so many tasks: a row for the first ids, and the number of all."""
    result = f"would be {past}"
    if settings.as_json:
        value: dict[str, Any] = {"count": count, "result": result, "ids": list(ids)}
        Output(settings).value(value, "")
        return
    if ids:
        Output(settings).rows(("id", "result"), ((each, result) for each in ids))
    tell_count(settings, result, count)


def how_many(verb: str, count: int, *, kind: str = "", prefix: str = "") -> str:
    """Return the beginning of a question: `Remove 12 tasks whose ids start with 'a'`, `Forget 1 dead task`."""
    is_one = count == 1
    words = [verb.capitalize(), f"{count:,}", kind, "task" if is_one else "tasks"]
    if prefix:
        words += [f"whose {'id starts' if is_one else 'ids start'} with {prefix!r}"]
    return " ".join(filter(None, words))
