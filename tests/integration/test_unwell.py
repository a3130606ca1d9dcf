"""check_health is not well where nothing can be claimed or assigned, on servers that are really so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from interval_scheduler import Finding, IntervalTask, PartitionOffline, Scheduler, StorageFull, StorageRefused
from tests.servers import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.asyncio
NewServer = Callable[..., RedisServer]
FAR = 4_000_000_000


async def errors(scheduler: Scheduler) -> list[Finding]:
    """The findings that are errors; then the scheduler is not well."""
    health = await scheduler.check_health()
    found = [finding for finding in health.partitions[0].findings if finding.severity == "error"]
    assert not (found and health.ok)
    return found


async def codes(scheduler: Scheduler) -> set[str]:
    return {finding.code for finding in await errors(scheduler)}


async def test_a_snapshot_that_failed(own_server: NewServer, namespace: str) -> None:
    server = own_server(save="3600 1")
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.assign_task(IntervalTask("before", start=FAR))
        assert await codes(scheduler) == set()
        (server.folder / "dump.rdb" / "in its place").mkdir(parents=True)
        with server.client() as client:
            client.bgsave()
            await until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
            with pytest.raises(StorageRefused) as caught:
                await scheduler.assign_task(IntervalTask("a", start=FAR))
            assert caught.value.code == "MISCONF"
            assert await codes(scheduler) == {"disk"}
            (finding,) = await errors(scheduler)
            assert "MISCONF" in finding.message
            assert "nothing is claimed or assigned; look at its disk and its log" in finding.message
            # A restart while it is so connects, and says so.
            async with Scheduler.from_url(server.url, namespace=namespace) as another:
                assert await codes(another) == {"disk"}
            client.config_set("stop-writes-on-bgsave-error", "no")
            health = await scheduler.check_health()
            assert health.ok
            assert ("disk", "warning") in {(each.code, each.severity) for each in health.partitions[0].findings}
            client.config_set("save", "")
        assert await scheduler.assign_task(IntervalTask("a", start=FAR)) is True


async def test_no_memory(own_server: NewServer, namespace: str) -> None:
    server = own_server()
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        with server.client() as client:
            client.config_set("maxmemory", 1)
            with pytest.raises(StorageFull):
                await scheduler.assign_task(IntervalTask("a", start=FAR))
            (finding,) = await errors(scheduler)
            assert finding.code == "memory"
            assert "raise maxmemory or remove tasks" in finding.message
            async with Scheduler.from_url(server.url, namespace=namespace) as another:  # runs still end
                assert await codes(another) == {"memory"}
            client.config_set("maxmemory", 0)
        assert await codes(scheduler) == set()


async def test_a_primary_that_became_a_replica(own_server: NewServer, namespace: str) -> None:
    server, other = own_server(), own_server()
    async with Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.05) as scheduler:
        with server.client() as client:
            client.replicaof("127.0.0.1", other.port)
            found = await errors(scheduler)
            assert {finding.code for finding in found} == {"role"}
            assert all("give the address of its primary" in finding.message for finding in found)
            with pytest.raises(PartitionOffline):
                await scheduler.assign_task(IntervalTask("a", start=FAR))
            assert not (await scheduler.check_health()).ok
            client.replicaof("NO", "ONE")
        await until(lambda: scheduler.online)
        assert await codes(scheduler) == set()


async def test_a_server_that_loads_its_data(own_server: NewServer, namespace: str) -> None:
    # While it loads, Redis answers after each 2 MiB: of these keys, every 0.8 s for eight seconds.
    server = own_server(save="3600 1", key_load_delay="80000", rdbcompression="no")
    keys = {f"key{n}": "x" * 200_000 for n in range(100)}
    async with Scheduler.from_url(server.url, namespace=namespace, reconnect_interval_seconds=0.05) as scheduler:
        with server.client() as client:
            client.mset(keys)
            client.save()
        server.kill()
        starting = asyncio.ensure_future(asyncio.to_thread(server.start))
        await until(lambda: _loads(scheduler))
        (finding,) = await errors(scheduler)
        assert "it loads its data into memory after a start" in finding.message
        with pytest.raises(PartitionOffline, match="loads its data") as caught:
            await Scheduler.from_url(server.url, namespace=namespace).connect()
        assert caught.value.reason == "loading"
        await starting
        await until(lambda: scheduler.online)
        assert await codes(scheduler) == set()


async def _loads(scheduler: Scheduler) -> bool:
    return "loading" in await codes(scheduler)
