"""A pause of the whole namespace or queue: its tasks look then as if they went on."""

from __future__ import annotations

import logging
from typing import Final

from .. import SchedulerError
from .figures.banners import paused_words
from .look import Look

_LOG: Final = logging.getLogger("interval_scheduler.dashboard")


async def whole_pause(look: Look) -> str | None:
    """Say that all is paused, since when, by whom and why; `None` if it is not, or if that cannot be read.

    What asks goes on without it: the rest of a page is shown, and a task that was told to run was told.
    """
    try:
        pause = await look.scheduler.paused()
    except SchedulerError:
        _LOG.warning("Whether the %s is paused cannot be read", look.place, exc_info=True)
        return None
    return None if pause is None else paused_words(pause, look.place)
