"""The public calls on quotas: rates, and bounds on the runs of groups; `Scheduler` has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import InvalidType, InvalidValue
from ..model.quotas import ANY, MOST_GROUPS, Quotas, Rate, caps_change, from_caps, rate_change, to_caps
from ..model.rules import check_group
from ..model.steering import Note
from ..services.lifespan import Lifespan
from .acting import note


class QuotaCalls:
    """The calls of a `Scheduler` on quotas.

    Args:
        lifespan: the lifespan; it has the partitions while connected.
    """

    def __init__(self, lifespan: Lifespan) -> None:
        self._quota_lifespan = lifespan

    async def set_rate(self, rate: Rate | None, *, group: str | None = None) -> None:
        """Allow only so many starts in some time, over all schedulers, from now on.

        It is kept in Redis, and holds until it is changed. Tasks that are due and may not start yet wait, the earliest
        due first. Each claim of a task takes a token, for a retry or after a crash too; a run that was claimed and did
        not start puts it back. Setting the same rate again changes nothing.

        With several partitions, the rate of the namespace holds over all of them, and that of a group where its tasks
        share a hash tag: assigning a task of this group without one raises `GroupNeedsTag`.

        Args:
            rate: the rate; `None` takes it off.
            group: the one group whose tasks it concerns; up to 1,000 groups may have one. Default: all tasks of the
                namespace; its queues have rates of their own.

        Raises:
            InvalidType, InvalidValue: an argument cannot be used.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: one of the partitions cannot be reached. If it was lost half-way (`OutcomeUnknown`), the
                rate may hold; a partition that does not know it yet is told when it is back.
            StorageFull, StorageRefused: Redis refuses.
        """
        if rate is not None and not isinstance(rate, Rate):
            raise InvalidType("rate", f"must be a Rate or None, not {type(rate).__name__}")
        name = _name_of(group)

        def noted(before: Quotas, after: Quotas) -> Note:
            return note(self._quota_lifespan.actor, "set_rate", rate_change(before, after, name))

        quotas = (await self._quota_lifespan.enter()).partitions.quotas
        await quotas.change(lambda before: _with_rate(before, rate, name), noted)

    async def get_rate(self, *, group: str | None = None) -> Rate | None:
        """Read the rate that holds; `None` if there is none.

        Args:
            group: the group. Default: that of all tasks.

        Raises:
            InvalidType, InvalidValue: `group` is not the name of a group.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: the master cannot be reached.
            StorageRefused: Redis refuses.
        """
        name = _name_of(group)
        quotas = await (await self._quota_lifespan.enter()).partitions.quotas.read()
        return quotas.rate if name is None else quotas.rates.get(name)

    async def set_group_concurrency(self, caps: int | Mapping[str, int] | None) -> None:
        """Allow only so many runs at once of the tasks of one group, over all schedulers, from now on.

        It is kept in Redis, holds until it is changed, and takes the place of the option `group_concurrency` of all
        schedulers. Runs that are in progress go on. Setting the same again changes nothing.

        With several partitions, it holds for groups whose tasks share a hash tag: assigning a task of a bounded group
        without one raises `GroupNeedsTag`.

        Args:
            caps: a number for each group; or a mapping from up to 1,000 groups to numbers, `"*"` for all other groups,
                which have any number without that; `{}`: no group is bounded. `None` takes it off, so that the options
                hold again.

        Raises:
            InvalidType, InvalidValue: it cannot be used.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: one of the partitions cannot be reached; as for `set_rate`.
            StorageFull, StorageRefused: Redis refuses.
        """
        of_groups = {} if caps is None else to_caps("caps", caps)

        def noted(before: Quotas, after: Quotas) -> Note:
            return note(self._quota_lifespan.actor, "set_group_concurrency", caps_change(before, after))

        quotas = (await self._quota_lifespan.enter()).partitions.quotas
        await quotas.change(lambda before: replace(before, caps=of_groups), noted)

    async def get_group_concurrency(self) -> dict[str, int] | None:
        """Read what `set_group_concurrency` put in Redis: by group, `"*"` for all other groups; `None` if nothing.

        Raises:
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: the master cannot be reached.
            StorageRefused: Redis refuses.
        """
        return from_caps((await (await self._quota_lifespan.enter()).partitions.quotas.read()).caps)


def _name_of(group: str | None) -> str | None:
    if group == ANY:
        raise InvalidValue("group", f"must be the name of one group: a rate has no {ANY!r} for all others")
    return None if group is None else check_group("group", group)


def _with_rate(before: Quotas, rate: Rate | None, group: str | None) -> Quotas:
    if group is None:
        return replace(before, rate=rate)
    rates = {name: each for name, each in before.rates.items() if name != group}
    if rate is not None:
        if len(rates) >= MOST_GROUPS:
            raise InvalidValue("group", f"cannot have a rate: {MOST_GROUPS} groups have one; take one off first")
        rates[group] = rate
    return replace(before, rates=rates)
