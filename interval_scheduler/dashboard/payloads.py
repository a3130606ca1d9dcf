"""Payloads as they are shown: JSON in lines with each number as it is written, other text as it is, bytes as hex.

Pure functions, but for `allowed`, which calls the function of the application that hides what nobody may see.
"""

from __future__ import annotations

import codecs
import json
import logging
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from .guard.guests import is_interrupt
from .look import Redact
from .visible import escaped

#: No more bytes of a payload are shown.
MOST_SHOWN: Final = 64 * 1024
_DEEPEST: Final = 100
_LONGEST_PRETTY: Final = 4 * MOST_SHOWN
_STAYS: Final = "\n\t"
_OPENS: Final = ("[", "{")
_CLOSES: Final = ("]", "}")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_LOG: Final = logging.getLogger("interval_scheduler.dashboard")

Kind = Literal["empty", "json", "text", "bytes", "hidden"]


@dataclass(frozen=True)
class Payload:
    """A payload as it is shown.

    Attributes:
        kind: `"json"`, `"text"`, `"bytes"` (as hex), `"empty"`, or `"hidden"` for one that cannot be shown.
        text: what is shown of it.
        size: the number of its bytes.
        more: the number of its bytes that are not shown.
    """

    kind: Kind
    text: str = ""
    size: int = 0
    more: int = 0


def allowed(redact: Redact | None, task_id: str, data: str | bytes) -> str | bytes | None:
    """Return the payload of a task as it may be shown; `None` if the function that decides about it fails.

    Its traceback is in the log then. So nothing is shown that it would have hidden.
    """
    if redact is None:
        return data
    try:
        answer: Any = redact(task_id, data)
        if not isinstance(answer, str | bytes):
            raise TypeError(f"redact returned {type(answer).__name__} instead of str or bytes")  # noqa: TRY301 - it is told as what redact raises
    except BaseException as error:
        if is_interrupt(error):
            raise
        # Whatever else the application raises, the page is shown without the payload.
        _LOG.exception("The payload of %s cannot be shown: redact failed", ascii(task_id))
        return None
    return answer


def shown(data: str | bytes | None) -> Payload:
    """Return a payload as it is shown; `None` is one that cannot be."""
    if data is None:
        return Payload("hidden")
    raw = data.encode(errors="backslashreplace") if isinstance(data, str) else data
    if not raw:
        return Payload("empty")
    cut = raw[:MOST_SHOWN]
    more = len(raw) - len(cut)
    text = text_in(cut, is_whole=not more)
    if text is None:
        return Payload("bytes", _hex(cut), len(raw), more)
    # The last character can be cut apart: what is left of it is not shown.
    more = len(raw) - len(text.encode())
    pretty = None if more else _pretty(text)
    if pretty is not None:
        return Payload("json", escaped(pretty, _STAYS), len(raw))
    return Payload("text", escaped(text, _STAYS), len(raw), more)


def text_in(raw: bytes, *, is_whole: bool = True) -> str | None:
    """Return the text that bytes are; `None` if they are none.

    Args:
        raw: the bytes.
        is_whole: False if the last character can be cut apart.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(raw, is_whole)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def is_json(text: str) -> bool:
    """Tell if a text is JSON. Numbers may have any number of digits."""
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def is_object(text: str) -> bool:
    """Tell if a text is an object or a list of JSON, and no single word or number."""
    return text.lstrip()[:1] in _OPENS and is_json(text)


def _pretty(text: str) -> str | None:
    """Return an object or a list of JSON in lines; `None` if it is none, or is too deep to be read.

    It is put together of what is written there, and not of what that means: so numbers keep all their digits, and names
    that come twice stay.
    """
    if not is_object(text):
        return None
    parts, depth, length, before = list[str](), 0, 0, ""
    for part in _TOKEN.findall(text):
        depth -= part in _CLOSES
        is_new_line = before in _OPENS or before == "," or part in _CLOSES
        if before and is_new_line and not (before in _OPENS and part in _CLOSES):
            parts.append(f"\n{'  ' * depth}")
            length += 1 + 2 * depth
        parts.append(": " if part == ":" else part)
        length += len(part) + 1
        depth += part in _OPENS
        before = part
        if depth > _DEEPEST or length > _LONGEST_PRETTY:
            return None
    return "".join(parts)


def _hex(raw: bytes) -> str:
    lines = []
    for at in range(0, len(raw), 16):
        row = raw[at : at + 16]
        seen = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in row)
        lines.append(f"{at:08x}  {row.hex(' '):<47}  {seen}")
    return "\n".join(lines)
