"""The payload in the form of a task. Pure functions.

A browser changes line ends, and shows no control characters. So a payload is in its field only if it comes back from
there as it was; any other stays as it is until somebody chooses to replace it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..payloads import MOST_SHOWN, is_json, is_object, text_in


@dataclass(frozen=True)
class PayloadField:
    """The field of the payload.

    Attributes:
        text: what is in it.
        form: what is done with it: `"stays"`, `"text"` or `"json"`.
        can_stay: the payload is not in the field, so that it can stay without being there.
        why: why it is not there, in a sentence; empty if it is.
    """

    text: str
    form: str
    can_stay: bool = False
    why: str = ""


def field_of(data: str | bytes, seen: str | bytes | None) -> PayloadField:
    """Return the field for the payload of a task.

    Args:
        data: the payload.
        seen: the payload as it may be shown; `None` if it may not be.
    """
    if seen != data:
        return PayloadField("", "stays", can_stay=True, why="The payload is not shown here as it is.")
    raw = data.encode(errors="backslashreplace") if isinstance(data, str) else data
    if len(raw) > MOST_SHOWN:
        return PayloadField(
            "", "stays", can_stay=True, why=f"The payload has {len(raw):,} bytes, too many to be shown."
        )
    text = text_in(raw)
    if text is None or not all(each.isprintable() or each in "\n\t" for each in text):
        return PayloadField("", "stays", can_stay=True, why="The payload is no plain text.")
    return PayloadField(text, "json" if is_object(text) else "text")


def read_payload(form: Mapping[str, str], current: str | bytes | None) -> tuple[str | bytes | None, str | None]:
    """Read the payload of a form.

    Args:
        form: the form.
        current: the payload of the task; `None` for a new one.

    Returns:
        The payload, or `None` if it stays as it is; and what is wrong with it, or `None`.
    """
    text = form.get("payload", "").replace("\r\n", "\n")
    how = form.get("payload_as", "text")
    if how not in ("stays", "text", "json"):
        return None, "must be replaced by a text or by JSON, or stay"
    if how == "stays":
        return (None, None) if not text else (None, "is said to stay, but a new one is given: choose one")
    if how == "json" and (problem := _json_problem(text)):
        return None, problem
    data = text.encode() if isinstance(current, bytes) else text
    return (None if data == current else data), None


def _json_problem(text: str) -> str | None:
    if is_json(text):
        return None
    try:
        json.loads(text, parse_int=str)
    except json.JSONDecodeError as error:
        return f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        pass  # the words below hold
    return "is no JSON that can be read"
