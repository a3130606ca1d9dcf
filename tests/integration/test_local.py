"""`local://`: one server for all who use a folder, and none when nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask, Scheduler, UnsuitableServer
from interval_scheduler.storage.local import binaries, layout
from interval_scheduler.storage.local.hold import Hold
from tests.cli.running import running
from tests.folders import (
    ROOT,
    User,
    emptied,
    keeper_of,
    living_in,
    program,
    server_of,
    servers_in,
    url_of,
    users,
)
from tests.integration.processes import Worker, read_ledger
from tests.waiting import until, until_outside

pytestmark = pytest.mark.any_server

#: Keeps a forked child after the folder was left; without care, it would go on holding it.
FORKS = """
import asyncio, os, sys, time
from interval_scheduler import Scheduler
async def main():
    async with Scheduler.from_url(sys.argv[1]):
        child = os.fork()
        if not child:
            sys.stdin.read()
            os._exit(0)
    print("left", flush=True)
    os.waitpid(child, 0)
asyncio.run(main())
"""


#: Starts a server as a daemon may be set up: SIGTERM is blocked, for `sigwait`, and the ends of children are ignored.
DEAF = """
import asyncio, signal, sys
from interval_scheduler.storage.local.hold import Hold
async def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    await Hold(sys.argv[1], "local/0", creates=True).join()
    print("joined", flush=True)
    sys.stdin.read()
asyncio.run(main())
"""


async def size(folder: Path) -> int:
    async with Scheduler.from_url(url_of(folder)) as scheduler:
        return await scheduler.task_size()


@pytest.mark.asyncio
async def test_the_last_one_who_leaves_ends_the_server_and_its_data_stay(folder: Path, tmp_path: Path) -> None:
    async with Scheduler.from_url(url_of(folder)) as scheduler:
        with Worker(url_of(folder), "interval-scheduler", tmp_path / "ledger") as worker:
            server = server_of(folder)
            await scheduler.assign_task(IntervalTask("once"))
            await until(lambda: read_ledger(tmp_path / "ledger"), 60)
            assert worker.terminate() == 0
        await scheduler.assign_task(IntervalTask("later", "data", every=3600, start=4_000_000_000))
        assert server_of(folder) == server
    assert not servers_in(folder)
    assert await size(folder) == 1
    assert server != os.getpid()


@pytest.mark.asyncio
async def test_kill_9_of_one_user_after_the_other(folder: Path) -> None:
    async with Scheduler.from_url(url_of(folder)) as scheduler:
        await scheduler.assign_task(IntervalTask("a", every=3600))
        server = server_of(folder)
        with users(folder, 3) as others:
            others[0].kill()
            await scheduler.close()
            others[1].kill()
            assert server_of(folder) == server
            others[2].kill()
            await until(lambda: not living_in(folder), 60)
    assert await size(folder) == 1


def test_eight_who_start_at_once_have_one_server(folder: Path) -> None:
    with users(folder, 8) as all_of_them:
        server = server_of(folder)
        for user in all_of_them[:4]:
            user.leave()
        assert server_of(folder) == server


@pytest.mark.parametrize("after_ms", [0, 15, 30, 45, 60, 90])
def test_a_starter_may_be_killed_at_any_moment(folder: Path, after_ms: int) -> None:
    with contextlib.closing(User(folder)) as starter:
        until_outside((folder / layout.USERS).exists, 60)
        time.sleep(after_ms / 1000)  # nothing is waited for: some moment between its first step and its last
        starter.kill()
    with users(folder, 1):
        until_outside(lambda: len(servers_in(folder)) == 1 and len(living_in(folder)) == 2, 60)


def test_it_listens_nowhere_but_at_its_socket(folder: Path) -> None:
    with BlockingScheduler.from_url(url_of(folder)):
        server = Path(f"/proc/{server_of(folder)}")
        sockets = {link.readlink().name for link in (server / "fd").iterdir() if link.is_symlink()}
        listed = {name: (server / "net" / name).read_text().splitlines()[1:] for name in ("tcp", "tcp6", "udp", "unix")}
        assert {f"socket:[{line.split()[6]}]" for line in listed.pop("unix")} & sockets
        assert not {f"socket:[{line.split()[9]}]" for lines in listed.values() for line in lines} & sockets
        assert (folder.stat().st_mode & 0o777, (folder / layout.SOCKET).stat().st_mode & 0o777) == (0o700, 0o700)
        assert not [path for path in folder.rglob("*") if path.stat().st_mode & 0o077]
        # No Ctrl-C of this terminal reaches it, and it has no secret of this process.
        assert os.getsid(server_of(folder)) != os.getsid(0)
        assert b"PYTEST_CURRENT_TEST" not in (server / "environ").read_bytes()


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["a b", "100%", "dätä ☃", "x" * 120, f"{'y' * 90}/{'z' * 200}"])
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    with emptied(tmp_path / name) as folder:
        assert await size(folder) == 0
        assert (folder / layout.MARK).exists()


@pytest.mark.asyncio
async def test_a_relative_path_is_taken_from_the_directory_of_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emptied(tmp_path / "data") as folder:
        monkeypatch.chdir(tmp_path)
        scheduler = Scheduler.from_url("local://./data")
        monkeypatch.chdir("/")
        async with scheduler:
            server_of(folder)


def test_two_spellings_of_a_folder_are_one_server_and_one_partition(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    with (
        BlockingScheduler.from_url(url_of(folder)) as one,
        BlockingScheduler.from_url(url_of(tmp_path / "link")) as other,
    ):
        server_of(folder)
        one.assign_task(IntervalTask("a", every=3600))
        assert other.is_scheduled("a") is not None


def test_a_blocking_scheduler_shares_it(folder: Path) -> None:
    with BlockingScheduler.from_url(url_of(folder)) as one, BlockingScheduler.from_url(url_of(folder)) as other:
        server_of(folder)
        one.assign_task(IntervalTask("a", every=3600))
        assert other.task_size() == 1
    assert not servers_in(folder)


def test_the_processes_of_the_command_share_it(folder: Path, tmp_path: Path) -> None:
    with running(tmp_path, "app:worker", "--processes", "2", "--redis", "local://./data") as run:
        run.up(2)
        server = server_of(folder)
        with BlockingScheduler.from_url(url_of(folder)) as scheduler:
            scheduler.assign_task(IntervalTask("a", "sleep 0"))
            run.until(lambda: run.times("end")["a"])
        os.kill(run.pids[0], signal.SIGKILL)
        run.up(3)  # one in its place
        assert server_of(folder) == server
        run.send(signal.SIGTERM)
        assert run.code() == 0


def test_a_forked_child_does_not_hold_it(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, url_of(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"left\n"
            until_outside(lambda: not living_in(folder), 60)
            assert process.poll() is None  # for the child goes on
            with (folder / layout.USERS).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process.stdin.close()
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.asyncio
async def test_a_folder_that_is_removed_is_noticed(folder: Path) -> None:
    lost: asyncio.Queue[object] = asyncio.Queue()
    async with Scheduler.from_url(url_of(folder)) as scheduler, asyncio.timeout(60):
        scheduler.on("data-lost", lost.put_nowait)
        server = server_of(folder)
        shutil.rmtree(folder)
        assert await lost.get() == "local/0"
        assert server_of(folder) != server
        assert await scheduler.task_size() == 0


def test_a_server_without_a_keeper_is_ended_first(folder: Path) -> None:
    # As after the death of a keeper where the system does not end its children.
    assert asyncio.run(size(folder)) == 0
    with (folder / layout.SERVER).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        orphan = subprocess.Popen([binaries.paths()[0], *layout.OPTIONS], cwd=folder, pass_fds=(lock.fileno(),))
    try:
        until_outside(lambda: (folder / layout.LOG).read_text().count("eady to accept connections") == 2, 60)
        with BlockingScheduler.from_url(url_of(folder)):
            assert keeper_of(folder)
            assert orphan.wait(60) == 0
    finally:
        orphan.kill()
        orphan.wait()


def test_who_makes_nothing_makes_no_folder(folder: Path) -> None:
    scheduler = BlockingScheduler.from_url(url_of(folder))
    with pytest.raises(UnsuitableServer, match="is not there: look at the path"):
        scheduler.connect(create=False)
    assert not folder.exists()
    folder.mkdir()
    with pytest.raises(UnsuitableServer, match="has no tasks: look at the path"):
        scheduler.connect(create=False)
    assert not list(folder.iterdir())
    assert asyncio.run(size(folder)) == 0
    with contextlib.closing(scheduler):
        scheduler.connect(create=False)
        assert scheduler.task_size() == 0


@pytest.mark.asyncio
async def test_of_those_who_leave_at_once_one_waits_for_the_end(folder: Path) -> None:
    for _ in range(20):  # it is a race, which the last one lost in one round of four
        holds = [Hold(str(folder), "local/0", creates=True) for _ in range(3)]
        await asyncio.gather(*(hold.join() for hold in holds))
        await asyncio.gather(*(hold.leave() for hold in holds))
        assert not living_in(folder)


@pytest.mark.asyncio
async def test_who_leaves_a_folder_that_was_moved_ends_no_other_server() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # a path that is long is reached by the open folder instead
        folder, moved = Path(short, "data"), Path(short, "moved")
        before = Hold(str(folder), "local/0", creates=True)
        await before.join()
        with emptied(await asyncio.to_thread(folder.rename, moved)), emptied(folder):
            async with Scheduler.from_url(url_of(folder)) as scheduler:
                there = living_in(folder)
                await before.leave()
                await until(lambda: not living_in(moved), 60)
                await scheduler.assign_task(IntervalTask("a", every=3600))
                assert living_in(folder) == there


def test_what_the_first_user_blocks_and_ignores_reaches_no_server(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", DEAF, str(folder)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        try:
            assert user.stdout is not None
            assert user.stdout.readline() == b"joined\n"
            status = Path(f"/proc/{server_of(folder)}/status").read_text(encoding="ascii")
            masks = {name: int(mask, 16) for name, mask in re.findall(r"(SigBlk|SigIgn):\s*(\w+)", status)}
            assert not masks["SigBlk"] >> signal.SIGTERM - 1 & 1
            assert not masks["SigIgn"] >> signal.SIGCHLD - 1 & 1
        finally:
            user.kill()
    until_outside(lambda: not living_in(folder), 20)  # after a minute, a server that is deaf is killed


@pytest.mark.asyncio
async def test_a_process_may_have_many_files_open(folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    opened = []
    try:
        opened += [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]  # `select` takes numbers below 1024
        assert await size(folder) == 0
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.asyncio
async def test_a_server_by_a_relative_path(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "programs" / "valkey-server", f'#!/bin/sh\nexec {binaries.paths()[0]} "$@"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"programs:{os.environ['PATH']}")
    assert binaries.paths()[0] == str(tmp_path / "programs" / "valkey-server")
    assert await size(folder) == 0


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_server_that_is_slow_to_listen_is_waited_for(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_killed: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Its locks are held from the beginning, also if nobody waits for it any more."""
    slowly = f'#!/bin/sh\n[ "$1" = --version ] || while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\n'
    program(tmp_path / "programs" / "valkey-server", f'{slowly}exec {binaries.paths()[0]} "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    with contextlib.closing(User(folder)) as first:
        until_outside(lambda: len(living_in(folder)) >= 2, 60)
        with contextlib.closing(User(folder)) as second:
            until_outside(lambda: uses(second.pid, folder / layout.USERS), 60)
            if is_killed:
                first.kill()
                time.sleep(0.3)  # the second one looks at the locks meanwhile, of which nothing tells
            (tmp_path / "go").touch()
            second.joined()
            if not is_killed:
                first.joined()


def uses(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # it was closed since
            if each.samefile(path):
                return True
    return False
