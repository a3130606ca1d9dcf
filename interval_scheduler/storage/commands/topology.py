"""Commands that change the list of partitions, and move tasks to their new homes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model.steering import NO_NOTE, Note
from ...model.wire import whole
from ..scripts import loader as scripts
from ..scripts.membership import Membership
from ..scripts.ports import ScriptRunner
from .decoding import number

#: The greatest number of tasks in one batch, and about the greatest number of bytes: one batch moves at a time.
MOST_MOVED: Final = 100
_MOST_BYTES: Final = 1 << 20


async def enroll(partition: ScriptRunner, wanted: Membership) -> Membership:
    """Make the database a partition of the namespace unless it is one. Return what is stored then.

    If `wanted` has another birth than the database, it is stored that data were lost.
    """
    keys = partition.keys
    reply: list[bytes] = await partition.evaluate(
        scripts.ENROLL, keys.of[scripts.ENROLL], (*wanted[:4], wanted.number, wanted.from_list, wanted.born)
    )
    return Membership(*reply)


async def acknowledge(partition: ScriptRunner, born: bytes, note: Note | None = None) -> bool:
    """Note that people know of the loss of data before this birth. Return True if nobody had done so.

    `note` is what the log of actions is to say of it.
    """
    keys, words = partition.keys, NO_NOTE if note is None else note.words
    return bool(await partition.change(scripts.ACKNOWLEDGE, keys.of[scripts.ACKNOWLEDGE], (born, *words)) == b"1")


class AdoptReply(NamedTuple):
    """The membership that is stored then; and since when the partition is paused, by whom and why; empty: it is not."""

    membership: Membership
    halt: bytes


async def adopt_list(
    partition: ScriptRunner,
    wanted: Membership,
    expected: int | None,
    *,
    halt: bytes = b"",
    without_hints_for: Sequence[str] = (),
) -> AdoptReply:
    """Give a partition the wanted list if its epoch is the expected one (None: any smaller epoch).

    With `halt`, it is paused, as the key of another partition says. The partition refuses while it keeps hints for one
    of the partitions in `without_hints_for`.
    """
    keys = partition.keys
    reply: list[bytes] = await partition.evaluate(
        scripts.ADOPT_LIST,
        (
            *keys.of[scripts.ADOPT_LIST],
            *(keys.hints_for(name).order for name in without_hints_for),
        ),
        (
            wanted.number,
            b"" if expected is None else expected,
            *wanted[:4],
            wanted.from_list,
            halt,
            keys.wake,
        ),
    )
    *stored, halted = reply
    return AdoptReply(Membership(*stored), halted)


async def finish_migration(partition: ScriptRunner) -> None:
    """Store that all tasks have moved."""
    keys = partition.keys
    await partition.change(scripts.FINISH_MIGRATION, keys.of[scripts.FINISH_MIGRATION], (partition.stamp,))


async def scan_ids(partition: ScriptRunner, cursor: bytes, count: int, looked: int) -> tuple[bytes, Sequence[bytes]]:
    """List the ids of one step of all tasks. Return the next cursor (`b"0"`: the end is reached) and the ids."""
    keys = partition.keys
    after, ids = await partition.change(
        scripts.SCAN_IDS, keys.of[scripts.SCAN_IDS], (partition.stamp, cursor, count, looked)
    )
    return after, ids


class Outbox(NamedTuple):
    """The batch that moves away from a partition; `number` is 0 if there is none.

    `left` has the requested ids that stay for now: they are leased, or the batch had no room for them.
    """

    number: int
    destination: str
    token: bytes
    left: Sequence[bytes]
    batch: Sequence[bytes]


async def move_out(partition: ScriptRunner, destination: str, ids: Sequence[bytes]) -> Outbox:
    """Take tasks off the schedule that move to another partition. Without ids, only read the batch that moves."""
    keys = partition.keys
    batch_number, to, token, left, batch = await partition.change(
        scripts.MOVE_OUT,
        keys.of[scripts.MOVE_OUT],
        (partition.stamp, keys.wake, destination.encode(), _MOST_BYTES, *ids),
    )
    destination_name = to.decode(errors="backslashreplace")
    return Outbox(number(partition.name, keys.moves, batch_number), destination_name, token, left, batch)


async def move_in(partition: ScriptRunner, origin: str, outbox: Outbox) -> int:
    """Schedule tasks that come from another partition. Return their earliest due time in ms (-1: none)."""
    keys = partition.keys
    return int(
        await partition.change(
            scripts.MOVE_IN,
            keys.of[scripts.MOVE_IN],
            (partition.stamp, keys.wake, origin.encode(), outbox.number, outbox.token, *outbox.batch),
        )
    )


async def move_done(partition: ScriptRunner, batch_number: int) -> None:
    """Delete the batch of that number: it has arrived."""
    keys = partition.keys
    await partition.change(scripts.MOVE_DONE, keys.of[scripts.MOVE_DONE], (partition.stamp, batch_number))


class MigrationStatus(NamedTuple):
    """The progress of the migration in one partition."""

    is_migrating: bool
    moved: int
    looked: int
    has_outbox: bool
    in_transit: Sequence[bool]


async def migration_status(partition: ScriptRunner, ids: Sequence[bytes] = ()) -> MigrationStatus:
    """Read the progress of the migration, and which of the given ids are in the batch that moves."""
    keys = partition.keys
    _, from_list, moved, looked, has_outbox, in_transit = await partition.read(
        scripts.MIGRATION_STATUS, keys.of[scripts.MIGRATION_STATUS], (partition.stamp, *ids)
    )
    return MigrationStatus(
        bool(from_list),
        whole(moved) or 0,  # only reported
        whole(looked) or 0,
        has_outbox == 1,
        [flag == 1 for flag in in_transit],
    )
