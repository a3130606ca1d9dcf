"""Changes of many tasks, after a page that counted them: pause, resume, remove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from ... import Scheduler, SchedulerError
from .. import counting, queries
from ..guard.turns import Turns
from ..look import Look
from ..page import Action, Again, BadQuery, Done
from ..pages import bulk
from ..pages.bulk import PAST, Change
from ..words import many

#: So long the count may take that comes before a change, in seconds.
COUNT_SECONDS: Final = 30.0
_UNSURE: Final = "Tick the box if you are sure. Nothing was changed."


class TooMany(Exception):
    """More tasks than may be changed at once."""


def stop_at_most(found: int, _looked: int) -> None:
    """Be told how many tasks were changed.

    Raises:
        TooMany: they are too many to be changed at once.
    """
    if found > counting.MOST:
        raise TooMany


async def _change(look: Look, form: Mapping[str, str]) -> Done | Again:
    change = bulk.change_in(form)
    prefix = unquote(form["prefix"]) if form.get("prefix") else None
    ids = _chosen(form)
    if prefix is None and not ids:
        return Done("No task was chosen.", is_good=False)
    if prefix is not None and ids:
        raise BadQuery("Give either a prefix or tasks.")
    if prefix is not None:
        return await _change_prefix(look, change, prefix, form)
    if not form.get("sure"):
        problem = _UNSURE if "count" in form else None
        return Again(bulk.PAGE, bulk.view_of(look, change, None, bulk.chosen(ids), problem))
    return await _change_each(look.scheduler, change, ids, form.get("reason") or None)


async def _change_prefix(look: Look, change: Change, prefix: str, form: Mapping[str, str]) -> Done | Again:
    """Change all tasks with a prefix, if there are not more of them by now than was said. They are counted anew."""
    said = queries.whole_in(form, "count")
    try:
        async with asyncio.timeout(COUNT_SECONDS):
            count = await bulk.walk_of(look, prefix).to_its_end()
    except TimeoutError:
        words = "To count them anew took too long, so nothing was changed. This command does it: "
        return Done(words + bulk.command(look, change, prefix), is_good=False)
    problem = None
    if not form.get("sure"):
        problem = _UNSURE if "count" in form else None
    elif count.is_too_many:
        problem = f"There are more than {counting.MOST:,} such tasks by now. Nothing was changed."
    elif count.found > said:
        problem = f"There are {count.found:,} such tasks by now, and not {said:,}. Nothing was changed."
    else:
        return await _change_all(look, change, prefix, form.get("reason") or None)
    return Again(bulk.PAGE, bulk.view_of(look, change, prefix, count, problem))


async def _change_all(look: Look, change: Change, prefix: str, reason: str | None) -> Done:
    async with look.kept.the(Turns).turn():
        try:
            number = await _all(look.scheduler, change, prefix, reason)
        except TooMany:  # they became more while they were changed
            words = f"More than {counting.MOST:,} tasks are {PAST[change]} by now, and more come."
            return Done(f"{words} The others were not changed.", is_good=False)
    return Done(f"{many(number, 'task')} {'is' if number == 1 else 'are'} {PAST[change]}.")


async def _all(scheduler: Scheduler, change: Change, prefix: str, reason: str | None) -> int:
    if change == "pause":
        return await scheduler.pause_tasks(prefix=prefix, reason=reason, progress=stop_at_most)
    if change == "resume":
        return await scheduler.resume_tasks(prefix=prefix, progress=stop_at_most)
    return await scheduler.clear_tasks(prefix=prefix, progress=stop_at_most)


async def _change_each(scheduler: Scheduler, change: Change, ids: Sequence[str], reason: str | None) -> Done:
    """Change the tasks that were chosen, at the same time; one that cannot be changed holds up no other."""
    if change == "remove":
        await scheduler.note_action("remove_task", ids)
    answers = await asyncio.gather(*(_one(scheduler, change, each, reason) for each in ids), return_exceptions=True)
    errors = [each for each in answers if isinstance(each, BaseException)]
    for error in errors:
        if not isinstance(error, SchedulerError) or len(errors) == len(ids):
            raise error
    done = sum(answer is True for answer in answers)
    words = f"{many(done, 'task')} {'is' if done == 1 else 'are'} {PAST[change]}."
    if missing := len(ids) - done - len(errors):
        words += f" {many(missing, 'task')} {'is' if missing == 1 else 'are'} not there any more."
    if errors:
        words += f" {many(len(errors), 'task')} could not be changed: {errors[0]}"
    return Done(words, is_good=done == len(ids))


def _one(scheduler: Scheduler, change: Change, task_id: str, reason: str | None) -> Awaitable[bool]:
    if change == "pause":
        return scheduler.pause_task(task_id, reason)
    return scheduler.resume_task(task_id) if change == "resume" else scheduler.remove_task(task_id)


def _chosen(form: Mapping[str, str]) -> list[str]:
    """Return the ids in the fields `pick1`, `pick2` and so on: of several with one name, the last alone counts."""
    picks = {unquote(value): None for name, value in form.items() if name.startswith("pick") and value}
    if len(picks) > 1000:
        raise BadQuery("At most 1,000 tasks can be chosen at once.")
    return list(picks)


ACTION = Action("change-tasks", "admin", _change)
