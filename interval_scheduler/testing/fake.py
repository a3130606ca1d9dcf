"""`fake_run()`: lets a unit test call an executor that uses `current_run()`, without any scheduler."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from .. import InvalidType, InvalidValue, TaskRun
from ..execution.grant import Grant
from ..execution.run import as_current
from ..model.checks import Moment, check_data, check_moment, check_name, check_wait
from ..support import clock


class _FakeRun(TaskRun):
    """A run whose lag is exactly the one that was asked for, where a difference of floats would be off a little."""

    __slots__ = ("_lag",)

    def __init__(self, grant: Grant, raw_id: bytes, due: bytes, failed: bytes | None, lag: float) -> None:
        super().__init__(grant, raw_id, due, b"", failed)
        self._lag = lag

    @property
    def lag(self) -> float:
        """Start minus due time, in seconds."""
        return self._lag


@contextmanager
def fake_run(
    *,
    id: str = "fake",  # noqa: A002 - as the attribute of TaskRun
    data: str | bytes = "",
    due: Moment | None = None,
    attempt: int = 1,
    lag: float = 0.0,
    token: int = 1,
    partition: str = "fake",
) -> Iterator[TaskRun]:
    """Make a run that `current_run()` returns for the length of a block, in plain tests and in asynchronous ones.

    ```python
    with fake_run(id="user:7", attempt=3) as run:
        await refresh_feed('{"user": 7}')
    ```

    asyncio tasks that the block starts see the run too, as those of an executor do. After the block, `current_run()`
    is what it was before.

    Args:
        id: the id of its task. Default `"fake"`.
        data: the payload of its task. Default: the empty string.
        due: when it was due, epoch seconds or an aware datetime. Default: `lag` seconds ago.
        attempt: which delivery of the occurrence it is, from 1. Default 1.
        lag: its start minus its due time, in seconds, at least 0. Default 0.
        token: the fencing token, at least 1. Default 1.
        partition: the name of the home of its task. Default `"fake"`.

    Raises:
        InvalidType: an argument has the wrong type; the error names it.
        InvalidValue: an argument is out of range.
    """
    raw_id = check_name("id", id)
    check_data("data", data)
    check_wait("lag", lag)
    for name, number in (("attempt", attempt), ("token", token)):
        if not isinstance(number, int) or isinstance(number, bool):
            raise InvalidType(name, f"must be an int, not {type(number).__name__}")
        if number < 1:
            raise InvalidValue(name, f"must be at least 1, got {number}")
    if not isinstance(partition, str):
        raise InvalidType("partition", f"must be a str, not {type(partition).__name__}")
    due_ms = check_moment("due", time.time() - lag if due is None else due)
    now = clock.monotonic()
    grant = Grant(partition, b"%d" % token, due_ms / 1000 + lag, now, now, now, is_leased=False)
    run = _FakeRun(grant, raw_id, b"%d" % due_ms, None if attempt == 1 else b"%d" % (attempt - 1), float(lag))
    run.data = data
    run.started_at = now
    with as_current(run):
        yield run
