"""Values in URLs and forms: what cannot be used is told in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import unquote

from ..cli.options.durations import moment_from
from .page import BadQuery

_Choice = TypeVar("_Choice", bound=str)
_SECONDS: Final = re.compile(r"\d{1,12}(?:\.\d{1,9})?")


def text_of(values: Mapping[str, str], name: str) -> str:
    """Return a value that has to be there.

    Raises:
        BadQuery: it is missing or empty.
    """
    value = values.get(name, "")
    if not value:
        raise BadQuery(f"The value {name!r} is missing.")
    return value


def choice_in(values: Mapping[str, str], name: str, choices: Iterable[_Choice], otherwise: str = "") -> _Choice:
    """Return a value that is one of a few; `otherwise` if it is not there, or empty.

    Raises:
        BadQuery: it is none of them.
    """
    value, known = values.get(name) or otherwise, tuple(choices)
    found = next((each for each in known if each == value), None)
    if found is None:
        raise BadQuery(f"The value {name!r} must be one of {', '.join(known)}, and not {value!r}.")
    return found


def id_in(form: Mapping[str, str]) -> str:
    """Return the id in the field `task` of a form, where it is quoted: browsers change line ends in fields.

    Raises:
        BadQuery: it is missing.
    """
    return unquote(text_of(form, "task"))


def whole_in(values: Mapping[str, str], name: str) -> int:
    """Return a whole number that counts something; 0 if it is not there.

    Raises:
        BadQuery: it is none.
    """
    value = values.get(name, "0")
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise BadQuery(f"The value {name!r} must be a whole number.")
    return int(value)


def moment_in(values: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    """Return a moment: ISO 8601 (in UTC unless it says another zone), `now`, `-15m`, `+2h`, or epoch seconds.

    Returns:
        The moment in UTC; `None` if it is not there, or empty.

    Raises:
        BadQuery: it is none.
    """
    text = values.get(name, "").strip()
    if not text:
        return None
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        return moment_from(text, now).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise BadQuery(
            f"The value {name!r} must be a moment: 2026-05-01T08:00, 2026-05-01T08:00Z, now, -15m or +2h."
        ) from None
