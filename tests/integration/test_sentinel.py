"""`redis+sentinel://` with three real Sentinels: connecting, and what comes of Sentinels that are away or say no."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from interval_scheduler import (
    IntervalTask,
    PartitionOffline,
    RedisInstance,
    Scheduler,
    StorageRefused,
    UnsuitableServer,
)
from tests.sentinels import SERVICE, SentinelServer, Watched
from tests.servers import RedisServer, binaries, free_port, has_tls
from tests.waiting import Recorder, until

pytestmark = pytest.mark.asyncio
NAME = f"{SERVICE}/0"


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """One for all tests: they end with all its servers running."""
    with Watched() as started:
        yield started


@pytest.fixture
def guarded(watched: Watched) -> Iterator[SentinelServer]:
    """A Sentinel with a password, alone, which calls the primary by another name."""
    with SentinelServer(watched.primary().port, "guarded", 1, "hunter2") as sentinel:
        yield sentinel


def connecting(url: str, namespace: str, **options: Any) -> Scheduler:
    return Scheduler.from_url(url, namespace=namespace, reconnect_interval_seconds=0.05, **options)


async def test_tasks_run_and_all_is_well(watched: Watched, namespace: str) -> None:
    recorder = Recorder()
    async with connecting(watched.url, namespace) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_tasks([IntervalTask(f"t{n}", every=0.05) for n in range(5)])
        await recorder.ran(20)
        health = await scheduler.check_health()
        assert health.ok
        assert [(each.name, each.online, each.problem) for each in health.partitions] == [(NAME, True, None)]
        assert [each.code for each in health.partitions[0].findings] == ["persistence"]
        task = await scheduler.get_task("t1")
        assert task is not None
        assert task.partition == NAME


async def test_two_databases_of_a_service_and_a_plain_server_are_three_partitions(
    watched: Watched, own_server: Callable[..., RedisServer], namespace: str
) -> None:
    urls = (watched.url, watched.url_of(1), own_server().url)
    recorder = Recorder()
    async with Scheduler.from_url(*urls, namespace=namespace) as scheduler:
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_tasks([IntervalTask(f"t{n}") for n in range(60)])
        await recorder.ran(60)
        assert {run.partition for run in recorder.runs} > {NAME, f"{SERVICE}/1"}


async def test_the_same_service_by_other_sentinels_is_another_partition_if_it_has_a_name() -> None:
    urls = ("redis+sentinel://a/main?name=one", "redis+sentinel://b/main?name=two")
    assert repr(Scheduler.from_url(*urls)).endswith("partitions=[one, two])")


async def test_a_service_that_the_sentinels_do_not_know(watched: Watched, namespace: str) -> None:
    scheduler = connecting(watched.url.replace(f"/{SERVICE}/", "/mian/"), namespace)
    with pytest.raises(UnsuitableServer, match=r"'mian/0' is not known to its Sentinels: .* no service 'mian'"):
        await scheduler.connect()
    assert not (await scheduler.check_health()).connected


@pytest.mark.parametrize("away", ["killed", "frozen"])
async def test_one_sentinel_is_enough(watched: Watched, namespace: str, away: str) -> None:
    others = watched.sentinels[:2]
    for sentinel in others:
        sentinel.kill() if away == "killed" else sentinel.freeze()
    try:
        # The first two have a quarter of the time each.
        async with connecting(watched.url, namespace, connect_timeout_seconds=8) as scheduler:
            assert await scheduler.assign_task(IntervalTask("t", every=1000))
            assert await scheduler.task_size() == 1
    finally:
        for sentinel in others:
            sentinel.start() if away == "killed" else sentinel.thaw()
    watched.settle()


async def test_no_sentinel_answers(watched: Watched, namespace: str) -> None:
    nodes = ",".join(f"127.0.0.1:{port}" for port in (1, 2, 3))
    scheduler = connecting(f"redis+sentinel://{nodes}/{SERVICE}", namespace)
    with pytest.raises(
        PartitionOffline, match=r"'main/0' is offline \(none of its 3 Sentinels answers; the last: Connection refused, "
    ):
        await scheduler.connect()


async def test_asking_takes_no_longer_than_connecting_may_take(watched: Watched, namespace: str) -> None:
    for sentinel in watched.sentinels:
        sentinel.freeze()
    try:
        scheduler = connecting(watched.url, namespace, connect_timeout_seconds=1)
        began = time.monotonic()
        with pytest.raises(PartitionOffline, match=r"none of its 3 Sentinels answers"):
            await scheduler.connect()
        assert time.monotonic() - began < 20
    finally:
        for sentinel in watched.sentinels:
            sentinel.thaw()
    watched.settle()


async def test_all_sentinels_go_and_come_back(watched: Watched, namespace: str) -> None:
    recorder = Recorder()
    events: list[str] = []
    async with connecting(watched.url, namespace, operation_timeout_seconds=20) as scheduler:
        scheduler.on("db-disconnect", lambda name: events.append(f"-{name}"))
        scheduler.on("db-reconnect", lambda name: events.append(f"+{name}"))
        await scheduler.start_task_execute(recorder)
        await scheduler.assign_task(IntervalTask("t", every=0.05))
        await recorder.ran(5)
        for sentinel in watched.sentinels:
            sentinel.kill()
        try:
            before = len(recorder.runs)
            await recorder.ran(before + 5)  # who is connected does not need them
            events.clear()
            with watched.servers[0].client() as client:
                for kind in ("normal", "pubsub"):
                    client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            await until(lambda: f"-{NAME}" in events)
            with pytest.raises(PartitionOffline):
                await scheduler.assign_task(IntervalTask("refused"))
            await until(lambda: _problem(scheduler, "none of its 3 Sentinels answers"))
        finally:
            for sentinel in watched.sentinels:
                await asyncio.to_thread(sentinel.start)
        await until(lambda: f"+{NAME}" in events)
        before = len(recorder.runs)
        await recorder.ran(before + 5)
    await asyncio.to_thread(watched.settle)


async def _problem(scheduler: Scheduler, words: str) -> bool:
    (partition,) = (await scheduler.check_health()).partitions
    return words in str(partition.problem)


async def test_sentinels_with_a_password(
    guarded: SentinelServer, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"redis+sentinel://{guarded.node}/guarded"
    async with connecting(f"{url}?sentinel_password=hunter2", namespace) as scheduler:
        assert await scheduler.task_size() == 0
    instance = RedisInstance(
        sentinels=[guarded.node], service="guarded", sentinel_username="default", sentinel_password="hunter2"
    )
    async with Scheduler({"namespace": namespace, "storage": {"instances": [instance]}}) as scheduler:
        assert await scheduler.task_size() == 0
    caplog.set_level(logging.DEBUG)
    for wrong in ("", "?sentinel_password=hunter3", "?sentinel_username=me&sentinel_password=hunter3"):
        with pytest.raises(StorageRefused, match=r"WRONGPASS: its Sentinels do not accept") as caught:
            await connecting(url + wrong, namespace).connect()
        assert "hunter" not in f"{caught.value!r}"
    assert "hunter" not in caplog.text


async def test_a_password_that_sentinels_do_not_ask_for(watched: Watched, namespace: str) -> None:
    with pytest.raises(StorageRefused, match=r"WRONGPASS: its Sentinels do not accept"):
        await connecting(f"{watched.url}?sentinel_password=hunter2", namespace).connect()


async def test_sentinels_and_redis_behind_tls(namespace: str, tmp_path: Path) -> None:
    binary = next(filter(has_tls, binaries().values()), None)
    if binary is None:
        pytest.skip("no redis-server here was built with TLS")
    authority, file, trusted = trustme.CA(), tmp_path / "server.pem", tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    settings: dict[str, Any] = {"tls_cert_file": str(file), "tls_key_file": str(file), "tls_ca_cert_file": str(trusted)}
    settings |= {"tls_auth_clients": "no"}
    ports = free_port(), free_port()
    lines = [f"{name.replace('_', '-')} {value}" for name, value in settings.items()]
    lines += [f"tls-port {ports[1]}", "tls-replication yes"]
    with (
        RedisServer(binary, tls_port=str(ports[0]), **settings),
        SentinelServer(ports[0], quorum=1, binary=binary, lines=lines),
    ):
        url = f"rediss+sentinel://127.0.0.1:{ports[1]}/{SERVICE}"
        async with connecting(f"{url}?tls_ca_file={trusted}", namespace) as scheduler:
            assert await scheduler.assign_task(IntervalTask("t", every=1000))
        with pytest.raises(UnsuitableServer, match="has a Sentinel that has a certificate that cannot be verified"):
            await connecting(url, namespace).connect()


async def test_what_sentinels_say_is_a_primary_has_to_be_one(
    watched: Watched, namespace: str, own_server: Callable[..., RedisServer]
) -> None:
    """As in the middle of a failover: it is told as an outage, and goes on when there is a primary."""
    replica = own_server(replicaof=f"127.0.0.1 {watched.primary().port}")
    with (
        SentinelServer(replica.port, "stale", 1) as sentinel,
        pytest.raises(PartitionOffline, match=r"its primary is changing"),
    ):
        await connecting(f"redis+sentinel://{sentinel.node}/stale", namespace).connect()
