"""Row 28: old bytes arrive after a later call was acknowledged: at the partition, across hints, and across moves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import pytest

from interval_scheduler import IntervalTask, OutcomeUnknown, Scheduler
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import often, tell
from tests.faults.ordering import FAR, History
from tests.integration.hinting import Trio, back, gone, state
from tests.integration.test_moving import moved, scheduler_of
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import surely, until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]


def load(server: RedisServer) -> None:
    """Load all scripts: a copy of a call names its script only, and would change nothing where that is not known."""
    with server.client() as client:
        for script in scripts.ALL:
            client.script_load(script.text)
            client.script_load((script.in_order or script).text)


async def test_late_copies(own_server: NewServer, namespace: str) -> None:
    """Calls of random kinds, a third of them given up; connections are held up, replaced, and delivered at last."""
    rounds = often(6, 40)
    server = own_server()
    load(server)
    undone: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(server.port))
        scheduler = Scheduler.from_url(
            proxy.url, namespace=namespace, operation_timeout_seconds=0.3, reconnect_interval_seconds=0.02
        )
        await surely(scheduler.start_task_accept)
        await stack.enter_async_context(scheduler)
        history = History(scheduler, [f"x{n}" for n in range(20)], seed=28)
        copies = 0
        for _ in range(rounds):
            await history.calls(0)
            await surely(scheduler.task_size)  # so that there is a connection
            passing = proxy.hold_open()
            await history.calls(0.3)
            await history.calls(0.3)
            await until(lambda: scheduler.online)
            await history.calls(0)
            copies += proxy.held
            passing.set()
            await until(lambda: proxy.held == 0)
            await history.calls(0.3)
            await until(lambda: scheduler.online)
            undone += await history.undone()
    tell(
        28,
        "a proxy holds the bytes of open connections, and delivers them after later calls were acknowledged",
        count=f"{rounds} times, {copies} held connections; {history.acknowledged:,} acknowledged calls,"
        f" {history.in_doubt:,} in doubt",
        expected="acknowledged calls undone 0",
        figure=f"acknowledged calls undone {len(undone)}",
        holds=not undone and copies >= rounds,
    )


async def test_late_copies_across_hints(own_server: NewServer, namespace: str) -> None:
    """A partition goes away while calls are under way, and the next ones become hints; copies come after its return."""
    rounds = often(3, 20)
    undone: list[str] = []
    async with (
        Trio(own_server, namespace) as trio,
        Proxy(trio.lost.port) as there,
        Proxy(trio.servers[0].port) as master,
    ):
        for server in trio.servers:
            load(server)
        scheduler = await surely(lambda: trio.scheduler((master, None, there), operation_timeout_seconds=0.5))
        history = History(scheduler, trio.some("x", 20), seed=29)
        copies = hints = 0
        for n in range(rounds):
            await history.calls(0)
            await surely(scheduler.task_size)  # so that there are connections
            held = [there.hold_open()]
            there.refusing = True
            await history.calls(1)
            await gone(scheduler)
            await history.calls(0)
            if n % 2:  # hints are late as well
                held.append(master.hold_open())
                await history.calls(0.5)
                await until(lambda: state(scheduler, 0) == "online")
            hints += trio.waiting()
            there.refusing = False
            await back(scheduler)
            await history.calls(0)
            copies += there.held + master.held
            for passing in held:
                passing.set()
            await until(lambda: there.held == master.held == 0)
            await until(lambda: trio.waiting() == 0)
            undone += await history.undone()
    tell(
        28,
        "the same, where the later calls become hints, which come late as well every second time",
        count=f"{rounds} times; {copies} connections held, {hints:,} hints; {history.acknowledged:,} acknowledged, "
        f"{history.in_doubt:,} in doubt",
        expected="acknowledged calls undone 0",
        figure=f"acknowledged calls undone {len(undone)}",
        holds=not undone and copies >= rounds,
    )


async def test_late_copies_across_a_move(own_server: NewServer, namespace: str) -> None:
    """A list of partitions grows while copies of calls for the homes of before are on their way."""
    rounds = often(1, 10)
    undone = acknowledged = copies = 0
    for n in range(rounds):
        space = f"{namespace}-{n}"
        servers = [own_server() for _ in range(3)]
        for server in servers:
            load(server)
        ids = [f"x{number}" for number in range(60)]
        async with Proxy(servers[0].port) as one, Proxy(servers[1].port) as other:
            urls = [
                f"{url}?name={name}"
                for url, name in zip((one.url, other.url, servers[2].url), ("a", "b", "c"), strict=True)
            ]
            held = []
            old = scheduler_of(urls[:2], space, operation_timeout_seconds=0.3)
            await surely(old.start_task_accept)
            async with old:
                await History(old, ids, seed=n).calls(0)
                await surely(old.task_size)  # so that there are connections
                held = [proxy.hold_open() for proxy in (one, other)]
                late: Sequence[Awaitable[bool]] = (
                    [old.assign_task(IntervalTask(task_id, "late", start=FAR)) for task_id in ids]
                    if n % 2
                    else [old.remove_task(task_id) for task_id in ids]
                )
                results = await asyncio.gather(*late, return_exceptions=True)
                assert OutcomeUnknown in {type(result) for result in results}
            async with scheduler_of(urls, space, list_epoch=2, operation_timeout_seconds=20) as new:
                history = History(new, ids, seed=n)
                await history.calls(0)
                copies += one.held + other.held
                held[0].set()  # some copies arrive while tasks move
                await until(lambda: one.held == 0)
                await history.calls(0)
                await moved(new)
                held[1].set()
                await until(lambda: other.held == 0)
                undone += len(await history.undone())
                acknowledged += history.acknowledged
    tell(
        28,
        "the same, while and after tasks move to another list of partitions",
        count=f"{rounds} moves, {copies} held connections; {acknowledged:,} acknowledged calls",
        expected="acknowledged calls undone 0",
        figure=f"acknowledged calls undone {undone}",
        holds=not undone and copies >= rounds,
    )
