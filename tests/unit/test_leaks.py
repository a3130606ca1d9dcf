"""The checks for what tests leave behind: each kind is noticed, and what is in order is not."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.commands import running
from interval_scheduler.storage.requests.session import Session
from tests.leaks import Complaints, leases_left, no_tasks_left, nothing_left

MakeScheduler = Callable[..., Awaitable[Scheduler]]


def test_a_thread_is_noticed() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")
    with pytest.raises(pytest.fail.Exception, match="forgotten"), nothing_left(Complaints(), 0):
        thread.start()
    end.set()
    thread.join()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not tell the sockets of a process")
def test_a_socket_is_noticed() -> None:
    with socket.socket(), nothing_left(Complaints(), 0), socket.socket():
        pass
    forgotten: list[socket.socket] = []
    with pytest.raises(pytest.fail.Exception, match="socket:"), nothing_left(Complaints(), 0):
        forgotten.append(socket.socket())
    forgotten.pop().close()


def test_what_ends_soon_is_waited_for() -> None:
    end = threading.Event()
    timer = threading.Timer(0.05, end.set)
    thread = threading.Thread(target=end.wait)
    with nothing_left(Complaints()):
        thread.start()
        timer.start()


def test_a_complaint_of_asyncio_is_noticed(complaints: Complaints) -> None:
    async def fail() -> None:
        raise LookupError("nobody asks")

    async def forget() -> None:
        await asyncio.wait([asyncio.create_task(fail())])

    def collect() -> None:
        asyncio.run(forget())
        gc.collect()

    with pytest.raises(pytest.fail.Exception, match=r"never retrieved(?s:.*)nobody asks"), nothing_left(complaints):
        collect()
    logging.getLogger("asyncio").warning("no error")
    assert complaints.take() == []


@pytest.mark.asyncio
async def test_a_task_is_noticed() -> None:
    forgotten = None
    with pytest.raises(pytest.fail.Exception, match="forgotten"):
        async with no_tasks_left(0):
            forgotten = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    assert forgotten is not None
    forgotten.cancel()
    await asyncio.wait([forgotten])


@pytest.mark.asyncio
@pytest.mark.leaves_leases("on purpose")
async def test_a_lease_is_noticed(make_scheduler: MakeScheduler) -> None:
    scheduler = await make_scheduler()
    partition = scheduler._lifespan.require().partitions.master
    await scheduler.assign_task(IntervalTask("a"))
    assert await leases_left(scheduler) == {}
    await running.claim(Session(partition, 1), partition.keys, 1, 60_000)
    assert await leases_left(scheduler) == {partition.name: 1}
