"""The payload of a task as a file, as far as it may be shown."""

from __future__ import annotations

from .. import queries
from ..look import Look
from ..page import Attachment, Download, NotThere
from ..payloads import allowed, is_object, text_in


async def _read(look: Look) -> Attachment:
    task_id = queries.text_of(look.query, "id")
    task = await look.scheduler.get_task(task_id) or await look.scheduler.get_dead_task(task_id)
    if task is None:
        raise NotThere("There is no such task any more.")
    data = allowed(look.redact, task_id, task.data)
    if data is None:
        raise NotThere("The payload cannot be shown.")
    raw = data.encode(errors="backslashreplace") if isinstance(data, str) else data
    return Attachment(raw, f"payload.{_ending(raw)}")


def _ending(raw: bytes) -> str:
    text = text_in(raw)
    if text is None:
        return "bin"
    return "json" if is_object(text) else "txt"


DOWNLOAD = Download("payload", _read)
