"""Saves the form of a task, or shows what would come of it.

::

    form ─▶ read ─▶ changed by somebody else meanwhile? ─▶ does it fit together? ─▶ preview? ─▶ update_task
              └──────────────────┴──────────────────────────────┴───────────────────────┴─▶ the form again

No call changes a task only if it is as it was, or adds one only if it is new. So forms are saved one after the other,
under a lock of the namespace: of two people who save at the same moment, the second is told what the first one did.
Programs that assign tasks do not ask for that lock. What one of them assigns between a look and a save is noticed for a
new task only. The lock is on the master: while that cannot be reached, no form is saved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ... import (
    IntervalTask,
    InvalidType,
    InvalidValue,
    LockTimeout,
    NotAcceptingTasks,
    ScheduledTask,
    SchedulerError,
    next_runs,
)
from .. import queries
from ..editing import draft as drafts
from ..editing.basis import basis_of, meanwhile, take_over
from ..editing.draft import Draft
from ..editing.fields import texts_of, values_of
from ..editing.payload_field import PayloadField, field_of, read_payload
from ..editing.preview import coming
from ..editing.view import form_view
from ..look import Look
from ..page import Action, Again, Done, NotSaved
from ..pages import edit, new
from ..pages.task import COMING, coming_view
from ..payloads import allowed
from ..visible import escaped

Form = Mapping[str, str]

_LOCK: Final = "interval_scheduler.dashboard.forms"
#: Seconds after which others may save although this process died while it held the lock.
_HELD_SECONDS: Final = 10.0
#: Seconds for which a form waits for those before it.
_PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class _Filled:
    """The form of a task that exists, and that task.

    Attributes:
        form: the form.
        found: the task as it is.
        typed: what was typed.
        data: the new payload; `None`: it stays.
        was: the texts of the fields of the task.
        seen: its payload as it may be shown.
    """

    form: Form
    found: ScheduledTask
    typed: Draft
    data: str | bytes | None
    was: Mapping[str, str]
    seen: str | bytes | None

    def again(self, status: int, **more: Any) -> Again:
        """Show the form again."""
        view: dict[str, Any] = {
            "task_id": self.found.id,
            "texts": self.typed.texts,
            "payload": _typed_payload(self.form, field_of(self.found.data, self.seen)),
            "basis": basis_of(self.was, self.seen),
            "errors": self.typed.errors,
        }
        return Again(edit.PAGE, form_view(**(view | more)), status)


async def _save(look: Look, form: Form) -> Done | Again:
    async with _turn(look, form):
        return await _save_in_turn(look, form)


async def _add(look: Look, form: Form) -> Done | Again:
    async with _turn(look, form):
        return await _add_in_turn(look, form)


@asynccontextmanager
async def _turn(look: Look, form: Form) -> AsyncIterator[None]:
    """Let nobody else save a form meanwhile; a preview needs no turn.

    Raises:
        NotSaved: the lock could not be asked for.
        LockError: others saved for too long, or the lock was lost.
    """
    async with AsyncExitStack() as held:
        if form.get("step") == "save":
            try:
                lock = look.scheduler.lock(_LOCK, _HELD_SECONDS, wait_seconds=_PATIENCE_SECONDS)
                await held.enter_async_context(lock)
            except LockTimeout:
                raise
            except SchedulerError as error:
                raise NotSaved(error) from error
        yield


async def _save_in_turn(look: Look, form: Form) -> Done | Again:
    found = await edit.read_task(look, queries.id_in(form))
    seen, was = allowed(look.redact, found.id, found.data), texts_of(values_of(found))
    typed = drafts.read(form, look.now)
    data, problem = read_payload(form, found.data)
    if problem:
        typed.errors["data"] = problem
    filled = _Filled(form, found, typed, data, was, seen)
    basis = form.get("basis", "")
    if others := meanwhile(basis, basis_of(was, seen)):
        return filled.again(409, texts=take_over(typed.texts, basis, was), meanwhile=others)
    wanted = drafts.wanted(found.id, found.data if data is None else data, typed)
    if wanted is None:
        return filled.again(400)
    changes = drafts.changes(found, typed) | ({} if data is None else {"data": data})
    if form.get("step") != "save":
        return filled.again(200, preview=_preview_of_changed(look, filled, wanted, changes))
    return await _update(look, filled, changes)


async def _update(look: Look, filled: _Filled, changes: Mapping[str, Any]) -> Done | Again:
    if not changes:
        return Done("Nothing was changed: the form says what the task is already.")
    task_id = filled.found.id
    try:
        is_there = await look.scheduler.update_task(task_id, **changes)
    except (InvalidValue, InvalidType) as error:
        drafts.note(filled.typed, error)
        return filled.again(400)
    if is_there:
        return Done(f"The task {escaped(task_id)} is changed: {', '.join(map(_label, changes))}.")
    return Done(f"There is no task {escaped(task_id)} any more.", is_good=False)


async def _add_in_turn(look: Look, form: Form) -> Done | Again:
    typed, task_id = drafts.read(form, look.now), form.get("id", "")
    data, problem = read_payload(form, None)
    if problem:
        typed.errors["data"] = problem
    if not task_id:
        typed.errors["id"] = "is needed: each task has one of its own"
    view: dict[str, Any] = {"task_id": task_id, "payload": _typed_payload(form, PayloadField("", "text"))}
    wanted = drafts.wanted(task_id, "" if data is None else data, typed)
    if wanted is None:
        return Again(new.PAGE, form_view(**view, texts=typed.texts, errors=typed.errors), 400)
    try:
        if await look.scheduler.has_task(task_id):
            typed.errors["id"] = "is that of a task which is scheduled already: edit that one"
        elif form.get("step") != "save":
            runs = coming_view(next_runs(wanted, COMING, look.now), wanted.rules.timezone)
            preview = {"runs": runs, "problem": None, "differences": [], "is_paused": False, "has_data": False}
            return Again(new.PAGE, form_view(**view, texts=typed.texts, preview=preview))
        else:
            if look.scheduler.accepting_tasks:  # else nothing is done, and the call says so
                await look.scheduler.note_action("assign_task", [wanted])
            return _added(escaped(task_id), is_new=await look.scheduler.assign_task(wanted))
    except NotAcceptingTasks:
        typed.errors["form"] = (
            "This dashboard cannot add tasks: its scheduler does not accept any. Whoever runs it has to call"
            " start_task_accept() first; the command `interval-scheduler assign` adds tasks as well."
        )
    except (InvalidValue, InvalidType) as error:
        drafts.note(typed, error)
    return Again(new.PAGE, form_view(**view, texts=typed.texts, errors=typed.errors), 400)


def _added(task_id: str, *, is_new: bool) -> Done:
    if is_new:
        return Done(f"The task {task_id} is scheduled.")
    words = (
        f"The task {task_id} is scheduled as you typed it. A program had scheduled it just before, perhaps otherwise."
    )
    return Done(words, is_good=False)


def _preview_of_changed(
    look: Look, filled: _Filled, wanted: IntervalTask, changes: Mapping[str, Any]
) -> Mapping[str, Any]:
    found, runs, problem = filled.found, list[datetime](), None
    try:
        runs = coming(found, wanted, changes, COMING, look.now)
    except (InvalidValue, InvalidType) as error:
        problem = str(error)
    return {
        "runs": coming_view(runs, wanted.rules.timezone),
        "problem": problem,
        "differences": drafts.differences(found, filled.typed, filled.was),
        "is_paused": found.state == "paused" or found.paused is not None,
        "has_data": filled.data is not None,
    }


def _typed_payload(form: Form, field: PayloadField) -> PayloadField:
    """Return the field of the payload with what was typed into it."""
    how = form.get("payload_as", field.form)
    return replace(field, text=form.get("payload", "").replace("\r\n", "\n"), form=how)


def _label(name: str) -> str:
    return "payload" if name == "data" else name.replace("_", " ")


ACTIONS: Final = (Action("save-task", "admin", _save), Action("add-task", "admin", _add))
