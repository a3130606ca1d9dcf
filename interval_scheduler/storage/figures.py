"""The face of the storage for what schedulers counted, and for their cards: of all partitions that can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from ..errors import StorageError
from ..model.cards import BadCard, SchedulerCard, Seen, decode, put_together
from ..model.series import Kind, Series, series_of, span_of
from ..model.wire import readable
from ..support.log import Log
from .commands import reporting
from .commands.reporting import CardRow
from .partitions import Partition, Partitions

__all__ = ["Figures"]

Read = TypeVar("Read")


class Figures:
    """The counts and the cards of schedulers.

    Args:
        partitions: the partitions.
        log: the log for cards that cannot be read.
    """

    def __init__(self, partitions: Partitions, log: Log) -> None:
        self._partitions = partitions.all
        self._log = log

    async def series(self, kind: Kind, since_ms: int, until_ms: int | None) -> Series:
        """Read what was counted in some time, by the clock of a server up to now.

        Raises:
            InvalidValue: it is too long ago.
            StorageError: no partition can be read.
        """
        span = span_of(kind, since_ms, until_ms, await self._now_ms())
        answers, missing = await self._ask(lambda partition: reporting.records(partition.gate, span))
        records = [record for _, found in answers for record in found]
        return series_of(span, records, (partition.name for partition in missing))

    async def cards(self, queue: str | None) -> list[SchedulerCard]:
        """Read the cards of the schedulers that reported just now, of all or of one queue.

        Raises:
            StorageError: no partition can be read.
        """
        answers, _ = await self._ask(lambda partition: reporting.cards(partition.gate))
        found = [self._read(partition, row) for partition, rows in answers for row in rows]
        return put_together([each for each in found if each is not None], queue)

    def _read(self, partition: Partition, row: CardRow) -> Seen | None:
        try:
            return Seen(readable(row.scheduler), row.seen_ms, partition.name, decode(row.raw))
        except BadCard as problem:
            key = partition.keys.cards.decode()
            self._log.error("left out: the card of %r in the key %s: %s", readable(row.scheduler)[:100], key, problem)
            return None

    async def _now_ms(self) -> int:
        """Return about the time of a server, of the first that tells it."""
        answers, _ = await self._ask(lambda partition: partition.now_ms())
        return answers[0][1]

    async def _ask(
        self, ask: Callable[[Partition], Coroutine[Any, Any, Read]]
    ) -> tuple[list[tuple[Partition, Read]], Sequence[Partition]]:
        """Ask all partitions that are online at the same time. Return their answers, and the partitions without one.

        Raises:
            StorageError: none gave one.
        """
        asked = [partition for partition in self._partitions if partition.state == "online"]
        if not asked:
            self._partitions[0].require_online()
        results = await asyncio.gather(*map(ask, asked), return_exceptions=True)
        answers: list[tuple[Partition, Read]] = []
        errors: list[BaseException] = []
        for partition, result in zip(asked, results, strict=True):
            if not isinstance(result, BaseException):
                answers.append((partition, result))
            elif isinstance(result, StorageError):
                errors.append(result)
            else:
                raise result
        if errors and not answers:
            raise errors[0]
        answered = {partition for partition, _ in answers}
        return answers, [partition for partition in self._partitions if partition not in answered]
