"""Workers are killed under caps of groups and under a rate: there are never more runs than those allow."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, OutcomeUnknown, Rate, Scheduler, StorageError
from interval_scheduler.model.placement import homes
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell
from tests.faults.killing import Fleet
from tests.faults.measuring import (
    ended,
    is_empty,
    most_at_once,
    most_within,
    not_after_a_kill,
    starts_of,
)
from tests.integration.processes import check_key_space, read_ledger
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
#: The replies that get lost under a rate.
LOST = (scripts.TAKE_TOKENS, scripts.CLAIM, scripts.RELEASE, scripts.COMPLETE)
#: A run starts so long after its claim at the latest, and after its token was taken from the master.
WINDOW_SECONDS = 1.0
SPANS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 100)


def tenant_of(task_id: str) -> str:
    return task_id.partition("}")[0][1:]


async def test_killed_workers_never_exceed_a_cap(
    own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path
) -> None:
    """The tasks of each tenant share a hash tag, and so one of three partitions; the cap changes in between."""
    kills, tenants, each_time, caps = often(2, 60), 6, often(5, 10), (2, 3)
    servers, ledger = [own_server() for _ in range(3)], tmp_path / "ledger"
    urls = [f"{server.url}?name=p{n}" for n, server in enumerate(servers)]
    fleet = Fleet(",".join(urls), namespace, ledger, lease_seconds=1.5, check_tasks_every_seconds=0.3, concurrency=20)
    count, home = 0, homes([f"p{n}" for n in range(3)])
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        await scheduler.set_group_concurrency({"*": max(caps), "t0": 1})
        async with fleet.worker("sleep:0.02", lease_seconds=60) as survivor:
            for kill in range(kills):
                async with fleet.worker("sleep:0.05") as victim:
                    await scheduler.assign_tasks(
                        IntervalTask(f"{{t{tenant}}}:{count + n}", group=f"t{tenant}")
                        for tenant in range(tenants)
                        for n in range(each_time)
                    )
                    count += each_time
                    await scheduler.set_group_concurrency({"*": caps[kill % 2], "t0": 1})
                    await fleet.kill_soon(victim, 0.3)
            await until(lambda: is_empty(scheduler), 60)
            await fleet.end(survivor)
        is_well = (await scheduler.audit()).ok
    entries = read_ledger(ledger)
    most = most_at_once(entries, fleet.killed, lambda entry: tenant_of(entry.id))
    ids = {f"{{t{tenant}}}:{n}" for tenant in range(tenants) for n in range(count)}
    lost, starts = len(ids - ended(entries)), starts_of(entries)
    unexplained = not_after_a_kill(starts, fleet.killed)
    are_apart = len({home(task_id.encode()) for task_id in ids}) > 1
    others = max(number for tenant, number in most.items() if tenant != "t0")
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    tell(
        "caps",
        "workers are killed (SIGKILL) under caps of groups, on 3 partitions, by hash tags; the cap goes from 3 to 2 "
        "and back",
        count=f"{kills} kills, {len(ids):,} one-shots of {tenants} groups",
        expected=f"of one group never more than 1 run at once, of the others than {max(caps)}; lost 0; every second "
        "run follows a kill",
        figure=f"at most {most['t0']} and {others} at once; lost {lost}; second runs "
        f"{sum(len(runs) - 1 for runs in starts.values())}, of these not after a kill {unexplained}",
        holds=(most["t0"], lost, unexplained, is_well) == (1, 0, 0, True) and others <= max(caps) and are_apart,
    )


@pytest.mark.parametrize("partitions", [1, 2])
async def test_a_rate_holds_over_kills_of_workers_and_of_the_master(
    own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path, partitions: int
) -> None:
    """Replies are lost all the time, workers are killed, and the master, which has the tokens, is killed too."""
    rounds, rate, ledger = often(1, 20), Rate(100, burst=5), tmp_path / "ledger"
    servers = [own_server(appendonly="yes", appendfsync="always") for _ in range(partitions)]
    options = {"lease_seconds": 1.5, "check_tasks_every_seconds": 0.3, "concurrency": 20}
    shas = [script.sha.encode() for script in LOST]
    dice, count = random.Random(partitions), 0

    def now_and_then(request: bytes) -> bool:
        return dice.random() < 0.03 and any(sha in request for sha in shas)

    async with contextlib.AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.port)) for server in servers]
        urls = [f"{proxy.url}?name=p{n}" for n, proxy in enumerate(proxies)]
        fleet = Fleet(",".join(urls), namespace, ledger, **options, reconnect_interval_seconds=0.05)
        direct = [f"{server.url}?name=p{n}" for n, server in enumerate(servers)]
        scheduler = await stack.enter_async_context(
            Scheduler.from_url(*direct, namespace=namespace, reconnect_interval_seconds=0.05)
        )
        await scheduler.set_rate(rate)
        survivor = await stack.enter_async_context(fleet.worker("sleep:0", lease_seconds=60))
        for _ in range(rounds):
            async with fleet.worker("sleep:0.05") as victim:
                await scheduler.assign_tasks([IntervalTask(f"t{count + n}") for n in range(120)])
                count += 120
                for proxy in proxies:
                    proxy.drop_reply = now_and_then
                await asyncio.sleep(dice.uniform(0.1, 0.3))  # a random moment of the bucket is the point
                servers[0].kill()
                servers[0].start()
                await fleet.kill_soon(victim, 0.4)
            await until(lambda: scheduler.online, 60)
        await until(partial(_is_surely_empty, scheduler), 60)
        for proxy in proxies:
            proxy.drop_reply = lambda _: False
        dropped = sum(proxy.dropped for proxy in proxies)
        kept = await scheduler.get_rate() == rate
        await fleet.end(survivor)
    entries = read_ledger(ledger)
    starts = starts_of(entries)
    lost = len({f"t{n}" for n in range(count)} - ended(entries))
    runs = [entry for each in starts.values() for entry in each]
    # The token of a run tells the moment of its claim, in µs by the clock of the server, where the bucket is.
    moments = [run.token / 1e6 for run in runs] if partitions == 1 else [run.moment for run in runs]
    slack = 0.002 if partitions == 1 else WINDOW_SECONDS
    over = max(most_within(moments, span) - rate.burst - rate.count * (span + slack) for span in SPANS)
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    if partitions == 1:
        expected = "never more claimed in t seconds than burst + rate * t"
    else:
        expected = "never more starts in t seconds than burst + rate * (t + 1 s)"
    tell(
        "rates",
        f"workers and the master are killed (kill -9) and replies get lost under a rate, on {partitions} partition(s)",
        count=f"{rounds} kills of each, {dropped} replies, {count:,} one-shots",
        expected=f"{expected}, for t from {SPANS[0]:g} to {SPANS[-1]:g} s; lost 0; the rate stays",
        figure=f"at most {max(0, over):.2f} beyond that; {most_within(moments, 1)} in a second; lost {lost}; "
        f"second runs {len(runs) - len(starts)}",
        holds=over <= 0 and lost == 0 and kept,
    )


async def _is_surely_empty(scheduler: Scheduler) -> bool:
    try:
        return await is_empty(scheduler)
    except (StorageError, OutcomeUnknown):  # it cannot be told yet
        return False
