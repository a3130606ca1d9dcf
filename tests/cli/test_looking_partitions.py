"""Commands that look, on three partitions of which one is killed, and on a Redis Cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Result, run_command
from tests.cli.looking import ODD_ID, ODD_ID_SHOWN, run_here, seed, values_of
from tests.cli.terminal import Terminal
from tests.clusters import RedisCluster
from tests.integration.test_readers import as_reader, changes, written
from tests.servers import RedisServer


@pytest.mark.asyncio
async def test_one_partition_of_three_is_killed(own_server: Callable[..., RedisServer], namespace: str) -> None:
    servers = [own_server() for _ in range(3)]
    names = ["a", "b", "c"]  # by their ports, all tasks may be at home on one of them
    urls = [f"{server.url}?name={name}" for server, name in zip(servers, names, strict=True)]
    await seed(*urls, namespace=namespace)

    def run(*words: str) -> Result:
        return run_command(*words, "-n", namespace, INTERVAL_SCHEDULER_REDIS=" ".join(urls))

    whole = values_of(run("list", "--json"), "task")
    assert [task["id"] for task in whole] == [*(f"feed:{n}" for n in range(5)), "again", "rest"]
    assert len(values_of(run("dead", "list", "--json"), "dead_task")) == 2
    homes = {task["partition"] for task in whole}
    assert len(homes) > 1

    name = next(name for name in names[1:] if name in homes)
    left = [task["id"] for task in whole if task["partition"] != name]
    gone = [task["id"] for task in whole if task["partition"] == name]
    servers[names.index(name)].kill()

    listed = run("list", "--json")
    assert [task["id"] for task in values_of(listed, "task")] == left, "what can be reached is shown"
    assert (listed.code, listed.err) == (69, f"Partition {name} is offline: its tasks are missing here.\n")
    assert run("list", "--prefix", "nothing").code == 69
    shown = run("show", gone[0])
    assert (shown.code, shown.out) == (69, "")
    assert "is offline" in shown.err
    assert run("show", left[0]).code == 0
    assert run("dead", "list").code == 69
    assert run("failing", "list").code == 69
    dead = run("dead", "show", gone[0])
    assert (dead.code, dead.out) == (69, "")
    assert "is offline" in dead.err, "its home may know it"
    assert run("dead", "show", left[0]).code == 1, "its home knows that it is not dead"

    queues = run("queues", "--json")
    assert (queues.code, [queue["offline"] for queue in values_of(queues, "queue")]) == (69, [[name], [name]])
    upcoming = run("upcoming", "--json")
    assert upcoming.code == 69
    assert {row["next_runs"] for row in values_of(upcoming, "upcoming")} == {None}, "exact numbers are not to be had"
    stats = run("stats", "--json")
    assert (stats.code, stats.err) == (69, f"Partition {name} is offline: its counts are missing here.\n")
    assert values_of(stats, "point")
    assert run("schedulers").code == 69
    assert run("next", gone[0]).code == 69


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """Three primaries."""
    with RedisCluster(replicas=False) as started:
        yield started


@pytest.mark.asyncio
async def test_a_cluster(cluster: RedisCluster, namespace: str) -> None:
    url = cluster.url_of(partitions=4)
    await seed(url, namespace=namespace)

    def run(*words: str) -> Result:
        return run_command(*words, "-n", namespace, "--redis", url)

    assert [task["id"] for task in values_of(run("list", "--json"), "task")][:5] == [f"feed:{n}" for n in range(5)]
    assert ODD_ID_SHOWN in run("dead", "show", ODD_ID).out
    assert [queue["dead"] for queue in values_of(run("queues", "--json"), "queue")] == [2, 0]
    assert sum(row["next_runs"] for row in values_of(run("upcoming", "--hours", "2", "--json"), "upcoming")) == 5
    assert sum(point["failures"] for point in values_of(run("stats", "--json"), "point")) == 3
    assert values_of(run("show", "again", "--json"), "task")[0]["failures"] == 1


@pytest.mark.asyncio
async def test_looking_needs_the_right_to_read_only(own_server: Callable[..., RedisServer]) -> None:
    server = own_server()
    await seed(server.url, namespace="app")
    url, before = as_reader(server), changes(server)
    for words in (
        *(["list"], ["list", "--prefix", "feed"], ["show", "again"], ["next", "again"], ["queues"], ["stats"]),
        *(["dead", "list"], ["dead", "show", "lost"], ["failing", "list"], ["failing", "show", "again"]),
        *(["upcoming"], ["list", "--queue", "mail"], ["dead"], ["failing"]),
        *(["top", "--once"], ["audit"], ["export"], ["rate"], ["rate", "--group", "pages"]),
    ):
        ended = run_here(*words, url=url, namespace="app")
        assert ended.code == 0, (words, ended)
    assert run_here("schedulers", url=url, namespace="app").code == 1, "they can be read, and there is none"
    assert changes(server) == before


@pytest.mark.asyncio
async def test_looking_writes_nothing_with_all_rights(own_server: Callable[..., RedisServer]) -> None:
    server = own_server()
    await seed(server.url, namespace="app")
    before = changes(server), written(server)
    for words in (["top", "--once"], ["top", "--json", "--once"], ["audit"], ["export"], ["rate"], ["list"]):
        assert run_here(*words, url=server.url, namespace="app").code == 0, words
    assert run_here("doctor", url=server.url, namespace="app").code in (0, 1), "it may find a problem of this machine"
    with Terminal("top", "--interval", "200ms", "--redis", server.url, "-n", "app", lines=50, columns=120) as screen:
        screen.until("Next due")
        assert run_here("schedulers", url=server.url, namespace="app").code == 1, "nobody sees who watches"
        screen.press("q")
        assert screen.wait() == 0
    assert (changes(server), written(server)) == before
