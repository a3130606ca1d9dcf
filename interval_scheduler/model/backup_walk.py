"""Walks over the lines of a backup: the header, then the tasks, then the end. Pure; `backup.py` has the format."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import BackupCutShort, InvalidLine, InvalidType
from .backup_header import Header, read_header
from .backup_reading import Entry, Trailer, read_line


class BackupWalk:
    """One walk over the lines, which are taken one by one.

    Attributes:
        found: the number of tasks so far.
        expected: the number of tasks that the last line tells; `None`: it was not there yet.
    """

    def __init__(self) -> None:
        self.found = 0
        self.expected: int | None = None
        self._line = 0
        self._begun = False

    def take(self, line: object) -> Header | Entry | None:
        """Take the next line; return what it says, `None` for an empty one and for the last.

        Raises:
            InvalidLine: it cannot be used.
        """
        self._line += 1
        if isinstance(line, bytes | str) and not line.strip():
            return None
        if not self._begun:
            if self._line > 1:
                raise InvalidLine(1, "line", "is empty: the header must be there")
            self._begun = True
            return read_header(line)
        if self.expected is not None:
            raise InvalidLine(self._line, "line", "comes behind the end of the backup: restore one at a time")
        read = read_line(self._line, line)
        if isinstance(read, Trailer):
            self.expected = read.tasks
            return None
        self.found += 1
        return read

    def require_begun(self) -> None:
        """Raise unless there was a line.

        Raises:
            InvalidLine: there was none.
        """
        if not self._begun:
            raise InvalidLine(1, "line", "is missing: the backup is empty")


def check_backup(lines: Iterable[bytes | str]) -> int:
    """Check all lines of a backup as `restore` does, without a server; return the number of its tasks.

    Args:
        lines: the lines that `export` gave; an open file is an iterable of them. Empty ones are passed over.

    Raises:
        InvalidLine: a line cannot be used; the error has its number and the field.
        BackupCutShort: lines are missing at the end, or in between.
        InvalidType: `lines` is no iterable of lines.
    """
    if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):
        raise InvalidType("lines", f"must be an iterable, not {type(lines).__name__}")
    walk = BackupWalk()
    for line in lines:
        walk.take(line)
    walk.require_begun()
    if walk.expected != walk.found:
        raise BackupCutShort(walk.found, walk.expected, 0, 0, 0)
    return walk.found
