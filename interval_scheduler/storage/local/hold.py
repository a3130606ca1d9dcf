"""The hold of a client on the server of a folder: the server goes on for as long as anybody has one.

::

    none ──join──▶ held ──join: the folder is another one──▶ none
      ▲              │
      │              ├─ leave: others hold it ──▶ left
      │              └─ leave: the last one ──▶ asks the server to end, and waits for that ──▶ left
      └── this process dies in any way: the system frees the lock, and the keeper ends the server

Each client has a lock of its own, so threads and event loops of a process need not know of each other. What waits does
so in a thread that ends with it: the threads of the event loop may be full of the application's own work.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from typing import Final

from ...errors import StorageError
from ...support.apart import begin
from ...support.guests import retrieve
from ...support.log import Log, guarded
from . import layout
from .descriptors import Descriptor, lock_file
from .folder import Folder
from .starting import GivenUp, Looked, Patience, ask_to_end, start, wait_for_data, wait_for_end

#: The longest time until a server is joined or started: the one before it may have to write its data first. The same
#: time is waited at the most until it has loaded its data.
_JOIN_SECONDS: Final = 60.0
#: The longest time that the last user waits for the end of the server.
_LEAVE_SECONDS: Final = 10.0
_THREAD: Final = "interval_scheduler local server"
#: What is told by the one who starts a server again, and by nobody else.
_CUT_OFF: Final = (
    "partition %s: the server of its folder %r did not end in order (it was killed, it failed, or the machine went "
    "down), and is started again: all that its append-only file has is kept; of a crash of the machine, the changes of "
    "the last second may be missing"
)
_ENDED: Final = (
    "partition %s: the server of its folder %r ended in order although it was used, and is started again: all is kept"
)

_all: Final[weakref.WeakSet[Hold]] = weakref.WeakSet()


class Hold:
    """The hold of one client.

    Args:
        path: the absolute path of the folder.
        partition: the name of the partition, for errors.
        creates: False if no folder is made, none is begun, and none is taken over from an older server.
        log: the log, for a server that is started again. Default: the logger `interval_scheduler`.
    """

    def __init__(self, path: str, partition: str, *, creates: bool, log: Log | None = None) -> None:
        self._folder: Final = Folder(path, partition)
        self._partition: Final = partition
        self._log: Final = guarded(log)
        self._creates: Final = creates
        self._has_left = False
        self._was_ever_joined = False
        #: What the event loop has to tell: the threads have no log, and who waits for one may be cancelled meanwhile.
        self._untold: Final[deque[str]] = deque()
        self._hold_nothing()
        _all.add(self)

    def _hold_nothing(self) -> None:
        """Begin without anything, also in a forked child, which has no thread that would free the mutex."""
        #: Held by the thread that changes what follows.
        self._mutex = threading.Lock()
        self._users: Descriptor | None = None
        self._directory: Descriptor | None = None
        self._has_joined = False
        #: The path of the socket while the server that listens there loads its data, and is waited for.
        self._loads_at: str | None = None
        #: The join that is under way, or the last one.
        self._joining: asyncio.Future[str] | None = None

    async def join(self, seconds: float | None = None) -> str:
        """Take hold, start the server unless it is there, and return the path of its socket.

        All who wait share one join, which goes on when none of them waits any more. It needs a minute at the most until
        the server listens, and one more until that has loaded its data.

        Args:
            seconds: the longest time to wait; the first join of all is waited for to its end. Default: so is each one.

        Raises:
            UnsuitableServer: the folder may not be used, or no server of this machine may use its data.
            PartitionOffline: the server does not start, or not in this time, or the folder cannot be used now.
            OSError: the system has no thread for it.
        """
        if self._joining is None or self._joining.done():
            self._joining = asyncio.wrap_future(begin(self._join, _THREAD))
            self._joining.add_done_callback(retrieve)
        joining = self._joining
        try:
            await asyncio.wait([joining], timeout=seconds if self._was_ever_joined else None)
        finally:
            self._tell()
        if joining.done():
            path = joining.result()
            self._was_ever_joined = True
            return path
        if self._loads_at is None:
            raise self._folder.offline("is not there yet, and is waited for")
        return self._loads_at  # whoever connects is told so by the server itself

    async def leave(self) -> None:
        """Give the hold up for good; if nobody else has one, wait until the server is gone, for some seconds."""
        self._has_left = True
        try:
            leaving = begin(self._leave, _THREAD)
        except OSError:  # there is no thread: its keeper ends the server, once this lock is free
            if self._joining is None or self._joining.done():
                self._drop()
            else:
                self._joining.add_done_callback(lambda _: self._drop())
            return
        try:
            await asyncio.wrap_future(leaving)
        finally:
            self._tell()

    def _tell(self) -> None:
        while self._untold:
            self._log.warning(self._untold.popleft(), self._partition, self._folder.path)

    def _join(self) -> str:
        with self._mutex:
            held = self._users
            try:
                return self._joined()
            except BaseException as error:
                # What was held before is held on: others of this process use that server.
                if self._users is not held:
                    self._drop()
                if isinstance(error, GivenUp):
                    raise self._folder.offline("did not start in time, or the one before it did not end") from None
                if isinstance(error, OSError) and not isinstance(error, StorageError):
                    raise self._folder.refused(error) from None
                raise
            finally:
                self._loads_at = None

    def _joined(self) -> str:
        patience = Patience(_JOIN_SECONDS, lambda: self._has_left)
        patience.check()
        path = self._take(patience)
        while not self._is_there(path, looked := start(self._folder, path, patience, takes_over=self._creates)):
            patience.pause()  # it listens soon, or it ends and another one is started
        self._note(looked)
        return path

    def _take(self, patience: Patience) -> str:
        folder = self._folder
        # Again if the folder was removed, and perhaps made anew, since it was taken, or while it is.
        while self._users is None or not self._users.is_at(folder.file(layout.USERS)):
            self._drop()
            patience.check()
            folder.prepare(creates=self._creates)
            self._users = lock_file(folder.file(layout.USERS))
            self._directory = Descriptor(folder.path, os.O_RDONLY | os.O_DIRECTORY)
            patience.wait_for(functools.partial(self._users.lock, alone=False))
        return self._socket_path()

    def _is_there(self, path: str, looked: Looked) -> bool:
        patience = Patience(_JOIN_SECONDS, lambda: self._has_left)
        self._loads_at = path
        try:
            return wait_for_data(self._folder, path, patience, is_new=looked.is_new)
        except GivenUp:
            return True  # it goes on loading, and whoever asks it is told
        finally:
            self._loads_at = None

    def _note(self, looked: Looked) -> None:
        """Note that it was joined; if it was started again, that has to be told."""
        if looked.left_remains:
            self._untold.append(_CUT_OFF)
        elif looked.is_new and self._has_joined:
            self._untold.append(_ENDED)
        self._has_joined = True

    def _socket_path(self) -> str:
        if self._directory is None:
            raise AssertionError  # it is opened with the lock
        has_paths = sys.platform == "linux" and Path("/proc/self/fd").exists()
        path = layout.socket_path(self._folder.path, self._directory.number, has_descriptor_paths=has_paths)
        if path is None:
            raise self._folder.unsuitable("has a path that is too long for a socket: name one of 80 bytes at the most")
        return path

    def _leave(self) -> None:
        with self._mutex:
            try:
                if self._users is not None:
                    self._end_after_last(self._users)
            except (GivenUp, OSError, StorageError):
                pass  # its keeper ends it, once this lock is free
            finally:
                self._drop()

    def _end_after_last(self, users: Descriptor) -> None:
        if not users.is_at(self._folder.file(layout.USERS)):
            return  # the folder was moved or removed, and the one at its path may be that of others
        if not users.lock(alone=True):
            # Others go on, or leave too. On Linux a failed try gives up the shared lock. So when several leave at once,
            # the last one gets it. Elsewhere the keeper may have to end the server.
            return
        ask_to_end(self._socket_path())
        wait_for_end(self._folder, Patience(_LEAVE_SECONDS, lambda: False))

    def _drop(self) -> None:
        for each in (self._users, self._directory):
            if each is not None:
                each.close()
        self._users = self._directory = None
        self._has_joined = False


def _hold_nothing_in_child() -> None:
    for each in _all:
        each._hold_nothing()  # noqa: SLF001 - it is this module's


os.register_at_fork(after_in_child=_hold_nothing_in_child)
