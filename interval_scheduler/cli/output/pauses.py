"""Tells that a whole namespace or queue is paused, where tasks look as if they ran."""

from __future__ import annotations

import contextlib

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.connecting import place_of
from ..frame.settings import Settings
from .output import Output
from .words import pause_of


async def tell_pause(settings: Settings, scheduler: interval_scheduler.Scheduler) -> None:
    """Say on stderr that nothing runs, if the namespace or the queue of a command is paused."""
    paused, out = None, Output(settings)
    # The command has its results by now: what cannot be read here is told by commands that are about it.
    with contextlib.suppress(interval_scheduler.StorageError):
        paused = await scheduler.paused()
    if paused is not None:
        place = place_of(settings)
        out.say(f"{place[0].upper()}{place[1:]} is paused {pause_of(paused, out.moment)}: no run starts there.")
