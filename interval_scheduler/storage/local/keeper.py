"""The keeper of a server: its parent, which ends it once nobody uses its folder any more.

A program of its own, by the standard library alone: `python -I -S keeper.py KEEPER SERVER COMMAND...`, in the folder.
`KEEPER` and `SERVER` are the numbers of the two locks that it inherits; the second one goes to the server. It tells its
starter by a line that the server listens, or how it ended; and goes on alone, as a child of nobody.

::

    starting ──socket answers──▶ keeping ──no user is left; SIGTERM; the folder is gone──▶ ending ──▶ the server is gone
        └───────── the server ends by itself, or is killed ────────────────────────────────────────────────┘

If the keeper itself is killed, the system ends the server as SIGTERM does (Linux). Where it cannot, the next user who
joins does it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

# As in `layout.py`, which cannot be imported: this program knows no package.
_USERS: Final = "users.lock"
_SOCKET: Final = "server.sock"
_LOG: Final = "server.log"
_OLD_LOG: Final = "server.log.1"
#: The longest log; then it becomes the old one.
_MOST_BYTES: Final = 1_000_000
#: The seconds between two looks at the folder, and the longest time that an end in order takes.
_LOOK_SECONDS: Final = 2.0
_END_SECONDS: Final = 60
_STEP_SECONDS: Final = 0.01
#: Linux's `prctl`: send me this signal when my parent ends.
_PARENT_DEATH: Final = 1


def keep(keeper_lock: int, server_lock: int, command: Sequence[str]) -> None:
    """Start a server, and stay until it is gone.

    Args:
        keeper_lock: the lock that is this keeper's for as long as it lives.
        server_lock: the lock that the server inherits.
        command: the command of the server.
    """
    os.set_inheritable(keeper_lock, False)  # noqa: FBT003 - the form of the standard library
    users = os.open(_USERS, os.O_RDWR | os.O_CLOEXEC)
    end_of_all, held = os.pipe()  # it ends when all that was started is gone
    _bound_log()
    with open(_LOG, "ab") as log:  # noqa: PTH123 - a Path costs memory that stays
        server = subprocess.Popen(  # noqa: S603 - the server that the starter found
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(server_lock, held),
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - there is one thread yet
        )
    os.close(server_lock)
    os.close(held)
    signal.signal(signal.SIGTERM, lambda *_: _end())
    for watch in (_wait_for_users, _watch_folder):
        threading.Thread(target=watch, args=(users,), daemon=True).start()
    _tell(server)
    server.wait()
    _end()  # what was started may have been a script, and have left the server behind
    os.read(end_of_all, 1)


def _end() -> None:
    """End the server in order; after a minute, by force, and this process with it.

    The signals go to the group, which has this process and its children alone: the one that was started may be a
    script, and the server a child of it. Only the main thread may set handlers, so others call `_ask_to_end`.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(0, signal.SIGKILL))
    signal.alarm(_END_SECONDS)
    os.killpg(0, signal.SIGTERM)


def _dying_with(keeper: int) -> Callable[[], None]:
    """Return what a child does first: it asks for SIGTERM when its keeper ends."""
    library = ctypes.CDLL(None)
    prctl = library.prctl if sys.platform == "linux" else None

    def begin() -> None:
        if prctl is not None:
            prctl(_PARENT_DEATH, signal.SIGTERM)
        if os.getppid() != keeper:  # it ended before
            os._exit(1)

    return begin


def _ask_to_end() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _wait_for_users(users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)  # nobody is left; nobody new gets in until this process is gone
    _ask_to_end()


def _watch_folder(users: int) -> None:
    while os.fstat(users).st_nlink:
        time.sleep(_LOOK_SECONDS)  # Python has no call that waits until a folder is removed
        _bound_log()
    _ask_to_end()  # what is written now is lost, so let users notice


def _bound_log() -> None:
    with contextlib.suppress(OSError):  # there is none yet, or the disk is full: the server itself is told of that
        if os.path.getsize(_LOG) > _MOST_BYTES:  # noqa: PTH202 - as above
            os.replace(_LOG, _OLD_LOG)  # noqa: PTH105 - as above


def _tell(server: subprocess.Popen[bytes]) -> None:
    """Tell the starter, once, that the server listens, or how it ended."""
    while server.poll() is None and not _listens():
        time.sleep(_STEP_SECONDS)  # a server does not tell its parent that it listens
    status = server.poll()
    with contextlib.suppress(OSError):  # the starter is gone
        os.write(1, b"listens\n" if status is None else b"ended %d\n" % status)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _listens() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(_SOCKET)
        except OSError:
            return False
    return True


def main() -> None:
    """Leave the starter, and keep."""
    if os.fork():
        os._exit(0)  # the starter waits for this process alone; the keeper is no child of it
    os.umask(0o077)
    # What the application blocks or ignores is inherited, and the server would hear no SIGTERM, and of no child's end.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    keep(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])


if __name__ == "__main__":
    main()
