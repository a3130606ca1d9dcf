"""Starts the server of a folder unless it is there. All of it runs in a thread, and waits there.

One at a time looks, under `start.lock`:

====================  ====================  ======================================================================
``keeper.lock`` is    ``server.lock`` is    so
====================  ====================  ======================================================================
held                  held                  the server is there
held                  free                  the server was killed: its keeper goes too, and then one is started
free                  held                  the keeper was killed: the server is asked to end, and then one is started
free                  free                  one is started
====================  ====================  ======================================================================

The locks that are free are taken, and handed to the keeper that is started. So no moment is left in which a server
runs that nobody knows of, whoever is killed when.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ...errors import PartitionOffline
from . import binaries, keeper, layout, marks
from .descriptors import Descriptor, lock_file
from .folder import Folder

_STEP_SECONDS: Final = 0.02
_ANSWER_SECONDS: Final = 5.0
#: Ends the server in order: it writes what is not on the disk yet.
_SHUTDOWN: Final = b"SHUTDOWN\r\n"
_PING: Final = b"PING\r\n"
_LOADING: Final = b"-LOADING"
_MOST_BYTES: Final = 100


class Looked(NamedTuple):
    """The result of a look for the server of a folder."""

    is_new: bool
    """True if none was there, and one was started."""
    left_remains: bool
    """True if the one before it did not end in order: it was killed, or the machine went down."""


class GivenUp(Exception):
    """The wait took too long, or nobody waits any more."""


class Patience:
    """The time for which something is waited for.

    Args:
        seconds: the longest time.
        is_over: True once nobody waits any more.
    """

    def __init__(self, seconds: float, is_over: Callable[[], bool]) -> None:
        self._until: Final = time.monotonic() + seconds
        self._is_over: Final = is_over

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, and look again and again.

        Raises:
            GivenUp: it was not so in time.
        """
        while not is_so():
            self.pause()

    def pause(self) -> None:
        """Wait a little.

        Raises:
            GivenUp: it is over.
        """
        self.check()
        time.sleep(_STEP_SECONDS)  # one can wait for the lock of a file only without an end

    def check(self) -> None:
        """Raise `GivenUp` if it is over."""
        if self.left() <= 0 or self._is_over():
            raise GivenUp

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._until - time.monotonic()


def start(folder: Folder, socket_path: str, patience: Patience, *, takes_over: bool) -> Looked:
    """Start the server of a folder unless it is there. The caller holds `users.lock`.

    One that is there may not listen yet: whoever started it may have been killed meanwhile.

    Args:
        folder: the folder.
        socket_path: where its server listens.
        patience: how long it is waited for.
        takes_over: True if a newer server than the one that wrote the data may have them.

    Raises:
        UnsuitableServer: no server of this machine may use the folder.
        PartitionOffline: it does not start.
        GivenUp: it took too long.
        OSError: the folder cannot be used.
    """
    with _looking(folder, patience) as (keeper_lock, server_lock):
        is_kept = not keeper_lock.lock(alone=True)  # what is free is taken by the look itself
        is_served = not server_lock.lock(alone=True)
        if is_kept and is_served:
            return Looked(is_new=False, left_remains=False)
        if is_served:
            ask_to_end(socket_path)
        if is_kept:
            patience.wait_for(lambda: keeper_lock.lock(alone=True))
        if is_served:
            patience.wait_for(lambda: server_lock.lock(alone=True))
        left_remains = folder.has(layout.SOCKET)  # who ends in order takes the socket away
        _begin(folder, keeper_lock, server_lock, patience, takes_over=takes_over)
        return Looked(is_new=True, left_remains=left_remains)


def wait_for_end(folder: Folder, patience: Patience) -> None:
    """Wait until the server of a folder and its keeper are gone.

    Raises:
        GivenUp: it took too long.
        OSError: the folder cannot be used.
    """
    with _looking(folder, patience) as (keeper_lock, server_lock):
        patience.wait_for(lambda: server_lock.lock(alone=True))
        patience.wait_for(lambda: keeper_lock.lock(alone=True))


@contextlib.contextmanager
def _looking(folder: Folder, patience: Patience) -> Iterator[tuple[Descriptor, Descriptor]]:
    """Hold `start.lock`, so that nobody else tries the locks of keeper and server; give the files of those."""
    names = (layout.START, layout.KEEPER, layout.SERVER)
    with contextlib.ExitStack() as stack:
        start_lock, keeper_lock, server_lock = (_open(stack, folder, name) for name in names)
        patience.wait_for(lambda: start_lock.lock(alone=True))
        yield keeper_lock, server_lock


def _open(stack: contextlib.ExitStack, folder: Folder, name: str) -> Descriptor:
    descriptor = lock_file(folder.file(name))
    stack.callback(descriptor.close)
    return descriptor


def _begin(
    folder: Folder, keeper_lock: Descriptor, server_lock: Descriptor, patience: Patience, *, takes_over: bool
) -> None:
    written = folder.written_by()
    chosen = marks.fitting(written, binaries.known(binaries.paths()), takes_over=takes_over)
    if isinstance(chosen, str):
        raise folder.unsuitable(chosen)
    folder.take()
    if takes_over:
        folder.mark(chosen.version)  # before it starts: if this process is killed, the data may be in the newer form
    folder.note_log()
    former_socket = folder.trace(layout.SOCKET)
    numbers = (keeper_lock.number, server_lock.number)
    command = [sys.executable, "-I", "-S", str(Path(keeper.__file__).resolve()), *map(str, numbers)]
    with subprocess.Popen(  # noqa: S603 - our own program, and a server that this user has installed
        [*command, chosen.path, *layout.OPTIONS],
        cwd=folder.path,
        env=layout.environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=numbers,
        start_new_session=True,  # no Ctrl-C of a terminal reaches it
    ) as process:
        process.wait()  # it leaves at once, and the keeper goes on
        told = _line(process, patience)
    if told != b"listens\n":
        if folder.trace(layout.SOCKET) == former_socket:
            folder.mark(written)  # it never listened, and it listens before it looks at the data
        raise _ended(folder, told.decode().strip() or "its keeper ended before it")


def _line(process: subprocess.Popen[bytes], patience: Patience) -> bytes:
    if process.stdout is None:
        raise AssertionError  # it is a pipe
    told = select.poll()  # unlike `select`, it takes any number that a descriptor may have
    told.register(process.stdout, select.POLLIN)
    while not told.poll(1000 * _STEP_SECONDS):
        patience.check()
    return process.stdout.readline()


def _ended(folder: Folder, otherwise: str) -> PartitionOffline:
    words = folder.last_words()
    why = f"its last words are {words!r}" if words else otherwise
    return folder.offline(f"ended at its start, {why}; its log is {layout.LOG} there")


def wait_for_data(folder: Folder, socket_path: str, patience: Patience, *, is_new: bool) -> bool:
    """Wait until a server has loaded its data; return False if none listens.

    Args:
        folder: the folder.
        socket_path: where it listens.
        patience: how long it is waited for.
        is_new: True if it was started just now, and listened.

    Raises:
        PartitionOffline: one that is new cannot load them, and ended.
        GivenUp: it took too long.
    """
    while True:
        try:
            if not _ask(socket_path, _PING).startswith(_LOADING):
                return True
        except TimeoutError:
            pass  # it loads, or runs a script, and looks at nobody
        except OSError:
            if is_new:
                raise _ended(folder, "it says nothing of the reason") from None
            return False
        patience.pause()


def ask_to_end(socket_path: str) -> None:
    """Ask a server to end, and wait until it hangs up; if none answers, it ends already."""
    with contextlib.suppress(OSError):
        _ask(socket_path, _SHUTDOWN)


def _ask(socket_path: str, command: bytes) -> bytes:
    """Return the beginning of the answer to a command; nothing if the server hangs up.

    Raises:
        OSError: there is no server, or it does not answer in time.
    """
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(_ANSWER_SECONDS)
        asking.connect(socket_path)
        asking.sendall(command)
        return asking.recv(_MOST_BYTES)
