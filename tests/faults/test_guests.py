"""Executors, handlers and loggers that misbehave in every way: rows 26 and 27."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from pathlib import Path
from typing import Final

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.config.options import Delivery
from tests.faults.figures import FULL, often, tell
from tests.integration.processes import Entry, Worker, check_key_space, read_ledger
from tests.misbehaving import KINDS
from tests.proxy import Proxy
from tests.semantics.guests import Guests
from tests.semantics.test_guests import end_by_a_bug
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio

#: Processes, and the tasks that keep them busy, each due ten times a second.
_FLEET: Final = 4
_OTHERS: Final = 20
#: Of each kind: poison tasks that are tried four times, by whichever process, and as many that are tried once.
_POISON: Final = 8
_SECONDS: Final = often(1, 2)
#: Of the runs before; a machine that has other things to do is no fault, and the report is made on a quiet one.
_SHARE: Final = 0.8 if FULL else 0.2


async def _runs(ledger: Path, seconds: float) -> list[Entry]:
    """What stands in the ledger of the time from now on."""
    began = time.time()
    await asyncio.sleep(seconds)  # the runs of this time are the figure
    return [entry for entry in read_ledger(ledger) if entry.moment >= began]


async def _said(ledger: Path, began: float, pids: set[int]) -> list[Entry]:
    """What stands in the ledger since then, once each of some processes has said how it is."""

    def have_said() -> bool:
        said = {entry.pid for entry in since() if entry.event in {"well", "ill"}}
        return said >= pids

    def since() -> list[Entry]:
        return [entry for entry in read_ledger(ledger) if entry.moment >= began]

    await until(have_said)
    return since()


def _others(entries: list[Entry]) -> int:
    return sum(entry.event == "end" and entry.id.startswith("others:") for entry in entries)


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_a_poisoned_fleet(redis_server: RedisServer, namespace: str, tmp_path: Path, delivery: Delivery) -> None:
    """No kind of poison ends an execution of a fleet, or leaves anything behind."""
    ledger = tmp_path / "ledger"
    kinds = [name for name, kind in KINDS.items() if kind.coroutine is not None][:: often(9, 1)]
    before, after, poisoned, ends = [], [], 0, 0

    async def are_gone() -> bool:
        return await scheduler.task_size() == _OTHERS

    async with contextlib.AsyncExitStack() as stack:
        scheduler = await stack.enter_async_context(
            Scheduler.from_url(redis_server.url, namespace=namespace, delivery=delivery)
        )
        await scheduler.assign_tasks(IntervalTask(f"others:{n}", "others", every=0.1) for n in range(_OTHERS))
        fleet = [
            stack.enter_context(
                Worker(
                    redis_server.url,
                    namespace,
                    ledger,
                    "misbehave:0.01",
                    delivery=delivery,
                    concurrency=2,
                    cancel_grace_seconds=0.5,
                )
            )
            for _ in range(_FLEET)
        ]
        for number, name in enumerate(kinds):
            before.append(_others(await _runs(ledger, _SECONDS)))
            timeout = None if KINDS[name].ends else 0.05
            await scheduler.assign_tasks(
                IntervalTask(f"poison:{number}:{n}", name, retries=3 * (n % 2), backoff=0.01, timeout=timeout)
                for n in range(2 * _POISON)
            )
            await until(are_gone)
            began = time.time()
            after.append(_others(await _runs(ledger, _SECONDS)))
            entries = await _said(ledger, began, {worker.pid for worker in fleet if worker.is_alive})
            well = {entry.pid for entry in entries if entry.event == "well"}
            ill = {entry.pid for entry in entries if entry.event == "ill"}
            ends += sum(worker.pid not in well or worker.pid in ill or not worker.is_alive for worker in fleet)
        poisoned = sum(entry.event == "start" and entry.id.startswith("poison:") for entry in read_ledger(ledger))
        exits = [worker.terminate() for worker in fleet]
    with redis_server.client() as client:
        check_key_space(client, namespace)
    share, least = sum(after) / max(sum(before), 1), min(b / max(a, 1) for a, b in zip(before, after, strict=True))
    tell(
        26,
        f"executors raise, cancel their own task and swallow cancels in a fleet of {_FLEET} processes ({delivery})",
        count=f"{len(kinds)} kinds, {poisoned} poisoned runs",
        expected="silent ends 0; the others go on (≥ 80 % of their runs a second before)",
        figure=f"silent ends {ends}; runs a second {sum(before) / len(before) / _SECONDS:.0f} before and "
        f"{sum(after) / len(after) / _SECONDS:.0f} after, {100 * least:.0f} % for one kind at the least; "
        f"exit codes {sorted(set(exits))}",
        holds=ends == 0 and share >= _SHARE and set(exits) == {0},
    )


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once"])
async def test_handlers_and_loggers(redis_server: RedisServer, namespace: str, delivery: Delivery) -> None:
    """Handlers of every event, functions and coroutine functions, and each method of a logger."""
    kinds = dict(list(KINDS.items())[:: often(9, 1)])
    rounds, rows = often(1, 3), 0
    async with Proxy(redis_server.port) as proxy:
        guests = Guests(
            f"{redis_server.url.replace(f':{redis_server.port}/', f':{proxy.port}/')}?name=p",
            namespace,
            delivery,
            proxy,
        )
        await guests.start()

        async def rate() -> float:
            rates = []
            for _ in range(often(1, 9)):
                before = guests.others
                await asyncio.sleep(1)  # the runs of this time are the figure
                rates.append(guests.others - before)
            return statistics.median(rates)

        before = await rate()
        for _ in range(rounds):
            for name, kind in kinds.items():
                await guests.try_handlers_of_execution(name, kind)
                rows += 1
                if kind.function is not None:
                    await guests.try_logger(name, kind.function, None if kind.error is LookupError else kind.error)
                    rows += 1
        await guests.try_handlers_of_connection()
        after = await rate()
        for _ in range(often(10, 0)):  # in one second, the machine may just stand still
            if after < _SHARE * before:
                after = await rate()
        await guests.scheduler.close()
    await end_by_a_bug(redis_server.url, f"{namespace}-end", delivery)
    tell(
        27,
        f"handlers of every event and the methods of the logger raise, hang and are cancelled ({delivery})",
        count=f"{len(kinds)} kinds, {rows + 2} rows",
        expected="each reported once, all go on (≥ 80 % of their runs a second before)",
        figure=f"wrong or silent {len(guests.wrong)}; runs a second {before:.0f} before, {after:.0f} after"
        + "".join(f"; {each}" for each in guests.wrong[:5]),
        holds=not guests.wrong and after >= _SHARE * before,
    )
