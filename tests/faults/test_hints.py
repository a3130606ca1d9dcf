"""A partition goes away, and changes for it are kept on the master: who applies them dies, and replies get lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask
from interval_scheduler.storage.scripts import loader as scripts
from tests.faults.figures import FULL, often, tell
from tests.integration.hinting import QUICK, Trio, back, gone
from tests.integration.processes import Worker, check_key_space, read_ledger
from tests.proxy import Proxy
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
FAR = 4_000_000_000
#: Of the workers: none loses a lease, however slow the machine is.
OPTIONS = {key: value for key, value in QUICK.items() if key != "lease_seconds"}


async def test_who_applies_hints_is_killed(
    own_server: Callable[..., RedisServer], namespace: str, tmp_path: Path
) -> None:
    """Workers are killed while they apply: the reply to a step never comes, so that they are in the middle."""
    rounds, tasks = often(1, 20), often(150, 1000)
    doubled = lost = removed_ran = kills = 0
    for n in range(rounds):
        space = f"{namespace}-{n}"
        ledger = tmp_path / f"ledger{n}"
        async with Trio(own_server, space) as trio:
            for server in trio.servers:
                with server.client() as client:
                    for script in scripts.ALL:
                        client.script_load(script.text)
                        client.script_load((script.in_order or script).text)
            scheduler = await trio.scheduler(operation_timeout_seconds=20)
            removed = trio.some("removed", 50)
            await scheduler.assign_tasks([IntervalTask(task_id) for task_id in removed])
            trio.lost.kill()
            await gone(scheduler)
            await scheduler.remove_tasks(removed)
            new = trio.some("new", tasks)
            await scheduler.assign_tasks([IntervalTask(task_id) for task_id in new])
            await scheduler.close()
            trio.lost.start()
            with trio.lost.client() as client:
                for script in scripts.ALL:
                    client.script_load((script.in_order or script).text)
            for step in (scripts.REMOVE.in_order, scripts.ASSIGN.in_order, scripts.TRIM_HINTS):
                async with AsyncExitStack() as stack:
                    master, partition = [
                        await stack.enter_async_context(Proxy(server.port)) for server in (trio.servers[0], trio.lost)
                    ]
                    await _kill_at(step, [master, None, partition], trio, ledger)
                    kills += 1
            patient = OPTIONS | {"operation_timeout_seconds": 20}
            worker = await asyncio.to_thread(Worker, ",".join(trio.urls()), space, ledger, "sleep:0", **patient)
            with worker:
                await until(lambda: trio.waiting() == 0)
                await until(lambda: len({entry.id for entry in read_ledger(ledger)}) >= tasks)  # noqa: B023
                await asyncio.to_thread(worker.terminate)
            runs = Counter(entry.id for entry in read_ledger(ledger) if entry.event == "start")
            doubled += sum(count > 1 for count in runs.values())
            lost += len(set(new) - set(runs))
            removed_ran += len(set(removed) & set(runs))
            for server in trio.servers:
                with server.client() as client:
                    check_key_space(client, space)
    tell(
        "hints",
        "a partition returns with its old data; who applies hints to it is killed (kill -9) in the middle",
        count=f"{kills} kills, {rounds * tasks:,} one-shots and {rounds * 50:,} removals",
        expected="doubled 0, lost 0, removed tasks that run 0",
        figure=f"doubled {doubled}, lost {lost}, removed tasks that ran {removed_ran}",
        holds=not doubled and not lost and not removed_ran,
    )


async def _kill_at(step: scripts.Script | None, proxies: list[Proxy | None], trio: Trio, ledger: Path) -> None:
    """Start a worker, and kill it when a script passed by: it was carried out, and its reply never comes."""
    assert step is not None
    seen = asyncio.Event()

    def swallow(request: bytes) -> bool:
        if step.sha.encode() in request:
            seen.set()
            return True
        return seen.is_set()

    for proxy in proxies:
        if proxy is not None:
            proxy.drop_reply = swallow
    starting = asyncio.create_task(
        asyncio.to_thread(Worker, ",".join(trio.urls(proxies)), trio.namespace, ledger, "sleep:0", **OPTIONS)
    )
    await asyncio.wait_for(seen.wait(), 60)
    worker = await asyncio.wait_for(starting, 60)
    with worker:
        worker.kill()


async def test_lost_replies(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """Each reply to each script of hints is thrown away once, and the connection cut."""
    steps = [scripts.HINT, scripts.TRIM_HINTS, scripts.ASSIGN.in_order]
    steps += (
        []
        if not FULL
        else [scripts.APPLIED, scripts.HINT_COUNT, scripts.HINT_LOOK, scripts.HINT_PAGE, scripts.REMOVE.in_order]
    )
    dropped: dict[str, int] = {}
    wrong: list[str] = []
    async with Trio(own_server, namespace) as trio:
        for n, step in enumerate(step for step in steps for _ in range(often(1, 3))):
            assert step is not None
            async with Proxy(trio.servers[0].port) as master, Proxy(trio.lost.port) as partition:
                scheduler = await trio.scheduler(
                    [master, None, partition], operation_timeout_seconds=20, lease_seconds=60
                )
                recorder = Recorder()
                once, kept = trio.some(f"once{n}:", 20), trio.some(f"kept{n}:", 5)
                gone_ids = trio.some(f"gone{n}:", 5)
                await scheduler.assign_tasks([IntervalTask(task_id, start=FAR) for task_id in gone_ids])
                trio.lost.kill()
                await gone(scheduler)
                marker = step.sha.encode()
                for proxy in (master, partition):
                    proxy.drop_next(marker)
                trio_counts = await scheduler.assign_tasks([IntervalTask(task_id) for task_id in once])
                await scheduler.remove_tasks(gone_ids)
                await scheduler.assign_tasks([IntervalTask(task_id, start=FAR) for task_id in kept])
                await scheduler.get_task(kept[0])
                trio.lost.start()
                with trio.lost.client() as client:
                    for script in scripts.ALL:
                        client.script_load(script.text)
                        client.script_load((script.in_order or script).text)
                await back(scheduler)
                await scheduler.start_task_execute(recorder)
                await recorder.ran(20)
                await until(lambda: trio.waiting() == 0)
                await scheduler.stop_task_execute()
                dropped[f"{step.name}"] = dropped.get(step.name, 0) + master.dropped + partition.dropped
                runs = Counter(run.id for run in recorder.runs)
                found = [await scheduler.is_scheduled(task_id) is not None for task_id in (*kept, *gone_ids)]
                if runs != dict.fromkeys(once, 1) or found != [True] * 5 + [False] * 5 or trio_counts.assigned != 20:
                    wrong.append(step.name)
                await scheduler.clear_all_tasks()
                await scheduler.close()
        for server in trio.servers:
            with server.client() as client:
                check_key_space(client, namespace)
    never = sorted({step.name for step in steps if step is not None and not dropped.get(step.name)})
    tell(
        "hints",
        "a proxy throws away a reply to each script of hints, and cuts the connection",
        count=f"{sum(dropped.values())} replies of {len(dropped)} scripts",
        expected="every hint applied once",
        figure=f"wrong {len(wrong)}{' ' + ', '.join(wrong) if wrong else ''}"
        + (f"; no such reply to {', '.join(never)}" if never else ""),
        holds=not wrong and not never,
    )
