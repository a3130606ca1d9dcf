"""Reads the lines of a backup, and packs their tasks for the script. Pure functions; `backup.py` has the format.

A backup is input like any other: somebody may have written anything into it. Each value is checked for its type and its
bounds, as where a task is assigned, and the record of a task is built from the checked values anew.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..errors import InvalidLine, InvalidType, InvalidValue
from .backup import MAX_CAUSE, MAX_DEATH, MAX_NOTE, RULES
from .backup_checks import bad, only, parse, short, text_of, whole_number, wrong
from .checks import MAX_DATA_BYTES, MAX_SECONDS, check_data, check_name, check_repeat
from .past import LONGEST_MS, MAX_HISTORY, OUTCOMES, tell
from .rules import Rules, check_together
from .steering import check_actor, check_reason
from .wire import LATEST_MS

_LONGEST_SPAN: Final = 1000 * MAX_SECONDS
_MOST_COUNTED: Final = 10**15 - 1
_LETTERS: Final = {"waiting": "w", "leased": "w", "paused": "p", "dead": "d"}
_TEXTS: Final = frozenset({"missed", "cron", "timezone", "group", "overlap"})
_FIELDS: Final = frozenset(
    {"id", "text", "base64", "state", "paused", "due_ms", "every_ms", "phase_ms", "grid_ms", "repeat", "rules"}
    | {"previous_ms", "attempts", "runs", "failures", "died_ms", "died_attempts", "died_of", "failed_ms", "failed_of"}
    | {"past", "paused_ms", "paused_by", "paused_for"}
)
#: The fields of the line of nearly all tasks.
_COMMON: Final = frozenset({"id", "text", "state", "due_ms", "every_ms", "phase_ms"})


class Trailer(NamedTuple):
    """The last line: the number of tasks before it."""

    tasks: int


class Entry(NamedTuple):
    """A task: its id, its state for the script (see `restore.lua`), its record, and its group."""

    id: bytes
    state: bytes
    record: bytes
    group: str | None


def read_line(number: int, line: object) -> Entry | Trailer:
    """Read a line behind the first.

    Raises:
        InvalidLine: it cannot be used.
    """
    found = parse(number, line)
    try:
        if "end" in found:
            only(found, {"end", "tasks", "left_out"}, "")
            return Trailer(whole_number("tasks", found.get("tasks"), 0, _MOST_COUNTED))
        return _task(found)
    except (InvalidValue, InvalidType) as error:
        raise InvalidLine(number, error.field, error.problem) from None


def _common(found: dict[str, Any]) -> Entry | None:
    """Read a task as nearly all are; `None` for any other, and for what `_task` has to complain of."""
    text, due_ms, every_ms, phase_ms = found["text"], found["due_ms"], found["every_ms"], found["phase_ms"]
    if (
        found["state"] == "waiting"
        and isinstance(text, str)
        and type(due_ms) is type(every_ms) is type(phase_ms) is int
        and 0 <= due_ms <= LATEST_MS
        and 0 <= phase_ms < every_ms <= _LONGEST_SPAN
    ):
        record = b"s %d %d\n%s" % (every_ms, phase_ms, check_data("text", text))
        return Entry(check_name("id", found["id"]), b"%d" % due_ms, record, None)
    return None


def _task(found: dict[str, Any]) -> Entry:
    if found.keys() == _COMMON and (common := _common(found)) is not None:
        return common
    if not found.keys() <= _FIELDS:
        only(found, _FIELDS, "")
    raw_id = check_name("id", found.get("id"))
    flags, data = _payload(found)
    letter, moment = _place(found)
    fixed_delay = "repeat" in found and check_repeat(found["repeat"]) == "delay"
    header = flags + "d" if fixed_delay else flags
    every_ms, grid_ms = found.get("every_ms"), None
    if every_ms is not None:
        whole_number("every_ms", every_ms, 1, _LONGEST_SPAN)
        header = f"{header} {every_ms} {whole_number('phase_ms', found.get('phase_ms'), 0, every_ms - 1)}"
        if (grid_ms := found.get("grid_ms")) is not None:
            header = f"{header} {whole_number('grid_ms', grid_ms, 2, _LONGEST_SPAN)}"
    elif found.get("phase_ms") is not None or found.get("grid_ms") is not None:
        bad("every_ms", "is missing: there is no phase and no grid without it")
    policy, group = "", None
    if (rules := found.get("rules")) is not None:
        policy, group = _policy(rules, every_ms, grid_ms, fixed_delay=fixed_delay)
    if (previous := found.get("previous_ms")) is not None:
        if not isinstance(previous, list) or len(previous) != 2:
            wrong("previous_ms", "a list of two moments", previous)
        before, holds_for = (whole_number("previous_ms", each, 0, LATEST_MS) for each in previous)
        policy += f";p{before}:{holds_for}"
    record = f"{header}{policy}\n".encode() + data
    return Entry(raw_id, _packed(found, letter, moment), record, group)


def _payload(found: dict[str, Any]) -> tuple[str, bytes]:
    text = found.get("text")
    if text is not None:
        if not isinstance(text, str):
            wrong("text", "a text", text)
        if "base64" in found:
            bad("base64", "cannot be there with text: a payload is one or the other")
        return "s", check_data("text", text)
    coded = found.get("base64")
    if not isinstance(coded, str):
        wrong("text" if coded is None else "base64", "a text", coded)
    if len(coded) > 4 * (MAX_DATA_BYTES // 3 + 1):
        bad("base64", f"must be at most {MAX_DATA_BYTES} bytes")
    try:
        return "b", check_data("base64", base64.b64decode(coded, validate=True))
    except InvalidValue:
        raise
    except ValueError:
        bad("base64", "is no Base64")


def _place(found: dict[str, Any]) -> tuple[str, int]:
    state = found.get("state")
    letter = _LETTERS.get(state) if isinstance(state, str) else None
    if letter is None:
        bad("state", f"must be 'waiting', 'leased', 'paused' or 'dead', got {short(state)}")
    if letter == "d":
        return letter, whole_number("died_ms", found.get("died_ms"), 0, LATEST_MS)
    if (paused := found.get("paused")) is not None:
        if not isinstance(paused, bool) or state != "leased":
            wrong("paused", "true or false, of a leased task", paused)
        letter = "p" if paused else letter  # it was to rest after that run
    return letter, whole_number("due_ms", found.get("due_ms"), 0, LATEST_MS)


def _packed(found: dict[str, Any], letter: str, moment: int) -> bytes:
    """Pack a task as `_packed.lua` says, without its record, which comes behind."""
    counts = "0"
    if (attempts := found.get("attempts")) is not None:
        counts = f"{whole_number('attempts', attempts, 0, _MOST_COUNTED) or '00'}"
    for name in ("runs", "failures"):
        counts += f" {whole_number(name, found.get(name, 0), 0, _MOST_COUNTED)}"
    error = cause = b""
    if letter == "d":
        tries = whole_number("died_attempts", found.get("died_attempts", 1), 0, _MOST_COUNTED)
        error = b"%d %s" % (tries, text_of("died_of", found.get("died_of", ""), MAX_DEATH))
    elif (failed_ms := found.get("failed_ms")) is not None:
        moment_of_it = whole_number("failed_ms", failed_ms, 0, LATEST_MS)
        cause = b"%d %s" % (moment_of_it, text_of("failed_of", found.get("failed_of", ""), MAX_CAUSE))
    past = found.get("past")
    history = b"" if past is None else _history(past)
    pause = _pause(found) if letter == "p" else b""
    lengths = f"{len(error)} {len(history)} {len(cause)} {len(pause)}"
    return b"%s\n%s%s%s%s" % (f"{letter} {moment} {counts} {lengths}".encode(), error, history, cause, pause)


def _pause(found: dict[str, Any]) -> bytes:
    """Return when a task was paused, by whom and why, as Redis keeps it; nothing if that is not told."""
    if (paused_ms := found.get("paused_ms")) is None:
        return b""
    who, reason = found.get("paused_by"), found.get("paused_for")
    moment = whole_number("paused_ms", paused_ms, 0, LATEST_MS)
    try:
        by = b"" if who is None else check_actor(who).encode()
        why = b"" if reason is None else check_reason(reason).encode()
    except (InvalidValue, InvalidType) as error:
        raise InvalidValue("paused_for" if error.field == "reason" else "paused_by", error.problem) from None
    return b"%d %s\n%s" % (moment, by, why)


def _history(past: object) -> bytes:
    if not isinstance(past, list) or not len(past) <= MAX_HISTORY:
        wrong("past", f"a list of at most {MAX_HISTORY} runs", past)
    runs = bytearray()
    for run in past:
        if not isinstance(run, dict):
            wrong("past", "a list of objects", run)
        only(run, {"started_ms", "lag_ms", "duration_ms", "outcome", "error"}, "past.")
        outcome = run.get("outcome")
        if not isinstance(outcome, str) or outcome not in OUTCOMES:
            bad("past.outcome", f"must be one of {', '.join(OUTCOMES)}, got {short(outcome)}")
        error = text_of("past.error", run.get("error", ""), MAX_NOTE)
        told = tell(
            whole_number("past.started_ms", run.get("started_ms"), 0, LATEST_MS),
            whole_number("past.lag_ms", run.get("lag_ms"), 0, LONGEST_MS),
            whole_number("past.duration_ms", run.get("duration_ms"), 0, LONGEST_MS),
            outcome,
        )
        runs += b"%c%s%s%c" % (len(error), told, error, len(error))
    return b"%c%s" % (len(past), runs) if past else b""


def _policy(rules: object, every_ms: int | None, grid_ms: int | None, *, fixed_delay: bool) -> tuple[str, str | None]:
    if not isinstance(rules, dict):
        wrong("rules", "an object", rules)
    only(rules, RULES.keys(), "rules.")
    for name, value in rules.items():
        if name in _TEXTS:
            if not isinstance(value, str):
                wrong(f"rules.{name}", "a text", value)
        else:
            whole_number(f"rules.{name}", value, 0, LATEST_MS)
    return _checked(tuple(rules.items()), every_ms, grid_ms, fixed_delay)


@lru_cache(maxsize=4096)
def _checked(
    rules: tuple[tuple[str, Any], ...],
    every_ms: int | None,
    grid_ms: int | None,
    fixed_delay: bool,  # noqa: FBT001 - a key of the cache
) -> tuple[str, str | None]:
    """Check rules as where a task is assigned; return their wire form, and the group."""
    asked: dict[str, Any] = {
        name.removesuffix("_ms"): value / 1000 if name.endswith("_ms") else value for name, value in rules
    }
    if "start_deadline" in asked:
        asked["late"] = "skip"
    try:
        policy = check_together(
            Rules(**asked), interval_ms=every_ms, fixed_delay=fixed_delay, start=None, grid_ms=grid_ms or 0
        )
    except (InvalidValue, InvalidType) as error:
        name = f"{error.field}_ms" if f"{error.field}_ms" in RULES else error.field
        raise InvalidValue(f"rules.{name}" if name in RULES else name, error.problem) from None
    return policy.encode().decode(), policy.group
