"""The state of a task that its form was made of, so that a change by somebody else is noticed. Pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from ..page import BadQuery
from .fields import FIELDS

_PAYLOAD: Final = "payload"


def basis_of(texts: Mapping[str, str], data: str | bytes | None) -> str:
    """Return the text that a form carries along.

    Args:
        texts: the texts of the fields of the task.
        data: its payload as far as it may be shown: of another one not even a digest goes to the browser.
    """
    raw = b"" if data is None else data.encode(errors="backslashreplace") if isinstance(data, str) else data
    return json.dumps({**texts, _PAYLOAD: hashlib.sha256(raw).hexdigest()}, separators=(",", ":"))


def meanwhile(then: str, now: str) -> list[dict[str, str]]:
    """Return what was changed between two of these texts, for people.

    Raises:
        BadQuery: one of them was not made by this form.
    """
    before, after = _read(then), _read(now)
    found = [
        {"field": each.label, "was": before.get(each.name, ""), "is": after[each.name]}
        for each in FIELDS
        if before.get(each.name, "") != after[each.name]
    ]
    if before.get(_PAYLOAD) != after[_PAYLOAD]:
        found.append({"field": "Payload", "was": "another one", "is": "as it is shown now"})
    return found


def take_over(typed: Mapping[str, str], then: str, now: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a form that is shown again: what was typed stays, and all else is as the task is now."""
    before = _read(then)
    return {name: now[name] if text == before.get(name, "") else text for name, text in typed.items()}


def _read(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise BadQuery("The form is not as this dashboard made it. Open it again.")
    return found
