"""`audit`: tells faults in Redis, and mends them if somebody says yes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from interval_scheduler import IntervalTask, Scheduler
from tests.cli.conftest import Result
from tests.cli.terminal import Terminal
from tests.servers import RedisServer

Command = Callable[..., Result]


async def damage(server: RedisServer, namespace: str) -> None:
    """Two tasks are nowhere due, and one of a queue."""
    async with Scheduler.from_url(server.url, namespace=namespace) as scheduler:
        await scheduler.assign_tasks([IntervalTask(f"t{n}", start=4_000_000_000) for n in range(4)])
        await scheduler.queue("mail").assign_task(IntervalTask("m", start=4_000_000_000))
        partition = (await scheduler.overview()).partitions[0].name
    with server.client() as client:
        assert client.zrem(f"{{{namespace}:{partition}}}:due", "t1", "t2") == 2
        assert client.zrem(f"{{{namespace}.mail:{partition}}}:due", "m") == 1


@pytest.mark.asyncio
async def test_faults_are_told_and_mended(command: Command, redis_server: RedisServer, namespace: str) -> None:
    await damage(redis_server, namespace)
    told = command("audit", "--json")
    assert told.code == 1
    problems = [json.loads(line) for line in told.out.splitlines()]
    assert {(each["id"], each["kind"], each["queue"], each["mended"]) for each in problems} == {
        ("t1", "orphan", None, False),
        ("t2", "orphan", None, False),
        ("m", "orphan", "mail", False),
    }
    assert told.err == "Tasks checked: 5. 3 problems (3 orphan), 3 left.\n"
    refused = command("audit", "--repair")
    assert (refused.code, refused.out) == (64, "")
    assert "--yes" in refused.err
    assert command("audit", "--quiet", "--queue", "mail").out.count("orphan") == 1, "nothing was changed so far"
    mended = command("audit", "--repair", "--yes")
    assert mended.code == 0
    assert mended.err == "Tasks checked: 5. 3 problems (3 orphan), 0 left.\n"
    assert mended.out.splitlines()[0] == "partition\tqueue\tid\tproblem\tdetail\tmended"
    assert command("audit") == Result(0, "", "Tasks checked: 5. There are no problems.\n")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 64)])
def test_a_terminal_is_asked(redis_server: RedisServer, namespace: str, answer: str, code: int) -> None:
    asyncio.run(damage(redis_server, namespace))
    words = ["audit", "--repair", "--redis", redis_server.url, "-n", namespace]
    with Terminal(*words, columns=100, shows_at_once=True) as terminal:
        terminal.until("Mend what is safe to mend, after which")
        terminal.press(answer)
        assert terminal.wait() == code
        assert ("orphan" in terminal.text) == (code == 0)
        assert ("tasks checked" in terminal.text) == (code == 0), "the progress is shown on a terminal"
