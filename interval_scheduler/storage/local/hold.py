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

import os
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Final

from ...errors import StorageError
from ...support.apart import apart
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
#: What is told by the one who starts a server again, and by nobody else.
_CUT_OFF: Final = (
    "partition %s: the server of its folder %r did not end in order (it was killed, it failed, or the machine went "
    "down), and is started again: all that its append-only file has is kept; of a crash of the machine, the changes of "
    "the last second may be missing"
)
_ENDED: Final = (
    "partition %s: the server of its folder %r ended in order although it was used, and is started again: all is kept"
)


class Hold:
    """The hold of one client.

    Args:
        path: the absolute path of the folder.
        partition: the name of the partition, for errors.
        creates: False if no folder is made, and none is begun.
        log: the log, for a server that is started again. Default: the logger `interval_scheduler`.
    """

    def __init__(self, path: str, partition: str, *, creates: bool, log: Log | None = None) -> None:
        self._folder: Final = Folder(path, partition)
        self._partition: Final = partition
        self._log: Final = guarded(log)
        self._creates: Final = creates
        self._turn: Final = threading.Lock()
        self._users: Descriptor | None = None
        self._directory: Descriptor | None = None
        self._has_left = False
        self._has_joined = False
        #: What the event loop has to tell: the threads have no log, and who waits for one may be cancelled meanwhile.
        self._untold: Final[deque[str]] = deque()

    async def join(self) -> str:
        """Take hold, start the server unless it is there, and return the path of its socket.

        Raises:
            UnsuitableServer: the folder may not be used, or no server of this machine may use its data.
            PartitionOffline: the server does not start, or the folder cannot be used at the moment.
        """
        try:
            return await apart(self._join, "interval_scheduler local server")
        finally:
            self._tell()

    async def leave(self) -> None:
        """Give the hold up for good; if nobody else has one, wait until the server is gone, for some seconds."""
        self._has_left = True
        try:
            await apart(self._leave, "interval_scheduler local server")
        finally:
            self._tell()

    def _tell(self) -> None:
        while self._untold:
            self._log.warning(self._untold.popleft(), self._partition, self._folder.path)

    def _join(self) -> str:
        with self._turn:
            patience = Patience(_JOIN_SECONDS, lambda: self._has_left)
            try:
                patience.check()
                path = self._take(patience)
                while not self._is_there(path, looked := start(self._folder, path, patience)):
                    patience.pause()  # it listens soon, or it ends and another one is started
                self._note(looked)
            except GivenUp:
                self._drop()
                raise self._folder.offline("did not start in time, or the one before it did not end") from None
            except StorageError:
                self._drop()
                raise
            except OSError as error:
                self._drop()
                raise self._folder.refused(error) from None
        return path

    def _take(self, patience: Patience) -> str:
        folder = self._folder
        if self._users is not None and not self._users.is_at(folder.file(layout.USERS)):
            self._drop()  # the folder was removed, and perhaps made anew
        if self._users is None:
            folder.prepare(creates=self._creates)
            self._directory = Descriptor(folder.path, os.O_RDONLY | os.O_DIRECTORY)
            self._users = users = lock_file(folder.file(layout.USERS))
            patience.wait_for(lambda: users.lock(alone=False))
        return self._socket_path()

    def _is_there(self, path: str, looked: Looked) -> bool:
        patience = Patience(_JOIN_SECONDS, lambda: self._has_left)
        try:
            return wait_for_data(self._folder, path, patience, is_new=looked.is_new)
        except GivenUp:
            return True  # it goes on loading, and whoever asks it is told

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
        with self._turn:
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
            # Others go on, or leave too. Linux has taken this lock away by the try, in one step: so of those who leave
            # at once, the last to try gets it. Elsewhere the keeper may have to end it.
            return
        ask_to_end(self._socket_path())
        wait_for_end(self._folder, Patience(_LEAVE_SECONDS, lambda: False))

    def _drop(self) -> None:
        for each in (self._users, self._directory):
            if each is not None:
                each.close()
        self._users = self._directory = None
        self._has_joined = False
