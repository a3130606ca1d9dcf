"""Folders of `local://`, seen from outside: the processes that live there, and users that do nothing but hold one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.waiting import until_outside

ROOT: Final = Path(__file__).parents[1]
#: Joins the server of a folder, says so, and holds it until its input ends.
USER: Final = """
import asyncio, sys
from interval_scheduler.storage.local.hold import Hold
async def main():
    hold = Hold(sys.argv[1], "local/0", creates=True)
    await hold.join()
    print("joined", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await hold.leave()
asyncio.run(main())
"""


def url_of(folder: Path) -> str:
    return f"local://{quote(str(folder))}"


def living_in(folder: Path) -> dict[int, str]:
    """The processes whose current directory is a folder, or was in it, each with its command."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if (process / "cwd").readlink().is_relative_to(folder.resolve()):
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def servers_in(folder: Path) -> list[int]:
    return [pid for pid, command in living_in(folder).items() if "keeper.py" not in command]


def server_of(folder: Path) -> int:
    """The number of the server of a folder; there is exactly one."""
    (server,) = servers_in(folder)
    return server


def keeper_of(folder: Path) -> int:
    (keeper,) = (pid for pid, command in living_in(folder).items() if "keeper.py" in command)
    return keeper


def lives(pid: int) -> bool:
    """Tell if a process goes on; one that ended and is waited for by nobody does not."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/cwd").readlink()
        return True
    return False


def program(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o700)


@contextlib.contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Fail if anything lives in a folder a while after a block, and end it."""
    try:
        yield folder
        until_outside(lambda: not living_in(folder), 60)
    finally:
        for pid in living_in(folder):
            with contextlib.suppress(ProcessLookupError):  # it ends by itself
                os.kill(pid, signal.SIGKILL)


class User:
    """A process that uses a folder, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def joined(self) -> None:
        """Wait until it has joined."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"joined\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(60)

    def leave(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def users(folder: Path, count: int) -> Iterator[list[User]]:
    """Processes that join a folder at once; they are ended after the block."""
    with contextlib.ExitStack() as stack:
        started = []
        for _ in range(count):
            started.append(User(folder))
            stack.callback(started[-1].close)
        for user in started:
            user.joined()
        yield started
