"""A logger and handlers of events that misbehave, each once, and a check of what was logged of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Self, TypeVar

from interval_scheduler import BlockingScheduler, Scheduler
from interval_scheduler.support.events import EventName
from tests.misbehaving import Act, AsyncAct, Kind
from tests.waiting import until

Result = TypeVar("Result")


class GuestLog(logging.Logger):
    """A logger of the application: it keeps its records, and misbehaves once at each level for which that is set."""

    def __init__(self) -> None:
        super().__init__("guest", logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self.acts: dict[str, Callable[[], object]] = {}

    def handle(self, record: logging.LogRecord) -> None:
        record.getMessage()  # as a handler does
        if (act := self.acts.pop(record.levelname.lower(), None)) is not None:
            act()
        self.records.append(record)

    @property
    def errors(self) -> list[logging.LogRecord]:
        return [record for record in self.records if record.levelno >= logging.ERROR]

    def errors_of(self, words: str) -> list[type[BaseException] | None]:
        """The types of the errors that were logged with lines that begin so."""
        found = [record for record in self.errors if record.getMessage().startswith(words)]
        return [record.exc_info[0] if record.exc_info else None for record in found]


class Handlers:
    """Handlers of some events, one for each kind and event, and twice where it is a coroutine function too.

    Each misbehaves at its first call; later ones do nothing. They are taken off when the block ends.
    """

    def __init__(
        self, scheduler: Scheduler | BlockingScheduler, events: Iterable[EventName], kinds: Iterable[Kind]
    ) -> None:
        self._offs: list[Callable[[], None]] = []
        self._called = 0
        self._wanted: dict[EventName, Counter[type[BaseException] | None]] = {event: Counter() for event in events}
        for event, wanted in self._wanted.items():
            for kind in kinds:
                if kind.function is not None:
                    self._offs.append(scheduler.on(event, self._misbehave_once(kind.function)))
                    wanted[kind.error] += 1
                if kind.coroutine is not None:
                    self._offs.append(scheduler.on(event, self._misbehave_later(kind.coroutine)))
                    wanted[kind.async_error if kind.ends else None] += 1
            del wanted[None]  # of these nothing is told

    @property
    def are_called(self) -> bool:
        return self._called == len(self._offs)

    async def check(self, log: GuestLog) -> None:
        """Wait until each error was logged, and check that it was once."""
        for event, wanted in self._wanted.items():
            await until(lambda event=event, wanted=wanted: self._told(log, event).total() >= wanted.total())  # type: ignore[misc]
        self.compare(log)

    def compare(self, log: GuestLog) -> None:
        """Check that each error was logged once."""
        for event, wanted in self._wanted.items():
            assert self._told(log, event) == wanted, event

    def take_off(self) -> None:
        for off in self._offs:
            off()

    @staticmethod
    def _told(log: GuestLog, event: str) -> Counter[type[BaseException] | None]:
        return Counter(log.errors_of(f"a handler of the event {event!r} failed"))

    def _first(self, act: Callable[[], Result]) -> Callable[[], Result | None]:
        is_called = False

        def call() -> Result | None:
            nonlocal is_called
            if is_called:
                return None
            is_called = True
            self._called += 1
            return act()

        return call

    def _misbehave_once(self, act: Act) -> Callable[..., object]:
        first = self._first(act)
        return lambda *_: first()

    def _misbehave_later(self, act: AsyncAct) -> Callable[..., Coroutine[Any, Any, None]]:
        first = self._first(act)

        async def handle(*_: object) -> None:
            if (waiting := first()) is not None:
                await waiting

        return handle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.take_off()
