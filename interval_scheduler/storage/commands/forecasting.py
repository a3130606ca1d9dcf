"""Commands that tell of runs to come: exact counts of next runs, and a sample of tasks for a forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ...model.wire import whole
from ..scripts import loader as scripts
from ..scripts.ports import ScriptRunner

#: The most bytes of records that one request reads for their headers, unless one record alone has more.
MAX_HEADER_BYTES: Final = 1 << 20


async def upcoming(partition: ScriptRunner, start_ms: int, width_ms: int, buckets: int) -> list[int]:
    """Count the waiting tasks whose next run is due in each of some buckets."""
    counts: list[int] = await partition.read(
        scripts.UPCOMING, partition.keys.of[scripts.UPCOMING], (start_ms, width_ms, buckets)
    )
    return counts


class SampledTask(NamedTuple):
    """A sampled task: its place in the sample, and what is known of it but what it asks for."""

    stratum: int
    raw_id: bytes
    due_ms: int
    #: When the run in progress was claimed; `None`: it waits.
    begun_ms: int | None
    is_paused: bool


#: The strata that come before the slices.
LATE, LEASED, PARKED = range(3)


class Sample(NamedTuple):
    """A sample of the tasks of a partition."""

    now_ms: int
    #: The number of next runs in each bucket, without those that are late.
    counted: list[int]
    #: The number of tasks in each stratum: late, leased, parked, then the slices.
    sizes: list[int]
    #: One of each stratum, then the next of each, and so on: so that any beginning of it has tasks of each stratum.
    tasks: list[SampledTask]


async def sample(
    partition: ScriptRunner, seed: int, wanted: int, width_ms: int, buckets: int, slices: Sequence[int]
) -> Sample:
    """Sample tasks that run within a horizon.

    Args:
        partition: the partition.
        seed: a number that decides the choice, from 0 to 2**31 - 1.
        wanted: the most tasks.
        width_ms: the width of each bucket of the horizon.
        buckets: the number of buckets.
        slices: the ends of the slices in ms from now, the nearest first.
    """
    now_ms, counted, sizes, strata = await partition.read(
        scripts.SAMPLE, partition.keys.of[scripts.SAMPLE], (seed, wanted, width_ms, buckets, *slices)
    )
    found = [list(_tasks(number, taken)) for number, taken in enumerate(strata)]
    longest = max(map(len, found), default=0)
    in_turn = [tasks[turn] for turn in range(longest) for tasks in found if turn < len(tasks)]
    return Sample(now_ms, counted, sizes, in_turn)


def _tasks(stratum: int, taken: Sequence[bytes]) -> Iterator[SampledTask]:
    for raw_id, due, begun, paused in zip(taken[::4], taken[1::4], taken[2::4], taken[3::4], strict=True):
        begun_us = whole(begun)
        yield SampledTask(
            stratum, raw_id, whole(due) or 0, None if begun_us is None else begun_us // 1000, paused == b"p"
        )


async def headers(
    partition: ScriptRunner, ids: Sequence[bytes], weight: int = MAX_HEADER_BYTES
) -> list[tuple[bytes | None, int]]:
    """Read the header of each task, `None` for one without a record, and the number of its runs that count.

    The result is shorter than the ids if the records are heavier than `weight` bytes: ask for the others again.
    """
    found, runs = await partition.read(scripts.HEADERS, partition.keys.of[scripts.HEADERS], (weight, *ids))
    ended = runs or [None] * len(found)
    return [(header, whole(count) or 0) for header, count in zip(found, ended, strict=True)]
