"""All pages in the order of the navigation, and all actions."""

from __future__ import annotations

from typing import Final

from .actions import audit, whole
from .actions import dead as dead_tasks
from .page import Action, Page
from .pages import ahead, dead, failing, health, log, overview, schedulers, sure

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    failing.PAGE,
    dead.PAGE,
    schedulers.PAGE,
    ahead.PAGE,
    health.PAGE,
    log.PAGE,
    sure.PAGE,
)
ACTIONS: Final[tuple[Action, ...]] = (
    whole.PAUSE,
    whole.RESUME,
    whole.ACKNOWLEDGE,
    *dead_tasks.ACTIONS,
    *audit.ACTIONS,
)
