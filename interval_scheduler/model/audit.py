"""The findings of an audit of the key space, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

Kind = Literal[
    "orphan",
    "ghost",
    "double",
    "no-lease",
    "stray-lease",
    "stuck",
    "ahead",
    "unreadable",
    "garbled",
    "leftover",
    "not-indexed",
    "group-count",
    "group-stands",
    "misplaced",
    "second-home",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Problem:
    r"""A fault in the key space of a partition.

    Attributes:
        kind: the sort of fault.

            - `orphan`: a task that is neither waiting nor leased, paused or dead. Mended: it is due now.
            - `ghost`: an id that is due, leased, paused or dead, but has no record. Mended: the id is gone.
            - `double`: a task at two places. Mended: it stays leased, else due, else paused, else dead.
            - `no-lease`, `stray-lease`: half of a lease. Mended: the task is due again; the half is gone.
            - `stuck`: a lease that ended over a minute ago, while no scheduler took the task up; or a lease that ends
              in more than an hour, and in more than ten times the longest lease that any scheduler takes, for example
              because the server's clock was set back. Mended: the task is due again, as after a crash.
            - `ahead`: a task that is due more than one interval from now although it has run, since the server's clock
              was ahead for a moment. Mended: it is due at its next time; a cron task, and a further attempt, at once.
            - `unreadable`: a record that cannot be read. Mended: the task is set aside as dead, unless it is leased.
            - `garbled`: something else of a task that cannot be read: its lease, a count, a due time that is no moment
              (as `inf`), or an id that is no UTF-8. Mended: the count is gone; the task is due at the nearest
              moment, or now; a task with an impossible id is set aside as dead, unless it is leased.
            - `leftover`: data about a task that is over. Mended: the data is gone.
            - `not-indexed`: a task with a hash tag that the index of the tag does not have. Mended: the index has it.
            - `group-count`: a wrong count of the runs of a group. Mended: they are counted anew.
            - `group-stands`: a group whose tasks wait for room, while nothing will give it to them: none of its tasks
              runs or has a turn. Mended: the next claim goes on with them.
            - `second-home`: a task that is on its home and on another partition too. Mended: the task is gone from the
              other partition, unless it runs there.
            - `misplaced`: a task that is on another partition than its home only. Not mended: assign it again, after
              which the fault is a `second-home`.
        id: the id of the task, with escapes such as `\xff` for bytes that are no UTF-8; for `group-count` and
            `group-stands` the name of the group.
        partition: the name of the partition.
        detail: a description for people.
        mended: True if the fault was mended.
        queue: the name of the queue; `None`: the fault is in the namespace itself.
    """

    kind: Kind
    id: str
    partition: str
    detail: str
    mended: bool = False
    queue: str | None = None

    def __str__(self) -> str:
        queue = "" if self.queue is None else f"queue {self.queue!r}: "
        return f"{self.partition}: {queue}{self.id!r} is {self.kind}: {self.detail}{' (mended)' if self.mended else ''}"


#: The most problems that a report has one by one.
MOST_PROBLEMS: Final = 10_000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The findings of an audit, of a namespace with its queues or of one queue.

    Attributes:
        checked: the number of tasks that were checked.
        counts: the number of problems of each kind; kinds without a problem are left out.
        problems: the problems one by one, the first 10,000 of them.
    """

    checked: int
    counts: Mapping[Kind, int]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """True if nothing is wrong, or if everything that was wrong is mended."""
        return not self.counts or (
            sum(self.counts.values()) == len(self.problems) and all(problem.mended for problem in self.problems)
        )


def joined(reports: Mapping[str | None, AuditReport]) -> AuditReport:
    """Join the reports of a namespace and its queues.

    Args:
        reports: each by the name of its queue; `None`: of the namespace itself.
    """
    counts: Counter[Kind] = Counter()
    problems: list[Problem] = []
    for queue, report in reports.items():
        counts.update(report.counts)
        problems += [problem if queue is None else replace(problem, queue=queue) for problem in report.problems]
    checked = sum(report.checked for report in reports.values())
    return AuditReport(checked, dict(counts), tuple(problems[:MOST_PROBLEMS]))
