"""Changes of one task without a question before them: run now, pause, resume, cancel its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .. import queries
from ..look import Look
from ..page import Action, Done
from ..pausing import whole_pause
from ..visible import escaped

Form = Mapping[str, str]


async def _run(look: Look, form: Form) -> Done:
    task_id = queries.id_in(form)
    if await look.scheduler.run_task_now(task_id):
        if await whole_pause(look):
            return Done(f"The task {escaped(task_id)} is due now. It runs when the {look.place} is resumed.")
        return Done(f"The task {escaped(task_id)} runs as soon as a worker is free.")
    task = await look.scheduler.get_task(task_id)
    if task is None:
        return _gone(task_id)
    if task.state == "paused" or task.paused:
        return Done(f"The task {escaped(task_id)} is paused. Resume it first.", is_good=False)
    return Done(f"The task {escaped(task_id)} is in its last run.", is_good=False)


async def _pause(look: Look, form: Form) -> Done:
    task_id = queries.id_in(form)
    if await look.scheduler.pause_task(task_id, form.get("reason") or None):
        return Done(f"The task {escaped(task_id)} is paused.")
    return _gone(task_id)


async def _resume(look: Look, form: Form) -> Done:
    task_id = queries.id_in(form)
    if await look.scheduler.resume_task(task_id):
        return Done(f"The task {escaped(task_id)} goes on.")
    return _gone(task_id)


async def _cancel(look: Look, form: Form) -> Done:
    task_id = queries.id_in(form)
    hand_back = form.get("hand_back") == "on"
    if not await look.scheduler.cancel_run(task_id, hand_back=hand_back):
        return Done(f"No run of the task {escaped(task_id)} is in progress.", is_good=False)
    if hand_back:
        return Done(f"The run of the task {escaped(task_id)} is handed back: it comes again.")
    return Done(f"The run of the task {escaped(task_id)} is cancelled.")


def _gone(task_id: str) -> Done:
    return Done(f"There is no task {escaped(task_id)} any more.", is_good=False)


ACTIONS: Final = (
    Action("run-task", "operate", _run),
    Action("pause-task", "operate", _pause),
    Action("resume-task", "operate", _resume),
    Action("cancel-run", "operate", _cancel),
)
