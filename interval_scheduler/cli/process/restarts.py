"""Decides what follows the death of a worker process. Pure.

```text
 dies before any process was ever up, and says why: 69, 77, 78, usage ──▶ all end, with this code
 lived for 5 s after its start, and was up                            ──▶ another one in 1 s
 died early, for the first to the fourth time in a row                ──▶ another one in 1, 2, 4, 8 s
 died early, for the fifth time in a row                              ──▶ all end, with code 70
```

A process that cannot reach Redis, where one was up before, is no early death: that passes by itself, and may take long.
It is tried again with pauses of up to 30 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from ..frame.exits import BUG, CONFIGURATION, RIGHTS, UNREACHABLE, USAGE

EARLY_SECONDS: Final = 5.0
_MOST_EARLY: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: Codes by which a process says that what it was told cannot work.
_EXPLAINED: Final = frozenset({USAGE, UNREACHABLE, RIGHTS, CONFIGURATION})


class Death(NamedTuple):
    """A process that ended without being asked to."""

    code: int
    """Its exit code; negative: the signal that killed it."""
    was_up: bool
    """True if its executors were at work."""
    seconds: float
    """The time for which it lived."""


class Again(NamedTuple):
    """Another process takes its place."""

    seconds: float
    """The pause before."""


class End(NamedTuple):
    """All end."""

    code: int
    """The exit code."""
    by_its_word: bool = False
    """True if the process ended with a code by which it says why."""


@dataclass
class Deaths:
    """The deaths in one place for a process.

    Attributes:
        in_a_row: the early deaths since one lived longer.
        counted: those of them that speak against the program.
    """

    in_a_row: int = 0
    counted: int = 0

    def after(self, death: Death, *, proven: bool) -> Again | End:
        """Note a death, and decide.

        Args:
            death: the death.
            proven: true if a process of this supervisor was ever up.
        """
        if not proven and death.code in _EXPLAINED:
            return End(death.code, by_its_word=True)
        if death.was_up and death.seconds >= EARLY_SECONDS:
            self.in_a_row = self.counted = 0
            return Again(1.0)
        self.in_a_row += 1
        self.counted += death.code != UNREACHABLE
        if self.counted >= _MOST_EARLY:
            return End(BUG)
        return Again(min(_LONGEST_PAUSE_SECONDS, 2.0 ** (self.in_a_row - 1)))
