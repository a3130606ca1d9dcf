"""Values as Redis returns them, checked for length and form before they are used. Pure functions.

Whoever has access to the keys, or to the channel on which schedulers listen, may have written anything there.
"""

from __future__ import annotations

from typing import Final

#: The greatest number of digits that the scripts write: a fencing token is a moment in microseconds.
MAX_DIGITS: Final = 16
#: The latest moment that stands for one, in ms: the last one of a datetime. `LATEST` in `_checks.lua` is the same.
LATEST_MS: Final = 253_402_300_799_999


def whole(raw: bytes | None) -> int | None:
    """Return the number that is written in plain digits; `None` for anything else, and for too many digits."""
    if raw is None or len(raw) > MAX_DIGITS or not raw.isdigit():
        return None
    return int(raw)


def moment_of(score: bytes) -> int:
    """Return the moment in ms that is nearest to a score: from 1970 to the latest one."""
    try:
        number = float(score)
    except ValueError:
        return 0
    return int(min(number, LATEST_MS)) if number > 0 else 0  # also for no number, which float() reads


def readable(raw_id: bytes) -> str:
    r"""Return an id as text; bytes that are no UTF-8 become escapes such as `\xff`."""
    return raw_id.decode(errors="backslashreplace")


def is_id(raw_id: bytes, longest: int) -> bool:
    """Tell if an application can have given this id: at most `longest` bytes of UTF-8 without NUL."""
    if not 0 < len(raw_id) <= longest or b"\0" in raw_id:
        return False
    try:
        raw_id.decode()
    except UnicodeDecodeError:
        return False
    return True
