"""Reads moments, spans and time zones of Python out of a pickle that was not unpickled. Pure functions.

Time zones of pytz are known too, since schedulers store them.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from .found import CannotCarry
from .inert import Made, Name

_DATETIME: Final = Name("datetime", "datetime")
_TIMEDELTA: Final = Name("datetime", "timedelta")
_FIXED: Final = Name("datetime", "timezone")
_ENCODE: Final = Name("_codecs", "encode")
_ZONEINFO: Final = Name("zoneinfo", "ZoneInfo")
#: The ways in which Python's versions write `ZoneInfo._unpickle`.
_GETATTRS: Final = (Name("builtins", "getattr"), Name("__builtin__", "getattr"))
_DOTTED: Final = Name("zoneinfo", "ZoneInfo._unpickle")
#: The bit of the month that says that a time is the second of two alike, in autumn.
_FOLD: Final = 0x80


def span_of(value: object, what: str) -> timedelta:
    """Read a timedelta.

    Raises:
        CannotCarry: it is none; the message has `what`.
    """
    if isinstance(value, Made) and value.by == _TIMEDELTA and all(isinstance(each, int) for each in value.args):
        try:
            return timedelta(*value.args)  # type: ignore[arg-type]  # looked at just now
        except (TypeError, OverflowError):
            pass  # told below
    raise CannotCarry(f"{what} cannot be read")


def moment_of(value: object, what: str) -> float | None:
    """Read an aware datetime as epoch seconds; None for None.

    Raises:
        CannotCarry: it is none; the message has `what`.
    """
    if value is None:
        return None
    if not isinstance(value, Made) or value.by != _DATETIME or len(value.args) != 2:
        raise CannotCarry(f"{what} is no time with a time zone")
    packed = _bytes_of(value.args[0])
    if len(packed) != 10:
        raise CannotCarry(f"{what} cannot be read")
    micros = int.from_bytes(packed[7:])
    year, month = int.from_bytes(packed[:2]), packed[2] & ~_FOLD
    try:
        where = _zone(value.args[1])
        day, hour, minute, second = packed[3:7]
        fold = int(packed[2] >= _FOLD)
        return datetime(year, month, day, hour, minute, second, micros, where, fold=fold).timestamp()
    except (ValueError, OverflowError):
        raise CannotCarry(f"{what} cannot be read") from None


def zone_name_of(value: object) -> str:
    """Return the name of a time zone.

    Raises:
        CannotCarry: it has no name, or is of a kind that is not known.
    """
    if isinstance(value, Made):
        if value.by == _FIXED and value.args:
            if span_of(value.args[0], "the time zone") == timedelta(0):
                return "UTC"
            raise CannotCarry("its time zone is a fixed offset from UTC, which has no name")
        if _is_zoneinfo(value.by) or value.by == Name("pytz", "_p"):
            if value.args and isinstance(value.args[0], str):
                return value.args[0]
        elif value.by == Name("pytz", "_UTC"):
            return "UTC"
        raise CannotCarry(f"its time zone is an object of {value.kind}, which is not known")
    raise CannotCarry("its time zone cannot be read")


def _zone(value: object) -> tzinfo:
    """Return the time zone of a moment; one of pytz says the offset of that moment."""
    if isinstance(value, Made):
        if value.by == _FIXED and value.args:
            return timezone(span_of(value.args[0], "the time zone"))
        if value.by == Name("pytz", "_p") and len(value.args) > 1 and isinstance(value.args[1], int):
            return timezone(timedelta(seconds=value.args[1]))
    name = zone_name_of(value)
    try:
        return ZoneInfo(name)
    except Exception:  # noqa: BLE001 - a bad name of a zone raises errors of many kinds
        raise CannotCarry(f"its time zone {name!r} is not known here") from None


def _is_zoneinfo(by: object) -> bool:
    if isinstance(by, Made):
        return by.by in _GETATTRS and by.args == (_ZONEINFO, "_unpickle")
    return by == _DOTTED


def _bytes_of(value: object) -> bytes:
    """Return bytes; pickles of old protocols have them as a text that is to be encoded."""
    if isinstance(value, Made) and value.by == _ENCODE and value.args and isinstance(value.args[0], str):
        try:
            return value.args[0].encode("latin-1")
        except UnicodeEncodeError:
            return b""
    return value if isinstance(value, bytes) else b""
