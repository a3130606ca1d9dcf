"""Commands that control single tasks, a whole partition, and its dead tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model.steering import NO_NOTE, Note
from ..requests.session import Requests
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument

#: The number of arguments of a step.
_ARGUMENTS: Final = 4


class ControlStep(NamedTuple):
    """One step on a task: `b"p"` pause, `b"r"` resume, `b"n"` run now, `b"v"` revive.

    `b"x"` cancels the run in progress, `b"h"` does too, and has it handed back.

    Only its caller can work out the next due time of a cron task: `header` is the header from which it did, else empty.
    `note` is what the log of actions is to say of it; its details are the reason of a pause.
    """

    raw_id: bytes
    action: bytes
    header: bytes = b""
    next_ms: int | None = None
    note: Note | None = None


class Controlled(NamedTuple):
    """The results of steps: for each `1` (done), `0` (no such task) or `c` (the header was changed meanwhile)."""

    results: str
    earliest_ms: int


async def control(session: Requests, keys: Keys, steps: Sequence[ControlStep]) -> Controlled:
    """Carry out steps on tasks, in their order. Fewer results than steps: send the other steps again."""
    args, numbers = with_notes([keys.wake], [step.note for step in steps])
    for step, number in zip(steps, numbers, strict=True):
        args += (step.raw_id, step.action + number, step.header, b"" if step.next_ms is None else step.next_ms)
    reply: bytes = await session.request(scripts.CONTROL, keys.of[scripts.CONTROL], args, _ARGUMENTS)
    earliest, _, results = reply.partition(b" ")
    return Controlled(results.partition(b"/")[0].decode(), int(earliest))


def with_notes(args: list[Argument], notes: Sequence[Note | None]) -> tuple[list[Argument], Sequence[bytes]]:
    """Return arguments with the notes of items behind them, each once, and for each item the number of its note."""
    numbers: dict[Note | None, bytes] = {None: b""}
    words: list[Argument] = []
    of_items = []
    for note in notes:
        if note not in numbers:
            numbers[note] = b"%d" % len(numbers)
            words += () if note is None else note.words
        of_items.append(numbers[note])
    return [*args, len(numbers) - 1, *words], of_items


class PauseChange(NamedTuple):
    """A pause of a whole partition, or the end of it.

    Attributes:
        pause: True to pause.
        note: who asks for it and, as its details, the reason; `None`: it is not known.
        is_noted: True if the log of this partition is to tell of it.
        keeps: True to leave a pause that is there as it is.
    """

    pause: bool
    note: Note | None = None
    is_noted: bool = False
    keeps: bool = False


async def pause_all(
    session: Requests, keys: Keys, *, pause: bool, note: Note | None = None, is_noted: bool = False, keeps: bool = False
) -> bool:
    """Pause the whole partition or resume it. Return True if that changed something."""
    how = b"0" if not pause else b"k" if keeps else b"1"
    who, reason = (b"", b"") if note is None else (note.who, note.details)
    words = note.words if note is not None and is_noted else NO_NOTE
    reply: bytes = await session.request(
        scripts.PAUSE_ALL, keys.of[scripts.PAUSE_ALL], (keys.wake, how, who, reason, *words)
    )
    return reply == b"1"


class Purge(NamedTuple):
    """A step of forgetting dead tasks: how many at most, and what the log of actions is to say of it."""

    limit: int
    note: Note | None = None


async def purge_dead(session: Requests, keys: Keys, limit: int, note: Note | None = None) -> int:
    """Forget up to `limit` dead tasks, the oldest first. Return their number."""
    words = NO_NOTE if note is None else note.words
    reply: bytes = await session.request(scripts.PURGE_DEAD, keys.of[scripts.PURGE_DEAD], (limit, *words))
    return int(reply)
