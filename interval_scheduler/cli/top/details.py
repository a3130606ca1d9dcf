"""The windows that lie over the panes: one task or scheduler in full, and the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS: Final = {
    "q": "quit",
    "Tab, →": "the next pane; Shift+Tab, ← the one before",
    "1 … 6": "the pane with this number",
    "↑ ↓ PgUp PgDn": "move in the pane",
    "Enter": "show in full what the row is about",
    "/": "filter: only rows with this text; Esc takes it off",
    "s": "sort by the next column; after the last one as read",
    "S": "sort the other way round",
    "p, Space": "pause, or go on refreshing",
    "r": "refresh now",
    "d": "dark or light",
    "?": "this help",
}


class Details(ModalScreen[None]):
    """A window with a title, and a line for each of its fields.

    Args:
        title: the title.
        fields: the texts, by their names.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q,question_mark", "dismiss", "Close")]

    def __init__(self, title: str, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._title = title
        self._fields = fields

    def compose(self) -> ComposeResult:
        """Make the window."""
        window = VerticalScroll(Static(_text(self._fields)), id="window")
        window.border_title = Text(self._title).markup
        window.border_subtitle = "Esc closes it"
        yield window


def _text(fields: Mapping[str, str]) -> Text:
    width = max(map(len, fields), default=0)
    text = Text()
    for name, value in fields.items():
        first, *more = value.splitlines() or [""]
        text.append(name.ljust(width), style="bold").append(f"  {first}\n")
        for line in more:
            text.append(f"{'':{width}}  {line}\n")
    text.rstrip()
    return text
