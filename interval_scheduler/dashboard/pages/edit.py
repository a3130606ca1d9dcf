"""The form in which a task is changed."""

from __future__ import annotations

from ... import ScheduledTask
from .. import queries
from ..editing.basis import basis_of
from ..editing.fields import texts_of, values_of
from ..editing.payload_field import field_of
from ..editing.view import form_view
from ..look import Look
from ..page import NotThere, Page, View
from ..payloads import allowed
from ..visible import escaped


async def read_task(look: Look, task_id: str) -> ScheduledTask:
    """Read the task of a form.

    Raises:
        InvalidValue: the id cannot be used.
        NotThere: it is not scheduled.
    """
    task = await look.scheduler.get_task(task_id)
    if task is None:
        raise NotThere(f"The task {escaped(task_id)} is not scheduled: it may be done, dead, or removed.")
    return task


async def _read(look: Look) -> View:
    task = await read_task(look, queries.text_of(look.query, "id"))
    seen, texts = allowed(look.redact, task.id, task.data), texts_of(values_of(task))
    return form_view(task_id=task.id, texts=texts, payload=field_of(task.data, seen), basis=basis_of(texts, seen))


PAGE = Page("edit", "Edit a task", _read, in_navigation=False, level="admin", asks=("id",))
