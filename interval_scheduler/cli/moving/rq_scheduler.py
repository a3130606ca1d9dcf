"""Reads the jobs of rq-scheduler. Pure functions.

A sorted set has the ids of all jobs by the time of their next run; each job is a hash of RQ's. What it calls and its
`meta` are a pickle or JSON, as the serializer of that RQ says. `inert` reads a pickle without unpickling it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ... import IntervalTask, next_runs
from .found import CannotCarry, Carried, Found, LeftOut, payload, task_of
from .inert import MOST_BYTES, CannotRead, read

#: The fields of a job, in the order in which `Record` has them.
FIELDS: Final = (
    *("data", "meta", "origin", "timeout", "ttl", "dependency_ids"),
    *("success_callback_name", "failure_callback_name", "retries_left"),
)
_OF_SCHEDULER: Final = frozenset({"interval", "repeat", "cron_string", "use_local_timezone"})


class Record(NamedTuple):
    """A job as Redis has it: its id, the epoch second of its next run, and its fields; None: missing."""

    id: str
    due: float
    fields: Sequence[bytes | None]


def job_of(record: Record, zone: str) -> Found:
    """Tell what becomes of a job; cron expressions are taken to be in the time zone."""
    try:
        return _carried(record, dict(zip(FIELDS, record.fields, strict=True)), zone)
    except CannotRead as problem:
        return LeftOut(record.id, f"its pickle cannot be read: {problem}")
    except CannotCarry as reason:
        return LeftOut(record.id, str(reason))


def _carried(record: Record, fields: dict[str, bytes | None], zone: str) -> Carried:
    if fields["data"] is None:
        raise CannotCarry("its job is gone")
    called = _loaded(_inflated(fields["data"]))
    if not isinstance(called, list | tuple) or len(called) != 4:
        raise CannotCarry("what it calls cannot be read")
    func, instance, args, kwargs = called
    if instance is not None:
        raise CannotCarry("it calls a method of a Python object that is in the job")
    meta = {} if not fields["meta"] else _loaded(fields["meta"])
    if not isinstance(meta, dict):
        raise CannotCarry("its meta cannot be read")
    others = {name: value for name, value in meta.items() if name not in _OF_SCHEDULER}
    options: dict[str, Any] = {"meta": others} if others else {}
    if fields["origin"]:
        options["queue"] = _text(fields["origin"])
    asked = {"start": record.due, **_recurrence(meta, zone)}
    if (timeout := _number(fields["timeout"])) is not None and timeout > 0:
        asked["timeout"] = timeout
    if retries := _number(fields["retries_left"]):
        asked["retries"] = retries
    task = task_of(record.id, payload(func, args, kwargs, options), **asked)
    return Carried(task, notes=(*_notes(fields), *_zone_note(task, record.due, zone)))


def _zone_note(task: IntervalTask, due: float, zone: str) -> tuple[str, ...]:
    """Return a note if the next run is not what the cron expression says in the time zone."""
    if task.rules.cron is None:
        return ()
    plain = IntervalTask(task.id, cron=task.rules.cron, timezone=zone)
    if next_runs(plain, 1, due - 0.001)[0].timestamp() == due:
        return ()
    return (f"its next run is at no time of its cron expression in {zone}, which it is taken to be in: see --timezone",)


def _recurrence(meta: dict[Any, Any], zone: str) -> dict[str, Any]:
    """Return what rq-scheduler says of a job that comes again; nothing for one that does not."""
    asked: dict[str, Any]
    if interval := meta.get("interval"):
        asked = {"every": interval}
    elif cron := meta.get("cron_string"):
        asked = {"cron": cron, "timezone": zone}
    else:
        return {}
    if (repeat := meta.get("repeat")) is not None:
        asked["max_runs"] = max(repeat, 1) if isinstance(repeat, int) else repeat
    return asked


def _notes(fields: dict[str, bytes | None]) -> tuple[str, ...]:
    notes = {
        "success_callback_name": "its callback for success is not called",
        "failure_callback_name": "its callback for failure is not called",
        "dependency_ids": "it does not wait for the jobs that it depends on",
        "ttl": "it has no longest time in a queue",
    }
    return tuple(note for name, note in notes.items() if fields[name] not in (None, b"", b"[]"))


def _inflated(raw: bytes) -> bytes:
    """Return what was compressed; old versions did not compress."""
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(raw, MOST_BYTES + 1)
    except zlib.error:
        return raw
    if len(found) > MOST_BYTES:
        raise CannotRead(f"it has more than {MOST_BYTES} bytes")
    return found


def _loaded(raw: bytes) -> Any:
    """Read a pickle, or JSON where RQ has its serializer for JSON."""
    if raw[:1] not in (b"[", b"{"):
        return read(raw)
    if len(raw) > MOST_BYTES:
        raise CannotCarry(f"its JSON has {len(raw)} bytes, and at most {MOST_BYTES} are read")
    try:
        return json.loads(raw)
    # A number of too many digits and bytes that are no UTF-8 are errors of values too.
    except (ValueError, RecursionError):
        raise CannotCarry("its JSON cannot be read") from None


def _number(raw: bytes | None) -> int | None:
    text = _text(raw or b"")
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 20 else None


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
