"""The calls of a `BlockingScheduler` on backups; `backing_up.py` has the meaning of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..model.backup import OnConflict, RestoreCounts
from .backing_up import BackupCalls
from .feeding import call_with
from .loop_thread import LoopThread
from .paging import read_in_pages


class BlockingBackupCalls:
    """The calls on backups.

    Args:
        scheduler: the scheduler that carries them out.
        thread: the thread of its event loop.
    """

    def __init__(self, scheduler: BackupCalls, thread: LoopThread) -> None:
        self._backups = scheduler
        self._backup_thread = thread

    def export(self, prefix: str = "") -> Iterator[bytes]:
        """Export the tasks with all their state, as lines of JSON."""
        return read_in_pages(self._backup_thread, lambda: self._backups.export(prefix))

    def restore(
        self,
        lines: Iterable[bytes | str],
        on_conflict: OnConflict = "skip",
        *,
        dry_run: bool = False,
        after: int = 0,
        progress: Callable[[int], object] | None = None,
    ) -> RestoreCounts:
        """Restore what `export` exported, also into another namespace, or another number of partitions.

        The lines, as those of an open file, are read in the thread that calls. `progress` is called in the thread of
        the event loop.
        """
        return call_with(
            self._backup_thread,
            lines,
            lambda some: self._backups.restore(some, on_conflict, dry_run=dry_run, after=after, progress=progress),
        )
