"""Errors of `restore`."""

from __future__ import annotations

from .calls import InvalidValue, SchedulerError


class InvalidLine(InvalidValue):
    """A line of a backup that cannot be restored. Nothing of it, nor of the lines that were read with it, was written.

    Attributes:
        line: the number of the line; the first is 1.
        field: the field of the line at fault, for example `rules.cron`; `line` for the line as a whole.
        problem: the fault of its value.
    """

    def __init__(self, line: int, field: str, problem: str) -> None:
        SchedulerError.__init__(self, f"line {line} of the backup: {field} {problem}")
        self.line = line
        self.field = field
        self.problem = problem


class BackupCutShort(SchedulerError):
    """A backup has no end, or lost lines on its way. The lines that were there are restored.

    Attributes:
        found: the number of tasks in the lines that were there.
        expected: the number of tasks that its last line tells; `None` if that line is missing.
        restored: the number of tasks that did not exist and are restored.
        skipped: the number of tasks that existed and were left as they are.
        replaced: the number of tasks that existed and are replaced.
    """

    def __init__(self, found: int, expected: int | None, restored: int, skipped: int, replaced: int) -> None:
        end = "its last line is missing" if expected is None else f"its last line tells of {expected}"
        super().__init__(
            f"the backup was cut short: it has {found} tasks, and {end}; what is there is restored ({restored} new, "
            f"{skipped} skipped, {replaced} replaced)"
        )
        self.found = found
        self.expected = expected
        self.restored = restored
        self.skipped = skipped
        self.replaced = replaced
