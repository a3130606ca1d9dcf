"""Commands that claim tasks and end their runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from ...model.checks import MAX_ID_BYTES
from ...model.ending import Failure
from ...model.records import Garbled
from ...model.wire import is_id, whole
from ..requests.session import Requests, Session, to_flags
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument

#: The greatest number of dead tasks in a partition; the oldest ones beyond it are forgotten.
DEAD_LIMIT: Final = 10_000
#: The most bytes of records that one claim brings, unless one task alone has more. Redis takes a millisecond a MiB to
#: read and send them in a script.
MAX_CLAIM_BYTES: Final = 2 << 20

_CORRUPT: Final = "the record is corrupt"


class Claimed(NamedTuple):
    """The reply to a claim. `failed` is empty unless an earlier delivery of one of the tasks failed.

    Where the namespace has a rate, `waits_ms` is that for which due tasks wait: 0 for nothing, the ms until there are
    tokens, or below 0 the number of tokens that are to be taken from the master.
    """

    now_us: int
    next_claim_ms: int
    token: bytes
    ids: Sequence[bytes]
    dues: Sequence[bytes]
    records: Sequence[bytes]
    failed: Sequence[bytes | None]
    waits_ms: int | None = None


class ClaimedTask(Protocol):
    """A claimed task in the form of the scripts: its id, its lease and the header of its record."""

    @property
    def raw_id(self) -> bytes:
        """The id as Redis has it."""

    @property
    def lease(self) -> bytes:
        """The lease, as claimed."""

    @property
    def header(self) -> bytes:
        """The header of the record, as claimed."""


class CompleteReply(NamedTuple):
    """The result of ending leases: for each if it was still held, and the earliest new due time."""

    held: Sequence[bool]
    earliest_ms: int


async def claim(
    session: Session,
    keys: Keys,
    limit: int,
    lease_ms: int,
    group_limit: Argument = 0,
    weight: int = MAX_CLAIM_BYTES,
    places: int | None = None,
    tokens: Argument = b"",
) -> Claimed:
    """Lease up to `limit` due tasks (at least once), with records of up to `weight` bytes, or one.

    At most `group_limit` tasks of one group are leased; 0 for any number (see `encode_caps`). The first `places` of
    them, or all, begin at once. With a rate, they are no more than the `tokens` that the claim brings from the master;
    by default the bucket is here. After a claim in doubt, repeat it: return the tasks that it took.
    """
    send = session.repeat if session.in_doubt else session.request
    reply: list[Any] = await send(
        scripts.CLAIM,
        keys.of[scripts.CLAIM],
        (limit, lease_ms, group_limit, weight, limit if places is None else places, tokens),
    )
    return _checked(keys, Claimed(*reply))


async def claim_once(
    session: Session,
    keys: Keys,
    limit: int,
    lease_ms: int,
    group_limit: Argument = 0,
    weight: int = MAX_CLAIM_BYTES,
    places: int | None = None,
    tokens: Argument = b"",
    had: int = -1,
) -> Claimed:
    """Take up to `limit` due tasks, bounded as by `claim`, and reschedule them at once (at most once).

    Tasks whose policy needs a completion are leased. After a claim in doubt, repeat it: return the tasks that it took,
    or the first ones if they are too heavy by now. Then the next claim has to tell how many it `had`, and returns
    others of them, with the same token.
    """
    send = session.repeat if session.in_doubt else session.request
    reply: list[Any] = await send(
        scripts.CLAIM_ONCE,
        (*keys.of[scripts.CLAIM_ONCE], keys.taken(session.name)),
        (limit, lease_ms, group_limit, weight, DEAD_LIMIT, limit if places is None else places, tokens, had),
    )
    return _checked(keys, Claimed(*reply))


def _checked(keys: Keys, claimed: Claimed) -> Claimed:
    """Replace the record of each task whose id or count of failed deliveries cannot be read by a garbled one.

    So the task is set aside when its run would begin.
    """
    ids = claimed.ids
    joined = b"".join(ids)
    if joined.isascii() and b"\0" not in joined and len(joined) <= MAX_ID_BYTES * len(ids) and not claimed.failed:
        return claimed
    return claimed._replace(
        records=[
            _checked_record(keys, raw_id, record, failed)
            for raw_id, record, failed in zip(ids, claimed.records, claimed.failed or [None] * len(ids), strict=True)
        ]
    )


def _checked_record(keys: Keys, raw_id: bytes, record: bytes, failed: bytes | None) -> bytes:
    if not is_id(raw_id, MAX_ID_BYTES):
        return Garbled(record, "the id is no UTF-8, or too long")
    if failed is not None and whole(failed) is None:
        return Garbled(record, f"the count in the key {keys.attempts.decode()} cannot be read")
    return record


async def complete(session: Session, keys: Keys, runs: Sequence[ClaimedTask]) -> CompleteReply:
    """End runs: reschedule recurring tasks, delete one-shots. Fewer results than runs: the others did not end yet."""
    leases = b"\n".join([run.lease for run in runs])
    headers = b"\n".join([run.header for run in runs]) + b"\n"
    reply: bytes = await session.request(
        scripts.COMPLETE,
        keys.of[scripts.COMPLETE],
        (keys.wake, leases, headers, *[run.raw_id for run in runs]),
    )
    return _ended(reply)


class FailReply(NamedTuple):
    """The results of failures: for each `r` (tried again), `n` (next occurrence), `d` (dead) or `0` (stale lease)."""

    results: str
    earliest_ms: int


async def fail(session: Session, keys: Keys, failures: Sequence[Failure]) -> FailReply:
    """End runs that failed: try again, go on with the next occurrence, or set the task aside as dead.

    Fewer results than runs: the others did not end yet.
    """
    args: list[Argument] = [keys.wake, DEAD_LIMIT]
    for failure in failures:
        retry: Argument = b"" if failure.retry_ms is None else failure.retry_ms
        error = failure.error.encode(errors="replace")
        args += (failure.raw_id, failure.lease, failure.header, retry, int(failure.charge), error)
    reply: bytes = await session.request(
        scripts.FAIL,
        keys.of[scripts.FAIL],
        args,
    )
    earliest, _, results = reply.partition(b" ")
    return FailReply(results.decode(), int(earliest))


class Released(NamedTuple):
    """The results of hand-backs: for each `1`, `0` (stale lease) or `x` (the run is cancelled: end it as failed)."""

    results: str
    earliest_ms: int


async def release(
    session: Session, keys: Keys, runs: Sequence[ClaimedTask], delays: Sequence[Argument] | None = None
) -> CompleteReply:
    """Hand back claimed tasks that did not end, as `released`. Return for each if it was handed back."""
    results, earliest_ms = await released(session, keys, runs, delays)
    return CompleteReply([result == "1" for result in results], earliest_ms)


async def released(
    session: Session, keys: Keys, runs: Sequence[ClaimedTask], delays: Sequence[Argument] | None = None
) -> Released:
    """Hand back claimed tasks that did not end; `delays` in ms, in which nobody may claim them. Default: none.

    A `u` behind a delay says that the run did not start, so that its group gets a token back.
    """
    args: list[Argument] = [keys.wake]
    for run, delay in zip(runs, delays or [0] * len(runs), strict=True):
        args += (run.raw_id, run.lease, delay)
    reply: bytes = await session.request(scripts.RELEASE, keys.of[scripts.RELEASE], args)
    earliest, _, results = reply.partition(b" ")
    return Released(results.decode(), int(earliest))


async def renewed(session: Requests, keys: Keys, lease_ms: int, runs: Sequence[ClaimedTask]) -> str:
    """Extend leases. Return for each `1`, `0` (held no more), `x` (its run is cancelled) or `h` (hand it back)."""
    args: list[Argument] = [lease_ms]
    for run in runs:
        args += (run.raw_id, run.lease)
    reply: bytes = await session.request(scripts.RENEW, keys.of[scripts.RENEW], args)
    return reply.decode()


async def renew(session: Requests, keys: Keys, lease_ms: int, runs: Sequence[ClaimedTask]) -> list[bool]:
    """Extend leases. Return for each if it was still held."""
    return [told != "0" for told in await renewed(session, keys, lease_ms, runs)]


class HandedBack(NamedTuple):
    """A claimed task that did not end, the delay in ms in which nobody may claim it, and if its run started."""

    run: ClaimedTask
    delay_ms: int
    has_started: bool = False

    @property
    def raw_id(self) -> bytes:
        """The id as Redis has it."""
        return self.run.raw_id


class SetAside(NamedTuple):
    """A claimed task that cannot be read, and why."""

    run: ClaimedTask
    problem: str

    @property
    def raw_id(self) -> bytes:
        """The id as Redis has it."""
        return self.run.raw_id


async def quarantine(
    session: Session, keys: Keys, runs: Sequence[ClaimedTask], problems: Sequence[str] | None = None
) -> list[bool]:
    """Set claimed tasks aside as dead that cannot be read. Return for each if its lease was still held.

    Args:
        session: a session with the partition.
        keys: its keys.
        runs: the tasks.
        problems: the reason of each. Default: its record is corrupt.
    """
    args: list[Argument] = [keys.wake, DEAD_LIMIT]
    for run, problem in zip(runs, problems or [_CORRUPT] * len(runs), strict=True):
        args += (run.raw_id, run.lease, problem.encode(errors="replace"))
    reply = await session.request(
        scripts.QUARANTINE,
        keys.of[scripts.QUARANTINE],
        args,
    )
    return to_flags(reply)


def _ended(reply: bytes) -> CompleteReply:
    earliest, _, held = reply.partition(b" ")
    return CompleteReply(to_flags(held), int(earliest))
