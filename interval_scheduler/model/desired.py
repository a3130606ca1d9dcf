"""The comparison of a task that a sync wants with the record of the one that is scheduled, and the limits of a sync."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidType, InvalidValue, TooManyRemovals
from .assignment import Assignment
from .policy import without_previous
from .records import CorruptRecord, split


def is_same(wanted: Assignment, record: bytes, grid_ms: int) -> bool:
    """Tell if assigning a task would change nothing (except its phase, by the rule `keep`)."""
    try:
        split(record)
    except CorruptRecord:
        return False
    header, _, data = record.partition(b"\n")
    plain, _, policy = header.partition(b";")
    flags, *numbers = plain.split(b" ")
    expected = [] if wanted.interval_ms is None else [wanted.interval_ms]
    if wanted.interval_ms is not None and grid_ms > 1:
        expected.append(grid_ms)
    kept = [int(number) for n, number in enumerate(numbers) if n != 1]
    return (
        data == wanted.data
        and flags == (b"s" if wanted.is_text else b"b") + (b"d" if wanted.fixed_delay else b"")
        and kept == expected
        and (wanted.phase_ms is None or int(numbers[1]) == wanted.phase_ms)
        and without_previous(b";" + policy if policy else b"") == wanted.policy.encode()
    )


@dataclass(frozen=True, slots=True)
class SyncLimits:
    """The limits within which a sync may change the schedule; see `Scheduler.sync_tasks`.

    Raises:
        InvalidType, InvalidValue: a limit cannot be used; the message names it.
    """

    allow_empty: bool = False
    max_removed: float | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        for name in ("allow_empty", "dry_run"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidType(name, f"must be True or False, not {type(getattr(self, name)).__name__}")
        limit = self.max_removed
        if limit is None:
            return
        if isinstance(limit, bool) or not isinstance(limit, int | float):
            raise InvalidType("max_removed", f"must be a number (int) or a share (float), not {type(limit).__name__}")
        if isinstance(limit, float) and not 0 <= limit <= 1:
            raise InvalidValue("max_removed", f"must be a share from 0.0 to 1.0, or a whole number, got {limit}")
        if limit < 0:
            raise InvalidValue("max_removed", f"must be at least 0, got {limit}")

    def check_count(self, desired: int) -> None:
        """Check the number of the desired tasks.

        Raises:
            InvalidValue: there is none, and that is not allowed.
        """
        if desired == 0 and not (self.allow_empty or self.dry_run):
            raise InvalidValue(
                "desired", "is empty, so that every task of the scope would be removed: if so, give allow_empty=True"
            )

    def check_removed(self, scope: str, removed: int, scheduled: int) -> None:
        """Check the number of tasks to remove, of those that are scheduled in the scope.

        Raises:
            TooManyRemovals: there are more than the limit.
        """
        limit = self.max_removed
        if limit is None or self.dry_run:
            return
        if removed > (limit * scheduled if isinstance(limit, float) else limit):
            raise TooManyRemovals(scope, removed, scheduled)
