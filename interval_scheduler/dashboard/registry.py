"""All pages in the order of the navigation, and all actions."""

from __future__ import annotations

from typing import Final

from .actions import whole
from .page import Action, Page
from .pages import ahead, overview, schedulers

PAGES: Final[tuple[Page, ...]] = (overview.PAGE, schedulers.PAGE, ahead.PAGE)
ACTIONS: Final[tuple[Action, ...]] = (whole.PAUSE, whole.RESUME, whole.ACKNOWLEDGE)
