"""Writes the lines of a backup from what the scripts return. Pure functions; `backup.py` has the format."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from ..errors import InvalidLine, InvalidType, InvalidValue
from .backup import FORMAT, MAX_CAUSE, MAX_DEATH, MAX_NOTE, RULES, VERSION, cut_text
from .backup_reading import read_line
from .checks import MAX_DATA_BYTES, MAX_ID_BYTES, MAX_SECONDS
from .past import BadHistory, read_history
from .policy import PLAIN, BadPolicy, of_header
from .quotas import Quotas, Rate, from_caps
from .records import HEADER_PARTS, PLAIN_HEADER
from .steering import check_actor, check_reason, to_paused
from .wire import LATEST_MS, moment_of, whole

_STATES: Final = {
    b"w": '"waiting"',
    b"l": '"leased"',
    b"m": '"leased","paused":true',
    b"p": '"paused"',
    b"d": '"dead"',
}
_quoted: Callable[[str], str] = encode_basestring


#: The fields of rules that need a library, or a table of time zones.
_CALENDARS: Final = frozenset({"rules.cron", "rules.timezone", "cron", "timezone"})
#: The most digits of a moment.
_LONGEST_MOMENT: Final = 15


class Unreadable(ValueError):
    """A task cannot be read, so that it has no line."""


class Extras(NamedTuple):
    """The rest that few tasks have: counts, errors and runs, as Redis has them."""

    attempts: bytes | None
    runs: bytes | None
    failures: bytes | None
    error: bytes | None
    history: bytes | None
    cause: bytes | None
    pause: bytes | None


def header(
    namespace: str, at_ms: int, prefix: str, *, paused: bool | None, quotas: Quotas | None, reason: str | None = None
) -> bytes:
    """Write the first line; pause and quotas are `None` where only some tasks are in the backup."""
    fields: dict[str, Any] = {"format": FORMAT, "version": VERSION, "namespace": namespace, "at_ms": at_ms}
    if prefix:
        fields["prefix"] = prefix
    if paused is not None:
        fields["paused"] = paused
        if reason is not None and _is_fine(check_reason, reason):
            fields["paused_for"] = reason
    if quotas is not None:
        fields["quotas"] = {
            "rate": None if quotas.rate is None else _rate(quotas.rate),
            "rates": {group: _rate(rate) for group, rate in quotas.rates.items()},
            "concurrency": from_caps(quotas.caps),
        }
    return _line(fields)


def trailer(tasks: int, left_out: int) -> bytes:
    """Write the last line."""
    return _line({"end": True, "tasks": tasks, "left_out": left_out})


def task(raw_id: bytes, record: bytes, place: bytes, extras: Extras | None) -> bytes:
    """Write the line of a task.

    Args:
        raw_id: its id.
        record: its record.
        place: the due time of a task that waits, ms; else a letter, a blank and the moment.
        extras: what few tasks have; `None` for none.

    Raises:
        Unreadable: it cannot be read.
    """
    plain = PLAIN_HEADER.match(record)
    try:
        if plain is None:
            kind, delay, every, phase, grid, policy, end = _header(record)
        else:
            kind, delay, every, phase, grid = plain.groups()
            policy, end = b"", plain.end()
        data = (
            f'"text":{_quoted(record[end:].decode())}'
            if kind == b"s"
            else f'"base64":"{base64.b64encode(record[end:]).decode()}"'
        )
        state = f'"waiting","due_ms":{place.decode()}' if place.isdigit() else _state(place)
        line = f'{{"id":{_quoted(raw_id.decode())},{data},"state":{state}'
        if every is not None:
            line += f',"every_ms":{every.decode()},"phase_ms":{phase.decode()}'
            if grid is not None:
                line += f',"grid_ms":{grid.decode()}'
        if delay:
            line += ',"repeat":"delay"'
        if policy:
            line += _rules(policy)
        is_more = extras is not None and any(extras)
        if extras is not None and is_more:
            line += _extras(extras, is_dead=place[:1] == b"d")
        written = f"{line}}}\n".encode()
    except UnicodeDecodeError:
        raise Unreadable("its id or its text is not UTF-8") from None
    if plain is None or is_more or _is_odd(raw_id, len(record) - end, place, every, phase):
        _read_again(written)
    return written


def _is_odd(raw_id: bytes, size: int, place: bytes, every: bytes | None, phase: bytes | None) -> bool:
    """Tell if a plain task may have a value that no scheduler wrote."""
    return (
        not 0 < len(raw_id) <= MAX_ID_BYTES
        or b"\0" in raw_id
        or size > MAX_DATA_BYTES
        or not place.isdigit()
        or len(place) > _LONGEST_MOMENT
        or (every is not None and (int(every) > 1000 * MAX_SECONDS or int(phase or b"0") >= int(every)))
    )


def _read_again(line: bytes) -> None:
    """Check that a line can be restored: somebody else may have written what stands in Redis."""
    try:
        read_line(0, line)
    except InvalidLine as error:
        if error.field not in _CALENDARS:  # what they need may be missing here alone
            raise Unreadable(f"{error.field} {error.problem}") from None


def _header(record: bytes) -> tuple[Any, ...]:
    found = HEADER_PARTS.match(record)
    if found is None:
        raise Unreadable("the header of its record cannot be read")
    return (*found.groups(), found.end())


def _state(place: bytes) -> str:
    letter, _, moment = place.partition(b" ")
    if not moment:  # a due time that others wrote
        letter, moment = b"w", place
    if letter == b"d":
        return f'"dead","died_ms":{moment_of(moment)}'
    return f'{_STATES[letter]},"due_ms":{moment_of(moment)}'


@lru_cache(maxsize=4096)
def _rules(raw: bytes) -> str:
    try:
        policy = of_header(raw)
    except BadPolicy as error:
        raise Unreadable(str(error)) from None
    rules = {
        name: getattr(policy, field) for name, field in RULES.items() if getattr(policy, field) != getattr(PLAIN, field)
    }
    text = f',"rules":{_json(rules)}' if rules else ""
    _, mark, previous = raw.partition(b";p")
    if mark:
        moments = [whole(each) for each in previous.split(b":")]
        if len(moments) == 2 and None not in moments:
            text += f',"previous_ms":{_json(moments)}'
    return text


def _extras(extras: Extras, *, is_dead: bool) -> str:
    fields: dict[str, Any] = {}
    for name in ("attempts", "runs", "failures"):
        if (count := whole(getattr(extras, name))) is not None:
            fields[name] = count if name == "attempts" or count else None
    if is_dead and extras.error is not None:
        attempts, _, error = extras.error.partition(b" ")
        count = whole(attempts)
        fields["died_attempts"] = 1 if count is None else count
        fields["died_of"] = _text(extras.error if count is None else error, MAX_DEATH)
    if extras.cause is not None and not is_dead:
        when, _, error = extras.cause.partition(b" ")
        moment = whole(when)
        fields["failed_ms"] = min(moment or 0, LATEST_MS)
        fields["failed_of"] = _text(extras.cause if moment is None else error, MAX_CAUSE)
    if extras.pause is not None and not is_dead:
        paused = to_paused(extras.pause)
        fields["paused_ms"] = None if paused.at is None else round(paused.at * 1000)
        fields["paused_by"] = paused.who if _is_fine(check_actor, paused.who) else None
        fields["paused_for"] = paused.reason if _is_fine(check_reason, paused.reason) else None
    if extras.history:
        with suppress(BadHistory):  # as for every reader; an audit tells of it
            fields["past"] = [
                {
                    "started_ms": round(run.started * 1000),
                    "lag_ms": round(run.lag * 1000),
                    "duration_ms": round(run.duration * 1000),
                    "outcome": run.outcome,
                    **({} if run.error is None else {"error": cut_text(run.error, MAX_NOTE)}),
                }
                for run in read_history(extras.history)
            ]
    fields = {name: value for name, value in fields.items() if value is not None}
    return "," + _json(fields)[1:-1] if fields else ""


def _is_fine(check: Callable[[object], object], value: object) -> bool:
    """Tell if something that is told of a pause is as schedulers write it."""
    try:
        check(value)
    except (InvalidValue, InvalidType):
        return False
    return True


def _text(raw: bytes, most: int) -> str:
    return cut_text(raw.decode(errors="replace"), most)


def _rate(rate: Rate) -> Mapping[str, int]:
    return {"count": rate.count, "per_ms": round(rate.per * 1000), "burst": rate.burst}


def _json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _line(value: Mapping[str, Any]) -> bytes:
    return f"{_json(value)}\n".encode()
