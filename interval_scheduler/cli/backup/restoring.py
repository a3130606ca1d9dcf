"""Restores a backup from a file, shows how far it is, and keeps that for the case that it is cut off."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, islice
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from ... import BackupCutShort, RestoreCounts, UnknownNamespace, check_backup
from ..frame.connecting import connected, place_of, run_async
from ..frame.settings import Settings
from ..output.output import Output
from ..output.progress import Progress
from .apart import apart
from .files import STANDARD, Reading, reading
from .restore_mark import Mark

#: How long a kill may be noticed: so much of the restore is done once more then.
_MARK_SECONDS: Final = 1.0
#: The lines that are checked before a namespace is made for them.
_FIRST_LINES: Final = 100
OnConflict = Literal["skip", "replace"]
#: Is called with the number of tasks that are restored.
Far = Callable[[int], object]


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
    with reading(file) as opened, Progress(settings) as progress:
        far = functools.partial(_show, progress, opened)
        if dry_run:
            counts = _foresee(settings, opened, on_conflict, far)
        else:
            counts = run_async(_restore(settings, file, _begun(opened), on_conflict, far, resume=resume))
    would = "would be " if dry_run else ""
    out.value(
        counts,
        f"{counts.restored:,} {would}restored, {counts.skipped:,} skipped, {counts.replaced:,} {would}replaced",
    )


def _foresee(settings: Settings, opened: Reading, on_conflict: OnConflict, far: Far) -> RestoreCounts:
    async def restore() -> RestoreCounts:
        async with connected(settings) as scheduler:
            return await scheduler.restore(apart(opened.lines), on_conflict, dry_run=True, progress=far)

    try:
        return run_async(restore())
    except UnknownNamespace:  # all of them are new then; no line has been read yet
        return RestoreCounts(restored=check_backup(opened.lines))


def _begun(opened: Reading) -> Reading:
    """Check the first lines, so that a file that is no backup makes no namespace; return all of them to be read."""
    first = list(islice(opened.lines, _FIRST_LINES))
    with suppress(BackupCutShort):  # the other lines follow; where there are none, the restore tells it
        check_backup(first)
    return opened._replace(lines=chain(first, opened.lines))


async def _restore(
    settings: Settings, file: str, opened: Reading, on_conflict: OnConflict, far: Far, *, resume: bool
) -> RestoreCounts:
    async with connected(settings, create=True) as scheduler:
        if file == STANDARD:
            return await scheduler.restore(apart(opened.lines), on_conflict, progress=far)
        mark = Mark(file, _place(settings))
        after = mark.read() if resume else 0
        if resume:
            words = f"{after:,} tasks of it are restored" if after else "nothing is known of an earlier import"
            Output(settings).say(f"{words}; going on with task {after + 1:,}")
        keeper = _Keeper(mark, after, far)
        try:
            counts = await scheduler.restore(apart(opened.lines), on_conflict, after=after, progress=keeper.tell)
        except BaseException:
            keeper.keep()
            raise
        mark.remove()
        return counts


class _Keeper:
    """Shows how far a restore is, and writes it down every second."""

    def __init__(self, mark: Mark, after: int, show: Far) -> None:
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
    return f"{place_of(settings)} at {' '.join(sorted(map(_bare, settings.checked_urls())))}"


def _bare(url: str) -> str:
    """Return a URL without user, password and options; only the number of the database stays."""
    parts = urlsplit(url)
    databases = parse_qs(parts.query).get("db", [])
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{''.join(f'?db={db}' for db in databases)}"


def _show(progress: Progress, opened: Reading, tasks: int) -> None:
    of_all = f", {opened.position() / opened.size:.0%} of the file" if opened.size else ""
    progress.tell(f"{tasks:,} tasks{of_all}")
