"""Applies hints at their partition: each once, in order, whoever applies them.

::

    page at the master ──▶ batches, of one kind and writer each ──▶ applied at the partition ──▶ trimmed at the master

A hint has a number, and a partition keeps the number of the last one that was applied to it. A scheduler that applies
hints sends the number that it believes to be the last; if it is wrong, nothing happens. So any of them may die between
the steps.

A hint counts as a request of its writer. Applied, it outdates all requests that the writer sent to the partition
before. If the writer has sent a later one since then, the hint itself is outdated: a copy of a request that came late
to the master wrote it. Then it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import OutcomeUnknown
from ...support.log import Log
from ..commands import assigning, handoff
from ..commands.handoff import Hint
from ..connection.failures import FAILED, translate
from ..scripts.keys import HintKeys
from ..scripts.loader import Script
from ..scripts.ports import Argument, Reachable, ScriptRunner
from .hint_codec import batches


async def apply_hints(partition: Reachable, master: Reachable, keys: HintKeys, grid_ms: int, log: Log) -> None:
    """Apply all hints that wait for a partition.

    Args:
        partition: the partition.
        master: the partition that keeps the hints.
        keys: the keys of the hints.
        grid_ms: the rounding grid of execution times, 0 for none.
        log: the log for the number of applied hints, and for unreadable ones.

    Raises:
        RedisError: the client's error, of the partition.
        StorageError: the master cannot be asked, or a key cannot be read.
    """
    applied = 0
    try:
        while page := await handoff.hint_page(master, keys):
            last = await handoff.applied(partition)
            if page.lost:
                log.error("%d hints in the key %s cannot be read: left out", page.lost, keys.says.decode())
            done = page.last
            for batch in batches(page.hints, last):
                count, last = await _apply_batch(partition, grid_ms, batch, last)
                applied += count
                if count < len(batch):  # it was too heavy, or another scheduler applies them too: see where it is
                    done = last
                    break
            await handoff.trim_hints(master, keys, max(done, last))
    finally:
        if applied:
            log.info("%d hints for partition %s were applied", applied, partition.name)


async def _apply_batch(partition: Reachable, grid_ms: int, batch: Sequence[Hint], last: int) -> tuple[int, int]:
    """Apply hints of one kind and one writer in one step, or the first ones, and leave out those that came too late.

    Returns:
        How many of them are settled then, 0 if another scheduler applies hints too; and the number of the last hint
        that is applied.
    """
    late = 0
    try:
        while late < len(batch):
            hints = batch[late:]
            session = InOrder(partition, last, hints)
            try:
                if batch[0].is_removal:
                    await assigning.remove(session, partition.keys, [hint.id for hint in hints])
                    done = len(hints)
                else:
                    args = [arg for hint in hints for arg in hint.encoded]
                    results, earliest_ms = await assigning.assign_encoded(session, partition.keys, grid_ms, args)
                    done = len(results)
                    if earliest_ms >= 0:
                        partition.announce(earliest_ms)
            except _TooLate as too_late:
                late += sum(hint.sequence < too_late.done for hint in hints)
            else:
                return late + done, hints[done - 1].number
    except FAILED as error:
        if isinstance(translate(partition.name, error), OutcomeUnknown):
            return 0, last
        raise
    return len(batch), last


class _TooLate(Exception):
    """The writer of hints sent the request `done` before one of them was applied; nothing was changed."""

    def __init__(self, done: int) -> None:
        super().__init__(done)
        self.done = done


class InOrder:
    """The sender of applied hints: its stamp has other numbers than that of a session; see `_in_order.lua`."""

    def __init__(self, partition: ScriptRunner, last: int, batch: Sequence[Hint]) -> None:
        self._partition = partition
        numbers = b" ".join(b"%d:%d" % (hint.number, hint.sequence) for hint in batch)
        self._stamp = b"%s:%d %s %s" % (partition.stamp, last, batch[0].session, numbers)

    async def request(self, script: Script, keys: Sequence[bytes], args: Sequence[Argument], width: int = 0) -> Any:
        """Send it once, as it is; raises the client's errors, or `_TooLate`."""
        del width  # all hints are sent
        assert script.in_order is not None  # noqa: S101 - for the type checker: `assign` and `remove` have it
        reply: bytes = await self._partition.evaluate(
            script.in_order, (self._partition.keys.hinted, *keys), (self._stamp, *args)
        )
        if reply.startswith(b"!"):
            raise _TooLate(int(reply[1:]))
        return reply
