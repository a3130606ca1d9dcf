"""A hundred callers change tasks while replies get lost and the tasks run: no change is lost, nor a run doubled."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from interval_scheduler import IntervalTask, OutcomeUnknown, PartitionOffline, ScheduledTask, Scheduler, current_run
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell
from tests.integration.processes import check_key_space
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import surely, until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000
#: What one caller each changes of a task, by number, and how it is found there.
CHANGES: dict[str, tuple[Callable[[int], Any], Callable[[ScheduledTask], Any]]] = {
    "data": (str, lambda task: task.data),
    "every": (lambda n: 1000 + n, lambda task: task.every),
    "retries": (lambda n: n % 1000, lambda task: task.rules.retries),
    "backoff": (lambda n: 1 + n, lambda task: task.rules.backoff),
    "timeout": (lambda n: 1000 + n, lambda task: task.rules.timeout),
    "group": (lambda n: f"g{n}", lambda task: task.rules.group),
    "history": (lambda n: n % 100, lambda task: task.rules.history),
    "max_runs": (lambda n: 10 + n, lambda task: task.rules.max_runs),
    "until": (lambda n: FAR + n, lambda task: task.rules.until),
    "start_deadline": (lambda n: 5000 + n, lambda task: task.rules.start_deadline),
}


class Callers:
    """One for each rule of each task, which changes it again and again."""

    def __init__(self, found: Sequence[ScheduledTask]) -> None:
        #: By task and rule: what the last acknowledged call set, and those in doubt since.
        self.may_be = {(task.id, what): [read(task)] for task in found for what, (_, read) in CHANGES.items()}
        self.counts: Counter[str] = Counter()
        self.calls_of: Counter[Scheduler] = Counter()

    async def change(self, scheduler: Scheduler, task_id: str, what: str, rounds: int) -> None:
        """Make the calls of one of them, one after the other."""
        number = 0
        while number < rounds:
            value = CHANGES[what][0](number)
            try:
                assert await scheduler.update_task(task_id, **{what: value})
            except OutcomeUnknown:
                self.counts["in doubt"] += 1
                self.may_be[task_id, what].append(value)
            except PartitionOffline:  # nothing was changed
                self.counts["refused"] += 1
                await until(lambda: scheduler.online, 60)
                continue
            else:
                self.may_be[task_id, what] = [value]
            number += 1
            self.counts["calls"] += 1
            self.calls_of[scheduler] += 1

    def wrong(self, found: Sequence[ScheduledTask]) -> int:
        """How many rules are none of what they may be."""
        by_id = {task.id: task for task in found}
        return sum(CHANGES[what][1](by_id[task_id]) not in values for (task_id, what), values in self.may_be.items())


@contextlib.asynccontextmanager
async def trouble(proxies: Sequence[Proxy], progress: Callable[[], int], dice: random.Random) -> AsyncIterator[None]:
    """Throw replies to updates away, and cut the first off for longer than its calls wait, again and again."""
    cut_off = proxies[0]
    update = scripts.UPDATE.sha.encode()

    async def go_on() -> None:
        while True:
            for proxy in proxies:
                proxy.drop_reply = lambda request: update in request and dice.random() < 0.3
            before = progress()
            await until(lambda before=before: progress() > before + 20, 60)  # type: ignore[misc]
            await asyncio.sleep(dice.uniform(0, 0.01))  # a random moment of the calls is the point
            cut_off.swallowing = True
            await asyncio.sleep(0.3)  # longer than the calls of this one wait
            cut_off.swallowing = False
            cut_off.cut()

    going_on = asyncio.create_task(go_on())
    try:
        yield
    finally:
        going_on.cancel()
        await asyncio.wait([going_on])
        for proxy in proxies:
            proxy.drop_reply, proxy.swallowing = lambda _: False, False
            proxy.cut()


async def test_a_hundred_callers(redis_server: RedisServer, namespace: str) -> None:
    """Of each rule of each task, one caller; two schedulers, one of which is cut off for longer than its calls wait."""
    rounds, dice = often(4, 60), random.Random(3)
    ids = [f"t{n}" for n in range(10)]
    runs: Counter[str] = Counter()
    ends = asyncio.Event()

    async def executor(_: str) -> None:
        runs[current_run().id] += 1
        await ends.wait()

    async with contextlib.AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(redis_server.port)) for _ in range(2)]

        async def connected(url: str, **options: float) -> Scheduler:
            made = Scheduler.from_url(f"{url}?name=p", namespace=namespace, **options)  # type: ignore[arg-type]
            await surely(made.start_task_accept)
            return await stack.enter_async_context(made)

        executing = await connected(redis_server.url, lease_seconds=60)
        schedulers = [
            await connected(proxy.url, operation_timeout_seconds=seconds, reconnect_interval_seconds=0.02)
            for proxy, seconds in zip(proxies, (0.2, 10), strict=True)
        ]

        async def found() -> list[ScheduledTask]:
            return [task for task_id in ids if (task := await executing.get_task(task_id)) is not None]

        async def all_are(state: str) -> bool:
            return [(task.state, task.attempt) for task in await found()] == [(state, 1)] * len(ids)

        await executing.assign_tasks([IntervalTask(task_id, every=1000) for task_id in ids])
        await executing.start_task_execute(executor)
        await until(lambda: len(runs) == len(ids))
        callers = Callers(await found())
        async with trouble(proxies, lambda: callers.calls_of[schedulers[0]], dice):
            calls = [
                callers.change(schedulers[n % 2], task_id, what, rounds)
                for task_id in ids
                for n, what in enumerate(CHANGES)
            ]
            await asyncio.gather(*calls)
        await until(lambda: all(each.online for each in schedulers))
        # These come after all that may still be sent.
        again = [functools.partial(each.update_task, task_id) for each in schedulers for task_id in ids]
        await asyncio.gather(*map(surely, again))
        before = await found()
        wrong = callers.wrong(before) + (not await all_are("leased"))
        ends.set()
        await until(lambda: all_are("waiting"))
        after = await found()
        wrong += [(task.data, task.rules) for task in after] != [(task.data, task.rules) for task in before]
        doubled = sum(runs.values()) - len(runs)
        assert (await executing.audit()).ok
    with redis_server.client() as client:
        check_key_space(client, namespace)
    counts, dropped = callers.counts, sum(proxy.dropped for proxy in proxies)
    tell(
        "updates",
        f"{len(calls)} callers change a rule each of {len(ids)} running tasks, replies to updates are thrown away, and "
        "one of two schedulers is cut off",
        count=f"{counts['calls']:,} updates, {counts['in doubt']} in doubt, {counts['refused']} refused; "
        f"{dropped} replies",
        expected="each rule is what the last acknowledged update set, or one in doubt after it; runs in progress are "
        "not doubled",
        figure=f"wrong {wrong}; runs doubled {doubled}",
        holds=(wrong, doubled) == (0, 0) and counts["in doubt"] > 0 and dropped > 0,
    )
