"""Commands that report counts, cards and runs, and read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ...model.cards import GONE_SECONDS
from ...model.series import Span
from ...model.tally import WIRE_NAMES
from ...model.wire import moment_of, whole
from ..requests.session import Session
from ..scripts import loader as scripts
from ..scripts.keys import Keys
from ..scripts.ports import Argument, ScriptRunner

#: The most records that one request reads.
MOST_RECORDS: Final = 100
#: The most bytes of cards that one request reads, and the most cards that one asks for.
_CARD_BYTES: Final = 1 << 20
_MOST_CARDS: Final = 100


class Report(NamedTuple):
    """The words of a scheduler: by how much its counts grew, in the order of `WIRE_NAMES`, and its card.

    Without a `scheduler`, it has no card; an empty `card` takes it off.
    """

    grown: Sequence[int]
    scheduler: bytes = b""
    card: bytes = b""


async def report(session: Session, keys: Keys, told: Report) -> int:
    """Add what was counted, and renew the card; or repeat a report in doubt. Return how many watch runs."""
    send = session.repeat if session.in_doubt else session.request
    args: list[Argument] = [keys.tail, told.scheduler, told.card]
    for name, number in zip(WIRE_NAMES, told.grown, strict=True):
        if number:
            args += (name, number)
    return whole(await send(scripts.REPORT, keys.of[scripts.REPORT], args)) or 0


async def tell_runs(partition: ScriptRunner, message: bytes) -> int:
    """Tell those who watch runs of some. Return how many heard it."""
    keys = partition.keys
    return int(await partition.change(scripts.TAIL, keys.of[scripts.TAIL], (keys.tail, message)))


async def records(partition: ScriptRunner, span: Span) -> list[tuple[int, bytes]]:
    """Read the records of a span: the number of each one that is there, and its counts with commas between them."""
    found: list[tuple[int, bytes]] = []
    keys = partition.keys.of[scripts.STATISTICS]
    for first in range(span.first, span.first + span.many, MOST_RECORDS):
        many = min(MOST_RECORDS, span.first + span.many - first)
        reply: list[bytes] = await partition.read(
            scripts.STATISTICS, keys, (span.kind.letter, first, many, *WIRE_NAMES)
        )
        found += [(int(number), counts) for number, counts in zip(reply[::2], reply[1::2], strict=True)]
    return found


class CardRow(NamedTuple):
    """A card as a partition has it: the id of its scheduler, when it reported, in ms, and its wire form."""

    scheduler: bytes
    seen_ms: int
    raw: bytes


async def cards(partition: ScriptRunner) -> list[CardRow]:
    """Read the cards of the schedulers that reported just now, in bounded steps."""
    ids, seen, found = await _cards(partition, ())
    rest = ids[len(found) :]
    while rest:
        _, _, more = await _cards(partition, rest[:_MOST_CARDS])
        if not more:
            break
        found += more
        rest = rest[len(more) :]
    return [
        CardRow(scheduler, moment_of(score), raw)
        for scheduler, score, raw in zip(ids, seen, found, strict=False)
        if raw is not None
    ]


async def _cards(partition: ScriptRunner, ids: Sequence[bytes]) -> tuple[list[bytes], list[Any], list[Any]]:
    _, found, seen, raw = await partition.read(
        scripts.SCHEDULERS, partition.keys.of[scripts.SCHEDULERS], (1000 * GONE_SECONDS, _CARD_BYTES, *ids)
    )
    return found, seen, raw
