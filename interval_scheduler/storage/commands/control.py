"""Commands that control single tasks, a whole partition, and its dead tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

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
    """

    raw_id: bytes
    action: bytes
    header: bytes = b""
    next_ms: int | None = None


class Controlled(NamedTuple):
    """The results of steps: for each `1` (done), `0` (no such task) or `c` (the header was changed meanwhile)."""

    results: str
    earliest_ms: int


async def control(session: Requests, keys: Keys, steps: Sequence[ControlStep]) -> Controlled:
    """Carry out steps on tasks, in their order. Fewer results than steps: send the other steps again."""
    args: list[Argument] = [keys.wake]
    for step in steps:
        args += (step.raw_id, step.action, step.header, b"" if step.next_ms is None else step.next_ms)
    reply: bytes = await session.request(scripts.CONTROL, keys.of[scripts.CONTROL], args, _ARGUMENTS)
    earliest, _, results = reply.partition(b" ")
    return Controlled(results.partition(b"/")[0].decode(), int(earliest))


async def pause_all(session: Requests, keys: Keys, *, pause: bool) -> bool:
    """Pause the whole partition or resume it. Return True if that changed something."""
    reply: bytes = await session.request(scripts.PAUSE_ALL, keys.of[scripts.PAUSE_ALL], (keys.wake, int(pause)))
    return reply == b"1"


async def purge_dead(session: Requests, keys: Keys, limit: int) -> int:
    """Forget up to `limit` dead tasks, the oldest first. Return their number."""
    reply: bytes = await session.request(scripts.PURGE_DEAD, keys.of[scripts.PURGE_DEAD], (limit,))
    return int(reply)
