"""`TopApp`: frames on a terminal, and keys."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Input, Static

from ... import DeadTask, PartitionOverview, Scheduler, SchedulerCard, SchedulerError
from ..frame.exits import INTERRUPTED, TERMINATED
from ..output.cards import dead_card, partition_card, scheduler_card, task_card
from ..output.output import Output
from .details import KEYS, Details
from .frame import PANES, Frame, View, frame_of
from .look import CSS
from .panes import Subject, Tone
from .reading import Reading, read
from .refreshing import Refreshing
from .table import PaneTable, style_of
from .watching import Watched, watch

#: From so many lines on, the panes without the focus show two rows too, and four.
_MIDDLE: Final = 30
_TALL: Final = 36
#: A reading that takes longer is told, seconds.
_WAITS_SECONDS: Final = 1.5


class TopApp(App[int]):
    """The screen of `top`; its result is the exit code.

    Args:
        scheduler: a connected scheduler; it is only read.
        out: writes values as people read them.
        title: what is watched.
        interval: seconds from one reading to the next.
        is_dark: begin with light text on a dark ground.
    """

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    VERTICAL_BREAKPOINTS = [(0, "-short"), (_MIDDLE, "-middle"), (_TALL, "-tall")]  # noqa: RUF012 - so Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit_with(0)", "Quit"),
        Binding("ctrl+c", f"quit_with({INTERRUPTED})", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
        Binding("question_mark", "keys", "Keys", key_display="?"),
        Binding("p,space", "pause", "Pause", key_display="p"),
        Binding("r", "refresh_now", show=False),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("s", "sort", "Sort"),
        Binding("S", "turn", show=False),
        Binding("d", "ground", show=False),
        Binding("escape", "unfilter", show=False),
        *[Binding(str(number), f"focus_pane('{name}')", show=False) for number, name in enumerate(PANES, 1)],
    ]

    def __init__(self, scheduler: Scheduler, out: Output, title: str, interval: float, *, is_dark: bool = True) -> None:
        super().__init__()
        self.theme = "textual-dark" if is_dark else "textual-light"
        self.title = title
        self._scheduler = scheduler
        self._out = out
        self._refreshing = Refreshing(lambda: read(scheduler), self._take, interval)
        self._reading: Reading | None = None
        self._watched = Watched()
        self._view = View()
        self._interval = interval
        # They are kept, and not looked for: a reading may end while the screen is taken down.
        self._line = Static(id="title")
        self._head = Static(id="head")
        self._alerts = Static(id="alerts")
        self._tables = {name: PaneTable(name, number) for number, name in enumerate(PANES, 1)}
        self._field = Input(placeholder="only rows with this text", id="filter", compact=True)

    def compose(self) -> ComposeResult:
        """Make the screen."""
        yield from (self._line, self._head, self._alerts, *self._tables.values(), self._field, Footer())

    def on_mount(self) -> None:
        """Begin to read."""
        self._tables["due"].focus()
        # Textual makes all tasks of the event loop eager, where Python can; it is the loop of the scheduler as well.
        asyncio.get_running_loop().set_task_factory(None)
        with suppress(NotImplementedError, RuntimeError):  # no signals on Windows, nor in another thread than the first
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, TERMINATED)
        self.run_worker(self._refreshing.run(), exclusive=True, group="reading")
        self.set_interval(1, self._show_state)

    def on_unmount(self) -> None:
        """Leave the signal to others."""
        with suppress(NotImplementedError, RuntimeError):  # as in on_mount: the signal was not taken there
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    @property
    def failure(self) -> BaseException | None:
        """The error that ended it, a bug; `None`: there was none."""
        return self._exception

    def _fatal_error(self) -> None:
        """End without a word. Textual would write a traceback with the values of all variables."""
        self._close_messages_no_wait()

    def _take(self, reading: Reading) -> None:
        self._reading, self._watched = reading, watch(self._watched, reading)
        self._show()

    def _show(self, *, anew: bool = False) -> None:
        if self._reading is None:
            return
        frame = frame_of(self._reading, self._watched, self._view, self._out.clock)
        self._show_head(frame)
        for pane in frame.panes:
            self._tables[pane.name].show(pane, anew=anew)

    def _show_head(self, frame: Frame) -> None:
        self._show_state()
        head = Text()
        for figure in frame.figures:
            head.append(f"{figure.name} ", style=self._style("dim"))
            head.append(f"{figure.text}  ", style=f"bold {self._style(figure.tone)}")
        if frame.sparks.strip():
            head.append("runs by minute ", style=self._style("dim")).append(frame.sparks.strip(), self._style("good"))
        self._head.update(head)
        self._alerts.set_class(bool(frame.alerts), "-some")
        self._alerts.update(Text("\n").join(Text(f"● {words}", self._style(tone)) for tone, words in frame.alerts))

    def _show_state(self) -> None:
        """Show when the last reading was, and if the next one has to wait for an answer."""
        moment = "" if self._reading is None else self._out.clock(datetime.fromtimestamp(self._reading.now, UTC))
        waited = self._refreshing.waited
        title = Text(no_wrap=True).append(f"{self.title}  ", "bold").append(f"{moment}  ")
        if waited >= _WAITS_SECONDS:
            title.append(f"waits for an answer for {waited:.0f}s", self._style("warn"))
        elif self._refreshing.is_paused:
            title.append("paused", self._style("warn"))
        else:
            title.append(f"every {self._interval:g}s", self._style("dim"))
        self._line.update(title)

    def _style(self, tone: Tone) -> str:
        return style_of(tone, self.theme_variables)

    @property
    def _focused(self) -> PaneTable | None:
        return self.focused if isinstance(self.focused, PaneTable) else None

    def action_quit_with(self, code: int) -> None:
        """End with an exit code."""
        self.exit(code)

    def action_keys(self) -> None:
        """Show the keys."""
        self.push_screen(Details("Keys", KEYS))

    def action_pause(self) -> None:
        """Pause, or go on."""
        self._refreshing.is_paused = not self._refreshing.is_paused
        if not self._refreshing.is_paused:
            self._refreshing.hurry()
        self._show()

    def action_refresh_now(self) -> None:
        """Read now."""
        self._refreshing.hurry()

    def action_focus_pane(self, name: str) -> None:
        """Go to a pane."""
        self._tables[name].focus()

    def action_sort(self) -> None:
        """Sort the pane by its next column."""
        if (table := self._focused) is not None and table.pane is not None:
            self._see(self._view.sorted_next(table.pane.name, len(table.pane.columns)))

    def action_turn(self) -> None:
        """Sort the pane the other way round."""
        if (table := self._focused) is not None and table.pane is not None:
            self._see(self._view.turned(table.pane.name))

    def action_ground(self) -> None:
        """Change between dark and light."""
        self.theme = "textual-light" if self.theme == "textual-dark" else "textual-dark"
        self._show(anew=True)

    def action_filter(self) -> None:
        """Ask for the text to filter by."""
        self._field.add_class("-shown")
        self._field.focus()

    def action_unfilter(self) -> None:
        """Take the filter off."""
        self._field.value = ""
        self._field.remove_class("-shown")
        self._leave_filter()
        self._see(replace(self._view, words=""))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while people write."""
        self._see(replace(self._view, words=event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the panes; the filter stays."""
        if not event.value:
            self._field.remove_class("-shown")
        self._leave_filter()

    def on_data_table_row_selected(self, event: PaneTable.RowSelected) -> None:
        """Show in full what a row is about."""
        table = event.data_table
        if isinstance(table, PaneTable) and table.chosen is not None:
            self._show_details(table.chosen.subject)

    @work(exclusive=True, group="details")
    async def _show_details(self, subject: Subject) -> None:
        match subject:
            case str():
                await self._show_task(subject)
            case DeadTask():
                self._open(f"Task {subject.id}", dead_card(subject))
            case SchedulerCard():
                self._open(f"Scheduler on {subject.host}", scheduler_card(subject))
            case PartitionOverview():
                self._open(f"Partition {subject.name}", partition_card(subject, self._out))

    async def _show_task(self, task_id: str) -> None:
        try:
            task = await self._scheduler.get_task(task_id)
        except SchedulerError as error:
            self.notify(self._out.cell(str(error)), severity="error", markup=False)
            return
        if task is None:
            self.notify(f"There is no task {task_id!r} any more.", markup=False)
            return
        self._open(f"Task {task_id}", task_card(task, self._out))

    def _open(self, title: str, fields: Mapping[str, Any]) -> None:
        self.push_screen(Details(self._out.cell(title), {name: self._out.cell(each) for name, each in fields.items()}))

    def _leave_filter(self) -> None:
        if self._focused is None:
            self._tables["due"].focus()

    def _see(self, view: View) -> None:
        self._view = view
        self._show()
