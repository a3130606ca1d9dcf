"""Works out when a paused cron task runs next, which no script can: in the turn of the call that resumes it.

::

    resume ──▶ look at the record ──▶ next occurrence ──▶ control ──▶ done
                    ▲                                        │
                    └──────── the record was changed ────────┘

The look belongs to the turn. Before it, a later call on the same task could overtake this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...errors import StorageError, StorageRefused
from ...model.cron import is_unreadable
from ...model.jitter import next_due_cron
from ...model.policy import of_header
from ...model.records import CorruptRecord, split
from ..commands import lookup
from ..commands.control import Controlled, ControlStep, control
from ..commands.lookup import Row
from ..requests.batching import Partly
from ..requests.callers import Callers
from ..requests.session import BatchSession, NotAllExist, Session
from ..scripts.ports import Reachable

_CHANGED: Final = "the task was assigned again each time that it was to be resumed; nothing was changed"
#: The rounds in a row in which each record was changed between the look and the step, after which none is tried again.
MOST_IN_VAIN: Final = 20


async def carry_out(
    partition: Reachable, session: Session, steps: Sequence[ControlStep], callers: Callers, *, if_exists: bool
) -> Controlled:
    """Carry out steps on tasks, in their order; those that resume a cron task know its next occurrence then.

    Fewer results than steps: send the other steps again.

    Raises:
        StorageError: as `Session.request`.
        Partly: the same, for steps that had to be repeated; the others were carried out. Its outcome is `None` for a
            task that exists there no more by then, with `if_exists`.
        NotAllExist: `if_exists` is set, and a task does not exist there; nothing was changed.
    """
    results, earliest_ms = await control(
        BatchSession(session, callers, if_exists=if_exists), partition.keys, await _planned(partition, steps)
    )
    told: list[str | None] = list(results)
    in_vain = 0
    while changed := [position for position, result in enumerate(told) if result == "c"]:
        batch = BatchSession(session, callers.only(changed), if_exists=if_exists)
        try:
            if in_vain == MOST_IN_VAIN:
                raise StorageRefused(partition.name, "CHANGED", _CHANGED)
            again = await _planned(partition, [steps[position] for position in changed])
            results, moment_ms = await control(batch, partition.keys, again)
        except StorageError as error:  # of these steps only: the others were carried out before
            raise Partly([error if result == "c" else result for result in told]) from None
        except NotAllExist as refused:  # what was carried out must not be repeated: a task would run twice
            for position, exists in zip(changed, refused.flags, strict=True):
                told[position] = "c" if exists else None
            continue
        in_vain = in_vain + 1 if set(results) == {"c"} else 0
        for position, result in zip(changed, results, strict=False):
            told[position] = result
        earliest_ms = min((each for each in (earliest_ms, moment_ms) if each >= 0), default=-1)
    if None in told:
        raise Partly(told)
    return Controlled("".join(filter(None, told)), earliest_ms)


async def _planned(partition: Reachable, steps: Sequence[ControlStep]) -> Sequence[ControlStep]:
    """Return the steps, each that resumes a cron task with the header that it goes by, and with its next occurrence."""
    ids = [step.raw_id for step in steps if step.action == b"r"]
    if not ids:
        return steps
    rows: dict[bytes, Row | None] = {}
    while left := [raw_id for raw_id in ids if raw_id not in rows]:
        rows |= zip(left, await lookup.look(partition, left), strict=False)
    now_ms: int | None = None
    planned = []
    for step in steps:
        header = _cron_header(rows.get(step.raw_id)) if step.action == b"r" else None
        if header is not None:
            now_ms = await partition.now_ms() if now_ms is None else now_ms
            policy = of_header(header)
            next_ms = next_due_cron(policy, step.raw_id, -1, now_ms)
            planned.append(step._replace(header=header, next_ms=next_ms))
        else:
            planned.append(step)
    return planned


def _cron_header(row: Row | None) -> bytes | None:
    """Return the header of a task with a cron expression that can be read; `None` for any other row."""
    if row is None:
        return None
    try:
        header = split(row.record)[0]
        policy = of_header(header)
    except (CorruptRecord, ValueError):
        return None
    return None if policy.cron is None or is_unreadable(policy.cron) else header
