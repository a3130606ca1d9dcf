"""Commands for hints: changes for a partition that could not be reached, kept on the master until they are applied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model.checks import MAX_ID_BYTES
from ...model.wire import is_id, whole
from ..requests.session import Requests
from ..scripts import loader as scripts
from ..scripts.keys import HintKeys
from ..scripts.ports import Argument, ScriptRunner
from .assigning import ARGUMENTS
from .decoding import number

_PAGE: Final = 200
_PAGE_BYTES: Final = 1 << 20
_TRIMMED_AT_ONCE: Final = 500
_CODE: Final = re.compile(rb"[kis][sb]d?(?:;[^;\n]+)*")
_START: Final = re.compile(rb"\d{1,16}(?:/\d{1,16})?")
_INTERVAL: Final = re.compile(rb"(?:[1-9]\d{0,14}(?:/\d{1,15})?)?")
_WRITER: Final = re.compile(rb"([0-9a-f]{16}) (\d{1,15})")


class Hint(NamedTuple):
    """One hint: an assignment in the form of `assign.lua`, or a removal.

    Attributes:
        number: its number among all hints for the partition.
        id: the task id.
        code, start, interval, data: the assignment; all empty for a removal.
        session: the session of its writer with the partition.
        sequence: its number in that session; applied, it outdates all earlier requests of the session.
    """

    number: int
    id: bytes
    code: bytes = b""
    start: bytes = b""
    interval: bytes = b""
    data: bytes = b""
    session: bytes = b""
    sequence: int = 0

    @property
    def is_removal(self) -> bool:
        """True if the hint takes its task off the schedule."""
        return not self.code

    @property
    def encoded(self) -> tuple[bytes, ...]:
        """The arguments of the assignment."""
        return self.id, self.code, self.start, self.interval, self.data

    @classmethod
    def parse(cls, number: bytes, raw_id: bytes, says: bytes) -> Hint | None:
        """Decode a hint as the master keeps it; None if it cannot be read."""
        counted = whole(number)
        code, start, interval, writer, data = [*says.split(b"\n", 4), b"", b"", b"", b"", b""][:5]
        written = _WRITER.fullmatch(writer)
        is_readable = not (code or start or interval or data) or (
            _CODE.fullmatch(code) and _START.fullmatch(start) and _INTERVAL.fullmatch(interval)
        )
        if counted is None or written is None or not is_id(raw_id, MAX_ID_BYTES) or not is_readable:
            return None
        return cls(counted, raw_id, code, start, interval, data, written[1], int(written[2]))


async def hint(
    session: Requests,
    master: ScriptRunner,
    keys: HintKeys,
    partition: str,
    bound: int,
    writer: bytes,
    args: Sequence[Argument],
) -> str:
    """Keep hints. Return for each `f` (no room), or `1` or `0` as `hint.lua` explains.

    Args:
        session: a session with the master.
        master: the master.
        keys: the keys of the hints for the partition.
        partition: the name of the partition.
        bound: the greatest number of hints that may wait.
        writer: the session of the writer with the partition, a blank, and its number (`Session.outdate`).
        args: for each hint its id, code, start, interval and data; the last four empty for a removal.
    """
    reply: bytes = await session.request(
        scripts.HINT,
        (*master.keys.of[scripts.HINT], *keys),
        (master.keys.wake, partition.encode(), bound, writer, *args),
        ARGUMENTS,
    )
    return reply.decode()


async def hint_counts(master: ScriptRunner, keys: Sequence[HintKeys]) -> list[int]:
    """Count the hints that wait, for each partition."""
    return [int(count) for count in await master.read(scripts.HINT_COUNT, [each.order for each in keys], ())]


async def hint_look(master: ScriptRunner, keys: HintKeys, ids: Sequence[bytes]) -> list[Hint | None]:
    """Look up the latest hint of each id; None where no hint waits.

    The result is shorter than the list of ids, but not empty, if the hints are too heavy for one reply.
    """
    numbers, said = await master.read(scripts.HINT_LOOK, (keys.of, keys.says), (_PAGE_BYTES, *ids))
    found: list[Hint | None] = []
    for raw_id, latest, says in zip(ids[: len(said)], numbers, said, strict=True):
        if latest is not None and latest.startswith(b"-"):
            found.append(Hint(whole(latest[1:]) or 0, raw_id))
        else:
            found.append(None if says is None else Hint.parse(latest, raw_id, says))
    return found


class HintPage(NamedTuple):
    """The first hints that wait, the number of the last one, and how many were lost or cannot be read."""

    hints: Sequence[Hint]
    last: int
    lost: int


async def hint_page(master: ScriptRunner, keys: HintKeys) -> HintPage | None:
    """List the first hints that wait; None if no hint waits."""
    members, said = await master.read(scripts.HINT_PAGE, (keys.order, keys.says), (_PAGE, _PAGE_BYTES))
    if not members:
        return None
    named = [member.partition(b" ") for member in members]
    parsed = [Hint.parse(n, raw_id, says or b"") for (n, _, raw_id), says in zip(named, said, strict=True)]
    hints = [each for each in parsed if each is not None]
    last = max([whole(n) or 0 for n, _, _ in named])
    # Those that were lost or cannot be read are passed over: whoever trims deletes them too.
    return HintPage(hints, last, len(parsed) - len(hints))


async def applied(partition: ScriptRunner) -> int:
    """Read the number of the last hint that was applied to a partition (0: none). Raise the client's errors."""
    raw = await partition.evaluate(scripts.APPLIED, partition.keys.of[scripts.APPLIED], ())
    return number(partition.name, partition.keys.hinted, raw)


async def trim_hints(master: ScriptRunner, keys: HintKeys, last: int) -> None:
    """Delete all hints up to a number."""
    while int(await master.read(scripts.TRIM_HINTS, keys, (last, _TRIMMED_AT_ONCE))):
        pass
