"""`SchedulerCard`: what a scheduler tells of itself, and its wire form. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from .checks import MAX_ID_BYTES
from .wire import LATEST_MS

#: A scheduler that has not reported for so long is gone, seconds: three reports did not come.
GONE_SECONDS: Final = 15
#: The most runs of a card, the longest ones.
MOST_RUNS: Final = 20
_VERSION: Final = 1
_LONGEST_TEXT: Final = 255
_MOST_QUEUES: Final = 257
_GREATEST: Final = 10**15


class BadCard(ValueError):
    """The value in Redis is no card."""


@dataclass(frozen=True, slots=True)
class CardRun:
    """A run in progress, on the card of its scheduler.

    Attributes:
        id: the id of the task.
        since: the moment at which it began, by the clock of the server, in epoch seconds.
        queue: the name of the queue of the task; `None`: it is of the namespace itself.
    """

    id: str
    since: float
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class SchedulerCard:
    """A scheduler that is connected and accepts or executes tasks, as it told of itself up to five seconds ago.

    Attributes:
        id: the text that tells it from every other; another one after each connect.
        host: the name of its host.
        pid: the number of its process.
        version: the version of this library there.
        since: the moment at which it connected, by the clock of its host, in epoch seconds.
        last_seen: the moment of its last report, by the clock of the server, in epoch seconds.
        accepting: true if it accepts tasks.
        executing: true if it executes the tasks of the namespace itself; on the cards of a queue, those of the queue.
        queues: the names of the queues whose tasks it executes.
        places: the most calls of its executors at once.
        running: the number of runs in progress.
        runs: the number of runs that have ended there since it connected, of what it executes by now.
        failures: the number of those that failed.
        longest: its longest runs in progress, at most 20, the longest first.
        partitions: the names of the partitions that it reaches, sorted.
    """

    id: str
    host: str
    pid: int
    version: str
    since: float
    last_seen: float
    accepting: bool
    executing: bool
    queues: tuple[str, ...]
    places: int
    running: int
    runs: int
    failures: int
    longest: tuple[CardRun, ...]
    partitions: tuple[str, ...]

    @property
    def since_time(self) -> datetime:
        """`since` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.since, UTC)

    @property
    def last_seen_time(self) -> datetime:
        """`last_seen` as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.last_seen, UTC)


class Work(NamedTuple):
    """The work of a scheduler in one queue; the name of the namespace itself is empty."""

    queue: str
    places: int
    running: int
    runs: int
    failures: int


class LongRun(NamedTuple):
    """A run in progress: its queue, the id of its task, and when it began, in ms."""

    queue: str
    id: str
    since_ms: int


class Card(NamedTuple):
    """A card as it stands in Redis. `number` goes up with each report."""

    number: int
    host: str
    pid: int
    version: str
    since_ms: int
    accepting: bool
    works: Sequence[Work]
    longest: Sequence[LongRun]


class Seen(NamedTuple):
    """A card that a partition has: the id of the scheduler, when it reported, in ms, and the name of the partition."""

    id: str
    seen_ms: int
    partition: str
    card: Card


def encode(card: Card) -> bytes:
    """Return the wire form of a card."""
    return json.dumps([_VERSION, *card], separators=(",", ":")).encode()


def decode(raw: bytes) -> Card:
    """Read a card.

    Raises:
        BadCard: it cannot be read.
    """
    try:
        version, number, host, pid, library, since_ms, accepting, works, longest = json.loads(raw)
        _check(version, accepting)
        return Card(
            _whole(number),
            _text(host),
            _whole(pid),
            _text(library),
            _whole(since_ms, LATEST_MS),
            accepting,
            [Work(_text(name), *map(_whole, rest)) for name, *rest in _some(works, _MOST_QUEUES)],
            [
                LongRun(_text(queue), _text(task_id, 4 * MAX_ID_BYTES), _whole(began_ms, LATEST_MS))
                for queue, task_id, began_ms in _some(longest, MOST_RUNS)
            ],
        )
    except BadCard:
        raise
    except (ValueError, TypeError, RecursionError) as problem:
        raise BadCard(f"it is no card: {type(problem).__name__}") from None


def _check(version: Any, accepting: Any) -> None:
    if version != _VERSION or not isinstance(accepting, bool):
        raise BadCard("it is of another version")


def _whole(value: Any, greatest: int = _GREATEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= greatest:
        raise BadCard("a number of it cannot be read")
    return value


def _text(value: Any, longest: int = _LONGEST_TEXT) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise BadCard("a text of it cannot be read")
    return value


def _some(values: Any, most: int) -> list[Any]:
    if not isinstance(values, list) or len(values) > most:
        raise BadCard("a list of it cannot be read")
    return values


def cut(text: str) -> str:
    """Cut a text that goes on a card to the length that is read there."""
    return text[:_LONGEST_TEXT]


def put_together(seen: Iterable[Seen], queue: str | None = None) -> list[SchedulerCard]:
    """Make one card of those that the partitions have of each scheduler, sorted by host, process and connection.

    Args:
        seen: the cards of all partitions.
        queue: only the schedulers that execute this queue, and only their work in it. Default: all.
    """
    by_id: dict[str, list[Seen]] = {}
    for each in seen:
        by_id.setdefault(each.id, []).append(each)
    cards = [_card(found, queue) for found in by_id.values()]
    return sorted(
        (card for card in cards if queue is None or card.executing), key=lambda card: (card.host, card.pid, card.since)
    )


def _card(found: Sequence[Seen], queue: str | None) -> SchedulerCard:
    latest = max(found, key=lambda each: each.card.number)
    card = latest.card
    works = [work for work in card.works if queue is None or work.queue == queue]
    runs = [run for run in card.longest if queue is None or run.queue == queue]
    return SchedulerCard(
        id=latest.id,
        host=card.host,
        pid=card.pid,
        version=card.version,
        since=card.since_ms / 1000,
        last_seen=max(each.seen_ms for each in found) / 1000,
        accepting=card.accepting,
        executing=any(work.queue == (queue or "") for work in works),
        queues=tuple(sorted(work.queue for work in works if work.queue)),
        places=sum(work.places for work in works),
        running=sum(work.running for work in works),
        runs=sum(work.runs for work in works),
        failures=sum(work.failures for work in works),
        longest=tuple(CardRun(run.id, run.since_ms / 1000, run.queue or None) for run in runs),
        partitions=tuple(sorted({each.partition for each in found})),
    )
