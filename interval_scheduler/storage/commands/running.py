"""Claiming tasks, and ending the runs of what was claimed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from ..requests.session import Session
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument
from .flags import flags

#: So many dead tasks are kept in a partition, the youngest.
DEAD_LIMIT: Final = 10_000


class Claimed(NamedTuple):
    """What a claim returned. `failed` is empty unless a delivery of one of the tasks failed before."""

    now_us: int
    next_look_ms: int
    token: bytes
    ids: Sequence[bytes]
    dues: Sequence[bytes]
    records: Sequence[bytes]
    failed: Sequence[bytes | None]


class Held(Protocol):
    """A claimed task as the scripts know it: its id, its lease and the header of its record."""

    @property
    def raw_id(self) -> bytes:
        """Its id as it stands in Redis."""

    @property
    def lease(self) -> bytes:
        """Its lease, as claimed."""

    @property
    def header(self) -> bytes:
        """The header of its record, as claimed."""


class Ended(NamedTuple):
    """What ending leases came to: for each whether it was still held, and the earliest new due time."""

    held: Sequence[bool]
    earliest_ms: int


async def claim(session: Session, keys: Keys, limit: int, lease_ms: int, group_limit: int = 0) -> Claimed:
    """Lease up to `limit` due tasks (at least once), and so many of a group. After one in doubt, what that got."""
    send = session.repeat if session.in_doubt else session.request
    reply: list[Any] = await send(
        scripts.CLAIM,
        keys.of(scripts.CLAIM),
        (limit, lease_ms, group_limit),
    )
    return Claimed(*reply)


async def claim_once(session: Session, keys: Keys, limit: int, lease_ms: int, group_limit: int = 0) -> Claimed:
    """Take up to `limit` due tasks and reschedule them at once (at most once). After one in doubt, what that got.

    Those whose controls need a lease are leased.
    """
    send = session.repeat if session.in_doubt else session.request
    reply: list[Any] = await send(
        scripts.CLAIM_ONCE,
        (*keys.of(scripts.CLAIM_ONCE), keys.taken(session.name)),
        (limit, lease_ms, group_limit, DEAD_LIMIT),
    )
    return Claimed(*reply)


async def complete(session: Session, keys: Keys, runs: Sequence[Held]) -> Ended:
    """End runs: reschedule recurring tasks, delete one-shots."""
    leases = b"\n".join([run.lease for run in runs])
    headers = b"\n".join([run.header for run in runs]) + b"\n"
    reply: bytes = await session.request(
        scripts.COMPLETE,
        keys.of(scripts.COMPLETE),
        (keys.wake, leases, headers, *[run.raw_id for run in runs]),
    )
    return _ended(reply)


class Failure(NamedTuple):
    """A run that failed, as the scripts know it.

    `retry_ms` is the delay before the next attempt, `None` for none; `charge` whether this one counts as an attempt.
    """

    raw_id: bytes
    lease: bytes
    header: bytes
    retry_ms: int | None
    charge: bool
    error: str


class Failed(NamedTuple):
    """What failures came to: for each `r` (tried again), `n` (on with the next time), `d` (dead) or `0` (stale)."""

    results: str
    earliest_ms: int


async def fail(session: Session, keys: Keys, failures: Sequence[Failure]) -> Failed:
    """End runs that failed: try again, go on, or set aside as dead."""
    args: list[Argument] = [keys.wake, DEAD_LIMIT]
    for failure in failures:
        retry: Argument = b"" if failure.retry_ms is None else failure.retry_ms
        error = failure.error.encode(errors="replace")
        args += (failure.raw_id, failure.lease, failure.header, retry, int(failure.charge), error)
    reply: bytes = await session.request(
        scripts.FAIL,
        keys.of(scripts.FAIL),
        args,
    )
    earliest, _, results = reply.partition(b" ")
    return Failed(results.decode(), int(earliest))


async def release(session: Session, keys: Keys, runs: Sequence[Held]) -> Ended:
    """Hand claimed tasks back unrun."""
    args: list[Argument] = [keys.wake]
    for run in runs:
        args += (run.raw_id, run.lease)
    return _ended(await session.request(scripts.RELEASE, keys.of(scripts.RELEASE), args))


async def renew(session: Session, keys: Keys, lease_ms: int, runs: Sequence[Held]) -> list[bool]:
    """Extend leases: for each whether it was still held."""
    args: list[Argument] = [lease_ms]
    for run in runs:
        args += (run.raw_id, run.lease)
    return flags(await session.request(scripts.RENEW, keys.of(scripts.RENEW), args))


async def quarantine(session: Session, keys: Keys, runs: Sequence[Held]) -> list[bool]:
    """Set claimed tasks whose record cannot be read aside as dead."""
    args: list[Argument] = [keys.wake, DEAD_LIMIT]
    for run in runs:
        args += (run.raw_id, run.lease)
    reply = await session.request(
        scripts.QUARANTINE,
        keys.of(scripts.QUARANTINE),
        args,
    )
    return flags(reply)


def _ended(reply: bytes) -> Ended:
    earliest, _, held = reply.partition(b" ")
    return Ended(flags(held), int(earliest))
