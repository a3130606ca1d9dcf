"""Refuses tasks of bounded groups without a hash tag, where there are several partitions.

Each partition counts the runs of a group, and keeps the tokens of its rate, for itself. So a bound and a rate hold if
the tasks of the group live on one partition, as those with the same hash tag do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ...config.options import SchedulerOptions
from ...errors import GroupNeedsTag
from ...model.assignment import AssignCall
from ...model.placement import tag_of
from ...model.quotas import ANY, Quotas, to_caps
from ..commands import quotas
from ..requests.batching import Partly
from ..requests.callers import Callers
from ..requests.turns import Send
from ..scripts.ports import HasDetour

Result = TypeVar("Result")


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

    def checked(self, send: Send[AssignCall, Result]) -> Send[AssignCall, Result]:
        """Wrap `send`, so that it leaves out the tasks that are refused."""
        if not self._is_one_of_many:
            return send

        async def send_checked(calls: Sequence[AssignCall], callers: Callers) -> Sequence[Result]:
            suspects = [n for n, call in enumerate(calls) if _lacks_tag(call)]
            refused = await self._refused(calls, suspects) if suspects else {}
            if not refused:
                return await send(calls, callers)
            positions = [n for n in range(len(calls)) if n not in refused]
            found: Sequence[Any] = []
            if positions:
                try:
                    found = await send([calls[n] for n in positions], callers.only(positions))
                except Partly as partly:
                    found = partly.outcomes
            outcomes: list[Any] = [refused.get(n) for n in range(len(calls))]
            for n, result in zip(positions, found, strict=False):
                outcomes[n] = result
            # Those behind the last one that was sent have no outcome yet.
            raise Partly(outcomes if len(found) == len(positions) else outcomes[: positions[len(found)]])

        return send_checked

    async def _refused(self, calls: Sequence[AssignCall], suspects: Sequence[int]) -> dict[int, GroupNeedsTag]:
        held = Quotas(caps=self._option)
        if self._partition.state == "online":
            kept = await quotas.read(self._partition)
            held = Quotas(rates=kept.rates, caps=kept.caps or self._option)
        refused = {}
        for n in suspects:
            task = calls[n].assignment
            group = task.policy.group or ""
            if held.caps.get(group, held.caps.get(ANY, 0)) or group in held.rates:
                refused[n] = GroupNeedsTag(task.id.decode(), group)
        return refused


def _lacks_tag(call: AssignCall) -> bool:
    task = call.assignment
    return task.policy.group is not None and tag_of(task.id) is None
