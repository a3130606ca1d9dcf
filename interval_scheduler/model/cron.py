"""The occurrences of a cron expression in a time zone. Pure functions, on the library cronsim, an extra.

Daylight-saving changes are handled as in Debian's cron. A job at a fixed time that falls into the hour that is skipped
in spring runs right after that hour; a job in the hour that comes twice in autumn runs once. A job that runs every hour
or every few minutes goes by real time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..errors import InvalidType, InvalidValue
from .cron_words import hint, translate
from .wire import LATEST_MS

MAX_CRON_LENGTH: Final = 256
#: Names that ZoneInfo takes, and that mean another zone on another machine, none, or one with leap seconds.
_NO_ZONES: Final = re.compile(r"localtime|posixrules|Factory|(?:right|posix)/.*", re.IGNORECASE)


def check_cron(expression: object, zone: object) -> tuple[str, str]:
    """Check a cron expression and a time zone, and return them in wire form.

    Raises:
        InvalidType, InvalidValue: one of them cannot be used, or the expression never fires; the message names `cron`
            or `timezone`.
    """
    if not isinstance(expression, str):
        raise InvalidType("cron", f"must be a str, not {type(expression).__name__}")
    if not isinstance(zone, str):
        raise InvalidType("timezone", f"must be a str such as 'Europe/Riga', not {type(zone).__name__}")
    given = " ".join(expression.split())
    if len(given) > MAX_CRON_LENGTH:
        raise InvalidValue("cron", f"must be at most {MAX_CRON_LENGTH} characters, got {len(given)}")
    normal = translate(given)
    if len(normal) > MAX_CRON_LENGTH:
        raise InvalidValue("cron", f"must be at most {MAX_CRON_LENGTH} characters, got {len(normal)}: {normal!r}")
    _check(normal, given, zone)
    return normal, zone


def check_zone(zone: str) -> None:
    """Check that a zone is the same one on every machine. Of new tasks only: what is stored has to go on.

    Raises:
        InvalidValue: it is not; the message names `timezone`.
    """
    if _NO_ZONES.fullmatch(zone):
        raise InvalidValue(
            "timezone", f"must be the same zone on every machine, such as 'Europe/Riga', which {zone!r} is not"
        )


@lru_cache(maxsize=1024)
def is_unreadable(expression: str) -> bool:
    """Tell if an expression from a record is none; False as well where the library to read it is missing."""
    if len(expression) > MAX_CRON_LENGTH:
        return True
    try:
        error = _error()
    except InvalidValue:
        return False
    try:
        next(_occurrences(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except (error, StopIteration):
        return True
    return False


@lru_cache(maxsize=1024)
def _check(expression: str, given: str, zone: str) -> None:
    try:
        where = ZoneInfo(zone)
    except Exception:  # noqa: BLE001 - a bad name of a zone raises errors of many kinds
        raise InvalidValue("timezone", _unknown_zone(zone)) from None
    error = _error()
    try:
        next(_occurrences(expression, datetime(2024, 1, 1, tzinfo=UTC).astimezone(where)))
    except error as problem:
        raise InvalidValue("cron", f"{given!r} cannot be read: {hint(given) or problem}") from None
    except StopIteration:
        raise InvalidValue("cron", f"{given!r} never fires") from None


def _unknown_zone(zone: str) -> str:
    try:
        ZoneInfo("Etc/UTC")
    except Exception:  # noqa: BLE001 - likewise
        return "cannot be used, this system knows no time zones: pip install 'interval-scheduler[cron]'"
    return f"must be the name of a time zone such as 'Europe/Riga', got {zone!r}"


#: Dates end with the year 9999; a day less, for the time zones.
_LAST_MS: Final = 253_402_300_799_000 - 86_400_000


def next_after(expression: str, zone: str, after_ms: int) -> int:
    """Return the first occurrence after a moment; both are in epoch ms. After the last one it is `LATEST_MS`."""
    if after_ms > _LAST_MS:
        return LATEST_MS
    after = datetime.fromtimestamp(after_ms // 1000, ZoneInfo(zone))
    try:
        for moment in _occurrences(expression, after):
            moment_ms = 1000 * int(moment.timestamp())
            # In the second pass of an hour that comes twice, the library may first give one of the first pass.
            if moment_ms > after_ms:
                return moment_ms
    except OverflowError:  # the next one would be after the last date
        return LATEST_MS
    raise InvalidValue("cron", f"{expression!r} never fires again")


def before(expression: str, zone: str, moment_ms: int) -> Iterator[int]:
    """Yield the occurrences up to a moment, the latest first; all are in epoch ms."""
    latest_ms = moment_ms + 1
    just_after = datetime.fromtimestamp(moment_ms // 1000 + 1, ZoneInfo(zone))
    for found in _library().CronSim(expression, just_after, reverse=True):
        found_ms = 1000 * int(found.timestamp())
        if found_ms < latest_ms:  # the library goes through an hour that comes twice in an order of its own
            latest_ms = found_ms
            yield found_ms


def _occurrences(expression: str, after: datetime) -> Iterator[datetime]:
    cronsim = _library()
    found: Iterator[datetime] = cronsim.CronSim(expression, after)
    return found


def _error() -> type[Exception]:
    error: type[Exception] = _library().CronSimError
    return error


def _library() -> Any:
    try:
        import cronsim  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidValue("cron", "needs a library: pip install 'interval-scheduler[cron]'") from None
    return cronsim
