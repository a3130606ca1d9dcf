"""Revives dead tasks, and forgets them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from ... import InvalidValue, PartitionOffline, Scheduler, SchedulerError
from .. import queries
from ..look import Look
from ..page import Action, Again, BadQuery, Done
from ..pages.sure import MOST_REVIVED, ask_again
from ..words import are, many

#: The tasks that are revived at once: enough for full batches to every partition.
_AT_ONCE: Final = 500
#: The most tasks that can be chosen: a page shows fewer. To revive more at once needs the level of `revive-dead`.
_MOST_CHOSEN: Final = 1000


@dataclass
class _Outcome:
    """The numbers of tasks that were revived, and that were not."""

    revived: int = 0
    not_dead: int = 0
    errors: list[SchedulerError] = field(default_factory=list)

    @property
    def done(self) -> Done:
        said = [f"{many(self.revived, 'task')} {are(self.revived)} revived, and due now."]
        if self.not_dead:
            said.append(f"{many(self.not_dead, 'task')} {are(self.not_dead)} not dead any more.")
        if self.errors:
            words = "; ".join(dict.fromkeys(map(str, self.errors)))
            said.append(f"{many(len(self.errors), 'task')} failed, or it is not known what came of it: {words}.")
        return Done(" ".join(said), is_good=self.revived > 0 and not self.errors)


async def _revive(look: Look, form: Mapping[str, str]) -> Done:
    ids = chosen(form)
    if not ids:
        return Done("No task is selected: tick the box of each that is to be revived.", is_good=False)
    if len(ids) > _MOST_CHOSEN:
        raise BadQuery(f"At most {_MOST_CHOSEN:,} tasks can be chosen at once.")
    outcome = _Outcome()
    await _revive_each(look.scheduler, ids, outcome)
    return outcome.done


async def _revive_all(look: Look, form: Mapping[str, str]) -> Done | Again:
    """Revive page by page, the newest first: what dies again meanwhile comes before the first page, and is left."""
    said = _told_in(form)
    if again := await ask_again(look, "revive-dead", said):
        return again
    outcome, after, left, offline = _Outcome(), None, min(said, MOST_REVIVED), dict[str, None]()
    while left > 0:
        try:
            page = await look.scheduler.dead_page(after, min(left, _AT_ONCE))
        except PartitionOffline as error:
            outcome.errors.append(error)
            break
        await _revive_each(look.scheduler, [task.id for task in page.tasks], outcome)
        offline.update(dict.fromkeys(page.offline))
        after, left = page.after, left - len(page.tasks)
        if after is None:
            break
    done = outcome.done
    if offline:
        return Done(f"{done.words} Left out, since they cannot be reached: {', '.join(offline)}.", is_good=False)
    return Done(f"{done.words} More dead tasks are left.", done.is_good) if after is not None else done


async def _revive_each(scheduler: Scheduler, ids: Sequence[str], outcome: _Outcome) -> None:
    answers = await asyncio.gather(*(scheduler.revive_task(each) for each in ids), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, InvalidValue):
            raise BadQuery(f"An id in the form cannot be used: {answer}.") from None
        if isinstance(answer, SchedulerError):
            outcome.errors.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        elif answer:
            outcome.revived += 1
        else:
            outcome.not_dead += 1


async def _clear(look: Look, form: Mapping[str, str]) -> Done | Again:
    """Forget all; those that die after they were counted are forgotten too, as the question says."""
    if again := await ask_again(look, "clear-dead", _told_in(form)):
        return again
    count = await look.scheduler.clear_dead_tasks()
    return Done(f"{many(count, 'dead task')} {are(count)} forgotten.")


def _told_in(form: Mapping[str, str]) -> int:
    """Return the number of tasks that the question named, and the answer is about."""
    queries.text_of(form, "count")
    return queries.whole_in(form, "count")


def chosen(form: Mapping[str, str]) -> list[str]:
    """Return the ids that a form is about.

    It has either `task`, or `id-N` for each task that it shows, and `pick-N` for those that are ticked; with `which` =
    `shown` they need not be. The ids are quoted as in a URL, since browsers change line ends in the fields of a form.
    """
    if "task" in form:
        return [unquote(form["task"])]
    shown = {name.removeprefix("id-"): task_id for name, task_id in form.items() if name.startswith("id-")}
    takes_all = form.get("which") == "shown"
    return [unquote(task_id) for number, task_id in shown.items() if takes_all or f"pick-{number}" in form]


ACTIONS: Final = (
    Action("revive", "operate", _revive),
    Action("revive-dead", "admin", _revive_all),
    Action("clear-dead", "admin", _clear),
)
