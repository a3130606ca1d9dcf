"""The look of the screen, in the CSS of Textual: the pane with the focus has all room that the others leave.

A pane without rows is its title alone, which has the counts: the names of its columns would tell nothing.
"""

from __future__ import annotations

from typing import Final

CSS: Final = """
Screen { layout: vertical; }
#title { height: 1; padding: 0 1; background: $panel; }
#head { height: auto; padding: 0 1; }
#alerts { height: auto; max-height: 4; padding: 0 1; display: none; }
#alerts.-some { display: block; }
#filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
#filter.-shown { display: block; }
PaneTable {
    height: 1; background: $background; border-top: solid $foreground 30%;
    border-title-color: $foreground 80%; border-title-style: none; scrollbar-size: 1 1; overflow-x: hidden;
}
PaneTable > .datatable--header { background: $background; color: $foreground 60%; text-style: none; }
PaneTable > .datatable--cursor { background: $background; color: $foreground; text-style: none; }
PaneTable:focus {
    height: 1fr; border-top: heavy $primary; border-title-color: $text-primary; border-title-style: bold;
}
PaneTable:focus > .datatable--cursor { background: $primary 35%; }
.-middle PaneTable { height: auto; max-height: 4; }
.-tall PaneTable { height: auto; max-height: 6; }
.-middle PaneTable:focus, .-tall PaneTable:focus { height: 1fr; max-height: 100%; }
PaneTable.-empty, PaneTable.-empty:focus { height: 1; }
Details { align: center middle; background: $background 60%; }
#window {
    width: 90%; max-width: 100; height: auto; max-height: 90%; padding: 1 2;
    background: $surface; border: round $primary; border-title-color: $text-primary;
}
"""
