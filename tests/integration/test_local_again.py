"""A server of a folder that is started again: its tasks are kept, one line tells why, and its own log stays short."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from typing import Final

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask, PartitionOffline, Scheduler
from interval_scheduler.storage.local import layout
from tests.folders import keeper_of, living_in, server_of, url_of, users
from tests.waiting import until, until_outside

pytestmark = pytest.mark.any_server

CUT_OFF: Final = "did not end in order (it was killed, it failed, or the machine went down)"


async def size(folder: Path) -> int:
    async with Scheduler.from_url(url_of(folder)) as scheduler:
        return await scheduler.task_size()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings about the server of a folder."""
    return [
        each.getMessage()
        for each in caplog.records
        if each.levelno == logging.WARNING and "the server of its folder" in each.getMessage()
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("killed", ["server", "keeper", "both"])
async def test_kill_9_of_the_server_or_its_keeper(folder: Path, caplog: pytest.LogCaptureFixture, killed: str) -> None:
    async with Scheduler.from_url(url_of(folder)) as scheduler:

        async def is_size(count: int) -> bool:
            with contextlib.suppress(PartitionOffline):  # until it has come back
                return await scheduler.task_size() == count
            return False

        await scheduler.assign_task(IntervalTask("a", every=3600))
        before = {"server": server_of(folder), "keeper": keeper_of(folder)}
        for name, pid in before.items():
            if killed in (name, "both"):
                os.kill(pid, signal.SIGKILL)
        await until(lambda: not before.values() & living_in(folder).keys() and len(living_in(folder)) == 2, 60)
        await until(lambda: is_size(1), 60)
        await scheduler.assign_task(IntervalTask("b", every=3600))
    assert await size(folder) == 2
    (line,) = told(caplog)
    # Without its keeper, the system has the server end in order.
    words = "ended in order although it was used" if killed == "keeper" else CUT_OFF
    assert line.startswith(
        f"partition local/0: the server of its folder {str(folder)!r} {words}, and is started again: "
    )
    assert "kept" in line


@pytest.mark.asyncio
async def test_who_finds_what_all_killed_ones_left_tells_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with users(folder, 2) as others:
        for pid in [*living_in(folder), *(user.pid for user in others)]:
            os.kill(pid, signal.SIGKILL)
    await until(lambda: not living_in(folder), 60)
    async with Scheduler.from_url(url_of(folder)) as one, Scheduler.from_url(url_of(folder)) as other:
        assert await one.task_size() == await other.task_size() == 0
    (line,) = told(caplog)
    assert CUT_OFF in line


@pytest.mark.asyncio
async def test_a_server_that_ended_in_order_is_nothing_to_tell(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        async with Scheduler.from_url(url_of(folder)) as one, Scheduler.from_url(url_of(folder)) as other:
            assert await one.task_size() == await other.task_size() == 0
    assert not told(caplog)


@pytest.mark.parametrize("while_used", [False, True])
def test_a_long_log_is_put_away(folder: Path, while_used: bool) -> None:  # noqa: FBT001 - a parameter
    asyncio.run(size(folder))
    log, old = folder / layout.LOG, folder / layout.OLD_LOG
    if not while_used:
        log.write_bytes(b"x" * 1_000_001)
    with BlockingScheduler.from_url(url_of(folder)):
        if while_used:
            log.write_bytes(b"x" * 1_000_001)
        until_outside(old.exists, 60)
    assert old.stat().st_size >= 1_000_001
    assert 0 < log.stat().st_size < 1_000_000
