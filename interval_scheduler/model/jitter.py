"""The jitter of a task: each run is due a little after its time on the grid. Pure functions.

::

    grid     ├─────────────┼─────────────┼─────────────┼──▶
    due         ▲           ▲                 ▲             each time by another draw, from 0 to the jitter

The draw follows from the id and from the time on the grid. So it is the same whenever it is made, in a script too
(`put_off` in `_recurrence.lua`); the time on the grid is found again from the due time; and nothing drifts. Since the
jitter is shorter than the interval, runs keep their order. A cron expression has times at any distance, so there a draw
ends before the next of them. No run is put off beyond the last moment of its task.

All moments are epoch ms.
"""

from __future__ import annotations

from typing import Final

from .cron import before, next_after
from .policy import Policy

#: The squares of smaller numbers have 52 bits, so that a script in Lua can work with them.
_PRIME: Final = 67_108_859
#: The bytes at the end of an id that make the draw: enough to tell ids apart, and bounded.
_HASHED: Final = 64


def draw(raw_id: bytes, moment_ms: int, most_ms: int) -> int:
    """Return by how much the occurrence at a moment is put off, from 0 to `most_ms`."""
    hash_of_id = 7
    for byte in raw_id[-_HASHED:]:
        hash_of_id = (hash_of_id * 263 + byte) % _PRIME
    high, low = (hash_of_id + moment_ms) % _PRIME, (hash_of_id * 31 + moment_ms // _PRIME) % _PRIME
    for _ in range(3):
        high = (high * high + low + 1) % _PRIME
        low = (low * low + high + 7) % _PRIME
    return (high * _PRIME + low) % (most_ms + 1)


def put_off(policy: Policy, raw_id: bytes, moment_ms: int) -> int:
    """Return when the occurrence at a moment on the grid of an interval is due."""
    return _bounded(policy, moment_ms, moment_ms + draw(raw_id, moment_ms, policy.jitter_ms or 0))


def next_due(policy: Policy, raw_id: bytes, interval_ms: int, phase_ms: int, due_ms: int, after_ms: int) -> int:
    """Return the first due time after a moment of a task with an interval, but of another occurrence than `due_ms`."""
    moment_ms = after_ms - (after_ms - phase_ms) % interval_ms
    while (found_ms := put_off(policy, raw_id, moment_ms)) <= after_ms or due_ms in (found_ms, moment_ms):
        moment_ms += interval_ms
    return found_ms


def occurrence_at(policy: Policy, raw_id: bytes, interval_ms: int, phase_ms: int, due_ms: int) -> int:
    """Return the moment on the grid that was put off to a due time; the due time itself where there is none."""
    moment_ms = due_ms - (due_ms - phase_ms) % interval_ms
    return moment_ms if put_off(policy, raw_id, moment_ms) == due_ms else due_ms


def put_off_cron(policy: Policy, raw_id: bytes, moment_ms: int) -> int:
    """Return when an occurrence of the cron expression of a policy is due."""
    if policy.jitter_ms is None:
        return moment_ms
    most_ms = min(policy.jitter_ms, next_after(*_calendar(policy), moment_ms) - moment_ms - 1)
    return _bounded(policy, moment_ms, moment_ms + draw(raw_id, moment_ms, most_ms))


def next_due_cron(policy: Policy, raw_id: bytes, due_ms: int, after_ms: int) -> int:
    """Return the first due time after a moment of a task with a cron expression, but that of `due_ms`."""
    if policy.jitter_ms is not None:
        latest_ms = next(before(*_calendar(policy), after_ms), None)
        if latest_ms is not None and latest_ms != due_ms:
            found_ms = put_off_cron(policy, raw_id, latest_ms)
            if found_ms > after_ms and found_ms != due_ms:
                return found_ms
    return put_off_cron(policy, raw_id, next_after(*_calendar(policy), after_ms))


def latest_cron(policy: Policy, raw_id: bytes, until_ms: int) -> tuple[int, int] | None:
    """Return the latest occurrence of the cron expression that was due by a moment, and when; `None` for none."""
    for number, moment_ms in enumerate(before(*_calendar(policy), until_ms)):
        if (due_ms := put_off_cron(policy, raw_id, moment_ms)) <= until_ms:
            return moment_ms, due_ms
        if number:  # a draw ends before the next occurrence
            break
    return None


def _bounded(policy: Policy, moment_ms: int, due_ms: int) -> int:
    last_ms = policy.until_ms
    return due_ms if last_ms is None or moment_ms > last_ms else min(due_ms, last_ms)


def _calendar(policy: Policy) -> tuple[str, str]:
    return policy.cron or "", policy.zone or "UTC"
