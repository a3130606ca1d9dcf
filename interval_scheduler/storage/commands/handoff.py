"""Commands for hints: changes for a partition that could not be reached, kept on the master until they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ..requests.session import Session
from ..scripts import loader as scripts
from ..scripts.keys import HintKeys
from ..scripts.ports import Argument, ScriptRunner

_PAGE: Final = 200
_PAGE_BYTES: Final = 1 << 20
_TRIMMED_AT_ONCE: Final = 500
#: A removal has no code, start, interval or data: four empty lines.
_REMOVAL: Final = b"\n\n\n"


class Hint(NamedTuple):
    """One hint: an assignment in the form of `assign.lua`, or a removal."""

    number: int
    id: bytes
    code: bytes
    start: bytes
    interval: bytes
    data: bytes

    @property
    def is_removal(self) -> bool:
        """True if the hint takes its task off the schedule."""
        return not self.code

    @property
    def encoded(self) -> tuple[bytes, ...]:
        """The arguments of the assignment."""
        return self.id, self.code, self.start, self.interval, self.data

    @classmethod
    def parse(cls, number: bytes, raw_id: bytes, says: bytes) -> Hint:
        """Decode a hint as the master keeps it."""
        return cls(int(number), raw_id, *says.split(b"\n", 3))


async def hint(
    session: Session, master: ScriptRunner, keys: HintKeys, partition: str, bound: int, args: Sequence[Argument]
) -> str:
    """Keep hints. Return for each `f` (no room), or `1` or `0` as `hint.lua` explains.

    Args:
        session: a session with the master.
        master: the master.
        keys: the keys of the hints for the partition.
        partition: the name of the partition.
        bound: the greatest number of hints that may wait.
        args: for each hint its id, code, start, interval and data; the last four empty for a removal.
    """
    reply: bytes = await session.request(
        scripts.HINT,
        (*master.keys.of[scripts.HINT], *keys),
        (master.keys.wake, partition.encode(), bound, *args),
    )
    return reply.decode()


async def hint_counts(master: ScriptRunner, keys: Sequence[HintKeys]) -> list[int]:
    """Count the hints that wait, for each partition."""
    return [int(count) for count in await master.read(scripts.HINT_COUNT, [each.order for each in keys], ())]


async def hint_look(master: ScriptRunner, keys: HintKeys, ids: Sequence[bytes]) -> list[Hint | None]:
    """Look up the latest hint of each id; None where no hint waits."""
    numbers, said = await master.read(scripts.HINT_LOOK, (keys.of, keys.says), ids)
    found: list[Hint | None] = []
    for raw_id, number, says in zip(ids, numbers, said, strict=True):
        if number is not None and number.startswith(b"-"):
            found.append(Hint.parse(number[1:], raw_id, _REMOVAL))
        else:
            found.append(None if says is None else Hint.parse(number, raw_id, says))
    return found


class HintPage(NamedTuple):
    """The first hints that wait, and the number of the last one, even if the content of that one was lost."""

    hints: Sequence[Hint]
    last: int


async def hint_page(master: ScriptRunner, keys: HintKeys) -> HintPage | None:
    """List the first hints that wait; None if no hint waits."""
    members, said = await master.read(scripts.HINT_PAGE, (keys.order, keys.says), (_PAGE, _PAGE_BYTES))
    if not members:
        return None
    named = [member.partition(b" ") for member in members]
    hints = [Hint.parse(n, raw_id, says) for (n, _, raw_id), says in zip(named, said, strict=True) if says is not None]
    return HintPage(hints, int(named[-1][0]))


async def applied(partition: ScriptRunner) -> int:
    """Read the number of the last hint that was applied to a partition (0: none). Raise the client's errors."""
    return int(await partition.evaluate(scripts.APPLIED, partition.keys.of[scripts.APPLIED], ()))


async def trim_hints(master: ScriptRunner, keys: HintKeys, number: int) -> None:
    """Delete all hints up to a number."""
    while int(await master.read(scripts.TRIM_HINTS, keys, (number, _TRIMMED_AT_ONCE))):
        pass
