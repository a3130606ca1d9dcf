"""Changing the list of partitions, and moving tasks to their new homes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ..scripts import loader as scripts
from ..scripts.membership import Enrollment
from ..scripts.ports import ScriptRunner

#: The most tasks, and about the most bytes, of one batch: so little is on its way at a time.
MOST_MOVED: Final = 100
_MOST_BYTES: Final = 1 << 20


async def enroll(partition: ScriptRunner, wanted: Enrollment) -> Enrollment:
    """Make the database a partition of the namespace unless it is one; what stands there then."""
    keys = partition.keys
    reply: list[bytes] = await partition.evaluate(scripts.ENROLL, keys.of(scripts.ENROLL), (*wanted[:4], wanted.number))
    return Enrollment(*reply)


class Changed(NamedTuple):
    """What stands in a database then, and whether the partition is paused."""

    enrollment: Enrollment
    is_paused: bool


async def adopt_list(
    partition: ScriptRunner,
    wanted: Enrollment,
    expected: int | None,
    *,
    paused: bool,
    without_hints_for: Sequence[str] = (),
) -> Changed:
    """Let a partition have the wanted list, if its epoch is the expected one; `None`: any smaller one.

    It is refused while hints wait there for one of the partitions named.
    """
    keys = partition.keys
    reply: list[bytes] = await partition.evaluate(
        scripts.ADOPT_LIST,
        (
            *keys.of(scripts.ADOPT_LIST),
            *(keys.hints_for(name).order for name in without_hints_for),
        ),
        (
            wanted.number,
            b"" if expected is None else expected,
            *wanted[:4],
            wanted.from_list,
            int(paused),
            keys.wake,
        ),
    )
    *stored, is_paused = reply
    return Changed(Enrollment(*stored), is_paused == b"1")


async def finish_migration(partition: ScriptRunner) -> None:
    """Note that all tasks have moved."""
    keys = partition.keys
    await partition.change(scripts.FINISH_MIGRATION, keys.of(scripts.FINISH_MIGRATION), (partition.epoch,))


async def scan_ids(partition: ScriptRunner, cursor: bytes, count: int, looked: int) -> tuple[bytes, Sequence[bytes]]:
    """One step through all tasks: where it ended (`b"0"`: at the end), and their ids."""
    keys = partition.keys
    after, ids = await partition.change(
        scripts.SCAN_IDS, keys.of(scripts.SCAN_IDS), (partition.epoch, cursor, count, looked)
    )
    return after, ids


class Outbox(NamedTuple):
    """What is on its way from a partition; `number` is 0 if nothing is.

    `left` are those of the ids asked for that are still there, since they are leased or there was no room.
    """

    number: int
    destination: str
    token: bytes
    left: Sequence[bytes]
    batch: Sequence[bytes]


async def move_out(partition: ScriptRunner, destination: str, ids: Sequence[bytes]) -> Outbox:
    """Take tasks off the schedule that move to another partition; without ids: see what is on its way."""
    keys = partition.keys
    number, to, token, left, batch = await partition.change(
        scripts.MOVE_OUT,
        keys.of(scripts.MOVE_OUT),
        (partition.epoch, keys.wake, destination.encode(), _MOST_BYTES, *ids),
    )
    return Outbox(int(number), to.decode(), token, left, batch)


async def move_in(partition: ScriptRunner, origin: str, outbox: Outbox) -> int:
    """Put tasks under schedule that come from another partition: their earliest due time in ms (-1: none)."""
    keys = partition.keys
    return int(
        await partition.change(
            scripts.MOVE_IN,
            keys.of(scripts.MOVE_IN),
            (partition.epoch, keys.wake, origin.encode(), outbox.number, outbox.token, *outbox.batch),
        )
    )


async def move_done(partition: ScriptRunner, number: int) -> None:
    """Throw away the batch of that number, which has arrived."""
    keys = partition.keys
    await partition.change(scripts.MOVE_DONE, keys.of(scripts.MOVE_DONE), (partition.epoch, number))


class Moving(NamedTuple):
    """Whether tasks move, and how far that came in a partition."""

    is_moving: bool
    moved: int
    looked: int
    has_outbox: bool
    on_their_way: Sequence[bool]


async def migration_status(partition: ScriptRunner, ids: Sequence[bytes] = ()) -> Moving:
    """Whether tasks move by what a partition knows, and which of the given ones are on their way from there."""
    keys = partition.keys
    _, from_list, moved, looked, has_outbox, on_their_way = await partition.read(
        scripts.MIGRATION_STATUS, keys.of(scripts.MIGRATION_STATUS), ids
    )
    return Moving(bool(from_list), int(moved), int(looked), has_outbox == 1, [flag == 1 for flag in on_their_way])
