"""`TaskRun`: one execution of a task, and what it may rely on."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from ..errors import OutsideRun
from ..storage.records import split

if TYPE_CHECKING:
    import asyncio

_current: Final[ContextVar[TaskRun]] = ContextVar("interval_scheduler_run")


def current_run() -> TaskRun:
    """The run that the calling executor carries out.

    Raises:
        OutsideRun: the caller is no executor.
    """
    run = _current.get(None)
    if run is None:
        raise OutsideRun
    return run


class Grant:
    """What one claim gave, shared by its runs. Moments are of the monotonic clock, in seconds."""

    __slots__ = ("partition", "received_at", "server_now", "start_by", "token", "trusted_until")

    def __init__(
        self,
        partition: str,
        token: bytes,
        server_now: float,
        received_at: float,
        start_by: float,
        trusted_until: float,
    ) -> None:
        self.partition: Final = partition
        self.token: Final = token
        #: The server's clock when it granted the claim, epoch seconds.
        self.server_now: Final = server_now
        self.received_at: Final = received_at
        #: Runs may start until then; later ones are handed back.
        self.start_by: Final = start_by
        #: The lease, unless renewed, is relied on until then.
        self.trusted_until: Final = trusted_until


class TaskRun:
    """One execution of a task.

    Attributes:
        id: the id of the task.
        data: what the executor was called with.
        due: when it was due, epoch seconds.
        attempt: which delivery of this occurrence it is; above 1 after a worker died or lost its lease.
        lag: its start minus its due time by the partition's clock, in seconds.
        token: the fencing token, greater than that of each earlier claim of the task.
        partition: the name of the task's home partition.
    """

    __slots__ = (
        "_due",
        "_failed",
        "_grant",
        "_record",
        "_worker",
        "cut_short",
        "data",
        "header",
        "raw_id",
        "started_at",
        "trusted_until",
    )

    def __init__(self, grant: Grant, raw_id: bytes, due: bytes, record: bytes, failed: bytes | None) -> None:
        self._grant: Final = grant
        #: The id as it stands in Redis.
        self.raw_id: Final = raw_id
        self._due: Final = due
        self._record: Final = record
        self._failed: Final = failed
        self.data: str | bytes = b""
        #: The header of the record as claimed, once the run has begun.
        self.header = b""
        #: When the executor was called, monotonic seconds.
        self.started_at = 0.0
        #: The lease is relied on until then, monotonic seconds.
        self.trusted_until = grant.trusted_until
        #: Why the run was cancelled by the scheduler: its lease was lost, or it is handed back.
        self.cut_short: str | None = None
        self._worker: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """The id of the task."""
        return self.raw_id.decode()

    @property
    def due(self) -> float:
        """When the run was due, epoch seconds."""
        return int(self._due) / 1000

    @property
    def attempt(self) -> int:
        """Which delivery of this occurrence it is, from 1."""
        return 1 if self._failed is None else 1 + int(self._failed)

    @property
    def lag(self) -> float:
        """Start minus due time by the partition's clock, in seconds."""
        grant = self._grant
        return grant.server_now - self.due + max(0.0, self.started_at - grant.received_at)

    @property
    def token(self) -> int:
        """The fencing token: strictly increasing over the claims of a task."""
        return int(self._grant.token)

    @property
    def partition(self) -> str:
        """The name of the task's home partition."""
        return self._grant.partition

    @property
    def start_by(self) -> float:
        """The latest moment to start, monotonic seconds."""
        return self._grant.start_by

    @property
    def received_at(self) -> float:
        """When the claim was received, monotonic seconds."""
        return self._grant.received_at

    @property
    def lease(self) -> bytes:
        """The lease as it stands in Redis."""
        return self._grant.token + b" " + self._due

    def begin(self, worker: asyncio.Task[None], now: float) -> None:
        """The run starts in `worker`.

        Raises:
            CorruptRecord: it cannot.
        """
        self.header, self.data = split(self._record)
        self._worker = worker
        self.started_at = now
        _current.set(self)

    def cut(self, reason: str) -> None:
        """Cancel the run; the worker goes on with others."""
        if self.cut_short is None and self._worker is not None:
            self.cut_short = reason
            self._worker.cancel()

    def __repr__(self) -> str:
        return f"TaskRun(id={self.id!r}, due={self.due}, attempt={self.attempt}, token={self.token})"
