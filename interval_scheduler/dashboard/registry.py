"""All pages in the order of the navigation, all files, and all actions."""

from __future__ import annotations

from typing import Final

from .actions import many, one, saving, whole
from .page import Action, Download, Page
from .pages import ahead, bulk, edit, new, overview, payload, schedulers, task, tasks

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    tasks.PAGE,
    task.PAGE,
    edit.PAGE,
    new.PAGE,
    bulk.PAGE,
    schedulers.PAGE,
    ahead.PAGE,
)
DOWNLOADS: Final[tuple[Download, ...]] = (payload.DOWNLOAD,)
ACTIONS: Final[tuple[Action, ...]] = (
    *one.ACTIONS,
    many.ACTION,
    *saving.ACTIONS,
    whole.PAUSE,
    whole.RESUME,
    whole.ACKNOWLEDGE,
)
