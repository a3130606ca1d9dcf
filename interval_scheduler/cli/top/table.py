"""`PaneTable`: a pane on the screen. The row under the cursor stays there while rows come and go around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from .panes import Column, Pane, Row, Tone
from .plain import heading

#: The colours of the tones, by their names in a theme.
_COLORS: Final[Mapping[Tone, str]] = {"good": "text-success", "warn": "text-warning", "bad": "text-error"}


def style_of(tone: Tone, theme: Mapping[str, str]) -> str:
    """Return the style of a tone, by the variables of a theme."""
    return "dim" if tone == "dim" else theme.get(_COLORS.get(tone, ""), "")


class PaneTable(DataTable[Text]):
    """A pane on the screen.

    Args:
        name: the name of the pane.
        number: the key that goes to it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Show", key_display="Enter"),
        Binding("tab", "app.focus_next", "Next pane", key_display="Tab"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, name: str, number: int) -> None:
        super().__init__(id=name, cursor_type="row")
        self._number = number
        self._pane: Pane | None = None

    @property
    def pane(self) -> Pane | None:
        """The pane that is shown; `None`: none was shown yet."""
        return self._pane

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor; `None`: there is none."""
        rows = self._pane.rows if self._pane else ()
        return rows[self.cursor_row] if self.cursor_row < len(rows) else None

    def show(self, pane: Pane, *, anew: bool = False) -> None:
        """Show a pane in the place of the one before; `anew`: although it may be the same, in other colours."""
        if pane == self._pane and not anew:
            return
        chosen, scrolled = self.chosen, self.scroll_offset
        self.clear(columns=True)
        self._pane = pane
        self.set_class(not pane.rows, "-empty")
        for at, column in enumerate(pane.columns):
            self.add_column(_head(pane, at, column), key=column.name)
        theme = self.app.theme_variables
        for row in pane.rows:
            style = style_of(row.tone, theme)
            self.add_row(*[_cell(text, pane.columns[at], style) for at, text in enumerate(row.cells)], key=row.key)
        self.border_title = f"{self._number} {heading(pane)}" + (", filtered" if pane.is_filtered else "")
        if chosen is not None and (keys := [row.key for row in pane.rows]).count(chosen.key):
            self.move_cursor(row=keys.index(chosen.key), scroll=False)
        self.scroll_to(scrolled.x, scrolled.y, animate=False)


def _head(pane: Pane, at: int, column: Column) -> Text:
    arrow = ("▼" if pane.sorted_by[1] else "▲") if pane.sorted_by and pane.sorted_by[0] == at else ""
    return Text(column.name + arrow, justify="right" if column.is_number else "left")


def _cell(text: str, column: Column, style: str) -> Text:
    return Text(text, style=style, justify="right" if column.is_number else "left", no_wrap=True)
