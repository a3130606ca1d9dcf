"""The port of the runner: it asks about a run before that starts, and tells when it ended. A protocol only."""

from __future__ import annotations

from typing import Literal, Protocol

from ..model.records import CorruptRecord
from .run import TaskRun

#: The answer to the question if a run is carried out: yes, no, or yes and alone.
Admission = Literal["yes", "alone", "no"]


class RunHandler(Protocol):
    """Decides which runs are carried out, and deals with those that ended. `runs.py` is the real one."""

    def admit(self, run: TaskRun) -> Admission:
        """Decide whether a run that has begun, and that asks for something, is carried out; deal with it if not."""

    async def begins(self, run: TaskRun) -> bool:
        """Tell that a run begins which was delivered before; return whether it may."""

    def finish(self, run: TaskRun, error: BaseException | None) -> None:
        """End a run that ended by itself, with its error if it failed."""

    def hand_back(self, run: TaskRun, *, has_started: bool = False) -> None:
        """Hand back a run that never started, or one that has, and was cut short."""

    def set_aside(self, run: TaskRun, error: CorruptRecord) -> None:
        """Set aside a run that cannot start, since its record is corrupt."""

    async def flushed(self) -> None:
        """Wait until Redis knows of every claim that ended so far."""
