"""Reads the tasks of the npm package interval-scheduler. Pure functions.

The package keeps each task in a hash with the fields `data`, `canceled` and `interval`, in ms. A list has the keys of
the tasks that are due at one time, and a sorted set has the times of all lists, in ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from .found import CannotCarry, Carried, Found, LeftOut, task_of

#: The fields of a task, in the order in which `Record` has them.
FIELDS: Final = ("data", "canceled", "interval")
_NEVER_AGAIN: Final = "the package lost its interval when it was updated: it runs once"


class Record(NamedTuple):
    """A task as Redis has it: its id, when it is due, in ms, and its fields; None: missing."""

    id: str
    due: str
    fields: Sequence[bytes | None]


def read(record: Record) -> Found | None:
    """Tell what becomes of a task; None for the ghost of a task that was removed."""
    data, canceled, interval = record.fields
    if canceled == b"true" or (data is None and canceled is None):
        return None
    if data is None:
        return LeftOut(record.id, "it has no data")
    try:
        every, notes = _every(interval)
        start = int(record.due) / 1000
        return Carried(task_of(record.id, _text(data), every=every, start=start), notes=notes)
    except CannotCarry as reason:
        return LeftOut(record.id, str(reason))
    except (ValueError, OverflowError):
        return LeftOut(record.id, "the time when it is due is no number")


def _every(interval: bytes | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the interval in seconds; a one-shot that was updated has none that is a number."""
    if interval is None:
        return None, ()
    try:
        every_ms = float(interval)
    except ValueError:
        raise CannotCarry("its interval is no number") from None
    if every_ms != every_ms:  # noqa: PLR0124 - not a number
        return None, (_NEVER_AGAIN,)
    if every_ms == 0:
        raise CannotCarry("its interval is 0, below the rounding of the package: it would run all the time")
    return every_ms / 1000, ()


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
