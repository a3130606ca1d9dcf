"""A frame: what one reading shows, as text with tones, in panes. Pure functions; no terminal is known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ..options.durations import duration_text
from ..output.sparklines import sparkline
from ..output.words import pause_of
from .panes import Pane, Tone, panes_of
from .reading import MINUTES, Reading
from .watching import Watched

#: The panes by their names, in their order.
PANES: Final = ("partitions", "schedulers", "runs", "due", "failing", "dead")

#: A partition that came back is told for so long, seconds.
_TELL_SECONDS: Final = 60.0
#: A share of failures that is told apart.
_MANY_FAILURES: Final = 0.1


@dataclass(frozen=True)
class Order:
    """The order of a pane: by the number of a column, the largest number or the first text first; or turned."""

    column: int
    is_turned: bool = False


@dataclass(frozen=True)
class View:
    """The wishes of people about a frame.

    Attributes:
        words: only rows that have this text in a cell are shown, whatever its case; empty for all.
        orders: for each pane by its name, how it is sorted; a pane that is not here is as it was read.
    """

    words: str = ""
    orders: Mapping[str, Order] = field(default_factory=dict)

    def sorted_next(self, pane: str, columns: int) -> View:
        """Return the view in which a pane is sorted by its next column; after the last one it is as it was read."""
        now = self.orders.get(pane)
        following = 0 if now is None else now.column + 1
        rest = {name: order for name, order in self.orders.items() if name != pane}
        return replace(self, orders=rest if following >= columns else {**rest, pane: Order(following)})

    def turned(self, pane: str) -> View:
        """Return the view in which the order of a pane is the other way round."""
        if (now := self.orders.get(pane)) is None:
            return self
        return replace(self, orders={**self.orders, pane: Order(now.column, is_turned=not now.is_turned)})


@dataclass(frozen=True)
class Figure:
    """A number in the head of a frame."""

    name: str
    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Frame:
    """The content of one reading, as it is shown.

    Attributes:
        at: the moment of the reading, by the clock of a server, in epoch seconds.
        figures: the numbers of the head.
        sparks: the runs of each of the last minutes as small bars.
        alerts: what people should know at once, the worst first.
        panes: the panes, in their order.
    """

    at: float
    figures: tuple[Figure, ...]
    sparks: str
    alerts: tuple[tuple[Tone, str], ...]
    panes: tuple[Pane, ...]


def frame_of(reading: Reading, watched: Watched, view: View, clock: Callable[[datetime], str]) -> Frame:
    """Make the frame of a reading.

    Args:
        reading: what was read.
        watched: what is known from the readings before.
        view: how people want to see it.
        clock: writes a moment as a time of day.
    """
    panes = tuple(_viewed(pane, view) for pane in panes_of(reading))
    return Frame(reading.now, _figures(reading), _bars(reading), tuple(_alerts(reading, watched, clock)), panes)


def _figures(reading: Reading) -> tuple[Figure, ...]:
    overview = reading.overview
    if overview is None:
        return ()
    late = 0.0 if overview.oldest_due is None else max(0.0, reading.now - overview.oldest_due)
    pace, share = _pace(reading)
    executing = sum(each.executing or bool(each.queues) for each in reading.cards or ())
    return (
        Figure("tasks", f"{overview.tasks:,}"),
        Figure("due", f"{overview.due:,}", "warn" if late >= 1 else "plain"),
        Figure("late", duration_text(late) if late >= 1 else "no", "bad" if late >= 60 else "plain"),
        Figure("running", f"{overview.leased:,}"),
        Figure("runs/s", "-" if pace is None else f"{pace:,.1f}" if pace < 100 else f"{pace:,.0f}"),
        Figure(
            "failed", "-" if share is None else f"{share:.1%}", "bad" if share and share > _MANY_FAILURES else "plain"
        ),
        Figure("dead", f"{overview.dead:,}", "bad" if overview.dead else "plain"),
        Figure("schedulers", f"{executing:,}", "plain" if executing else "warn"),
    )


def _pace(reading: Reading) -> tuple[float | None, float | None]:
    """Return the runs a second, and the share of failures, over the last whole minute and this one."""
    points = list(reading.series)[-2:] if reading.series else []
    if not points:
        return None, None
    runs, failures = sum(each.runs for each in points), sum(each.failures for each in points)
    return runs / max(1.0, reading.now - points[0].at), failures / runs if runs else None


def _bars(reading: Reading) -> str:
    return "" if reading.series is None else sparkline([each.runs or None for each in list(reading.series)[-MINUTES:]])


def _alerts(reading: Reading, watched: Watched, clock: Callable[[datetime], str]) -> Sequence[tuple[Tone, str]]:
    found: list[tuple[Tone, str]] = []
    for name, since in watched.offline.items():
        found.append(("bad", f"partition {name} is offline since {clock(since)}; figures leave it out"))
    if reading.overview is None:
        found += [("bad", problem) for problem in reading.problems]
        return found
    if not watched.offline:
        found += [("warn", problem) for problem in reading.problems]
    for name, at in watched.back.items():
        if reading.now - at.timestamp() < _TELL_SECONDS and name not in watched.offline:
            found.append(("good", f"partition {name} is back since {clock(at)}"))
    if reading.overview.pause is not None:
        known = pause_of(reading.overview.pause, clock)
        found.append(("warn", "paused" if known == "yes" else f"paused {known}"))
    if reading.overview.due and reading.cards is not None and not any(e.executing or e.queues for e in reading.cards):
        found.append(("warn", "tasks are due, and no scheduler tells that it executes any"))
    for move in reading.overview.moving:
        found.append(
            ("warn", f"tasks move away from {move.partition}: {move.moved:,} are gone, {move.left:,} are left")
        )
    return found


def _viewed(pane: Pane, view: View) -> Pane:
    words, rows = view.words.casefold(), pane.rows
    if words:
        rows = tuple(row for row in rows if any(words in cell.casefold() for cell in row.cells))
    pane = replace(pane, rows=rows, is_filtered=bool(words))
    return pane if (order := view.orders.get(pane.name)) is None else _sorted(pane, order)


def _sorted(pane: Pane, order: Order) -> Pane:
    """Sort the rows of a pane; those without a value come last."""
    at = order.column
    known = [row for row in pane.rows if row.values[at] is not None]
    unknown = [row for row in pane.rows if row.values[at] is None]
    largest_first = order.is_turned is any(isinstance(row.values[at], str) for row in known)
    known.sort(key=lambda row: row.values[at], reverse=largest_first)
    return replace(pane, rows=(*known, *unknown), sorted_by=(at, largest_first))
