"""Commands that read tasks with all their state, and put them back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

from ...model.backup_reading import Entry
from ...model.backup_writing import Extras
from ..requests.session import Requests
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument, ScriptRunner

#: The flag of a task that does not exist at the partition, in a request for existing ones only.
NOT_THERE: Final = "-"


class Exported(NamedTuple):
    """The tasks of one step: for each its id, record, place and extras; and if the partition is paused."""

    tasks: Sequence[tuple[bytes, bytes, bytes, Extras | None]]
    is_paused: bool


async def export(
    partition: ScriptRunner, cursor: bytes, count: int, prefix: bytes = b""
) -> tuple[Exported, bytes | None]:
    """Read tasks with all their state in one step. Return them, and the cursor of the next step; `None` at the end.

    Args:
        partition: the partition.
        cursor: where the step before ended; `b"0"` to begin.
        count: about the number of tasks to read; 0 for none.
        prefix: how their ids begin. Default: in any way.
    """
    keys = partition.keys
    after, halted, ids, records, dues, places, *extras = await partition.read(
        scripts.EXPORT, keys.of[scripts.EXPORT], (cursor, count, prefix)
    )
    if places:
        elsewhere = iter(places)
        dues = [next(elsewhere) if due is None else due for due in dues]
    none: Sequence[Any] = [None] * len(ids)
    rest = map(Extras, *(extra or none for extra in extras)) if any(extras) else repeat(None)
    return Exported(list(zip(ids, records, dues, rest, strict=False)), halted == 1), None if after == b"0" else after


class RestoreBatch(NamedTuple):
    """Tasks to put back, each id once; if those that exist are replaced; and the weight of all, in bytes."""

    entries: Sequence[Entry]
    replace: bool
    weight: int = 0


async def restore(session: Requests, keys: Keys, batch: RestoreBatch) -> tuple[str, int]:
    """Put tasks back. Return for each `1` (restored), `0` (exists) or `r` (replaced); and the earliest due time in ms.

    The due time is -1 if none waits.
    """
    args: list[Argument] = [keys.wake, int(batch.replace)]
    for entry in batch.entries:
        args += entry[:3]
    reply: bytes = await session.request(scripts.RESTORE, keys.of[scripts.RESTORE], args)
    earliest, _, flags = reply.partition(b" ")
    return flags.decode(), int(earliest)
