"""The public calls that export a namespace or queue, and restore it; `Scheduler` has them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from threading import get_ident

from ..errors import InvalidType, InvalidValue, NotAcceptingTasks
from ..model.backup import OnConflict, RestoreCounts
from ..model.checks import check_prefix, check_progress
from ..services import bulk, restoring
from ..storage.exporting import export
from .acting import note
from .core import Core


class BackupCalls:
    """The calls of a `Scheduler` on backups.

    Args:
        core: the parts of the scheduler.
    """

    def __init__(self, core: Core) -> None:
        self._backed_up = core

    async def export(self, prefix: str = "") -> AsyncIterator[bytes]:
        r"""Export the tasks with all their state, as lines of JSON.

        Each line ends with `\n`. The first is a header, with the version of the format, the namespace, and, of a whole
        export, its pause and its quotas; the last has the number of tasks, so that a file that was cut short is
        noticed. In between, each task has a line: payload, rules, next run, state, counts, errors and history; dead
        tasks too. A leased task is exported as it stands, and restored as one that waits for the run that was in
        progress.

        Each step of about 250 tasks is atomic, the export as a whole is not: a task that is changed meanwhile has its
        state from before or from after that. Each task that exists all the time is in it, and none is held up. Queues
        are not in it: export each one by itself. A task that cannot be read is left out, counted, and told to the log.

        Args:
            prefix: export only tasks whose ids start with this, without pause and quotas. Default: all.

        Raises:
            InvalidType, InvalidValue: `prefix` is not text that UTF-8 can encode.
            NotConnected, WrongEventLoop: call `connect` first, in this event loop.
            PartitionOffline: a partition cannot be reached.
            StorageRefused: Redis refuses.

        Example:
            ```python
            with open("backup.jsonl", "wb") as file:
                async for line in scheduler.export():
                    file.write(line)
            ```
        """
        core, prefix = self._backed_up, check_prefix("prefix", prefix)
        connected = await core.lifespan.enter()
        async with aclosing(export(connected.partitions, core.options.namespace, prefix, core.log)) as steps:
            async for lines in steps:
                for line in lines:
                    yield line
                    # To ask for the running event loop is a system call (see `Assigning`): only if it may be another.
                    if get_ident() != connected.thread or not connected.loop.is_running():
                        core.lifespan.check_home()

    async def restore(
        self,
        lines: Iterable[bytes | str] | AsyncIterable[bytes | str],
        on_conflict: OnConflict = "skip",
        *,
        dry_run: bool = False,
        after: int = 0,
        progress: Callable[[int], object] | None = None,
    ) -> RestoreCounts:
        """Restore what `export` exported, also into another namespace, or another number of partitions.

        Lines are checked as any input, and restored in batches, in bounded memory. Each batch is atomic; a restore that
        was cut off half-way can be repeated. Quotas and pause come first: those of the export are put in force, unless
        quotas are set here and tasks that exist are skipped. A namespace that is paused stays so.

        Args:
            lines: the lines, from any iterable or async iterable; an open file is one. Empty ones are passed over.
            on_conflict: the treatment of tasks that exist here, dead ones included. `"skip"` (the default): they stay
                as they are; `"replace"`: they are replaced with all their state, and a run in progress does not
                reschedule its task. Of two lines with one id, the first counts, or with `"replace"` the last.
            dry_run: check all lines, and count what would be done; nothing is changed. A task that comes twice, in
                lines that are far from each other, counts twice as new. Default False.
            after: the number of tasks at the beginning of the backup that are known to be restored, as `progress` told
                it: their lines are checked and passed over. Pause and quotas came with the first of them. Default 0.
            progress: called after each batch with the number of tasks from the beginning of the backup that are
                restored for certain. Default: nothing is called.

        Returns:
            The number of tasks that are restored, skipped, and replaced, without those that are passed over.

        Raises:
            InvalidLine: a line cannot be used; the error has its number and the field. Nothing of its batch (at most
                500 tasks) was written; those before are restored.
            BackupCutShort: lines are missing at the end, or in between. All lines that were there are restored.
            InvalidType, InvalidValue: an argument cannot be used; nothing was changed.
            GroupNeedsTag: a task of a bounded group has no hash tag, and there are several partitions; as for
                `assign_task`, but nothing of the tasks with which it was sent was written.
            NotAcceptingTasks: call `start_task_accept` first.
            NotConnected, WrongEventLoop: the scheduler was closed, or belongs to another event loop.
            PartitionOffline: the home of a task cannot be reached, also if hints are kept for it; nothing of that batch
                was written. If it was lost half-way, it is `OutcomeUnknown`; calling again is safe.
            NotReplicated: the tasks are restored, but too few replicas have them; see `wait_replicas`.
            StorageFull, StorageRefused: Redis refuses; nothing of that batch was changed at this partition.
        """
        bulk.check_iterable("lines", lines)
        if on_conflict not in ("skip", "replace"):
            raise InvalidValue("on_conflict", f"must be 'skip' or 'replace', got {on_conflict!r}")
        if not isinstance(dry_run, bool):
            raise InvalidType("dry_run", f"must be True or False, not {type(dry_run).__name__}")
        if isinstance(after, bool) or not isinstance(after, int):
            raise InvalidType("after", f"must be a whole number, not {type(after).__name__}")
        if after < 0:
            raise InvalidValue("after", f"must be at least 0, got {after}")
        check_progress(progress)
        core = self._backed_up
        connected = await core.lifespan.enter()
        if not dry_run and not core.assigning.accepting:
            raise NotAcceptingTasks
        actor = core.lifespan.actor
        return await restoring.restore(
            connected.partitions,
            connected.namespace,
            lines,
            lambda reason: note(actor, "pause", reason),
            restoring.How(on_conflict, dry_run, after, progress),
        )
