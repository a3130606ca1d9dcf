"""Checks of the lines of a backup, and of single values in them. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from ..errors import InvalidLine, InvalidType, InvalidValue
from .backup import MAX_LINE, VERSION
from .checks import check_data


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


# As `JSONDecoder.decode`, without its two regular expressions.
_scan: Final[Callable[[str, int], tuple[Any, int]]] = json.scanner.make_scanner(  # type: ignore[attr-defined]
    json.JSONDecoder(parse_constant=_refuse)
)


def parse(number: int, line: object) -> dict[str, Any]:
    """Parse a line, which must be a JSON object.

    Raises:
        InvalidLine: it is none.
    """
    if not isinstance(line, bytes | str):
        raise InvalidLine(number, "line", f"must be bytes or str, not {type(line).__name__}")
    if len(line) > MAX_LINE:
        raise InvalidLine(number, "line", f"must be at most {MAX_LINE} bytes long, got {len(line)}")
    try:
        text = (line if isinstance(line, str) else line.decode()).strip()
        found, end = _scan(text, 0)
    # JSONDecodeError, UnicodeDecodeError and numbers of too many digits are errors of values.
    except (ValueError, RecursionError, StopIteration):
        raise InvalidLine(number, "line", "is no JSON that can be read") from None
    if end != len(text):
        raise InvalidLine(number, "line", "has more than one JSON object")
    if type(found) is not dict:
        raise InvalidLine(number, "line", f"must be a JSON object, not {type(found).__name__}")
    return found


def whole_number(field: str, value: object, least: int, most: int) -> int:
    """Return a whole number in some bounds; a bool is none. Raises, as the others here, and names the field."""
    if type(value) is not int:  # a bool is none
        wrong(field, "a whole number", value)
    if not least <= value <= most:
        bad(field, f"must be from {least} to {most}, got {short(value)}")
    return value


def text_of(field: str, value: object, most: int) -> bytes:
    """Return a text of at most some bytes, as UTF-8."""
    if not isinstance(value, str):
        wrong(field, "a text", value)
    raw = check_data(field, value)
    if len(raw) > most:
        bad(field, f"must be at most {most} bytes, got {len(raw)}")
    return raw


def only(found: Mapping[str, Any], known: Any, prefix: str) -> None:
    """Check that an object has no other fields than those that are known."""
    for name in found:
        if name not in known:
            bad(f"{prefix}{short(name)}", f"is no field of version {VERSION}")


def wrong(field: str, wanted: str, value: object) -> NoReturn:
    """Raise for a value of the wrong type."""
    given: Sequence[Any] | str = "nothing" if value is None else f"{type(value).__name__} {short(value)}"
    raise InvalidType(field, f"must be {wanted}, got {given}")


def bad(field: str, problem: str) -> NoReturn:
    """Raise for a value that cannot be used."""
    raise InvalidValue(field, problem)


def short(value: object) -> str:
    """Show a value in an error, cut off: it may be of any length."""
    if isinstance(value, list | dict):
        return f"of {len(value)} items"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a larger one"
    text = str(value)[:60] if isinstance(value, str) else repr(value)
    return ascii(text)[1:-1] if not text.isprintable() else text  # it must not forge lines of a log
