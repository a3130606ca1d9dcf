"""The number of tasks of a backup that are known to be restored, kept in a file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Mark:
    """The number of tasks that are known to be restored, in a file beside the backup: `FILE.restored`.

    Args:
        file: the backup.
        place: where it is restored, as a text: the namespace and the queue.
    """

    def __init__(self, file: str, place: str) -> None:
        self._path = Path(f"{file}.restored")
        found = Path(file).stat()
        #: A backup that was written anew is another one.
        self._of = {"place": place, "size": found.st_size, "written_ns": found.st_mtime_ns}

    def read(self) -> int:
        """Return the number of tasks that are restored; 0 if nothing is known of this backup and place."""
        try:
            told = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return 0
        count = told.pop("tasks", 0) if isinstance(told, dict) else 0
        return count if told == self._of and isinstance(count, int) and count > 0 else 0

    def write(self, tasks: int) -> bool:
        """Keep the number; return whether that was possible."""
        part = self._path.with_name(f"{self._path.name}.part")
        told: dict[str, Any] = {**self._of, "tasks": tasks}
        try:
            part.write_text(json.dumps(told), "utf-8")
            part.replace(self._path)
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Take the mark away: all is restored."""
        self._path.unlink(missing_ok=True)
