"""A folder that has a server: it is made, checked and marked.

Whoever may write into the folder could put a socket of his own there, and whoever may read it reads all tasks. So it is
this user's alone: at each start of the server, others lose the right to read it. If they had the right to write, and
the folder has tasks, it is refused.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from ...errors import PartitionOffline, StorageError, UnsuitableServer
from . import layout, marks
from .marks import BadMark, Version

#: The errors of the system that time does not mend, and what to do.
_STAYING: Final = {
    errno.EACCES: "give this user the rights to make and to read it, or name another one",
    errno.EEXIST: "there is a file of that name, so name another folder",
    errno.EISDIR: "there is a folder where a file of it should be, so name another one",
    errno.ELOOP: "a link in its path leads back to itself",
    errno.ENAMETOOLONG: "name a shorter one",
    errno.ENOLCK: "its file system has no locks, so name one on a disk of this machine",
    errno.ENOTDIR: "a part of its path is a file, so look at the path",
    errno.EOPNOTSUPP: "its file system has no locks, so name one on a disk of this machine",
    errno.EPERM: "the system forbids it, so name another one",
    errno.EROFS: "its file system is for reading only, so name another one",
}


class Folder:
    """A folder.

    Args:
        path: its absolute path.
        partition: the name of the partition that lives there, for errors.
    """

    def __init__(self, path: str, partition: str) -> None:
        #: Its absolute path.
        self.path: Final = path
        self._partition: Final = partition
        self._log_bytes = 0

    def file(self, name: str) -> str:
        """Return the path of a file in it."""
        return f"{self.path}/{name}"

    def has(self, name: str) -> bool:
        """Tell if there is a file of a name in it."""
        return self.trace(name) is not None

    def trace(self, name: str) -> tuple[int, int] | None:
        """Return what tells a file of a name in it from one that is made anew; `None`: there is none."""
        try:
            found = Path(self.file(name)).lstat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def prepare(self, *, creates: bool) -> None:
        """Make it unless it is there, and check that it may be used. Nothing in it is touched.

        Args:
            creates: False if a folder that is not there is not made.

        Raises:
            UnsuitableServer: it may not be used.
            OSError: it cannot be made or read.
        """
        if creates:
            Path(self.path).mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            found = Path(self.path).stat()
            names = frozenset(os.listdir(self.path))  # noqa: PTH208 - the names are wanted
        except FileNotFoundError:
            raise self.unsuitable("is not there: look at the path; a scheduler that assigns tasks makes it") from None
        if found.st_uid != os.geteuid():
            raise self.unsuitable("belongs to another user: each user has folders of its own")
        # The names were read first: a process that makes the mark makes it before anything else.
        if self.written_by() is not None:
            self._require_private(found.st_mode)
        elif layout.strangers(names):
            raise self._of_others()
        elif found.st_mode & stat.S_ISVTX:  # as /tmp has it; to take the rights of others away would be their end
            raise self.unsuitable("is shared by all users: name a folder in it")
        elif not creates:
            raise self.unsuitable("has no tasks: look at the path; a scheduler that assigns tasks makes them")

    def take(self) -> None:
        """Take all rights from others, before a server starts; what they put there until now is looked for once more.

        Raises:
            UnsuitableServer: it has no mark, and files of others.
            OSError: it cannot be changed or read.
        """
        Path(self.path).chmod(0o700)
        if self.written_by() is None and layout.strangers(frozenset(os.listdir(self.path))):  # noqa: PTH208 - the names
            raise self._of_others()

    def _of_others(self) -> UnsuitableServer:
        return self.unsuitable("has files, and no mark of interval_scheduler: name a new folder, or an empty one")

    def _require_private(self, mode: int) -> None:
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise self.unsuitable("can be written by other users: take that right away (chmod 700)")

    def written_by(self) -> Version | None:
        """Return the version of the server that wrote its data; `None`: it has no mark, and so no data.

        Raises:
            UnsuitableServer: the mark is not one that this library may work with.
            OSError: it cannot be read.
        """
        try:
            return marks.read(Path(self.file(layout.MARK)).read_bytes())
        except FileNotFoundError:
            return None
        except BadMark as problem:
            raise self.unsuitable(str(problem)) from None

    def mark(self, version: Version | None) -> None:
        """Note that a server of this version writes its data from now on; `None`: that it has no data.

        Raises:
            OSError: it cannot be written.
        """
        if self.written_by() == version:
            return
        if version is None:
            Path(self.file(layout.MARK)).unlink()
            return
        new = self.file(layout.NEW_MARK)
        # One that is left behind is not written to: it may be a link that somebody put there while he could.
        Path(new).unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it is a descriptor
            file.write(marks.write(version))
            file.flush()
            os.fsync(descriptor)
        Path(new).replace(self.file(layout.MARK))

    def note_log(self) -> None:
        """Note how long the log of its server is: what is written from now on is of the server that starts now."""
        try:
            self._log_bytes = Path(self.file(layout.LOG)).stat().st_size
        except OSError:
            self._log_bytes = 0

    def last_words(self) -> str:
        """Return the last line of the log since it was noted, without the number of the process and the time."""
        try:
            log = Path(self.file(layout.LOG)).read_bytes()
        except OSError:
            return ""
        if len(log) >= self._log_bytes:  # else it was put away at the start, and this is a new one
            log = log[self._log_bytes :]
        lines = log[-2000:].decode(errors="replace").splitlines()
        last = lines[-1] if lines else ""
        words = last.rpartition(" # ")[2].rpartition(" * ")[2]
        return "".join(each if each.isprintable() else " " for each in words[:300])

    def unsuitable(self, problem: str) -> UnsuitableServer:
        """Return the error for a folder that may not be used."""
        return UnsuitableServer(self._partition, f"cannot be used: its folder {self.path!r} {problem}")

    def offline(self, problem: str) -> PartitionOffline:
        """Return the error for a server that is not there at the moment."""
        words = f"is offline (the server of its folder {self.path!r} {problem}): nothing was changed, try again later"
        return PartitionOffline(self._partition, words, "folder")

    def refused(self, error: OSError) -> StorageError:
        """Return the error for what the system says of the folder."""
        words = f"{error.strerror or type(error).__name__}, errno {error.errno}"
        if error.errno == errno.ELOOP and os.path.dirname(error.filename or "") == self.path:  # noqa: PTH120 - a text
            name = os.path.basename(error.filename)  # noqa: PTH119 - likewise
            return self.unsuitable(f"gives an error ({words}): {name} is a link in it, so remove that")
        if error.errno in _STAYING:
            return self.unsuitable(f"gives an error ({words}): {_STAYING[error.errno]}")
        return self.offline(f"cannot be used: {words}")
