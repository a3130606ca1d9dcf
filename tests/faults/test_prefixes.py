"""Calls on all tasks with a prefix are cut off anywhere, and repeated: the repetition does the rest, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.cutting import Cutting
from tests.faults.figures import often, tell
from tests.integration.processes import check_key_space
from tests.servers import RedisServer

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000
#: The replies that get lost; the last two find what there is, with a tag and without.
LOST = (scripts.CONTROL, scripts.REMOVE, scripts.PAGE, scripts.SCAN_IDS)
PREFIXES = ("{tag}:", "plain:")


async def states(scheduler: Scheduler, prefix: str) -> dict[str, int]:
    return dict(Counter([task.state async for task in scheduler.tasks(prefix=prefix)]))


async def fill(scheduler: Scheduler, prefixes: tuple[str, ...], each: int) -> None:
    await scheduler.assign_tasks(
        IntervalTask(f"{prefix}{n}", every=60, start=FAR + n) for prefix in prefixes for n in range(each)
    )


async def test_calls_by_prefix_are_cut_off(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """They are cancelled, their connections are cut, or a reply to one of their scripts is lost."""
    rounds, each = often(12, 400), often(250, 1200)
    servers, beside = [own_server(), own_server()], ("{tag}other:", "other:")
    wrong = partly = 0
    async with Cutting.of(servers, namespace, LOST, 11) as cutting:
        scheduler = cutting.scheduler
        calls: dict[str, Callable[..., Coroutine[Any, Any, int]]] = {
            "pause": scheduler.pause_tasks,
            "resume": scheduler.resume_tasks,
            "clear": scheduler.clear_tasks,
        }
        after: dict[str, dict[str, int]] = {"pause": {"paused": each}, "resume": {"waiting": each}, "clear": {}}
        await fill(scheduler, PREFIXES, each)
        await fill(scheduler, beside, 50)
        for number in range(rounds):
            what, prefix = list(calls)[number % 3], PREFIXES[number // 3 % 2]
            call, wanted = partial(calls[what], prefix=prefix), after[what]
            await cutting.once(call)
            await cutting.surely(partial(scheduler.count_tasks, prefix="other:"))  # so that both partitions are back
            half = await states(scheduler, prefix)
            partly += len(half) > 1 or 0 < sum(half.values()) < each
            await cutting.surely(call)
            wrong += await states(scheduler, prefix) != wanted
            # Once more it tells how many are so, and changes nothing.
            wrong += await call() != sum(wanted.values())
            wrong += await states(scheduler, prefix) != wanted
            wrong += await states(scheduler, PREFIXES[1 - number // 3 % 2]) != {"waiting": each}
            if what == "clear":
                await fill(scheduler, PREFIXES, each)
        wrong += [await states(scheduler, prefix) for prefix in beside] != [{"waiting": 50}] * 2
        assert (await scheduler.audit()).ok
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    tell(
        "prefixes",
        "pause_tasks, resume_tasks and clear_tasks are cancelled, cut off, or lose a reply, and are repeated, with a "
        "hash tag and without, on 2 partitions",
        count=f"{rounds} calls on {each:,} tasks, {cutting.cut_off} cut off, {partly} of them half-way",
        expected="then all tasks with the prefix are so, and no others; once more does nothing",
        figure=f"wrong {wrong}",
        holds=wrong == 0 and cutting.cut_off > rounds // 4,
    )
