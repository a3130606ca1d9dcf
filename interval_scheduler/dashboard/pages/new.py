"""The form for a new task."""

from __future__ import annotations

from ... import IntervalTask
from ..editing.fields import texts_of, values_of
from ..editing.payload_field import PayloadField
from ..editing.view import form_view
from ..look import Look
from ..page import Page, View


async def _read(_: Look) -> View:
    texts = texts_of(values_of(IntervalTask("new"))) | {"runs": "every"}
    return form_view(task_id="", texts=texts, payload=PayloadField("", "text"))


PAGE = Page("new", "New task", _read, in_navigation=False, level="admin")
