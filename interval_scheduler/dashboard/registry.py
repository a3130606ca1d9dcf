"""All pages in the order of the navigation, all files, and all actions."""

from __future__ import annotations

from typing import Final

from .actions import audit, many, one, saving, whole
from .actions import dead as dead_tasks
from .page import Action, Download, Page
from .pages import (
    ahead,
    bulk,
    dead,
    edit,
    failing,
    health,
    log,
    new,
    overview,
    payload,
    schedulers,
    sure,
    task,
    tasks,
)

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    tasks.PAGE,
    task.PAGE,
    edit.PAGE,
    new.PAGE,
    bulk.PAGE,
    failing.PAGE,
    dead.PAGE,
    schedulers.PAGE,
    ahead.PAGE,
    health.PAGE,
    log.PAGE,
    sure.PAGE,
)
DOWNLOADS: Final[tuple[Download, ...]] = (payload.DOWNLOAD,)
ACTIONS: Final[tuple[Action, ...]] = (
    *one.ACTIONS,
    many.ACTION,
    *saving.ACTIONS,
    whole.PAUSE,
    whole.RESUME,
    whole.ACKNOWLEDGE,
    *dead_tasks.ACTIONS,
    *audit.ACTIONS,
)
