"""The marks of pages: an opaque text for the place at which the next page begins. Pure functions.

::

    mark = Base64, URL-safe, of: kind 1*(NUL part)       the last part may have a NUL in it

The kind names the call and the list, so that the mark of one is refused by another.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Final

from ..errors import InvalidType, InvalidValue

#: A mark has a few numbers, and an id of 512 bytes with a group of 128 at the most.
_LONGEST: Final = 2048
#: A score as Redis writes it, which it can read again.
_SCORE: Final = re.compile(rb"-?(?:\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?|inf)")


def to_mark(kind: str, *parts: bytes) -> str:
    """Return the mark of a place; only the last part may have a NUL in it."""
    return base64.urlsafe_b64encode(b"\0".join((kind.encode(), *parts))).rstrip(b"=").decode()


def read_mark(kind: str, count: int, mark: object, field: str = "after") -> tuple[bytes, ...] | None:
    """Return the parts of a mark; `None` for none.

    Args:
        kind: the kind that it must have.
        count: the number of its parts.
        mark: the mark, as the application gives it.
        field: its name, for errors. Default `"after"`.

    Raises:
        InvalidType, InvalidValue: it is no mark of this kind.
    """
    if mark is None:
        return None
    if not isinstance(mark, str):
        raise InvalidType(field, f"must be a str or None, not {type(mark).__name__}")
    parts: list[bytes] = []
    if len(mark) <= _LONGEST and mark.isascii():
        try:
            raw = base64.b64decode(mark.encode() + b"=" * (-len(mark) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            raw = b""
        parts = raw.split(b"\0", count)
    if len(parts) != count + 1 or parts[0] != kind.encode():
        raise bad_mark(field)
    return tuple(parts[1:])


def is_score(text: bytes) -> bool:
    """Tell if a text is a score of a sorted set; Redis refuses one that a double has no room for."""
    if _SCORE.fullmatch(text) is None:
        return False
    number = float(text)
    return text.endswith(b"inf") or (math.isfinite(number) and (number != 0 or text.strip(b"-0.") == b""))


def bad_mark(field: str = "after") -> InvalidValue:
    """Make the error for a mark that was not made by the same call."""
    return InvalidValue(field, "must be what the page before has, of the same call with the same arguments")
