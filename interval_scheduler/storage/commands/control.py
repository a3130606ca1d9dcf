"""Control of single tasks, of a whole partition, of the dead ones, and of locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..requests.session import Session
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument


class ControlStep(NamedTuple):
    """One step on a task: `b"p"` pause, `b"r"` resume, `b"n"` run now, `b"v"` revive.

    Where the next due time of the task is for the caller to work out, `header` is what it went by, else empty.
    """

    raw_id: bytes
    action: bytes
    header: bytes = b""
    next_ms: int | None = None


class Controlled(NamedTuple):
    """What steps came to: for each `1` (done), `0` (no such task) or `c` (its header is another by now)."""

    results: str
    earliest_ms: int


async def control(session: Session, keys: Keys, steps: Sequence[ControlStep]) -> Controlled:
    """Carry out steps on tasks."""
    args: list[Argument] = [keys.wake]
    for step in steps:
        args += (step.raw_id, step.action, step.header, b"" if step.next_ms is None else step.next_ms)
    reply: bytes = await session.request(scripts.CONTROL, keys.of(scripts.CONTROL), args)
    earliest, _, results = reply.partition(b" ")
    return Controlled(results.decode(), int(earliest))


async def pause_all(session: Session, keys: Keys, *, pause: bool) -> bool:
    """Pause the whole partition or resume it: whether that changed something."""
    reply: bytes = await session.request(scripts.PAUSE_ALL, keys.of(scripts.PAUSE_ALL), (keys.wake, int(pause)))
    return reply == b"1"


async def purge_dead(session: Session, keys: Keys, limit: int) -> int:
    """Forget up to `limit` dead tasks, the oldest first: how many."""
    reply: bytes = await session.request(scripts.PURGE_DEAD, keys.of(scripts.PURGE_DEAD), (limit,))
    return int(reply)
