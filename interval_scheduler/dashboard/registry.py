"""All pages in the order of the navigation, and all actions."""

from __future__ import annotations

from typing import Final

from .page import Action, Page
from .pages import overview

PAGES: Final[tuple[Page, ...]] = (overview.PAGE,)
ACTIONS: Final[tuple[Action, ...]] = ()
