"""Commands that check a server, and the key space of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..scripts import loader as scripts
from ..scripts.ports import ScriptRunner

#: The parts of the key space that an audit reads, in this order: the tasks, all other keys with ids, the group counts.
AUDITED_KEYS: Final = (
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
    "history",
    "failing",
    "causes",
    "pauses",
    "parked",
    "parked-of",
    "of",
    "overdue",
    "tags",
    "counts",
)
#: A lease that ended longer ago is stuck: no scheduler recovers it.
_GRACE_MS: Final = 60_000
_STEP: Final = 100
#: The same script, for an audit that repairs nothing: then it calls no command that writes.
LOOKS_ONLY: Final = scripts.AUDIT.looking()


async def probe(partition: ScriptRunner) -> tuple[int, dict[str, str]]:
    """Try all commands of the scripts. Return the server's time in µs, and the refused commands with their errors."""
    keys = partition.keys
    now_us, *refused = await partition.evaluate(scripts.PROBE, keys.of[scripts.PROBE], (keys.nowhere,))
    words = [word.decode(errors="replace") for word in refused]
    return now_us, dict(zip(words[::2], words[1::2], strict=True))


class FoundProblem(NamedTuple):
    """A problem of one id."""

    raw_id: bytes
    kind: bytes
    detail: bytes


class AuditStep(NamedTuple):
    """The result of one step: the next cursor (`b"0"`: the end is reached), the tasks read, and the problems."""

    cursor: bytes
    ids: Sequence[bytes]
    problems: Sequence[FoundProblem]


async def audit(partition: ScriptRunner, key: str, cursor: bytes, *, mend: bool) -> AuditStep:
    """Check one step of a place. With `mend`, repair it and return the problems that are left."""
    keys = partition.keys
    reply: list[Any] = await partition.read(
        scripts.AUDIT if mend else LOOKS_ONLY,
        keys.of[scripts.AUDIT],
        (key.encode(), cursor, _STEP, int(mend), _GRACE_MS, keys.wake),
    )
    after, ids, words = reply
    problems = [FoundProblem(*words[at : at + 3]) for at in range(0, len(words), 3)]
    return AuditStep(after, ids, problems)
