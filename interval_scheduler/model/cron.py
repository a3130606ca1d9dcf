"""When a cron expression fires, in a time zone. Pure functions, on the library cronsim, an extra.

Daylight-saving changes are handled as Debian's cron does: of jobs at a fixed time, one that falls into the hour that is
skipped in spring runs right after it, and one in the hour that comes twice in autumn runs once. Jobs that run every
hour or every few minutes go by real time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from ..errors import InvalidType, InvalidValue

MAX_CRON_LENGTH: Final = 256
#: How many missed occurrences of a task that wants each of them are kept, as in `_prelude.lua`.
MISSED_KEPT: Final = 1000


def check_cron(expression: object, zone: object) -> tuple[str, str]:
    """A cron expression and a time zone in their wire form.

    Raises:
        InvalidType, InvalidValue: one that cannot be used, or that never fires; the message names `cron` or `timezone`.
    """
    if not isinstance(expression, str):
        raise InvalidType("cron", f"must be a str, not {type(expression).__name__}")
    if not isinstance(zone, str):
        raise InvalidType("timezone", f"must be a str such as 'Europe/Riga', not {type(zone).__name__}")
    normal = " ".join(expression.split())
    if len(normal) > MAX_CRON_LENGTH:
        raise InvalidValue("cron", f"must be at most {MAX_CRON_LENGTH} characters, got {len(normal)}")
    _check(normal, zone)
    return normal, zone


@lru_cache(maxsize=1024)
def _check(expression: str, zone: str) -> None:
    try:
        where = ZoneInfo(zone)
    except Exception:  # noqa: BLE001 - it raises many kinds for what is no name of a zone
        raise InvalidValue("timezone", f"must be the name of a time zone such as 'Europe/Riga', got {zone!r}") from None
    error = _error()
    try:
        next(_occurrences(expression, datetime(2024, 1, 1, tzinfo=UTC).astimezone(where)))
    except error as problem:
        raise InvalidValue("cron", f"{expression!r} cannot be read: {problem}") from None
    except StopIteration:
        raise InvalidValue("cron", f"{expression!r} never fires") from None


def next_after(expression: str, zone: str, after_ms: int) -> int:
    """The first occurrence after a moment, both in epoch ms."""
    after = datetime.fromtimestamp(after_ms // 1000, ZoneInfo(zone))
    for moment in _occurrences(expression, after):
        moment_ms = 1000 * int(moment.timestamp())
        # In the second run of an hour that comes twice, the first occurrence given may lie in its first run.
        if moment_ms > after_ms:
            return moment_ms
    raise InvalidValue("cron", f"{expression!r} never fires again")


def next_run(expression: str, zone: str, due_ms: int, now_ms: int, *, each_missed: bool) -> int:
    """When a task runs after a run that was due at some moment: the first occurrence that is still to come.

    With `each_missed` the first one after the run's own, however long ago: the last thousand of them.
    """
    if not each_missed:
        return next_after(expression, zone, max(due_ms, now_ms))
    first = next_after(expression, zone, due_ms)
    # Five fields fire at most each minute: then there cannot be more than are kept.
    if len(expression.split()) == 5 and now_ms - due_ms <= MISSED_KEPT * 60_000:
        return first
    later = first
    for _ in range(MISSED_KEPT):
        if later > now_ms:
            return first
        later = next_after(expression, zone, later)
    just_after = datetime.fromtimestamp(now_ms // 1000 + 1, ZoneInfo(zone))
    backwards = _library().CronSim(expression, just_after, reverse=True)
    oldest: datetime = next(islice(backwards, MISSED_KEPT - 1, None))
    return max(first, 1000 * int(oldest.timestamp()))


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
