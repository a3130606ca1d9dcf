"""Looking whether all is well: with a server, and with the key space of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..scripts import loader as scripts
from ..scripts.ports import ScriptRunner

#: What an audit walks, in this order: the tasks, then whatever else may know an id, then the counts of the groups.
AUDITED_PLACES: Final = (
    "tasks",
    "due",
    "leased",
    "leases",
    "dead",
    "paused",
    "attempts",
    "errors",
    "runs",
    "failures",
    "parked",
    "parked-of",
    "of",
    "overdue",
    "counts",
)
#: A lease that ended so long ago is stuck: no scheduler takes it up.
_GRACE_MS: Final = 60_000
_STEP: Final = 100


async def probe(partition: ScriptRunner) -> tuple[int, dict[str, str]]:
    """Try all that scripts do: the server's time in µs, and what was refused with its error."""
    keys = partition.keys
    now_us, *refused = await partition.evaluate(scripts.PROBE, keys.of(scripts.PROBE), (keys.nowhere,))
    words = [word.decode(errors="replace") for word in refused]
    return now_us, dict(zip(words[::2], words[1::2], strict=True))


class FoundProblem(NamedTuple):
    """Something wrong with an id."""

    raw_id: bytes
    kind: bytes
    detail: bytes


class AuditStep(NamedTuple):
    """What one step found: where it ended (`b"0"`: at the end), the tasks it looked at, and what is wrong."""

    cursor: bytes
    ids: Sequence[bytes]
    problems: Sequence[FoundProblem]


async def audit(partition: ScriptRunner, place: str, cursor: bytes, longest_lease_ms: int, *, mend: bool) -> AuditStep:
    """Look over one step of a place; with `mend`, the problems are those that are left."""
    keys = partition.keys
    reply: list[Any] = await partition.read(
        scripts.AUDIT,
        keys.of(scripts.AUDIT),
        (place.encode(), cursor, _STEP, int(mend), _GRACE_MS, longest_lease_ms, keys.wake),
    )
    after, ids, words = reply
    problems = [FoundProblem(*words[at : at + 3]) for at in range(0, len(words), 3)]
    return AuditStep(after, ids, problems)
