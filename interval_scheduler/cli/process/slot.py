"""The place of one worker process: there is always one at work, or one on its way.

```text
 starting ──▶ up ──▶ died ──pause of 1 to 30 s──▶ starting
                │
                └─ renew(): a successor starts beside it; once that is up, the old one drains
```

A successor that does not come up ends nothing: the old one stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from .restarts import Death, Deaths, End
from .spawned import Spawned

#: The longest time in which a successor has to come up.
_SUCCESSOR_SECONDS: Final = 120.0
_log = logging.getLogger("interval_scheduler.run")


class Slot:
    """One place.

    Args:
        number: its number, from 1 on.
        start: starts a process in it; raises `OSError` if the system can start none.
        is_proven: tells if a process of any place was ever up.
    """

    def __init__(self, number: int, start: Callable[[int], Spawned], is_proven: Callable[[], bool]) -> None:
        self.number = number
        self.process: Spawned | None = None
        self.starts = 0
        self.deaths = 0
        self._start = start
        self._is_proven = is_proven
        self._row = Deaths()
        #: Held by whoever puts a process into this place.
        self._turn = asyncio.Lock()

    async def keep(self) -> int:
        """Put another process in the place of each that dies, until all have to end: then return the exit code."""
        while True:
            async with self._turn:
                if self.process is None or self.process.ended.done():
                    self.process = self._started()
            process = self.process
            death = await self._death_of(process)
            if process is not None and process is not self.process:
                continue  # a successor has taken its place
            self.deaths += 1
            verdict = self._row.after(death, proven=self._is_proven())
            what = f"ended with code {death.code}" if death.code >= 0 else f"was killed by signal {-death.code}"
            if isinstance(verdict, End):
                if not (verdict.by_its_word and process is not None and process.has_told):  # one line is enough
                    _log.error("process %d %s, so all processes end", self.number, what)
                return verdict.code
            _log.warning("process %d %s: another one starts in %g s", self.number, what, verdict.seconds)
            await asyncio.sleep(verdict.seconds)

    async def renew(self) -> bool:
        """Put a successor in the place of the process, and wait until the old one has ended.

        Returns:
            `False` if no successor came up: all is as before.
        """
        async with self._turn:
            old, new = self.process, self._started()
            if new is None or not await self._comes_up(new):
                _log.error("process %d is not replaced: its successor did not come up", self.number)
                return False
            self.process = new
        if old is not None:
            old.end()
            await asyncio.shield(old.ended)
        return True

    def _started(self) -> Spawned | None:
        try:
            process = self._start(self.number)
        except OSError as error:
            _log.error("process %d cannot be started: %s", self.number, error)
            return None
        self.starts += 1
        return process

    async def _comes_up(self, new: Spawned) -> bool:
        try:
            async with asyncio.timeout(_SUCCESSOR_SECONDS):
                await new.settled.wait()
        except TimeoutError:
            new.end()
        return new.is_up and not new.ended.done()

    @staticmethod
    async def _death_of(process: Spawned | None) -> Death:
        if process is None:
            return Death(code=1, was_up=False, seconds=0.0)
        code = await asyncio.shield(process.ended)
        return Death(code, process.is_up, process.seconds)
