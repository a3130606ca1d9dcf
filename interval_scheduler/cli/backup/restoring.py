"""Restores a backup from a file, with a bar, and keeps how far it is for the case that it is cut off."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from typing import Final, Literal

from ... import RestoreCounts, UnknownNamespace, check_backup
from ..frame.connecting import connected, place_of, run_async
from ..frame.settings import Settings
from ..output.bar import Show, progress
from ..output.output import Output
from .apart import apart
from .files import STANDARD, Reading, reading
from .restore_mark import Mark

#: How long a kill may be noticed: so much of the restore is done once more then.
_MARK_SECONDS: Final = 1.0
OnConflict = Literal["skip", "replace"]


def restore_file(settings: Settings, file: str, *, on_conflict: OnConflict, dry_run: bool, resume: bool) -> None:
    """Restore a backup, or say what would be done; tell the counts.

    Args:
        settings: the common options.
        file: the name of the file; `-` is the standard input.
        on_conflict: as for `Scheduler.restore`.
        dry_run: change nothing.
        resume: pass over what an import of this file into this place has restored before.

    Raises:
        Ended: the file cannot be read.
    """
    out = Output(settings)
    with reading(file) as opened, progress(settings, opened.size) as show:
        if dry_run:
            counts = run_async(_foresee(settings, opened, on_conflict, show))
        else:
            counts = run_async(_restore(settings, file, opened, on_conflict, show, resume=resume))
    verb = "would be " if dry_run else ""
    out.value(counts, f"{counts.restored} {verb}restored, {counts.skipped} skipped, {counts.replaced} {verb}replaced")


async def _foresee(settings: Settings, opened: Reading, on_conflict: OnConflict, show: Show) -> RestoreCounts:
    try:
        async with connected(settings) as scheduler:
            return await scheduler.restore(
                apart(opened.lines), on_conflict, dry_run=True, progress=functools.partial(_show, show, opened)
            )
    except UnknownNamespace:  # all of them are new then
        return RestoreCounts(restored=check_backup(opened.lines))


async def _restore(
    settings: Settings, file: str, opened: Reading, on_conflict: OnConflict, show: Show, *, resume: bool
) -> RestoreCounts:
    async with connected(settings, create=True) as scheduler:
        if file == STANDARD:
            shown = functools.partial(_show, show, opened)
            return await scheduler.restore(apart(opened.lines), on_conflict, progress=shown)
        mark = Mark(file, _place(settings))
        after = mark.read() if resume else 0
        if resume:
            words = f"{after} tasks of it are restored" if after else "nothing is known of an earlier import"
            Output(settings).say(f"{words}; going on with task {after + 1}")
        keeper = _Keeper(mark, after, functools.partial(_show, show, opened))
        try:
            counts = await scheduler.restore(apart(opened.lines), on_conflict, after=after, progress=keeper.tell)
        except BaseException:
            keeper.keep()
            raise
        mark.remove()
        return counts


class _Keeper:
    """Shows how far a restore is, and writes it down every second."""

    def __init__(self, mark: Mark, after: int, show: Callable[[int], object]) -> None:
        self._mark = mark
        self._show = show
        self._tasks = after
        self._next = time.monotonic()  # the first batch is written down at once

    def tell(self, tasks: int) -> None:
        self._tasks = tasks
        self._show(tasks)
        if time.monotonic() >= self._next:
            self.keep()
            self._next = time.monotonic() + _MARK_SECONDS

    def keep(self) -> None:
        """Write it down. Where that is not possible, `--resume` begins at the start."""
        if self._tasks:
            self._mark.write(self._tasks)


def _place(settings: Settings) -> str:
    """Return where the tasks go, without any secret: a mark of one server says nothing of another."""
    servers = sorted(re.sub(r"//.*@", "//", url.partition("?")[0]) for url in settings.checked_urls())
    return f"{place_of(settings)} at {' '.join(servers)}"


def _show(show: Show, opened: Reading, tasks: int) -> None:
    show(opened.position(), f"{tasks:,} tasks")
