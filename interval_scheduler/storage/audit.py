"""The audit: walks the key space of all partitions in short steps, and reports or mends the problems.

::

    for each partition, for each key: step ──▶ problems ──┬─ only report
                                        ▲                 └─ the same step again, mending ──▶ problems left
                                        └── next cursor ◀─────────────┘

A step is a script, so that each id is checked in its state at one moment, whatever schedulers do at the same time. A
step that found problems is repeated with the order to mend: its findings are known even if the second reply is lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, cast

from ..errors import StorageError
from ..model.audit import AuditReport, Kind, Problem
from ..model.steering import Note
from ..support.log import Log
from .commands import actions, auditing
from .partition.partition import Partition
from .partitions import Partitions

_PROBLEMS_KEPT: Final = 10_000


class Audit:
    """One audit of a namespace.

    Args:
        partitions: the partitions.
        repair: True to mend problems that are safe to mend.
        progress: called after each step with the number of checked tasks, and the number of all tasks.
        note: what the log of actions is to say of what is mended.
        log: the log for what cannot be noted there.
    """

    def __init__(
        self,
        partitions: Partitions,
        *,
        repair: bool,
        progress: Callable[[int, int], object] | None,
        note: Note,
        log: Log,
    ) -> None:
        self._partitions = partitions
        self._repair = repair
        self._progress = progress
        self._note = note
        self._log = log
        self._mended: Counter[Partition] = Counter()
        self._checked = 0
        self._counts: Counter[Kind] = Counter()
        self._problems: list[Problem] = []

    async def run(self) -> AuditReport:
        """Walk the whole key space once.

        Raises:
            PartitionOffline: a partition cannot be reached.
        """
        self._partitions.require_online()
        sizes = await asyncio.gather(*[partition.size.submit(None) for partition in self._partitions.all])
        tasks = sum(each.tasks for each in sizes)
        for partition in self._partitions.all:
            for key in auditing.AUDITED_KEYS:
                await self._audit_key(partition, key, tasks)
        return AuditReport(self._checked, dict(self._counts), tuple(self._problems))

    async def _audit_key(self, partition: Partition, key: str, tasks: int) -> None:
        cursor = b"0"
        while True:
            mended_before = self._mended[partition]
            step = await auditing.audit(partition.gate, key, cursor, mend=False)
            left: Sequence[auditing.FoundProblem] = step.problems
            if step.problems and self._repair:
                left = (await auditing.audit(partition.gate, key, cursor, mend=True)).problems
            left_ids = {problem.raw_id for problem in left}
            for found in step.problems:
                mended = self._repair and found.raw_id not in left_ids
                kind = cast("Kind", found.kind.decode())
                self._tell(partition, kind, found.raw_id, found.detail.decode(), mended=mended)
            if self._mended[partition] > mended_before:
                await self._note_mended(partition)
            if key == "tasks":
                await self._find_misplaced(partition, step.ids)
                self._checked += len(step.ids)
                if self._progress is not None:
                    self._progress(self._checked, max(tasks, self._checked))
            if step.cursor == b"0":
                return
            cursor = step.cursor

    async def _find_misplaced(self, partition: Partition, ids: Sequence[bytes]) -> None:
        """Find tasks that are not on their home; with `repair`, remove a second copy that is not leased."""
        for raw_id in ids:
            migration = self._partitions.migration
            home = self._partitions.home(raw_id)
            if home is partition or (migration is not None and migration.old_home(raw_id) is partition):
                continue
            here, there = await partition.look.submit(raw_id), await home.look.submit(raw_id)
            if here is None:
                continue
            if there is None:
                self._tell(partition, "misplaced", raw_id, f"its home is {home.name}", mended=False)
                continue
            mended = False
            if self._repair and here.state != "leased":
                await partition.remove.submit(raw_id)
                mended = True
            self._tell(partition, "second-home", raw_id, f"it is on its home {home.name} as well", mended=mended)
            if mended:
                await self._note_mended(partition)

    async def _note_mended(self, partition: Partition) -> None:
        """Tell the log of actions how many problems were mended so far: at once, since what comes next may fail.

        What was mended is in the report, also if the entry cannot be written.
        """
        try:
            await actions.note(partition.gate, self._note, self._mended[partition])
        except StorageError as error:
            text = "an audit mended partition %r, and its log of actions does not tell so (%d problems so far): %s"
            self._log.error(text, partition.name, self._mended[partition], error)

    def _tell(self, partition: Partition, kind: Kind, raw_id: bytes, detail: str, *, mended: bool) -> None:
        self._counts[kind] += 1
        self._mended[partition] += mended
        if len(self._problems) < _PROBLEMS_KEPT:
            task_id = raw_id.decode(errors="backslashreplace")
            self._problems.append(Problem(kind, task_id, partition.name, detail, mended))
