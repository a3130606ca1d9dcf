"""Many tasks at once, by a prefix of their ids: counts, pauses, resumes and clears them, in bounded steps.

::

    find up to about 500 ids ──▶ change them, in batches ──▶ tell the progress ──▶ find the next

Each batch is atomic, and no more: a call that ends half-way has changed some of the tasks, and calling again changes
the others. Each task goes the way of a call on it alone, so the order of calls on one id is as usual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, Literal, NamedTuple

from ..errors import InvalidValue
from ..model import checks
from ..model.steering import Note
from ..storage.actions import note_so_far
from ..storage.namespace import Found, Partition, Partitions, Prefix
from ..storage.partitions import ControlStep
from ..support.at_once import at_once
from .bulk import pipeline

#: Is called after each step with the number of tasks so far, and the number that was looked at.
Progress = Callable[[int, int], object]

_ACTIONS: Final[dict[str, bytes]] = {"pause": b"p", "resume": b"r"}


class Cleared(NamedTuple):
    """The number of tasks taken off, and for how many ms a run that was claimed before may still start."""

    removed: int
    wait_ms: int


async def count(partitions: Partitions, prefix: str, progress: Progress | None) -> int:
    """Count the scheduled tasks with a prefix."""
    found = looked = 0

    async def walk(steps: AsyncIterator[Found]) -> None:
        nonlocal found, looked
        async for step in steps:
            found, looked = found + len(step.ids), looked + step.looked
            _tell(progress, found, looked)

    await at_once(map(walk, Prefix(partitions, prefix).walks()))
    return found


async def control(
    partitions: Partitions, prefix: str, action: Literal["pause", "resume"], progress: Progress | None, note: Note
) -> int:
    """Pause or resume the tasks with a prefix; return how many are paused, or are not, now."""
    done = looked = 0
    tasks = Prefix(partitions, prefix)
    await tasks.prepare()

    async def walk(steps: AsyncIterator[Found]) -> None:
        nonlocal done, looked
        async for step in steps:
            changes = [ControlStep(raw_id, _ACTIONS[action], note=note) for raw_id in step.ids]
            async with aclosing(pipeline(changes, partitions.control_all)) as ended:
                async for answers in ended:
                    done += answers.given.count("1")
                    answers.raise_error()
            looked += step.looked
            _tell(progress, done, looked)

    await at_once(map(walk, tasks.walks()))
    return done


async def clear(partitions: Partitions, prefix: str, progress: Progress | None, note: Note) -> Cleared:
    """Take the tasks with a prefix off the schedule, and forget the dead ones.

    The log of a partition tells of it before each step there, with the number of tasks that were found so far.
    """
    removed = looked = wait_ms = 0
    found: Counter[Partition] = Counter()
    tasks = Prefix(partitions, prefix)
    await tasks.prepare()

    async def walk(steps: AsyncIterator[Found]) -> None:
        nonlocal removed, looked, wait_ms
        async for step in steps:
            where = step.partition
            found[where] += len(step.ids)
            if step.ids:
                await note_so_far(where, note, found[where])
            async with aclosing(pipeline(step.ids, partitions.remove_all)) as ended:
                async for answers in ended:
                    removed += sum(one.was_scheduled for one in answers.given)
                    wait_ms = max([wait_ms, *(one.wait_ms for one in answers.given)])
                    answers.raise_error()
            looked += step.looked
            _tell(progress, removed, looked)

    await at_once(map(walk, tasks.walks(with_dead=True)))
    return Cleared(removed, wait_ms)


def _tell(progress: Progress | None, found: int, looked: int) -> None:
    if progress is not None:
        progress(found, looked)


def check_prefix(prefix: object, progress: object) -> str:
    """Check the arguments of a call on the tasks with a prefix; return the prefix.

    Raises:
        InvalidType: the prefix is no str, or the progress no plain function.
        InvalidValue: the prefix is empty, or cannot be encoded.
    """
    text = checks.check_prefix("prefix", prefix)
    if not text:
        raise InvalidValue(
            "prefix", "must not be empty: task_size, pause, resume and clear_all_tasks concern all tasks"
        )
    checks.check_progress(progress)
    return text
