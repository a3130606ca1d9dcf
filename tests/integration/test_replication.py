"""`wait_replicas` on a real primary and its replica: who learns what if the replica does not keep up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler import IntervalTask, LockLost, NotReplicated, Scheduler, StorageRefused
from interval_scheduler.storage.scripts.keys import Keys
from tests.proxy import Proxy
from tests.rights import published_rules, restrict
from tests.sentinels import wait_for_replicas
from tests.servers import RedisServer
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]


class Pair:
    """A primary and its replica."""

    def __init__(self, own_server: NewServer) -> None:
        self.primary = own_server(repl_diskless_sync="yes", repl_diskless_sync_delay="0")
        self.replica = own_server(replicaof=f"127.0.0.1 {self.primary.port}")
        wait_for_replicas(self.primary, 1)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The replica stands still for a while."""
        self.replica.freeze()
        try:
            yield
        finally:
            self.replica.thaw()


@pytest.fixture
def pair(own_server: NewServer) -> Pair:
    return Pair(own_server)


@contextlib.asynccontextmanager
async def waiting(url: str, namespace: str, seconds: float = 20, replicas: int = 1) -> AsyncIterator[Scheduler]:
    async with Scheduler.from_url(
        f"{url}?name=here",
        namespace=namespace,
        wait_replicas=replicas,
        operation_timeout_seconds=seconds,
        reconnect_interval_seconds=0.05,
    ) as scheduler:
        yield scheduler


async def test_what_was_acknowledged_is_on_the_replica(pair: Pair, namespace: str) -> None:
    keys = Keys(namespace, "here")
    recorder = Recorder()
    async with waiting(pair.primary.url, namespace) as scheduler:
        with pair.replica.client() as client:
            for n in range(100):
                assert await scheduler.assign_task(IntervalTask(f"t{n}", every=1000)) is True
                assert client.hexists(keys.tasks, f"t{n}")
            lock = await scheduler.try_lock("door")
            assert lock is not None
            assert client.get(keys.lock(b"door")) == str(lock.token).encode()
        assert await scheduler.try_lock("door") is None
        assert await scheduler.unlock(lock)
        assert (await scheduler.assign_tasks([IntervalTask(f"t{n}", every=1000) for n in range(200)])) == (100, 100)
        await scheduler.start_task_execute(recorder)
        await recorder.ran(200)
        assert (await scheduler.check_health()).ok


@pytest.mark.usefixtures("short_waits")
async def test_a_replica_that_does_not_keep_up(pair: Pair, namespace: str) -> None:
    async with waiting(pair.primary.url, namespace) as scheduler:
        await _in_the_end(lambda: scheduler.assign_task(IntervalTask("before", every=1000)))
        with pair.frozen():
            began = time.monotonic()
            with pytest.raises(NotReplicated, match="carried it out, but 0 of 1 replicas had it in time") as caught:
                await scheduler.assign_task(IntervalTask("t", every=1000))
            assert time.monotonic() - began >= 0.15
            assert (caught.value.partition, caught.value.acknowledged, caught.value.wanted) == ("here", 0, 1)
            assert await scheduler.is_scheduled("t") is not None  # it was carried out
            assert scheduler.online  # the partition itself is well
            # All tasks of a batch share its fate.
            results = await asyncio.gather(
                *(scheduler.assign_task(IntervalTask(f"t{n}", every=1000)) for n in range(5)), return_exceptions=True
            )
            assert [type(result) for result in results] == [NotReplicated] * 5
            with pytest.raises(NotReplicated):
                await scheduler.assign_tasks([IntervalTask(f"u{n}", every=1000) for n in range(5)])
            with pytest.raises(NotReplicated):
                await scheduler.sync_tasks([IntervalTask("s:1", every=1000)], scope="s:")
            # What waits for no replica goes on.
            assert await scheduler.remove_task("before") is True
        assert await _in_the_end(lambda: scheduler.assign_task(IntervalTask("t", every=1000))) is False
        assert await scheduler.task_size() == 11


async def _in_the_end(call: Callable[[], object]) -> object:
    """The result of a call that is repeated while the replica catches up."""
    while True:
        try:
            return await call()  # type: ignore[misc]
        except NotReplicated:  # the call is made again, until it is replicated
            continue


def waits(pair: Pair) -> int:
    """How often the primary was asked to wait for its replica."""
    with pair.primary.client() as client:
        stats: Any = client.info("commandstats")
    return int(stats["cmdstat_wait"]["calls"])


@pytest.mark.usefixtures("short_waits")
async def test_a_lock_that_the_replica_does_not_know_of_is_given_up(pair: Pair, namespace: str) -> None:
    key = Keys(namespace, "here").lock(b"door")
    async with waiting(pair.primary.url, namespace) as scheduler:
        with pair.primary.client() as client:
            for call in (lambda: scheduler.try_lock("door"), lambda: scheduler.try_auto_lock("door", 60)):
                with pair.frozen(), pytest.raises(NotReplicated):
                    await call()
                assert client.exists(key) == 0
        first = await _in_the_end(lambda: scheduler.try_lock("door"))
        with pair.frozen():
            assert await scheduler.try_lock("door") is None  # another holds it: that much is known
            before = waits(pair)
            assert await scheduler.unlock(first) is True  # type: ignore[arg-type]
            assert waits(pair) == before  # for that no replica is waited for
            with pytest.raises(NotReplicated):
                await scheduler.lock("door", 30).__aenter__()


@pytest.mark.usefixtures("short_waits")
async def test_a_lock_whose_renewal_the_replica_does_not_know_of_is_lost(pair: Pair, namespace: str) -> None:
    # A renewal is waited for in vain for a small part of the lock's time: there is time for several.
    async with waiting(pair.primary.url, namespace) as scheduler:
        with pytest.raises(LockLost):
            async with asyncio.timeout(120):
                await _in_the_end(lambda: _hold(scheduler, pair))


async def _hold(scheduler: Scheduler, pair: Pair) -> None:
    async with scheduler.lock("door", 4):
        with pair.frozen():
            await asyncio.sleep(600)  # until the lock is lost


@pytest.mark.usefixtures("short_waits")
async def test_a_repeated_request_waits_as_well(pair: Pair, namespace: str) -> None:
    """Its reply is remembered and it writes nothing: an answer of WAIT about nothing must not pass for one about it."""
    async with Proxy(pair.primary.port) as proxy, waiting(proxy.url, namespace) as scheduler:
        for _ in range(2):
            with pair.frozen():
                proxy.drop_next(b"PEXPIRE")
                before = proxy.dropped
                with pytest.raises(NotReplicated):
                    await scheduler.assign_task(IntervalTask("t", every=1000))
                assert proxy.dropped > before
            proxy.drop_next(b"PEXPIRE")
            assert await _in_the_end(lambda: scheduler.assign_task(IntervalTask("t", every=1000))) is False


@pytest.mark.usefixtures("short_waits")
async def test_more_replicas_than_there_are(pair: Pair, namespace: str) -> None:
    async with waiting(pair.primary.url, namespace, replicas=2) as scheduler:
        (partition,) = (await scheduler.check_health()).partitions
        assert partition.ok
        (finding,) = (each for each in partition.findings if each.code == "replicas")
        assert finding.severity == "warning"
        assert "'here' has 1 of the 2 replicas that wait_replicas waits for" in finding.message

        async def has_one() -> bool:
            with pytest.raises(NotReplicated, match=r"[01] of 2 replicas") as caught:
                await scheduler.assign_task(IntervalTask("t", every=1000))
            return caught.value.acknowledged == 1

        await until(has_one)


async def test_the_right_to_wait(pair: Pair, namespace: str, tmp_path: Path) -> None:
    url = restrict(pair.primary, published_rules(namespace))
    with pytest.raises(StorageRefused, match="does not let this user run WAIT"):
        await waiting(url, namespace).__aenter__()
    url = restrict(pair.primary, [*published_rules(namespace), "+wait"])
    async with waiting(url, namespace) as scheduler:
        await _in_the_end(lambda: scheduler.assign_task(IntervalTask("t", every=1000)))
        # One that is withdrawn later.
        restrict(pair.primary, published_rules(namespace))
        with pytest.raises(NotReplicated, match="0 of 1 replicas"):
            await scheduler.assign_task(IntervalTask("t", every=1000))


async def test_a_flushed_script_is_sent_again(pair: Pair, namespace: str) -> None:
    async with waiting(pair.primary.url, namespace) as scheduler:
        with pair.primary.client() as client:
            client.script_flush()
        assert await scheduler.assign_task(IntervalTask("t", every=1000)) is True
        await until(lambda: scheduler.online)


@pytest.mark.usefixtures("short_waits")
async def test_each_of_many_heavy_assignments_is_carried_out_before_it_is_told(pair: Pair, namespace: str) -> None:
    """One request reads the old payloads of a part of them only: the others are not in doubt, they are sent again."""
    ids = [f"t{n:02}" for n in range(20)]
    async with (
        waiting(pair.primary.url, namespace, replicas=0) as near,
        waiting(pair.primary.url, namespace) as strict,
    ):
        await near.assign_tasks(IntervalTask(task_id, "x" * 250_000, start=4e9) for task_id in ids)
        with pair.frozen():
            assigning = [strict.assign_task(IntervalTask(task_id, "new", start=4e9)) for task_id in ids]
            answers = await asyncio.gather(*assigning, return_exceptions=True)
            assert {type(answer) for answer in answers} == {NotReplicated}
            assert {task.data async for task in near.tasks()} == {"new"}, "each reached the primary"
