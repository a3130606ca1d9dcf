"""Joins of `local://` that take long, fail, or find the folder gone: what is held stays, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from interval_scheduler import IntervalTask, OutcomeUnknown, PartitionOffline, Scheduler
from interval_scheduler.storage.local import binaries, layout
from interval_scheduler.storage.local.hold import Hold
from tests.folders import ROOT, keeper_of, living_in, program, server_of, url_of
from tests.waiting import until, until_outside

pytestmark = pytest.mark.any_server

#: Forks while a thread of it joins, and once more when it has joined; each child joins and leaves by the same hold.
FORKS = """
import asyncio, os, sys, threading
from interval_scheduler.storage.local.hold import Hold
hold = Hold(sys.argv[1], "local/0", creates=True)
async def use():
    await hold.join()
    await hold.leave()
def fork():
    child = os.fork()
    if not child:
        asyncio.run(use())
        os._exit(0)
    return child
joining = threading.Thread(target=lambda: asyncio.run(hold.join()), daemon=True)
joining.start()
sys.stdin.readline()
child = fork()
print("forked", flush=True)
joining.join()
for each in child, fork():
    assert os.waitpid(each, 0)[1] == 0
asyncio.run(hold.leave())
"""

#: A server that loads its data while a file is there: it says so to all who ask.
LOADS = """#!{python} -IS
import os, socket, sys
if sys.argv[1] != "--version" and os.path.exists("{file}"):
    os.unlink("server.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("server.sock")
        listening.listen()
        listening.settimeout(0.05)
        while os.path.exists("{file}"):
            try:
                talk, _ = listening.accept()
                with talk:
                    talk.settimeout(1)
                    if talk.recv(10_000):
                        talk.sendall(b"-LOADING the dataset in memory\\r\\n")
            except OSError:
                pass  # nobody came, or said anything, or stayed
os.execv("{server}", ["{server}", *sys.argv[1:]])
"""


class Barrier:
    """While it is shut, a server that is started does not begin."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def shut(self) -> None:
        self._path.touch()

    def open(self) -> None:
        self._path.unlink()


@pytest.fixture
def barrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Barrier:
    """A barrier, which is open."""
    file = tmp_path / "barrier"
    waits = f'#!/bin/sh\n[ "$1" = --version ] || while [ -e {file} ]; do sleep 0.05; done\n'
    program(tmp_path / "programs" / "valkey-server", f'{waits}exec {binaries.paths()[0]} "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    return Barrier(file)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Barrier:
    """A barrier, which is open; while it is shut, a server that is started does not end to load its data."""
    file = tmp_path / "load"
    text = LOADS.format(python=sys.executable, file=file, server=binaries.paths()[0])
    program(tmp_path / "programs" / "valkey-server", text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    return Barrier(file)


def impatient(folder: Path) -> Scheduler:
    return Scheduler.from_url(
        url_of(folder), connect_timeout_seconds=4, operation_timeout_seconds=4, reconnect_interval_seconds=0.05
    )


async def has_reason(scheduler: Scheduler, wanted: str) -> bool:
    """Whether a call tells this reason why its partition is offline; `"none"`: it is not."""
    try:
        await scheduler.task_size()
    except PartitionOffline as error:
        return error.reason == wanted
    return wanted == "none"


def hold_of(folder: Path) -> Hold:
    return Hold(str(folder), "local/0", creates=True)


@contextlib.asynccontextmanager
async def holding(folder: Path) -> AsyncIterator[Hold]:
    """A hold, which is given up in the end."""
    hold = hold_of(folder)
    try:
        yield hold
    finally:
        await hold.leave()


def joining_threads() -> int:
    return sum(thread.name == "interval_scheduler local server" for thread in threading.enumerate())


def is_held(folder: Path) -> bool:
    with (folder / layout.USERS).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def cut_off(folder: Path, barrier: Barrier) -> None:
    """Kill the server of a folder; no other one begins until the barrier is opened."""
    barrier.shut()
    server = server_of(folder)
    os.kill(server, signal.SIGKILL)
    await until(lambda: server not in living_in(folder), 60)


@pytest.mark.asyncio
async def test_calls_end_in_their_time_while_a_killed_server_is_not_back(folder: Path, barrier: Barrier) -> None:
    lost = asyncio.Event()
    async with impatient(folder) as scheduler, asyncio.timeout(180):
        scheduler.on("offline", lambda *_: lost.set())
        await scheduler.assign_task(IntervalTask("a", every=3600))
        await cut_off(folder, barrier)
        async with asyncio.timeout(40):  # a join goes on for a minute
            with pytest.raises((PartitionOffline, OutcomeUnknown)):
                await scheduler.assign_task(IntervalTask("b", every=3600))
            await lost.wait()
            await until(lambda: has_reason(scheduler, "folder"))
        health = await scheduler.check_health()
        assert [each.online for each in health.partitions] == [False]
        barrier.open()
        await until(lambda: has_reason(scheduler, "none"), 60)


@pytest.mark.asyncio
async def test_a_server_that_loads_its_data_says_so_itself(folder: Path, load: Barrier) -> None:
    async with impatient(folder) as scheduler:
        await cut_off(folder, load)
        await until(lambda: has_reason(scheduler, "loading"), 60)
        load.open()
        await until(lambda: has_reason(scheduler, "none"), 60)


@pytest.mark.asyncio
async def test_all_who_wait_share_one_join_which_goes_on_without_them(folder: Path, barrier: Barrier) -> None:
    async with holding(folder) as hold:
        await hold.join(0.001)  # the first one of all is waited for
        await cut_off(folder, barrier)
        for _ in range(5):
            with pytest.raises(PartitionOffline, match="is not there yet, and is waited for"):
                await hold.join(0.05)
        assert joining_threads() == 1
        barrier.open()
        await until(lambda: not joining_threads(), 60)
        assert keeper_of(folder)
        await asyncio.gather(hold.join(), hold.join())


@pytest.mark.asyncio
async def test_a_join_that_fails_gives_up_nothing_that_was_held(folder: Path) -> None:
    async with holding(folder) as hold:
        await hold.join()
        server = server_of(folder)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            with pytest.raises(PartitionOffline, match="Too many open files"):
                await hold.join()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert is_held(folder)
        await hold.join()
        assert server_of(folder) == server


@pytest.mark.asyncio
@pytest.mark.parametrize("joins", [False, True])
async def test_who_leaves_without_a_thread_holds_nothing(
    folder: Path,
    barrier: Barrier,
    monkeypatch: pytest.MonkeyPatch,
    joins: bool,  # noqa: FBT001 - a parameter
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with holding(folder) as hold:  # which leaves once more, if it fails
        if joins:
            barrier.shut()
        joining = asyncio.create_task(hold.join())
        if joins:
            await until(lambda: living_in(folder), 60)
        else:
            await joining
        with monkeypatch.context() as system:
            system.setattr(threading.Thread, "start", refuse)  # as where a limit of the system is reached
            await hold.leave()
        if joins:
            with pytest.raises(PartitionOffline):
                await joining
        await until(lambda: not living_in(folder), 60)


@pytest.mark.asyncio
async def test_the_lock_of_a_folder_that_is_gone_is_no_hold(folder: Path) -> None:
    async with holding(folder) as first, holding(folder) as second:
        with locked_by_another(folder) as gone:
            joining = asyncio.create_task(first.join())
            await until(lambda: len(descriptors_of(gone)) == 2, 60)  # of this test, and of the one that joins
            shutil.rmtree(folder)
            await second.join()
        await joining
        await second.leave()
        assert is_held(folder)
        server_of(folder)
        await first.leave()
        assert not living_in(folder)


@contextlib.contextmanager
def locked_by_another(folder: Path) -> Iterator[os.stat_result]:
    """A new folder whose users nobody can join; give the file of that lock."""
    folder.mkdir(mode=0o700)
    with (folder / layout.USERS).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield os.fstat(lock.fileno())


def descriptors_of(file: os.stat_result) -> list[int]:
    """The descriptors of this process that have a file open."""
    found = []
    for each in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - the names are wanted
        try:
            if os.path.samestat(os.fstat(each), file):
                found.append(each)
        except OSError:
            continue  # it is closed already, as that of the list itself
    return found


def test_a_child_that_is_forked_joins_by_itself(folder: Path, barrier: Barrier) -> None:
    barrier.shut()
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            until_outside(lambda: len(living_in(folder)) >= 2, 60)
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"forked\n"
            barrier.open()
            assert process.wait(60) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.asyncio
async def test_the_last_user_waits_some_seconds_for_a_slow_end(folder: Path) -> None:
    async with Scheduler.from_url(url_of(folder)):
        keeper = keeper_of(folder)
        os.kill(keeper, signal.SIGSTOP)
        going_on = threading.Timer(2.5, os.kill, (keeper, signal.SIGCONT))
        going_on.start()
    assert keeper not in living_in(folder)
    going_on.join()
