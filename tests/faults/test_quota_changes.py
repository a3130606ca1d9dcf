"""Changes of quotas are cut off anywhere, and repeated: then all partitions have what was set, and had it once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import partial

import pytest

from interval_scheduler import IntervalTask, Rate, Scheduler
from interval_scheduler.model.quotas import Quotas
from interval_scheduler.storage.commands import quotas
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.cutting import Call, Cutting
from tests.faults.figures import often, tell
from tests.faults.measuring import is_empty
from tests.integration.processes import check_key_space
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
LOST = (scripts.QUOTAS, scripts.PUT_QUOTAS, scripts.NOTE_BACKLOGS)
#: What a partition has: the rate of the namespace, those of groups, and the caps.
Kept = tuple[Rate | None, Mapping[str, Rate], Mapping[str, int]]


async def all_quotas(scheduler: Scheduler) -> list[Quotas]:
    """What each partition has."""
    return [await quotas.read(each) for each in scheduler._lifespan.require().partitions.all]


def kept(found: Quotas) -> Kept:
    return found.rate, found.rates, found.caps


def drawn(number: int, kind: str, scheduler: Scheduler, before: Kept) -> tuple[Call, Kept]:
    """A change, another one each time, and what there must be after it."""
    rate = None if number % 7 == 6 else Rate(1 + number, per=3600)
    caps = {"*": 1 + number, "g": 1}
    if kind == "rate":
        return partial(scheduler.set_rate, rate), (rate, *before[1:])
    if kind == "rate of a group":
        return partial(scheduler.set_rate, rate, group="g"), (before[0], {} if rate is None else {"g": rate}, before[2])
    return partial(scheduler.set_group_concurrency, caps), (*before[:2], caps)


async def test_a_change_that_is_cut_off_is_repeated(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """It is cancelled, its connections are cut, or a reply to one of its scripts is lost; on two partitions."""
    rounds, dice, wrong = often(60, 1000), random.Random(7), 0
    servers = [own_server(), own_server()]
    begun, held = asyncio.Event(), asyncio.Event()

    async def executor(_: str) -> None:
        begun.set()
        await held.wait()

    async with Cutting.of(servers, namespace, LOST, 7) as cutting:
        scheduler = cutting.scheduler
        # All tasks but one are parked, so that changes have backlogs to note.
        await scheduler.set_group_concurrency({"g": 1})
        await scheduler.assign_tasks(IntervalTask(f"{{g}}:{n}", group="g") for n in range(20))
        await scheduler.start_task_execute(executor)
        await begun.wait()
        for number in range(rounds):
            before = (await all_quotas(scheduler))[0]
            kind = dice.choice(["rate", "rate of a group", "caps"])
            change, wanted = drawn(number, kind, scheduler, kept(before))
            await cutting.once(change)
            await cutting.surely(change)
            found = await all_quotas(scheduler)
            wrong += found[0] != found[1]
            wrong += kept(found[0]) != wanted
            await change()
            wrong += await all_quotas(scheduler) != found
        held.set()
        await scheduler.set_rate(None)
        await scheduler.set_rate(None, group="g")
        await scheduler.set_group_concurrency(None)
        await until(lambda: is_empty(scheduler), 60)
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    tell(
        "quotas",
        "set_rate and set_group_concurrency are cancelled, cut off, or lose a reply, and are repeated, on 2 partitions",
        count=f"{rounds} changes, {cutting.cut_off} cut off",
        expected="then both partitions have what was set, and nothing else has changed; once more changes nothing; "
        "parked tasks go on",
        figure=f"wrong {wrong}; {cutting.repeated} repetitions",
        holds=wrong == 0 and cutting.cut_off > rounds // 4,
    )
