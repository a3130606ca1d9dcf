"""The supervisor: it keeps worker processes up, and ends them in order.

```text
            the first process is up             SIGHUP, or a file has changed
 starting ───────────────────────────▶ serving ◀─────────────────────────────▶ replacing, one process at a time
    │                                     │                                        │
    │ the first one ends                  │ five early deaths in one place         │
    │ with 69, 77, 78                     │                                        │
    └────────────────┬────────────────────┴────────────────────────────────────────┘
                     │ or SIGTERM, SIGINT
                     ▼
                 draining ──the second signal──▶ cutting short ──the third one──▶ killing
                     │                               │                               │
                     └──────────── all processes have ended ─────────────────────────┴──▶ ended (exit code)
```

The first process comes up before the others start: so a mistake is told once, and ends all with its own code.
While it drains, each process has the drain of its worker, the grace of cancelled runs and five seconds; then it is
killed.
It imports nothing of the application, so that what it does cannot be broken by it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from ..frame.exits import BUG, DONE
from .slot import Slot
from .spawned import Spawned
from .spec import HELD_BACK, Spec

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
#: Signals that come as close together are one request: a terminal sends one to all processes, and programs such as
#: `timeout` and `npm` send theirs beside it.
_ONE_REQUEST_SECONDS: Final = 0.5
_log = logging.getLogger("interval_scheduler.run")


class Supervisor:
    """Keeps so many processes up.

    Args:
        spec: what each of them runs.
        count: the number of processes.
    """

    def __init__(self, spec: Spec, count: int) -> None:
        self._spec = spec
        #: All processes that have not ended.
        self.processes: Final[set[Spawned]] = set()
        self._proven = asyncio.Event()
        self.slots: Final = [Slot(number, self._start, self._proven.is_set) for number in range(1, count + 1)]
        self._over = asyncio.Event()
        self._renewal = asyncio.Event()
        self._code: int | None = None
        self._signals: list[int] = []
        self._signal_at = -math.inf
        self._was_cut_short = False

    @property
    def is_ending(self) -> bool:
        """Whether the processes are asked to end."""
        return self._over.is_set()

    def renew(self) -> None:
        """Replace all processes, one by one, by new ones with the code that there is now."""
        self._renewal.set()

    async def run(self) -> int:
        """Run until a signal, or until processes keep dying, and return the exit code.

        This process has to end with it: signals do nothing from then on.
        """
        with self._signals_taken():
            work = [*(self._keep(slot) for slot in self.slots), self._renewing()]
            jobs = [asyncio.create_task(self._guarded(each)) for each in work]
            try:
                await self._over.wait()
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
                await self._end_all()
        return exit_code(self._code, self._signals, was_cut_short=self._was_cut_short)

    def _start(self, number: int) -> Spawned:
        process = Spawned(number, self._spec, self._note_up)
        self.processes.add(process)
        process.ended.add_done_callback(lambda _: self._note_end(process))
        return process

    def _note_up(self, process: Spawned) -> None:
        _log.info("process %d (pid %d) is up", process.number, process.pid)
        self._proven.set()

    def _note_end(self, process: Spawned) -> None:
        self.processes.discard(process)
        self._was_cut_short |= self.is_ending and process.ended.result() != DONE

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except Exception:  # noqa: BLE001 - nobody else looks at this task before the end
            _log.exception("a bug of the supervisor: all processes end")
            self._give_up(BUG)

    async def _keep(self, slot: Slot) -> None:
        if slot is not self.slots[0]:
            await self._proven.wait()
        self._give_up(await slot.keep())

    async def _renewing(self) -> None:
        await self._proven.wait()
        while True:
            await self._renewal.wait()
            self._renewal.clear()
            _log.info("all processes are replaced")
            for slot in self.slots:
                if not await slot.renew():
                    break

    def _give_up(self, code: int) -> None:
        if not self.is_ending:
            self._code = code
            self._over.set()

    async def _end_all(self) -> None:
        try:
            for process in self.processes:
                process.end()
            while self.processes:
                await asyncio.wait([process.ended for process in self.processes])
        finally:
            for process in self.processes:  # only if this is cancelled: nothing may stay behind
                process.kill()

    @contextmanager
    def _signals_taken(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, self._on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self.renew)
        try:
            yield
        finally:
            # All has ended, and this process is about to: a signal that comes now must not change its exit code.
            signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)

    def _on_signal(self, number: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._signal_at < _ONE_REQUEST_SECONDS:
            return
        self._signal_at = now
        self._signals.append(number)
        name = signal.Signals(number).name
        if len(self._signals) == 1:
            _log.info("%s: runs in progress may end; once more cuts them short", name)
            self._over.set()
            return
        for process in list(self.processes):
            if len(self._signals) == 2:
                process.end(at_once=True)
            else:
                process.kill()
        _log.warning("%s again: %s", name, "runs are cut short" if len(self._signals) == 2 else "processes are killed")


def exit_code(given_up: int | None, signals: list[int], *, was_cut_short: bool) -> int:
    """Return the exit code of the supervisor.

    Args:
        given_up: the code with which it gave up; `None`: it did not.
        signals: the signals that asked it to end, in their order.
        was_cut_short: true if a process died in the drain, or was killed since it did not end in time.
    """
    if len(signals) > 1:
        return 128 + signals[1]
    if given_up is not None:
        return given_up
    return 128 + signals[0] if signals and was_cut_short else DONE
