"""Failovers by real Sentinels: how long they take, what they lose, and what protects from that. The row "sentinel"."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from interval_scheduler import IntervalTask, NotReplicated, ScheduledTask, Scheduler, StorageError, StorageRefused
from tests.faults.figures import FULL, often, tell
from tests.faults.measuring import doubled
from tests.integration.processes import check_key_space
from tests.sentinels import FAILOVER_TIMEOUT_MS, Watched, wait_for
from tests.servers import RedisServer, free_port
from tests.waiting import Recorder, surely, until

pytestmark = pytest.mark.asyncio

_LANES = 8
#: Well above the length of the test: these tasks are to be found afterwards, and not to run.
_LATER_SECONDS = 3600.0
_TICKS = 20
#: A Sentinel that stood still with the machine waits for half a minute before it judges anybody, each time.
_FAILOVER_SECONDS = 180


@dataclass
class Load:
    """Assigns tasks that are due later, lets others run, takes locks; and remembers what it was told."""

    scheduler: Scheduler
    recorder: Recorder = field(default_factory=Recorder)
    #: When the call of each task began that was acknowledged.
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[StorageError] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    #: When the latest call began that was acknowledged.
    latest: float = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        ticks = [IntervalTask(f"tick{n}", every=0.1) for n in range(_TICKS)]
        await surely(lambda: self.scheduler.assign_tasks(ticks))
        await self.scheduler.start_task_execute(self.recorder)
        async with asyncio.TaskGroup() as group:
            for batcher in range(_LANES):
                group.create_task(self._assign(batcher, stop))
            group.create_task(self._lock(stop))

    async def _assign(self, batcher: int, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            task_id = f"t{batcher}-{number}"
            began = time.monotonic()
            try:
                await self.scheduler.assign_task(IntervalTask(task_id, start=time.time() + _LATER_SECONDS))
            except StorageError as error:
                self._refuse(error)
                await asyncio.sleep(0.02)  # so that it does not ask all the time while it is refused
            else:
                self.acknowledged[task_id] = began
                self.latest = max(self.latest, began)
                await asyncio.sleep(0.002)  # a load that leaves room for the failover

    async def _lock(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                lock = await self.scheduler.try_lock("fence")
                if lock is not None:
                    self.tokens.append(lock.token)
                    await self.scheduler.unlock(lock)
            except StorageError as error:
                self._refuse(error)
            await asyncio.sleep(0.02)  # likewise

    def _refuse(self, error: StorageError) -> None:
        self.refused[type(error).__name__] += 1
        if len(self.errors) < 10_000:
            self.errors.append(error)

    async def assigns_again(self, since: float) -> None:
        """Wait until a call that began later is acknowledged."""
        await until(lambda: self.latest > since, _FAILOVER_SECONDS)

    async def runs_again(self, since: float) -> None:
        """Wait until there is a run that was due later, by the clock of this machine, which is that of the servers."""
        await until(lambda: max(run.due for run in self.recorder.runs[-_TICKS:]) > since, _FAILOVER_SECONDS)

    async def lost(self) -> set[str]:
        """The tasks that were acknowledged and are not there."""

        async def listed() -> list[ScheduledTask]:
            return [task async for task in self.scheduler.tasks()]

        return set(self.acknowledged) - {task.id for task in await surely(listed)}


@contextlib.asynccontextmanager
async def loaded(watched: Watched, namespace: str, wait_replicas: int) -> AsyncIterator[Load]:
    """A scheduler with load on what Sentinels watch; the load has ended when the block is left."""
    scheduler = Scheduler.from_url(
        watched.url,
        namespace=namespace,
        wait_replicas=wait_replicas,
        operation_timeout_seconds=1,
        reconnect_interval_seconds=0.1,
        lease_seconds=3,
    )
    await surely(scheduler.start_task_accept)
    async with scheduler:
        load = Load(scheduler)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(stop))
            await until(lambda: len(load.acknowledged) > 200 and len(load.recorder.runs) > _TICKS, 60)
            try:
                yield load
            finally:
                stop.set()
        await scheduler.stop_task_execute()


@contextlib.contextmanager
def whole(namespace: str, watched: Watched) -> Iterator[None]:
    """In the end every task is at exactly one place."""
    yield
    with watched.primary().client() as client:
        check_key_space(client, namespace)


@pytest.mark.parametrize("wait_replicas", [0, 1])
async def test_a_killed_primary(namespace: str, wait_replicas: int) -> None:
    kills = often(1, 5)
    assigned_after, ran_after, killed_at = [], [], []
    with Watched() as watched, whole(namespace, watched):
        async with loaded(watched, namespace, wait_replicas) as load:
            for _ in range(kills):
                primary = watched.primary()
                await asyncio.to_thread(primary.kill)
                killed, killed_wall = time.monotonic(), time.time()
                killed_at.append(killed)
                await load.assigns_again(killed)
                assigned_after.append(time.monotonic() - killed)
                await load.runs_again(killed_wall)
                ran_after.append(time.monotonic() - killed)
                # The Sentinel that the test asks may learn of it later than the one that the scheduler asked.
                await until(lambda primary=primary: watched.primary() is not primary, 60)  # type: ignore[misc]
                name = load.recorder.runs[-1].partition
                assert name == "main/0", "a failover must not change the name"
                if FULL:
                    await asyncio.to_thread(watched.rejoin, primary)
                    await asyncio.to_thread(watched.settle)
                    await asyncio.sleep(2 * FAILOVER_TIMEOUT_MS / 1000)  # before, the Sentinels begin no other
            lost = await load.lost()
            failovers = watched.failovers()
    again = doubled(load.recorder.runs)
    increasing = load.tokens == sorted(set(load.tokens))
    refused = ", ".join(f"{count} {name}" for name, count in sorted(load.refused.items()))
    tell(
        "sentinel",
        "the primary is killed (kill -9) under load, "
        + (f"wait_replicas={wait_replicas}" if wait_replicas else "no replica is waited for"),
        count=f"{kills} kills, {failovers} failovers, {len(load.acknowledged):,} tasks acknowledged",
        expected="goes on by itself; fencing tokens increase; "
        + ("acknowledged tasks lost 0" if wait_replicas else "what is lost is told (replication is asynchronous)"),
        figure=f"lost {len(lost)}; an assign was acknowledged after {_most(assigned_after)}, runs went on after "
        f"{_most(ran_after)}; run twice {again}; tokens of {len(load.tokens)} locks "
        f"{'increase' if increasing else 'do not increase'}; refused meanwhile: {refused or 'none'}",
        # One replica has it; Sentinels that fail over once more than there was a kill may take another.
        holds=increasing and (not (wait_replicas and lost) or (failovers > kills and not FULL)),
    )


def _most(seconds: list[float]) -> str:
    return f"{max(seconds):.1f} s" + (" at the most" if len(seconds) > 1 else "")


@dataclass(frozen=True)
class Protection:
    name: str
    settings: dict[str, str]
    wait_replicas: int = 0


PROTECTIONS = [
    Protection("nothing", {}),
    Protection("min-replicas-to-write 1", {"min_replicas_to_write": "1", "min_replicas_max_lag": "2"}),
    Protection("wait_replicas=1", {}, 1),
]


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda each: each.name.partition(" ")[0])
async def test_a_primary_that_is_cut_off_from_its_replicas(namespace: str, protection: Protection) -> None:
    """It still has its clients; then a replica is promoted, and it becomes that one's replica."""
    seconds = often(1, 3)
    with Watched(**protection.settings) as watched, whole(namespace, watched):
        asks = bool(protection.settings)
        async with loaded(watched, namespace, protection.wait_replicas) as load:
            old, replicas = watched.primary(), watched.replicas()
            await asyncio.to_thread(_cut_off, replicas)
            cut = time.monotonic()
            if asks or protection.wait_replicas:
                before = load.refused.total()
                await until(lambda: load.refused.total() > before + _LANES, 60)
            await asyncio.sleep(seconds)  # for so long it is alone
            await asyncio.to_thread(watched.fail_over)
            await until(lambda: watched.primary() is not old, 60)
            await asyncio.to_thread(_demote, old, watched)
            demoted, demoted_wall = time.monotonic(), time.time()
            await load.assigns_again(demoted)
            await load.runs_again(demoted_wall)
            back = time.monotonic() - demoted
            await asyncio.to_thread(watched.settle)
            lost = await load.lost()
    alone = {task_id for task_id, began in load.acknowledged.items() if cut < began < demoted}
    increasing = load.tokens == sorted(set(load.tokens))
    if asks:
        refusals = [error for error in load.errors if isinstance(error, StorageRefused)]
        assert {error.code for error in refusals} == {"NOREPLICAS"}
        assert "fewer replicas are in touch than its min-replicas-to-write asks for" in str(refusals[0])
    if protection.wait_replicas:
        assert any(isinstance(error, NotReplicated) for error in load.errors)
    refused = ", ".join(f"{count} {name}" for name, count in sorted(load.refused.items()))
    safe = asks or protection.wait_replicas
    tell(
        "sentinel",
        f"the primary is cut off from its replicas, not from its clients, and demoted; protected by {protection.name}",
        count=f"{demoted - cut:.1f} s, {len(load.acknowledged):,} tasks acknowledged, {len(alone):,} of them meanwhile",
        expected="goes on by itself; fencing tokens increase; "
        + ("acknowledged tasks lost 0" if protection.wait_replicas else "what is lost is told"),
        figure=f"lost {len(lost)}; went on {back:.1f} s after the demotion; run twice {doubled(load.recorder.runs)}; "
        f"tokens {'increase' if increasing else 'do not increase'}; refused meanwhile: {refused or 'none'}",
        holds=increasing and not (protection.wait_replicas and lost) and len(lost) <= len(alone) + _LANES,
    )
    assert safe or len(lost) > 0, "the test would not notice what is lost"


def _cut_off(replicas: list[RedisServer]) -> None:
    for replica in replicas:
        with replica.client() as client:
            client.replicaof("127.0.0.1", str(free_port()))  # where nobody is


def _demote(old: RedisServer, watched: Watched) -> None:
    """What the Sentinels do as well, after ten seconds: for the figures of the report they are waited for."""
    with old.client() as client:
        if not FULL:
            client.replicaof("127.0.0.1", str(watched.primary().port))
            for kind in ("normal", "pubsub"):
                client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        wait_for(lambda: client.info("replication")["role"] == "slave", "the old primary is demoted", 60)
