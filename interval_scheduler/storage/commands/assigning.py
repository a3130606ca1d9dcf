"""Commands that put tasks under schedule and take them off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model.assignment import Assignment, NeverRuns, Reschedule
from ...model.policy import PLAIN
from ...model.steering import NO_NOTE, Note
from ..requests.session import Requests, to_flags
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument

#: A worker starts claimed runs only within this time after it sent the claim, and hands the others back. So a removal
#: that waits this long after the claim knows that no run will start. All schedulers of a namespace use the same value.
START_WINDOW_MS: Final = 1000

#: The number of arguments of an assignment; see `encode`.
ARGUMENTS: Final = 5

#: The letter of each rule for the next run, as scripts know it.
RESCHEDULE_CODES: Final[dict[Reschedule, bytes]] = {"keep": b"k", "interval": b"i", "start": b"s"}


async def assign(
    session: Requests, keys: Keys, grid_ms: int, calls: Sequence[Assignment]
) -> tuple[list[bool | NeverRuns], int]:
    """Assign tasks. Return for each if it is new, or `NeverRuns`; and the earliest due time in ms (-1: none).

    Fewer results than calls: the records of these tasks were too much to read; send the other calls again.
    """
    return await assign_encoded(session, keys, grid_ms, encode(calls))


def encode(calls: Sequence[Assignment]) -> list[Argument]:
    """Encode assignments for the script: for each its id, code, start, interval and data."""
    args: list[Argument] = []
    for call in calls:
        # In one step: to ask a named tuple for a field costs as much as to take all apart.
        (raw_id, data, is_text, interval_ms, start_ms, fixed_delay, policy, phase_ms, starts_later, upcoming_ms, trace,
         reschedule) = call  # fmt: skip
        code = RESCHEDULE_CODES[reschedule] + (b"s" if is_text else b"b")
        if fixed_delay:
            code += b"d"
        if policy is not PLAIN:
            code += policy.encode()
        if trace:
            code += b";x" + trace
        start: Argument = b"" if start_ms is None else start_ms
        if starts_later:
            start = f"+{start_ms}".encode()
        elif upcoming_ms is not None:
            start = f"{start_ms}/{upcoming_ms}".encode()
        interval: Argument = b"" if interval_ms is None else interval_ms
        if phase_ms is not None:
            interval = f"{interval!s}/{phase_ms}".encode()
        args += (raw_id, code, start, interval, data)
    return args


async def assign_encoded(
    session: Requests, keys: Keys, grid_ms: int, args: Sequence[Argument]
) -> tuple[list[bool | NeverRuns], int]:
    """Assign tasks that `encode` encoded; see `assign`."""
    reply: bytes = await session.request(
        scripts.ASSIGN, keys.of[scripts.ASSIGN], (keys.wake, grid_ms, *args), ARGUMENTS
    )
    earliest, _, results = reply.partition(b" ")
    created = results.partition(b"/")[0]
    answers: list[bool | NeverRuns] = [*to_flags(created)]
    if b"u" in created:
        answers = [NeverRuns(bytes(args[5 * n])) if digit == 117 else answers[n] for n, digit in enumerate(created)]
    return answers, int(earliest)


class Removed(NamedTuple):
    """The result of a removal: if the task was scheduled, and for how many ms an earlier claim can still start it."""

    was_scheduled: bool
    wait_ms: int


async def remove(session: Requests, keys: Keys, ids: Sequence[bytes]) -> list[Removed]:
    """Take tasks off the schedule."""
    args: Sequence[Argument] = (START_WINDOW_MS, keys.wake, *ids)
    reply: bytes = await session.request(scripts.REMOVE, keys.of[scripts.REMOVE], args, 1)
    wait, _, scheduled = reply.partition(b" ")
    return [Removed(flag, int(wait)) for flag in to_flags(scheduled)]


class Cleared(NamedTuple):
    """The number of tasks that were taken off, if one of them was leased, and if keys of their hash tags are left."""

    removed: int
    any_leased: bool
    are_tags_left: bool = False


async def clear(session: Requests, keys: Keys, note: Note | None = None) -> Cleared:
    """Take every task off the schedule; `note` is what the log of actions is to say of it."""
    words = NO_NOTE if note is None else note.words
    reply: bytes = await session.request(scripts.CLEAR, keys.of[scripts.CLEAR], words)
    leased, _, removed = reply.partition(b" ")
    return Cleared(int(removed.removesuffix(b"+")), leased == b"1", removed.endswith(b"+"))
