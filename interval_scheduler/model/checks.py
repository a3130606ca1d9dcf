"""Checks of single values: pure functions that return the value in its wire form, or raise and name the field."""

from __future__ import annotations

import inspect
import math
from datetime import datetime, timedelta
from typing import Final, Literal

from ..errors import ConfigurationError, ConfigurationTypeError, InvalidType, InvalidValue

MAX_ID_BYTES: Final = 512
MAX_DATA_BYTES: Final = 256 * 1024
#: The longest duration anywhere: an interval, a time-out, a lease, a delay. Ten years, as whole numbers of a script.
MAX_SECONDS: Final = 10 * 366 * 86_400
#: Earlier moments (the first eleven days of 1970) are taken for a time from now given by mistake.
MIN_EPOCH_SECONDS: Final = 1_000_000
#: Later moments (the year 5138) are taken for milliseconds given by mistake.
MAX_EPOCH_SECONDS: Final = 100_000_000_000

#: The types of a value in seconds: a number or a timedelta.
Seconds = float | timedelta
#: The types of a value that is a moment: Unix epoch seconds or an aware datetime.
Moment = float | datetime
#: The types of a start: a moment, or a timedelta from now.
Start = Moment | timedelta

# The types that each assignment is checked for: `int | float` would make a type anew each time.
_NUMBER: Final = (int, float)
_SPAN: Final = (int, float, timedelta)

#: The ways in which a recurring task repeats: at a fixed rate on its own grid, or with a fixed delay after each run.
Repeat = Literal["rate", "delay"]


def to_ms(seconds: float) -> int:
    """Convert seconds to whole milliseconds, rounded to the nearest."""
    return round(seconds * 1000)


def check_number(field: str, value: object) -> float:
    """Return `value` as a finite float; a bool does not count as a number."""
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        raise InvalidType(field, f"must be a number of seconds, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        raise InvalidValue(field, "is too large a number") from None
    if not math.isfinite(number):
        raise InvalidValue(field, f"must be finite, got {number}")
    return number


def check_seconds(field: str, value: object) -> float:
    """Return a positive duration in seconds, from a number or a timedelta; at most ten years."""
    number = value.total_seconds() if isinstance(value, timedelta) else check_number(field, value)
    if number <= 0:
        raise InvalidValue(field, f"must be above 0 seconds, got {number}")
    return _bounded(field, number)


def check_wait(field: str, value: object) -> float:
    """Return the seconds that something may take, from a number: from 0 to ten years."""
    number = check_number(field, value)
    if number < 0:
        raise InvalidValue(field, f"must be at least 0, got {number:g}")
    return _bounded(field, number)


def _bounded(field: str, seconds: float) -> float:
    """Return a duration. One above the bound is refused: scripts and timers of the system cannot count so far."""
    if seconds > MAX_SECONDS:
        raise InvalidValue(field, f"must be at most ten years ({MAX_SECONDS} seconds), got {seconds:g} seconds")
    return seconds


def check_seconds_option(name: str, value: object, *, at_least: float = 0.0, above: float | None = None) -> None:
    """Check an option in seconds; raise a `ConfigurationError` that names it if it is bad."""
    try:
        number = _bounded(name, check_number(name, value))
    except InvalidType as error:
        raise ConfigurationTypeError(name, error.problem) from None
    except InvalidValue as error:
        raise ConfigurationError(name, error.problem) from None
    if above is not None and number <= above:
        raise ConfigurationError(name, f"must be above {above:g} seconds, got {number:g}")
    if number < at_least:
        raise ConfigurationError(name, f"must be at least {at_least:g} seconds, got {number:g}")


def check_whole_option(name: str, value: object, *, at_least: int, at_most: int) -> None:
    """Check an option that is a whole number; raise a `ConfigurationError` that names it if it is bad."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationTypeError(name, f"must be a whole number, not {type(value).__name__}")
    if not at_least <= value <= at_most:
        raise ConfigurationError(name, f"must be from {at_least} to {at_most}, got {value}")


def check_progress(value: object) -> None:
    """Check what is to be called with the progress of a call: a plain function, since nobody awaits it; or `None`."""
    if value is None:
        return
    if not callable(value):
        raise InvalidType("progress", f"must be a function, not {type(value).__name__}")
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__):
        raise InvalidType("progress", "must be a plain function, not a coroutine function: nothing awaits it")


def check_interval(field: str, value: object, grid_ms: int = 0) -> int:
    """Return an interval in milliseconds: at least 1 ms and the rounding grid, at most ten years."""
    # The frequent cases, before all others.
    if grid_ms == 0:
        if type(value) is int and 0 < value <= MAX_SECONDS:
            return value * 1000
        if type(value) is float and 0.001 <= value <= MAX_SECONDS:
            return round(value * 1000)
    if isinstance(value, bool) or not isinstance(value, _SPAN):
        raise InvalidType(field, f"must be a number of seconds, a timedelta or None, not {type(value).__name__}")
    seconds = check_seconds(field, value)
    interval_ms = to_ms(seconds)
    if interval_ms < 1:
        raise InvalidValue(field, f"must be at least 0.001 seconds, got {seconds}")
    if interval_ms < grid_ms:
        raise InvalidValue(
            field,
            f"of {seconds} seconds is below the rounding grid task_interval_seconds={grid_ms / 1000}: "
            "it would be rounded to nothing",
        )
    return interval_ms


def check_moment(field: str, value: object, from_now: str | None = "time.time() + seconds") -> int:
    """Return a moment in epoch milliseconds, from epoch seconds or an aware datetime.

    A number that is in the first days of 1970 is refused; `from_now` says what to give for a time from now. With None,
    it is taken as it is.
    """
    # The frequent case, before all others.
    if (type(value) is int or type(value) is float) and MIN_EPOCH_SECONDS <= value < MAX_EPOCH_SECONDS:
        return round(value * 1000)
    if isinstance(value, datetime):
        if value.tzinfo is None or value.utcoffset() is None:
            raise InvalidValue(field, "must be an aware datetime (with a time zone), got a naive one")
        seconds = value.timestamp()
    elif isinstance(value, _NUMBER) and not isinstance(value, bool):
        seconds = check_number(field, value)
        if from_now is not None and 0 <= seconds < MIN_EPOCH_SECONDS:
            raise InvalidValue(
                field,
                f"is {seconds:g}, which is in January 1970: give seconds since 1970 or an aware datetime; for "
                f"a time from now, {from_now}",
            )
    elif isinstance(value, timedelta):
        raise InvalidType(
            field, "must be epoch seconds, an aware datetime or None, not a timedelta: it would move with each call"
        )
    else:
        raise InvalidType(field, f"must be epoch seconds, an aware datetime or None, not {type(value).__name__}")
    if seconds < 0:
        raise InvalidValue(field, f"must not be before 1970, got {seconds}")
    if seconds >= MAX_EPOCH_SECONDS:
        raise InvalidValue(
            field, f"is {seconds:.0f}, which looks like milliseconds: give seconds since 1970, {seconds / 1000:.3f}"
        )
    return to_ms(seconds)


def check_start(field: str, value: object) -> int:
    """Return a start in milliseconds: a moment as by `check_moment`, or a timedelta from 0 to ten years from now."""
    # The frequent case, before all others.
    if type(value) is int and MIN_EPOCH_SECONDS <= value < MAX_EPOCH_SECONDS:
        return value * 1000
    if isinstance(value, timedelta):
        return to_ms(check_wait(field, value.total_seconds()))
    return check_moment(field, value, "a timedelta")


def check_name(field: str, value: object) -> bytes:
    """Return an id or a lock name as UTF-8: 1 to 512 bytes, no NUL; every other character is taken literally."""
    if not isinstance(value, str):
        raise InvalidType(field, f"must be a str, not {type(value).__name__}")
    if not value:
        raise InvalidValue(field, "must not be empty")
    if "\0" in value:
        raise InvalidValue(field, "must not contain NUL")
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise InvalidValue(field, "must not contain lone surrogates (it cannot be encoded as UTF-8)") from None
    if len(raw) > MAX_ID_BYTES:
        raise InvalidValue(field, f"must be at most {MAX_ID_BYTES} bytes, got {len(raw)}")
    return raw


def check_prefix(field: str, value: object) -> str:
    """Return the beginning of ids, which may be empty; it is text that UTF-8 can encode."""
    if not isinstance(value, str):
        raise InvalidType(field, f"must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidValue(field, "must not contain lone surrogates (it cannot be encoded as UTF-8)") from None
    return value


def check_data(field: str, value: object) -> bytes:
    """Return a payload as bytes, from str (as UTF-8) or bytes: at most 256 KiB."""
    if isinstance(value, str):
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise InvalidValue(field, "must not contain lone surrogates: serialize to bytes instead") from None
    elif isinstance(value, bytes):
        raw = value
    else:
        raise InvalidType(field, f"must be str or bytes, not {type(value).__name__}")
    if len(raw) > MAX_DATA_BYTES:
        raise InvalidValue(field, f"must be at most {MAX_DATA_BYTES} bytes, got {len(raw)}")
    return raw


def check_repeat(value: object) -> Repeat:
    """Check that a value is a way to repeat, and return it.

    Raises:
        InvalidValue: the value is neither `"rate"` nor `"delay"`.
    """
    if value == "rate":
        return "rate"
    if value == "delay":
        return "delay"
    raise InvalidValue("repeat", f"must be 'rate' or 'delay', got {value!r}")
