"""The command that changes single things of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model.policy import LETTER_OF
from ...model.updating import TaskUpdate
from ..requests.session import Requests
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from .assigning import RESCHEDULE_CODES
from .control import with_notes

#: The number of arguments of an update.
_ARGUMENTS: Final = 6
_LETTERS: Final = "".join(LETTER_OF.values()).encode()


class Updated(NamedTuple):
    """The results of updates, each a letter of `update.lua`, and the earliest new due time in ms (-1: none)."""

    results: str
    earliest_ms: int


async def update(
    session: Requests, keys: Keys, grid_ms: int, calls: Sequence[TaskUpdate], plans: Sequence[bytes]
) -> Updated:
    """Change tasks, in their order. Fewer results than calls: send the other calls again.

    Args:
        session: the session.
        keys: the keys of the partition.
        grid_ms: the rounding grid of tasks that get an interval or a start.
        calls: the changes.
        plans: for each of them its plan, empty for none; see `TaskUpdate.plan`.
    """
    args, numbers = with_notes([keys.wake, grid_ms, _LETTERS], [call.note for call in calls])
    for call, plan, number in zip(calls, plans, numbers, strict=True):
        kind = b"-" if call.data is None else b"s" if call.is_text else b"b"
        code = number + RESCHEDULE_CODES[call.reschedule] + kind + call.changes
        args += (call.id, code, call.hash, call.start, plan, call.data or b"")
    reply: bytes = await session.request(scripts.UPDATE, keys.of[scripts.UPDATE], args, _ARGUMENTS)
    earliest, _, results = reply.partition(b" ")
    return Updated(results.partition(b"/")[0].decode(), int(earliest))
