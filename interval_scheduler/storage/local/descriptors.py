"""Open files and folders of this process alone: no child has them, neither one that is forked nor another program.

A lock belongs to the open file, which a forked child would share: the server of a folder would go on for as long as
some child of a process that left long ago. So the child closes them. Closing a copy frees no lock of the parent.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from typing import Final

#: Held while a descriptor is opened or closed, and during a fork: a child finds each one in the set, or none.
_guard: Final = threading.Lock()
_open: Final[set[Descriptor]] = set()


class Descriptor:
    """An open file or folder.

    Args:
        path: its path.
        flags: how it is opened, as for `os.open`.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str, flags: int) -> None:
        with _guard:
            self._number = os.open(path, flags | os.O_CLOEXEC, 0o600)
            _open.add(self)

    @property
    def number(self) -> int:
        """Its number.

        Raises:
            OSError: it is closed.
        """
        if self._number < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._number

    def lock(self, *, alone: bool) -> bool:
        """Lock it unless others hold it, without waiting; return True if it is locked. A lock that it has is changed.

        If it cannot be changed, it may be lost.

        Raises:
            OSError: the file system has no locks.
        """
        try:
            fcntl.flock(self.number, fcntl.LOCK_NB | (fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        except BlockingIOError:
            return False
        return True

    def is_at(self, path: str) -> bool:
        """Tell if the file at a path is this one; one that is closed is nowhere, as in a forked child."""
        try:
            return os.path.samestat(os.fstat(self.number), os.stat(path))  # noqa: PTH116 - as fstat, which has no Path
        except OSError:
            return False

    def close(self) -> None:
        """Close it, and give its lock up unless another process inherited it on purpose; again has no effect."""
        with _guard:
            self._close()
            _open.discard(self)

    def _close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


def lock_file(path: str) -> Descriptor:
    """Open the file of a lock, and make it if it is not there.

    Raises:
        OSError: it cannot be opened, or a symbolic link is in its place, which somebody may have put there.
    """
    return Descriptor(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)


def _close_in_child() -> None:
    for each in _open:
        each._close()  # noqa: SLF001 - it is this module's
    _open.clear()
    _guard.release()


os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_close_in_child)
