"""Changes of many tasks, after a page that counted them: pause, resume, remove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from ... import Scheduler, SchedulerError
from .. import queries, walk
from ..guard.turns import NoTurn, Turns
from ..look import Look
from ..page import Action, Again, BadQuery, Done
from ..pages import bulk
from ..pages.bulk import PAST, Change
from ..words import are, many

#: So long the count may take that comes before a change, in seconds.
COUNT_SECONDS: Final = 30.0
_UNSURE: Final = "Tick the box if you are sure. Nothing was changed."


class TooMany(Exception):
    """More tasks were changed than somebody agreed to; the others are left.

    Attributes:
        found: the number of those that were changed.
    """

    def __init__(self, found: int) -> None:
        super().__init__(f"{found} tasks were changed")
        self.found = found


def stop_above(most: int) -> Callable[[int, int], None]:
    """Return what is told how many tasks were changed, and raises `TooMany` once they are more than so many."""

    def told(found: int, _looked: int) -> None:
        if found > most:
            raise TooMany(found)

    return told


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
        return Again(bulk.PAGE, bulk.view_of(look, change, None, bulk.chosen(ids), _unsure(form)))
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
    if not form.get("sure"):
        problem = _unsure(form)
    elif count.is_too_many:
        problem = f"There are more than {walk.MOST:,} such tasks by now. Nothing was changed."
    elif count.found > said:
        problem = f"There are {count.found:,} such tasks by now, and not {said:,}. Nothing was changed."
    else:
        return await _change_all(look, change, prefix, min(said, walk.MOST), form.get("reason") or None)
    return Again(bulk.PAGE, bulk.view_of(look, change, prefix, count, problem))


async def _change_all(look: Look, change: Change, prefix: str, said: int, reason: str | None) -> Done:
    """Change them all, if they do not become more than was said while that goes on: then the rest of them is left."""
    try:
        async with look.kept.the(Turns).turn():
            number = await _all(look.scheduler, change, prefix, reason, stop_above(said))
    except NoTurn as error:
        raise NoTurn(f"Nothing was changed. {error}") from None
    except TooMany as error:
        words = f"{many(error.found, 'task')} {are(error.found)} {PAST[change]} by now, and not {said:,}"
        return Done(f"{words}: more came meanwhile. Others that came were not changed.", is_good=False)
    return Done(f"{many(number, 'task')} {are(number)} {PAST[change]}.")


async def _all(
    scheduler: Scheduler, change: Change, prefix: str, reason: str | None, progress: Callable[[int, int], None]
) -> int:
    if change == "pause":
        return await scheduler.pause_tasks(prefix=prefix, reason=reason, progress=progress)
    if change == "resume":
        return await scheduler.resume_tasks(prefix=prefix, progress=progress)
    return await scheduler.clear_tasks(prefix=prefix, progress=progress)


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
    words = f"{many(done, 'task')} {are(done)} {PAST[change]}."
    if missing := len(ids) - done - len(errors):
        words += f" {many(missing, 'task')} {are(missing)} not there any more."
    if errors:
        words += f" {many(len(errors), 'task')} could not be changed: {errors[0]}"
    return Done(words, is_good=done == len(ids))


def _one(scheduler: Scheduler, change: Change, task_id: str, reason: str | None) -> Awaitable[bool]:
    if change == "pause":
        return scheduler.pause_task(task_id, reason)
    return scheduler.resume_task(task_id) if change == "resume" else scheduler.remove_task(task_id)


def _unsure(form: Mapping[str, str]) -> str | None:
    """Return what is said to somebody who was asked, and has not agreed; `None` to who is asked first."""
    return _UNSURE if "count" in form else None


def _chosen(form: Mapping[str, str]) -> list[str]:
    """Return the ids in the fields `pick1`, `pick2` and so on: of several with one name, the last alone counts."""
    picks = {unquote(value): None for name, value in form.items() if name.startswith("pick") and value}
    if len(picks) > 1000:
        raise BadQuery("At most 1,000 tasks can be chosen at once.")
    return list(picks)


ACTION = Action("change-tasks", "admin", _change)
