"""`TaskRun`: one execution of a task, and what it may rely on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

from ..errors import OutsideRun
from ..model.cron import is_unreadable
from ..model.policy import PLAIN, BadPolicy, Policy, of_header, trace_of
from ..model.records import CorruptRecord, split
from ..model.wire import moment_of, readable, whole
from ..support import clock
from .grant import Grant

_SEMICOLON: Final = ord(";")
#: The most runs that one line of the log names.
_SHOWN: Final = 10
#: Why a run is cancelled by the scheduler.
Cut = Literal["its lease was lost", "replaced", "handed back", "timed out", "cancelled", "cancelled, to be handed back"]
#: The run of the calling executor, or the runs of its batch.
_current: Final[ContextVar[TaskRun | tuple[TaskRun, ...]]] = ContextVar("interval_scheduler_run")


def current_run() -> TaskRun:
    """Return the run that the calling executor carries out.

    Raises:
        OutsideRun: the caller is no executor, or one of batches, which gets its runs as its argument.
    """
    run = _current.get(())
    if isinstance(run, tuple):
        raise OutsideRun(in_batch=bool(run))
    return run


def runs_of_caller() -> tuple[TaskRun, ...]:
    """Return the run, or the runs of the batch, in whose context the caller is; none outside. They may have ended."""
    run = _current.get(())
    return run if isinstance(run, tuple) else (run,)


def enter_batch(runs: tuple[TaskRun, ...]) -> None:
    """Make the context of the caller that of a batch of runs."""
    _current.set(runs)


@contextmanager
def as_current(run: TaskRun) -> Iterator[None]:
    """Let `current_run()` return a run for the length of a block, and then what it returned before."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)


class TaskRun:
    """One execution of a task.

    Attributes:
        id: the id of the task.
        data: the payload, what the executor of single runs is called with.
        due: when it was due, epoch seconds.
        attempt: which delivery of this occurrence it is; above 1 after one that failed, or whose worker died.
        lag: its start minus its due time by the partition's clock, in seconds.
        token: the fencing token, greater than that of each earlier claim of the task.
        partition: the name of the task's home partition.
        lost: True once it has lost its lease, so that the task may run elsewhere: a single run is cancelled then, and a
            batch goes on, without the completion of this run.
        cancelled: True once `cancel_run` cancelled it: its batch goes on, and it fails or is handed back
            at the end of that.
        duration: in the handlers of `run` and `run-error`, how long it took, in seconds.
        error: in those handlers, what its executor raised, if anything.
        trace: the trace context (`traceparent`) that its task carries from the call that assigned it, or `None`.
    """

    #: Unset, not None, until needed: one run is made a claimed task, and each attribute write shows in the throughput.
    #: Its seconds and its error; a plain tuple, since one is made for each run of which a handler is told.
    ended: tuple[float, BaseException | None]
    _policy: Policy
    #: When its cron task is due next, epoch ms, as far as was known when the run began.
    planned_ms: int

    __slots__ = (
        "_due",
        "_policy",
        "_record",
        "asyncio_task",
        "cut_short",
        "data",
        "ended",
        "failed",
        "grant",
        "header",
        "is_given_up",
        "is_plain",
        "planned_ms",
        "raw_id",
        "start_by",
        "started_at",
        "trusted_until",
    )

    def __init__(self, grant: Grant, raw_id: bytes, due: bytes, record: bytes, failed: bytes | None) -> None:
        #: The grant of the claim that brought it.
        self.grant: Final = grant
        #: The id as it stands in Redis.
        self.raw_id: Final = raw_id
        self._due: Final = due
        self._record: Final = record
        #: The number of deliveries of this occurrence that failed, as it stands in Redis: 0 if none is known to have
        #: begun, `None` if there was none.
        self.failed: Final = failed
        #: True if its task has no policy, and no delivery failed; known once the run has begun.
        self.is_plain = failed is None
        self.data: str | bytes = b""
        #: The header of the record as claimed, once the run has begun.
        self.header = b""
        #: When the executor was called, monotonic seconds.
        self.started_at = 0.0
        #: The latest moment to start, monotonic seconds.
        self.start_by = grant.start_by
        #: The lease is relied on until then, monotonic seconds.
        self.trusted_until = grant.trusted_until
        #: Why the run was cancelled by the scheduler.
        self.cut_short: Cut | None = None
        #: True if it goes on although it was cancelled, so that its lease is renewed no more.
        self.is_given_up = False
        #: The asyncio task that carries the run out, while it is there.
        self.asyncio_task: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """The id of the task."""
        return readable(self.raw_id)

    @property
    def due(self) -> float:
        """When the run was due, epoch seconds."""
        return self.due_ms / 1000

    @property
    def attempt(self) -> int:
        """Which delivery of this occurrence it is, from 1."""
        return 1 if self.failed is None else 1 + max(1, self.charged)

    @property
    def charged(self) -> int:
        """The number of deliveries of this occurrence that failed; one that may not have begun is none."""
        return whole(self.failed) or 0

    @property
    def due_ms(self) -> int:
        """When the run was due, epoch ms."""
        due_ms = whole(self._due)
        return moment_of(self._due) if due_ms is None else due_ms

    @property
    def duration(self) -> float | None:
        """The seconds that the run took; `None` while it goes on."""
        return self.ended[0] if hasattr(self, "ended") else None

    @property
    def error(self) -> BaseException | None:
        """The error that its executor raised; `None` for none, and while the run goes on."""
        return self.ended[1] if hasattr(self, "ended") else None

    @property
    def lag(self) -> float:
        """Start minus due time by the partition's clock, in seconds."""
        grant = self.grant
        return grant.server_now - self.due + max(0.0, self.started_at - grant.received_at)

    @property
    def token(self) -> int:
        """The fencing token: strictly increasing over the claims of a task."""
        return int(self.grant.token)

    @property
    def partition(self) -> str:
        """The name of the task's home partition."""
        return self.grant.partition

    @property
    def policy(self) -> Policy:
        """The policy of its task."""
        return getattr(self, "_policy", PLAIN)

    @property
    def trace(self) -> str | None:
        """The trace context (`traceparent`) that the task carries from the call that assigned it; `None` for none."""
        return trace_of(self.header).decode("ascii", "replace") or None

    @property
    def recurs(self) -> bool:
        """True if its task has an interval or a cron expression; known once the run has begun."""
        return self.policy.cron is not None or b" " in self.header.partition(b";")[0]

    @property
    def is_leased(self) -> bool:
        """True if the run ends by a completion; otherwise it was over for Redis when it was claimed."""
        return self.grant.is_leased or (not self.is_plain and self.policy.needs_lease)

    @property
    def is_rated(self) -> bool:
        """True if it took a token of a rate of the namespace."""
        return self.grant.is_rated

    @property
    def is_trusted(self) -> bool:
        """True while the run can rely on its lease."""
        return self.cut_short is None and clock.monotonic() < self.trusted_until

    @property
    def claimed_at_ms(self) -> int:
        """The server's clock at the claim, epoch ms."""
        return int(1000 * self.grant.server_now)

    def server_now_ms(self, now: float) -> int:
        """Return about what the server's clock shows at a monotonic moment, in epoch ms."""
        return int(1000 * (self.grant.server_now + now - self.grant.received_at))

    @property
    def received_at(self) -> float:
        """When the claim was received, monotonic seconds."""
        return self.grant.received_at

    @property
    def leased_start_by(self) -> float:
        """The latest moment to start if its task is leased, monotonic seconds."""
        return self.grant.leased_start_by

    @property
    def lease(self) -> bytes:
        """The lease as it stands in Redis."""
        return self.grant.token + b" " + self._due

    def read(self) -> None:
        """Find out what its task asks for, without starting.

        Raises:
            CorruptRecord: it cannot be.
        """
        self.header, self.data = split(self._record)
        if _SEMICOLON in self.header:
            self._ask(self.header)

    @property
    def lost(self) -> bool:
        """True once the run has lost its lease, so that its task may run elsewhere."""
        return self.cut_short in ("its lease was lost", "replaced")

    @property
    def cancelled(self) -> bool:
        """True once the run was cancelled by `cancel_run`."""
        return self.cut_short in ("cancelled", "cancelled, to be handed back")

    def begin(self, asyncio_task: asyncio.Task[None], now: float) -> None:
        """Start the run in the calling asyncio task, at a monotonic moment.

        Raises:
            CorruptRecord: it cannot.
        """
        header, self.data = split(self._record)
        self.header = header
        if _SEMICOLON in header:
            self._ask(header)
        self.asyncio_task = asyncio_task
        self.started_at = now
        _current.set(self)

    def _ask(self, header: bytes) -> None:
        try:
            self._policy = of_header(header)
        except BadPolicy as error:
            raise CorruptRecord(str(error)) from None
        if self._policy.cron is not None and is_unreadable(self._policy.cron):
            raise CorruptRecord(f"the cron expression {self._policy.cron[:100]!r} cannot be read")
        self.is_plain = self.is_plain and self._policy is PLAIN  # it may carry a trace, and no rule
        if self._policy.needs_lease:
            self.start_by = self.grant.leased_start_by
            self.trusted_until = self.grant.leased_until

    def ends_with(self, header: bytes) -> None:
        """End with another header than the claimed one: it has the next due time, or no count of runs."""
        self.header = header

    def end(self, error: BaseException | None) -> None:
        """Note that the executor ended now, and its error."""
        self.ended = clock.monotonic() - self.started_at, error

    def trust_until(self, moment: float) -> None:
        """Rely on the lease until that moment, monotonic seconds."""
        self.trusted_until = moment

    def cut(self, why: Cut) -> bool:
        """Cancel the run, unless it was cut before or is over; return whether it was cancelled."""
        if self.cut_short is not None or not self.cancel():
            return False
        self.cut_short = why
        return True

    def cancel(self) -> bool:
        """Cancel the asyncio task of the run; return whether there is one."""
        return self.asyncio_task is not None and self.asyncio_task.cancel()

    def __repr__(self) -> str:
        return f"TaskRun(id={self.id!r}, due={self.due}, attempt={self.attempt}, token={self.token})"


def named(runs: Iterable[TaskRun]) -> tuple[int, str]:
    """Return the number of runs, and the ids and seconds of the longest ones for a line of the log."""
    now, sorted_runs = clock.monotonic(), sorted(runs, key=lambda run: run.started_at)
    shown = ", ".join(f"{run.id!r} ({now - run.started_at:.1f} s)" for run in sorted_runs[:_SHOWN])
    more = f" and {len(sorted_runs) - _SHOWN} more" if len(sorted_runs) > _SHOWN else ""
    return len(sorted_runs), shown + more
