"""Another user, who may only PUBLISH, and sends words of any length and form: row 33."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import redis

from interval_scheduler import IntervalTask, Scheduler
from tests.faults.figures import often, tell, unless_full
from tests.servers import RedisServer
from tests.waiting import Recorder, heartbeat, until

pytestmark = pytest.mark.asyncio

#: Every form that may be taken for an announcement, and is none; among them digits of other scripts than ASCII.
WORDS = [
    *(b"9" * length for length in (16, 17, 400, 4300, 4301, 1 << 20)),
    *(b"", b"x", b"-5", b"+5", b"1.5", b"nan", b"inf", b"1e999", b"0x10", b"1_000", b" 5 ", b"5\n", b"\0", b"\xff\xfe"),
    *(b"\xd9\xa5", b"\xef\xbc\x95", b"\xc2\xb2", b"hints", b"hints ", b"hints p", b"hints \xff\xfe"),
    *(b"hints " + b"p" * (1 << 20), b"Hints m", b"\0" * (1 << 20), b"\xff" * (1 << 20)),
]


def _publisher(server: RedisServer) -> redis.Redis:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "other", "on", ">x", "resetkeys", "allchannels", "-@all", "+publish")
    return redis.Redis(port=server.port, username="other", password="x", protocol=2)


def _looks(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


async def test_words_of_any_form(own_server: Callable[..., RedisServer], namespace: str) -> None:
    """No word ends or blocks a scheduler, and none is taken for an announcement."""
    server, recorder = own_server(), Recorder()
    channel = f"{{{namespace}:p}}:wake"
    schedulers = [
        Scheduler.from_url(f"{server.url}?name=p", f"{server.url_of(1)}?name=m", namespace=namespace, on_offline="hint")
        for _ in range(3)
    ]
    rounds = often(2, 100)
    for scheduler in schedulers:
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(recorder)
    await schedulers[0].assign_tasks(IntervalTask(f"t{n}", every=0.1) for n in range(20))
    await recorder.ran(40)
    with _publisher(server) as other:
        for _ in range(rounds):
            for word in WORDS:
                assert other.publish(channel, word) == 3
            before = len(recorder.runs)
            await until(lambda before=before: len({run.id for run in recorder.runs[before:]}) == 20)  # type: ignore[misc]
    ended = sum(not (scheduler.online and scheduler.executing_tasks) for scheduler in schedulers)
    assert await schedulers[0].assign_task(IntervalTask("another", every=1))
    for scheduler in schedulers:
        await scheduler.close()
    tell(
        33,
        "a user who may only PUBLISH sends words of any length and form to the channel of three schedulers",
        count=f"{rounds * len(WORDS)} words up to 1 MB",
        expected="nothing happens; schedulers ended 0",
        figure=f"schedulers ended {ended}; all tasks ran on",
        holds=ended == 0,
    )


@pytest.mark.parametrize("word", [b"0", b"1", b"999999999999999", b"hints p"])
async def test_a_flood_of_forged_announcements(
    own_server: Callable[..., RedisServer], namespace: str, word: bytes
) -> None:
    """Whoever forges announcements causes looks at a bounded rate, and real tasks still run."""
    server, recorder = own_server(), Recorder()
    seconds = often(2, 10)
    scheduler = Scheduler.from_url(
        f"{server.url}?name=m", f"{server.url_of(1)}?name=p", namespace=namespace, on_offline="hint"
    )
    await scheduler.start_task_accept()
    await scheduler.start_task_execute(recorder)
    with _publisher(server) as other:
        before, sent, began = _looks(server), 0, time.monotonic()
        # Also if the machine stands still for that long.
        while time.monotonic() < began + seconds or (sent < 1000 and time.monotonic() < began + 60):
            for _ in range(10):
                sent += other.publish(f"{{{namespace}:m}}:wake", word)
            await asyncio.sleep(0)  # the scheduler hears of them
        looks = (_looks(server) - before) / (time.monotonic() - began)
        assert scheduler.executing_tasks
        async with heartbeat() as beat:
            began = time.monotonic()
            await scheduler.assign_task(IntervalTask("late", "late"))
            await recorder.ran(1, 60)
            took = time.monotonic() - began
    await scheduler.close()
    tell(
        33,
        f"the same user floods the channel with the forged announcement {word.decode()!r}",
        count=f"{seconds} s",
        expected="at most 100 looks a second; a task that is assigned runs within a second",
        figure=f"{looks:.0f} looks a second; the task ran",
        holds=looks <= 100 and sent >= 1000 and took <= 1 + unless_full(beat.longest),
    )
