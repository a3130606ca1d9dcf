"""The view of the form of a task. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..page import View
from .fields import FIELDS, PARTS
from .payload_field import PayloadField


def form_view(
    *,
    task_id: str,
    texts: Mapping[str, str],
    payload: PayloadField,
    basis: str = "",
    errors: Mapping[str, str] | None = None,
    meanwhile: Sequence[Mapping[str, str]] = (),
    preview: Mapping[str, Any] | None = None,
) -> View:
    """Return the view.

    Args:
        task_id: the id of the task; what was typed of a new one.
        texts: the texts of the fields.
        payload: the field of the payload.
        basis: what the form was made of; see `basis_of`.
        errors: what is wrong, by the names of the fields; `form` for what concerns none of them.
        meanwhile: what somebody else changed since the form was made.
        preview: what would be changed, and the next runs then.
    """
    return {
        "id": task_id,
        "parts": [{"title": part, "fields": [each for each in FIELDS if each.part == part]} for part in PARTS],
        "texts": texts,
        "payload": payload,
        "basis": basis,
        "errors": errors or {},
        "meanwhile": meanwhile,
        "preview": preview,
    }
