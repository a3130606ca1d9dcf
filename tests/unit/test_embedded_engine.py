"""The embedded engine: which way its scripts take, what it keeps, and that threads may share a store."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.embedded import opening, sockets, trial
from interval_scheduler.storage.embedded.client import ScriptClient
from interval_scheduler.storage.embedded.sockets import ScriptSocket, Store
from tests.integration.processes import ROOT

from .embedded import BothWays

#: What Lua may keep more after many calls, and the process, in bytes.
_MOST_GROWTH = 4 << 20

#: Another fakeredis: the first argument says what is other in it. Prints a payload, and the way that is in use.
OTHER = """
import asyncio, logging, sys
import fakeredis
from fakeredis._socket import _resp
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
real = _resp.convert_to_resp2
if sys.argv[1] == "a name is missing":
    del fakeredis._socket.AsyncFakeSocket
elif sys.argv[1] == "a function takes more":
    _resp.convert_to_resp2 = lambda value, server_type, keep_doubles: real(value, server_type, keep_doubles)
from interval_scheduler import IntervalTask, Scheduler
async def main():
    ran = asyncio.Event()
    async def executor(data):
        ran.set()
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.start_task_execute(executor)
        await scheduler.assign_task(IntervalTask("a", "payload", every=60))
        await asyncio.wait_for(ran.wait(), 60)
        print(await scheduler.is_scheduled("a"))
    from interval_scheduler.storage.embedded import opening
    if opening.HAS_SHORT_WAY:
        from interval_scheduler.storage.embedded.trial import passes
        print("short" if passes() else "long")
    else:
        print("long")
asyncio.run(main())
"""


@pytest_asyncio.fixture
async def ways() -> AsyncIterator[BothWays]:
    made = BothWays()
    yield made
    await made.close()


@pytest.mark.asyncio
@pytest.mark.usefixtures("no_heartbeat")
async def test_the_short_way_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the versions that are installed, which the lock pins: on another way, all is right but slow."""
    ran: list[bytes] = []
    real = ScriptSocket.run

    def run(socket: ScriptSocket, sha: bytes, keys: Any, args: Any) -> Any:
        ran.append(sha)
        return real(socket, sha, keys, args)

    monkeypatch.setattr(ScriptSocket, "run", run)
    assert opening.HAS_SHORT_WAY
    assert trial.passes()
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=60))
        before = len(ran)
        await scheduler.assign_task(IntervalTask("b", every=60))
        assert len(ran) == before + 1


@pytest.mark.parametrize("other", ["a name is missing", "a function takes more", "nothing"])
def test_another_fakeredis_is_used_as_it_is(other: str) -> None:
    command = [sys.executable, "-c", OTHER, other]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "payload" in lines
    assert lines[-1] == ("short" if other == "nothing" else "long")
    told = [line for line in lines if line.startswith("scripts on memory:// take the longer way")]
    assert len(told) == (other != "nothing")


@pytest.mark.asyncio
async def test_a_wrong_answer_in_the_trial_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(socket: ScriptSocket, interpreter: Any, result: Any) -> Any:
        return True if result is None else real(socket, interpreter, result)

    real = ScriptSocket._to_lua
    monkeypatch.setattr(ScriptSocket, "_to_lua", wrong)
    assert trial.passes.__wrapped__() is False


@pytest.mark.asyncio
async def test_a_hundred_thousand_calls_leave_no_memory_behind(ways: BothWays) -> None:
    text = """
        redis.call('HSET', KEYS[1], 'same', ARGV[1] .. 'x')
        return { { ARGV[1] .. 'y' }, collectgarbage('count') * 1024 }
    """
    sha = (await ways.short.script_load(text)).encode()
    store = ways.store
    assert isinstance(store, Store)
    socket = ScriptSocket(store, 0, client_class=ScriptClient)

    def call(times: int) -> int:
        return max(int(socket.run(sha, (b"key",), (b"%d" % n,))[1]) for n in range(times))

    most_before = call(5_000)

    def grows_by() -> int:
        before = _resident()
        assert call(100_000) < most_before + _MOST_GROWTH, "Lua frees what it made"
        return _resident() - before

    # What is left behind comes with each call; the system may give a process more memory once, or read some back.
    assert any(grows_by() < _MOST_GROWTH for _ in range(3))


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.asyncio
async def test_no_more_scripts_are_kept_than_the_store_knows(ways: BothWays) -> None:
    store = ways.store
    assert isinstance(store, Store)
    for round_ in range(3):
        for n in range(50):
            assert await ways.run(ways.short, f"return {1000 * round_ + n}", [], []) == 1000 * round_ + n
            assert store.programs is not None
            assert len(store.programs) <= len(store.script_cache)
        await ways.short.script_flush()


@pytest.mark.asyncio
async def test_a_store_that_nobody_uses_is_freed() -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=60))
        stores = [one for one in gc.get_objects() if type(one) is Store and one.programs is not None]
        seen = [weakref.ref(one) for one in stores if one.sockets]
        assert seen
        del stores
    del scheduler
    gc.collect()
    assert [ref for ref in seen if (store := ref()) is not None and not store.sockets] == []


def test_schedulers_of_several_threads_share_a_store() -> None:
    """Each thread has an event loop of its own, and all at once call scripts of one interpreter."""
    url, each, threads = "memory://of-several-threads", 150, 3
    start = threading.Barrier(threads)
    failed: list[BaseException] = []

    async def assigns(name: int) -> None:
        async with Scheduler.from_url(url) as scheduler:
            start.wait(60)
            for n in range(each):
                assert await scheduler.assign_task(IntervalTask(f"{name}:{n}", f"data {name} {n}", every=60))
                assert await scheduler.is_scheduled(f"{name}:{n}") == f"data {name} {n}"

    def work(name: int) -> None:
        try:
            asyncio.run(assigns(name))
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
            start.abort()
            failed.append(error)

    workers = [threading.Thread(target=work, args=(name,), daemon=True) for name in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert failed == []
    assert not any(worker.is_alive() for worker in workers)

    async def count() -> int:
        async with Scheduler.from_url(url) as scheduler:
            return await scheduler.clear_all_tasks()

    assert asyncio.run(count()) == each * threads


@pytest.mark.asyncio
async def test_a_closed_client_leaves_no_socket_in_its_store() -> None:
    store = opening.open_store()
    client: Any = opening.open_client(store, 0)
    assert isinstance(client, ScriptClient)
    sha = await client.script_load("return 1")
    assert await client.execute_command("EVALSHA", sha, 0) == 1
    assert any(isinstance(socket, sockets.ScriptSocket) for socket in store.sockets)
    await client.aclose()
    assert not any(isinstance(socket, sockets.ScriptSocket) for socket in store.sockets)
