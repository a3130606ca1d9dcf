"""The log of actions of all partitions, merged by time; and since when a namespace is paused."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ..errors import NotConnected, StorageError
from ..errors.storage import AWAY
from ..model.cursors import bad_mark
from ..model.steering import Action, ActionPage, Note, PausedState, to_action, to_paused
from ..support.at_once import at_once
from ..support.log import Log
from .commands import actions
from .commands.actions import LogPage
from .partitions import Partition, Partitions

#: A number that is greater than that of any entry.
_NEWEST: Final = 1 << 53


class _Found(NamedTuple):
    """An entry of a log; they sort by age, in seconds before the epoch."""

    age: float
    partition: str
    number: int
    action: Action | None


class Actions:
    """The part of the storage that knows who steered what.

    Args:
        partitions: the partitions.
        log: the log for entries that are left out.
    """

    def __init__(self, partitions: Partitions, log: Log) -> None:
        self._partitions = partitions
        self._log = log

    async def page(self, after: Mapping[str, int] | None, limit: int) -> tuple[ActionPage, Mapping[str, int] | None]:
        """Read a page of the log, and the place of the next one; `None` if none follows.

        Args:
            after: by partition, the number of the last entry that was shown; a partition that is left out has been
                shown to its end, or could not be reached. `None`: begin with the newest.
            limit: the most actions.

        Raises:
            InvalidValue: none of the partitions is one any more.
            PartitionOffline: no partition can be reached.
        """
        asked = [each for each in self._partitions.all if after is None or each.name in after]
        if not asked:
            raise bad_mark()
        read = await asyncio.gather(*(self._read(each, (after or {}).get(each.name), limit) for each in asked))
        logs = {each.name: log for each, log in zip(asked, read, strict=True) if isinstance(log, LogPage)}
        offline = [log for log in read if not isinstance(log, LogPage)]
        if offline and not logs:
            raise offline[0]
        places = {name: (after or {}).get(name, _NEWEST) for name in logs}
        shown: list[Action] = []
        for found in heapq.merge(*(_stream(name, log) for name, log in logs.items())):
            if len(shown) == limit:
                break
            places[found.partition] = found.number
            if found.action is not None:
                shown.append(found.action)
            else:
                text = "left out: entry %d of the log of actions of partition %r cannot be read"
                self._log.error(text, found.number, found.partition)
        left = {
            name: places[name]
            for name, log in logs.items()
            if log.may_follow or (log.numbers and log.numbers[-1] < places[name])
        }
        away = [each for each in self._partitions.all if each in asked or each.state != "online"]
        names = tuple(each.name for each in away if each.name not in logs)
        return ActionPage(tuple(shown), None, names), left or None

    @staticmethod
    async def _read(partition: Partition, before: int | None, limit: int) -> LogPage | StorageError:
        try:
            return await actions.read(partition.gate, before, limit)
        except AWAY as error:
            return error

    async def paused(self) -> PausedState | None:
        """Read since when the namespace is paused; of several pauses the latest. `None`: it is not.

        Raises:
            PartitionOffline: no partition can be reached.
        """
        partitions = self._partitions.all
        ends = await asyncio.gather(*(self._read_pause(partition) for partition in partitions))
        pauses = [end for end in ends if isinstance(end, bytes)]
        problems = [end for end in ends if not isinstance(end, bytes)]
        if not pauses:
            raise problems[0] if problems else NotConnected
        states = [to_paused(raw) for raw in pauses if raw]
        return max(states, key=lambda state: state.at or 0, default=None)

    @staticmethod
    async def _read_pause(partition: Partition) -> bytes | StorageError:
        try:
            return await actions.read_pause(partition.gate)
        except AWAY as error:
            return error


def _stream(partition: str, log: LogPage) -> Iterator[_Found]:
    age = float("-inf")  # one that cannot be read stands behind that before it
    for raw, number in zip(log.entries, log.numbers, strict=True):
        action = to_action(raw, partition)
        if action is not None:
            age = max(age, -action.at)  # a clock that was set back does not change the order of a log
        yield _Found(age, partition, number, action)


async def note_so_far(partition: Partition, note: Note, count: int) -> None:
    """Note in the log of a partition how many tasks a call concerns there so far.

    Raises:
        PartitionOffline: the partition cannot be reached.
    """
    await actions.note(partition.gate, note, count)


async def note_tasks(partitions: Partitions, note: Note, ids: Iterable[bytes]) -> None:
    """Note what is about to be done with some tasks, in the logs of their homes.

    What concerns a home that cannot be reached is noted at another partition: so one that is offline keeps nobody from
    the tasks of the others, and a change that is kept as a hint has its entry too.

    Raises:
        PartitionOffline: no partition can be reached.
    """
    homes = partitions.by_home(ids)
    places = list(homes)
    problems = await at_once(_note_there(home, note, homes[home]) for home in places)
    offline = [home for home, problem in zip(places, problems, strict=True) if problem is not None]
    if not offline:
        return
    left = [raw_id for home in offline for raw_id in homes[home]]
    for partition in partitions.all:
        if partition in offline:
            continue
        if await _note_there(partition, note, [*homes.get(partition, ()), *left]) is None:
            return
    raise next(problem for problem in problems if problem is not None)


async def _note_there(partition: Partition, note: Note, ids: Sequence[bytes]) -> StorageError | None:
    """Note what is about to be done with some tasks in the log of one partition; return why it cannot be reached."""
    try:
        await actions.note(partition.gate, note, len(ids), ids[0] if len(ids) == 1 else b"")
    except AWAY as error:
        return error
    return None
