"""One typed function a script: the only callers of the Lua scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from . import scripts
from .enrollment import Enrollment

if TYPE_CHECKING:
    from ..task import Assignment
    from .keys import Keys
    from .partition import Partition
    from .session import Argument, Session

Reschedule = Literal["keep", "interval", "start"]

#: A claim may start its runs for so long after its request was sent, and hands back the rest; so a removal
#: that waits this long after the claim knows that no run will start. The same for all schedulers of a namespace.
START_WINDOW_MS: Final = 1000

_RULES: Final[dict[Reschedule, bytes]] = {"keep": b"k", "interval": b"i", "start": b"s"}


class Change(NamedTuple):
    """One assignment with its rule."""

    assignment: Assignment
    reschedule: Reschedule


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


class Removed(NamedTuple):
    """Whether a task was scheduled, and for how many ms a claim granted before could still start it."""

    was_scheduled: bool
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Row:
    """A task as it stands in Redis."""

    id: bytes
    record: bytes
    due_ms: int
    is_leased: bool
    failed: int


async def assign(session: Session, keys: Keys, grid_ms: int, changes: Sequence[Change]) -> tuple[list[bool], int]:
    """Assign tasks: for each whether it is new, and the earliest due time in ms (-1: none)."""
    args: list[Argument] = [keys.wake, grid_ms]
    for change in changes:
        task = change.assignment
        flags = (b"s" if task.is_text else b"b") + (b"d" if task.fixed_delay else b"")
        start = b"" if task.start_ms is None else task.start_ms
        interval = b"" if task.interval_ms is None else task.interval_ms
        args += (task.id, _RULES[change.reschedule] + flags, start, interval, task.data)
    reply: bytes = await session.request(scripts.ASSIGN, (keys.tasks, keys.due, keys.leases, keys.dead), args)
    earliest, _, created = reply.partition(b" ")
    return _flags(created), int(earliest)


def _claim_keys(keys: Keys) -> tuple[bytes, ...]:
    return keys.tasks, keys.due, keys.leased, keys.leases, keys.fence, keys.attempts


async def claim(session: Session, keys: Keys, limit: int, lease_ms: int) -> Claimed:
    """Lease up to `limit` due tasks (at least once). After a claim in doubt, what that one got."""
    send = session.repeat if session.in_doubt else session.request
    reply: list[Any] = await send(
        scripts.CLAIM,
        _claim_keys(keys),
        (limit, lease_ms),
    )
    return Claimed(*reply)


async def claim_once(session: Session, keys: Keys, limit: int) -> Claimed:
    """Take up to `limit` due tasks and reschedule them at once (at most once). After one in doubt, what that got."""
    send = session.repeat if session.in_doubt else session.request
    reply: list[Any] = await send(
        scripts.CLAIM_ONCE,
        (
            keys.tasks,
            keys.due,
            keys.leased,
            keys.leases,
            keys.fence,
            keys.attempts,
            keys.dead,
            keys.taken(session.name),
        ),
        (limit,),
    )
    return Claimed(*reply)


async def complete(session: Session, keys: Keys, runs: Sequence[Held]) -> Ended:
    """End runs: reschedule recurring tasks, delete one-shots."""
    leases = b"\n".join([run.lease for run in runs])
    headers = b"\n".join([run.header for run in runs]) + b"\n"
    reply: bytes = await session.request(
        scripts.COMPLETE,
        (keys.tasks, keys.due, keys.leased, keys.leases, keys.attempts, keys.fence),
        (keys.wake, leases, headers, *[run.raw_id for run in runs]),
    )
    return _ended(reply)


async def release(session: Session, keys: Keys, runs: Sequence[Held]) -> Ended:
    """Hand claimed tasks back unrun."""
    args: list[Argument] = [keys.wake]
    for run in runs:
        args += (run.raw_id, run.lease)
    return _ended(await session.request(scripts.RELEASE, (keys.due, keys.leased, keys.leases), args))


async def renew(session: Session, keys: Keys, lease_ms: int, runs: Sequence[Held]) -> list[bool]:
    """Extend leases: for each whether it was still held."""
    args: list[Argument] = [lease_ms]
    for run in runs:
        args += (run.raw_id, run.lease)
    return _flags(await session.request(scripts.RENEW, (keys.leased, keys.leases), args))


async def quarantine(session: Session, keys: Keys, runs: Sequence[Held]) -> list[bool]:
    """Set claimed tasks whose record cannot be read aside as dead."""
    args: list[Argument] = []
    for run in runs:
        args += (run.raw_id, run.lease)
    reply = await session.request(scripts.QUARANTINE, (keys.leased, keys.leases, keys.attempts, keys.dead), args)
    return _flags(reply)


async def remove(session: Session, keys: Keys, ids: Sequence[bytes]) -> list[Removed]:
    """Take tasks off the schedule."""
    reply: bytes = await session.request(
        scripts.REMOVE,
        (keys.tasks, keys.due, keys.leased, keys.leases, keys.attempts, keys.dead),
        (START_WINDOW_MS, *ids),
    )
    wait, _, scheduled = reply.partition(b" ")
    return [Removed(flag, int(wait)) for flag in _flags(scheduled)]


async def clear(session: Session, keys: Keys) -> tuple[int, bool]:
    """Take every task off the schedule: how many there were, and whether one was leased."""
    reply: bytes = await session.request(
        scripts.CLEAR, (keys.tasks, keys.due, keys.leased, keys.leases, keys.attempts, keys.dead), ()
    )
    leased, _, removed = reply.partition(b" ")
    return int(removed), leased == b"1"


class LockStep(NamedTuple):
    """One step on a lock: `b"a"` acquire, `b"e"` extend, `b"r"` release."""

    name: bytes
    action: bytes
    token: bytes
    ttl_ms: int


async def lock(session: Session, keys: Keys, steps: Sequence[LockStep]) -> list[int]:
    """Carry out steps on locks: the token acquired, 1 if extended or released, else 0."""
    lock_keys = [keys.lock(step.name) for step in steps]
    args: list[Argument] = []
    for step in steps:
        args += (step.action, step.token, step.ttl_ms)
    reply: bytes = await session.request(scripts.LOCK, (keys.fence, *lock_keys), args)
    return [int(result) for result in reply.split(b" ")]


async def look(partition: Partition, ids: Sequence[bytes]) -> list[Row | None]:
    """Look tasks up by id; `None` for those that are not scheduled."""
    keys = partition.keys
    records, scores, leases, failed = await partition.read(
        scripts.LOOK, (keys.tasks, keys.due, keys.leases, keys.attempts), ids
    )
    return [
        _row(raw_id, record, score, lease, tries)
        for raw_id, record, score, lease, tries in zip(
            ids, records, scores, leases, failed or [None] * len(ids), strict=True
        )
    ]


class Page(NamedTuple):
    """Some tasks, and where the next page starts (`None`: there is none)."""

    rows: list[Row]
    after: PageMark | None


class PageMark(NamedTuple):
    """The end of a page: the score and the id of its last task."""

    score: bytes
    id: bytes


async def page(partition: Partition, *, leased: bool, limit: int, after: PageMark | None) -> Page:
    """One page of the waiting tasks in due order, or of the leased ones in the order of their deadlines."""
    keys = partition.keys
    ids, scores, records, leases, failed = await partition.read(
        scripts.PAGE,
        (keys.leased if leased else keys.due, keys.tasks, keys.leases, keys.attempts),
        (limit, *(after or (b"", b""))),
    )
    rows = [
        _row(raw_id, record, None if leased else score, lease, tries)
        for raw_id, record, score, lease, tries in zip(
            ids, records, scores, leases, failed or [None] * len(ids), strict=True
        )
    ]
    mark = PageMark(scores[-1], ids[-1]) if len(ids) == limit else None
    return Page([row for row in rows if row is not None], mark)


class Sizes(NamedTuple):
    """How many tasks there are, how many are due now, and when the last is due (-1: none waits)."""

    tasks: int
    due_now: int
    last_due_ms: int


async def sizes(partition: Partition) -> Sizes:
    """How many tasks a partition has."""
    keys = partition.keys
    return Sizes(*await partition.read(scripts.SIZE, (keys.due, keys.leased), ()))


async def enroll(partition: Partition, wanted: Enrollment) -> Enrollment:
    """Make the database a partition of the namespace unless it is one; what stands there then."""
    reply: list[bytes] = await partition.evaluate(scripts.ENROLL, (partition.keys.enrollment,), wanted)
    return Enrollment(*reply)


def _row(
    raw_id: bytes, record: bytes | None, due: bytes | None, lease: bytes | None, failed: bytes | None
) -> Row | None:
    if record is None:
        return None
    tries = 0 if failed is None else int(failed)
    if due is not None:
        return Row(raw_id, record, int(float(due)), is_leased=False, failed=tries)
    if lease is not None:
        return Row(raw_id, record, int(lease.split(b" ")[1]), is_leased=True, failed=tries)
    return None


def _flags(flags: bytes) -> list[bool]:
    return [flag == 49 for flag in flags]  # "1"


def _ended(reply: bytes) -> Ended:
    earliest, _, held = reply.partition(b" ")
    return Ended(_flags(held), int(earliest))
