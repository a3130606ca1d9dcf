"""`BatchFailed`: the error by which an executor of batches says which of its runs failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ..errors import InvalidType, InvalidValue
from .run import TaskRun


class BatchFailed(Exception):
    """Raised by an executor of batches: these runs failed, each by its error, and all others are done.

    Each error counts as if its run had raised it alone: `Retry(after=...)` asks for a later attempt of that run, any
    other error charges an attempt. A run that is not of the batch leaves in doubt which one was meant: then all runs
    that are not named fail too, by an `InvalidValue`.

    Attributes:
        errors: the errors by their runs.

    Args:
        errors: the failed runs of the batch, each with its error. An empty mapping: none failed.

    Raises:
        InvalidType: it is no mapping of `TaskRun`s to errors.

    Example:
        ```python
        async def refresh(runs):
            failed = {}
            for run in runs:
                if not known(run.data):
                    failed[run] = KeyError(run.id)
            if failed:
                raise BatchFailed(failed)
        ```
    """

    def __init__(self, errors: Mapping[TaskRun, BaseException]) -> None:
        if not isinstance(errors, Mapping):
            raise InvalidType("errors", f"must be a mapping of TaskRuns to errors, not {type(errors).__name__}")
        for run, error in errors.items():
            if not isinstance(run, TaskRun):
                raise InvalidType("errors", f"must have TaskRuns as keys, not {type(run).__name__}")
            if not isinstance(error, BaseException):
                raise InvalidType("errors", f"must have errors as values; that of task {run.id!r} is {error!r:.100}")
        self.errors: Final[Mapping[TaskRun, BaseException]] = MappingProxyType(dict(errors))
        super().__init__(f"{len(self.errors)} runs of the batch failed")


def results(runs: Sequence[TaskRun], error: BaseException | None) -> list[BaseException | None]:
    """Return the error of each run of a batch, in order; `None` for one that is done.

    Args:
        runs: the runs.
        error: what left the executor.
    """
    if not isinstance(error, BatchFailed):
        return [error] * len(runs)
    of_others: BaseException | None = None
    if strangers := error.errors.keys() - set(runs):
        name = min(run.id for run in strangers)
        of_others = InvalidValue("errors", f"of BatchFailed name a run of task {name!r}, which is not of the batch")
    return [error.errors.get(run, of_others) for run in runs]
