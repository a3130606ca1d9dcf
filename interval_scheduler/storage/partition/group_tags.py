"""Refuses tasks of bounded groups without a hash tag, where there are several partitions.

Each partition counts the runs of a group, and keeps the tokens of its rate, for itself. So a bound and a rate hold if
the tasks of the group live on one partition, as those with the same hash tag do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ...config.options import SchedulerOptions
from ...errors import GroupNeedsTag, StorageError
from ...model.assignment import Assignment
from ...model.placement import tag_of
from ...model.quotas import ANY, Quotas, to_caps
from ...model.updating import TaskUpdate
from ..commands import quotas
from ..requests.batching import Partly, placed
from ..requests.callers import Callers
from ..requests.turns import Send
from ..scripts.ports import HasDetour

Item = TypeVar("Item")
Result = TypeVar("Result")
#: The id and the group of a task; None: it is given no group.
Told = tuple[bytes, str | None]


class GroupTags:
    """The check of one partition.

    Args:
        partition: the partition.
        options: the scheduler's options.
    """

    def __init__(self, partition: HasDetour, options: SchedulerOptions) -> None:
        self._partition = partition
        self._is_one_of_many = len(options.storage.instances) + len(options.storage.leaving) > 1
        caps = options.group_concurrency
        self._option = {} if caps is None else to_caps("group_concurrency", caps)

    def checked(self, send: Send[Item, Result], told: Callable[[Item], Told]) -> Send[Item, Result]:
        """Wrap `send`, so that it leaves out refused tasks; `told` tells the id and the group of an item."""
        if not self._is_one_of_many:
            return send

        async def send_checked(calls: Sequence[Item], callers: Callers) -> Sequence[Result]:
            suspects = {n: found for n, found in enumerate(map(told, calls)) if _lacks_tag(*found)}
            refused = await self._refused(suspects) if suspects else {}
            if not refused:
                return await send(calls, callers)
            positions = [n for n in range(len(calls)) if n not in refused]
            found: Sequence[Any] = []
            if positions:
                try:
                    found = await send([calls[n] for n in positions], callers.only(positions))
                except Partly as partly:
                    found = partly.outcomes
                except StorageError as error:  # of those that were sent
                    found = [error] * len(positions)
            outcomes = placed(found, [n not in refused for n in range(len(calls))])
            raise Partly([refused.get(n, outcome) for n, outcome in enumerate(outcomes)])

        return send_checked

    async def require(self, told: Sequence[Told]) -> None:
        """Raise for the first of some tasks that is refused.

        Raises:
            GroupNeedsTag: one of them is.
        """
        suspects = {n: found for n, found in enumerate(told) if _lacks_tag(*found)} if self._is_one_of_many else {}
        if suspects:
            for error in (await self._refused(suspects)).values():
                raise error

    async def _refused(self, suspects: Mapping[int, Told]) -> dict[int, GroupNeedsTag]:
        held = Quotas(caps=self._option)
        kept = await self._kept()
        if kept is not None:
            held = Quotas(rates=kept.rates, caps=kept.caps or self._option)
        refused = {}
        for n, (raw_id, name) in suspects.items():
            group = name or ""
            if held.caps.get(group, held.caps.get(ANY, 0)) or group in held.rates:
                refused[n] = GroupNeedsTag(raw_id.decode(), group)
        return refused

    async def _kept(self) -> Quotas | None:
        """Read what is kept in Redis; None: nobody can be asked."""
        if self._partition.state == "online":
            return await quotas.read(self._partition)
        detour = self._partition.detour
        return None if detour is None else await detour.quotas()


def of_assignment(call: Assignment) -> Told:
    """Tell the id and the group of a task that is assigned."""
    return call.id, call.policy.group


def of_update(update: TaskUpdate) -> Told:
    """Tell the id of a task that is updated, and the group that it is given; None: the update gives none."""
    return update.id, update.asked.get("group")


def _lacks_tag(raw_id: bytes, group: str | None) -> bool:
    return group is not None and tag_of(raw_id) is None
