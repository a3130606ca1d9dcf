"""The list of partitions changes under load, and the rebalancer is killed: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from interval_scheduler import (
    IntervalTask,
    NotAcceptingTasks,
    NotConnected,
    PartitionListChanged,
    PartitionOffline,
    Scheduler,
    current_run,
)
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.loader import Script
from tests.faults.figures import often, tell
from tests.integration.processes import ROOT, check_key_space
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

NewServer = Callable[..., RedisServer]
NAMES: Final = ("a", "b", "c")
ONE_SHOTS: Final = often(1500, 20_000)
RECURRING: Final = often(150, 2_000)
_MOVING: Final = (
    scripts.ADOPT_LIST, scripts.SCAN_IDS, scripts.MOVE_OUT, scripts.MOVE_IN, scripts.MOVE_DONE,
    scripts.MIGRATION_STATUS, scripts.FINISH_MIGRATION,
    scripts.ASSIGN, scripts.REMOVE, scripts.LOOK, scripts.CLAIM, scripts.COMPLETE,
)  # fmt: skip
#: What calls on a scheduler raise that is on its way out.
_PASSING: Final = (PartitionListChanged, PartitionOffline, NotConnected, NotAcceptingTasks)


@dataclass
class Ledger:
    """What was asked for and what ran, kept outside of Redis."""

    runs: Counter[tuple[str, float]] = field(default_factory=Counter)
    started: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    once: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    async def __call__(self, _: Any) -> None:
        run = current_run()
        self.runs[run.id, run.due] += 1
        self.started[run.id] += 1
        self.lags.append(run.lag)

    @property
    def lost(self) -> int:
        """One-shots that did not run."""
        return sum(self.started[task_id] == 0 for task_id in self.once)

    @property
    def doubled(self) -> int:
        """Due times that were run twice, and one-shots."""
        again = sum(count > 1 for count in self.runs.values())
        return again + sum(self.started[task_id] > 1 for task_id in self.once)

    @property
    def ghosts(self) -> int:
        """Removed tasks that ran."""
        return sum(self.started[task_id] > 0 for task_id in self.removed)


def scheduler_of(urls: list[str], namespace: str, **options: Any) -> Scheduler:
    defaults = {"reconnect_interval_seconds": 0.05, "operation_timeout_seconds": 5, "lease_seconds": 30}
    return Scheduler.from_url(*urls, namespace=namespace, **(defaults | options))


async def is_over(scheduler: Scheduler) -> bool:
    return await scheduler.moving() == ()


async def churn(current: Callable[[], Scheduler], ledger: Ledger, stop: asyncio.Event) -> None:
    """Assign one-shots and remove tasks, whatever happens to the list of partitions."""
    number = 0
    while not stop.is_set():
        number += 1
        kept, taken = f"extra-{number}", f"taken-{number}"
        with contextlib.suppress(*_PASSING):  # it was not assigned, so none is expected to run
            await current().assign_task(IntervalTask(kept, start=time.time() + 0.3))
            ledger.once.add(kept)
        began = time.monotonic()
        with contextlib.suppress(*_PASSING):  # it is removed again in any case
            await current().assign_task(IntervalTask(taken, start=time.time() + 5))
        while True:
            with contextlib.suppress(*_PASSING):  # it is tried again
                await current().remove_task(taken)
                break
            await asyncio.sleep(0.01)  # until the next scheduler is there
        if time.monotonic() - began < 4:
            ledger.removed.add(taken)
        await asyncio.sleep(0.002)  # a load, not a race


@contextlib.asynccontextmanager
async def rebalancer(
    urls: list[str], namespace: str, folder: Path, options: dict[str, Any]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that executes nothing and only moves tasks, by its rebalancer."""
    arguments = [",".join(urls), namespace, str(folder / "none"), json.dumps(options), "idle:"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.worker", *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("delivery", "kill_at"),
    [
        ("at-least-once", [(scripts.MOVE_IN, 2), (scripts.MOVE_OUT, 2)]),
        ("at-most-once", [(scripts.ADOPT_LIST, 2), (scripts.MOVE_DONE, 2)]),
    ],
)
async def test_the_rebalancer_is_killed_under_load(  # noqa: PLR0915 - one story
    own_server: NewServer, namespace: str, tmp_path: Path, delivery: str, kill_at: list[tuple[Script, int]]
) -> None:
    kill_at = kill_at * often(1, 3)
    servers = [own_server() for _ in NAMES]
    ledger, stop = Ledger(), asyncio.Event()
    direct = [f"{server.url}?name={name}" for server, name in zip(servers, NAMES, strict=True)]
    async with contextlib.AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.port)) for server in servers]
        slow = [f"{proxy.url}?name={name}" for proxy, name in zip(proxies, NAMES, strict=True)]
        current = scheduler_of(direct[:2], namespace, delivery=delivery)
        await current.start_task_accept()
        now = time.time()
        span = 8.0 * len(kill_at)
        await current.assign_tasks(
            IntervalTask(f"once-{n}", start=now + 1 + span * n / ONE_SHOTS) for n in range(ONE_SHOTS)
        )
        ledger.once |= {f"once-{n}" for n in range(ONE_SHOTS)}
        await current.assign_tasks(IntervalTask(f"every-{n}", every=0.5) for n in range(RECURRING))
        await current.start_task_execute(ledger)
        churning = asyncio.create_task(churn(lambda: current, ledger, stop))
        lags: list[float] = []
        seconds = 0.0
        for n, (script, at) in enumerate(kill_at):
            grows = n % 2 == 0
            options = {"list_epoch": n + 2, "delivery": delivery, "leaving": [] if grows else [direct[2]]}
            theirs = options | {"leaving": [] if grows else [slow[2]]}
            seen = Counter[str]()
            async with rebalancer(slow if grows else slow[:2], namespace, tmp_path, theirs) as process:

                def watch(
                    request: bytes,
                    process: asyncio.subprocess.Process = process,
                    seen: Counter[str] = seen,
                    script: Script = script,
                    at: int = at,
                ) -> bool:
                    for each in (scripts.ADOPT_LIST, scripts.SCAN_IDS, script):
                        seen[each.name] += each.sha.encode() in request
                    if seen[script.name] < at:
                        return False
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        process.kill()
                    return True

                for proxy in proxies:
                    proxy.drop_reply = watch
                    proxy.delay = lambda: 0.01

                def is_at_it(process: asyncio.subprocess.Process = process, seen: Counter[str] = seen) -> bool:
                    return seen["scan_ids"] > 0 or process.returncode is not None

                await until(is_at_it, 60)
                ledger.lags.clear()
                began = time.monotonic()
                following = scheduler_of(direct if grows else direct[:2], namespace, **options)
                await following.start_task_accept()
                await following.start_task_execute(ledger)
                before, current = current, following
                await before.close()
                assert await asyncio.wait_for(process.wait(), 60) == -9
            await until(functools.partial(is_over, following), 60)
            seconds += time.monotonic() - began
            lags += ledger.lags
        stop.set()
        await churning
        await until(lambda: ledger.lost == 0, span + 60)
        moment = ledger.started.copy()
        await until(lambda: all(ledger.started[f"every-{n}"] > moment[f"every-{n}"] for n in range(RECURRING)), 60)
        await current.stop_task_execute()
        scheduled = {task.id async for task in current.tasks()}
        assert scheduled == {f"every-{n}" for n in range(RECURRING)}
        assert (await current.audit()).ok
        await current.close()
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    lags.sort()
    names = ", ".join(script.name for script, _ in kill_at[:2])
    tell(
        "moves",
        "the list of partitions grows 2 to 3 and shrinks again under load, "
        f"the rebalancer killed at {names} ({delivery})",
        count=f"{len(kill_at)} changes, {len(ledger.once):,} one-shots, {RECURRING:,} tasks every 0.5 s",
        expected="lost 0, doubled 0, removed ones that ran 0",
        figure=(
            f"lost {ledger.lost}, doubled {ledger.doubled}, removed ones that ran {ledger.ghosts}; during the moves "
            f"({seconds:.1f} s, a dead rebalancer's lock included) p99 lag {1000 * lags[int(0.99 * len(lags))]:.0f} ms"
        ),
        holds=ledger.lost == ledger.doubled == ledger.ghosts == 0,
    )


async def test_replies_are_lost_while_tasks_move(own_server: NewServer, namespace: str) -> None:  # noqa: C901
    """The first and the sixth reply to each of the scripts is lost; each is applied once."""
    servers = [own_server() for _ in NAMES]
    ledger = Ledger()
    count = often(600, 10_000)
    shas = [script.sha.encode() for script in _MOVING]
    async with contextlib.AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.port)) for server in servers]
        urls = [f"{proxy.url}?name={name}" for proxy, name in zip(proxies, NAMES, strict=True)]
        direct = [f"{server.url}?name={name}" for server, name in zip(servers, NAMES, strict=True)]
        async with scheduler_of(direct[:2], namespace) as old:
            await old.assign_tasks(IntervalTask(f"t{n}", f"data{n}", start=4_000_000_000 + n) for n in range(count))
        seen: Counter[bytes] = Counter()

        def drop(request: bytes) -> bool:
            for sha in shas:
                if sha in request:
                    seen[sha] += 1
                    return seen[sha] in (1, 6)
            return False

        for n, (list_of, options) in enumerate(((urls, {}), (urls[:2], {"leaving": [urls[2]]}))):
            scheduler = scheduler_of(list_of, namespace, list_epoch=n + 2, **options)
            for proxy in proxies:
                proxy.drop_reply = drop
            while not scheduler.online:  # a change that was cut short half-way is completed by the next try
                with contextlib.suppress(PartitionOffline):  # it is tried again
                    await scheduler.start_task_accept()
            await scheduler.start_task_execute(ledger)
            for k in range(20):
                while True:
                    try:
                        await scheduler.assign_task(IntervalTask(f"now-{n}-{k}"))
                        break
                    except PartitionOffline:
                        await asyncio.sleep(0.05)  # a caller that tries again soon
                ledger.once.add(f"now-{n}-{k}")

            async def over(scheduler: Scheduler = scheduler) -> bool:
                try:
                    return await is_over(scheduler)
                except PartitionOffline:  # it cannot be told yet
                    return False

            await until(over, 60)
            await until(lambda: ledger.lost == 0, 60)
            for proxy in proxies:
                proxy.drop_reply = lambda _: False
            await scheduler.close()
        async with scheduler_of(direct[:2], namespace, list_epoch=3) as last:
            found = {task.id: (task.data, task.next_run) async for task in last.tasks()}
            assert (await last.audit()).ok
    wanted = {f"t{n}": (f"data{n}", 4_000_000_000 + n) for n in range(count)}
    for server in servers:
        with server.client() as client:
            check_key_space(client, namespace)
    differing = sum(found.get(task_id) != wanted.get(task_id) for task_id in wanted.keys() | found.keys())
    tell(
        "moves",
        "the first and the sixth reply to each script is lost while the list grows and shrinks",
        count=f"{count:,} tasks, {sum(proxy.dropped for proxy in proxies)} replies",
        expected="lost, doubled or different 0",
        figure=f"lost, doubled or different {differing + ledger.doubled}",
        holds=differing + ledger.doubled == 0,
    )
