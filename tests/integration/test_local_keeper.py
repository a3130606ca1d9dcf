"""The keeper of a server of `local://`: whatever it started ends, also the child of a script, or what is deaf."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interval_scheduler.storage.local import binaries, keeper, layout, starting
from interval_scheduler.storage.local.descriptors import lock_file
from interval_scheduler.storage.local.folder import Folder
from tests.folders import keeper_of, lives, living_in, program, servers_in, users
from tests.waiting import until_outside

pytestmark = pytest.mark.any_server


@pytest.mark.parametrize("after", ["no user", "no folder", "no script", "SIGTERM"])
def test_a_server_that_a_script_starts_ends_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    program(tmp_path / "programs" / "valkey-server", f'#!/bin/sh\n{binaries.paths()[0]} "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    with users(folder, 1) as (user,):
        its_keeper = keeper_of(folder)
        script, server = sorted(servers_in(folder), key=lambda pid: "/bin/sh" not in living_in(folder)[pid])
        try:
            if after == "no user":
                user.kill()
            elif after == "no folder":
                shutil.rmtree(folder)
            else:
                os.kill(*(script, signal.SIGKILL) if after == "no script" else (its_keeper, signal.SIGTERM))
            until_outside(lambda: not any(map(lives, (script, server, its_keeper))), 60)
        finally:
            for each in filter(lives, (script, server, its_keeper)):  # of a folder that is gone, they are not found
                os.kill(each, signal.SIGKILL)


def test_a_server_that_hears_no_signal_is_killed_in_the_end(folder: Path, tmp_path: Path) -> None:
    hasty, deaf, started = tmp_path / "programs" / "keeper.py", tmp_path / "programs" / "deaf", tmp_path / "started"
    text = Path(keeper.__file__).read_text(encoding="utf-8")
    assert "_END_SECONDS: Final = 60\n" in text
    program(hasty, text.replace("_END_SECONDS: Final = 60\n", "_END_SECONDS: Final = 1\n"))
    program(deaf, f"#!/bin/sh\ntrap '' TERM\ntouch {started}\nwhile :; do sleep 0.1; done\n")
    folder.mkdir()
    names = (layout.USERS, layout.KEEPER, layout.SERVER)
    with contextlib.ExitStack() as stack:
        user, *locks = (stack.enter_context((folder / name).open("wb")) for name in names)
        fcntl.flock(user, fcntl.LOCK_SH)
        numbers = [lock.fileno() for lock in locks]
        subprocess.run(
            [sys.executable, "-I", "-S", hasty, *map(str, numbers), deaf],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            pass_fds=numbers,
            start_new_session=True,
            check=True,
        )
        until_outside(started.exists, 60)
    until_outside(lambda: not living_in(folder), 60)


def test_one_at_a_time_looks_for_the_server(tmp_path: Path) -> None:
    """Two who look at once could have a lock each, and wait for that of the other."""
    folder = Folder(str(tmp_path), "a partition")
    with contextlib.closing(lock_file(folder.file(layout.START))) as elsewhere:
        assert elsewhere.lock(alone=True)
        with pytest.raises(starting.GivenUp):
            starting.wait_for_end(folder, starting.Patience(60, lambda: True))
    starting.wait_for_end(folder, starting.Patience(60, lambda: True))
