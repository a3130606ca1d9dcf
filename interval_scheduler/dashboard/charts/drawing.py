"""The parts of plots: elements, axes, and the frame around them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup, escape

from .scale import time_ticks

#: The pixels above the plot, so that the words of the highest tick have room.
TOP: Final = 8
#: The pixels below it, for the words of the axis of time.
BOTTOM: Final = 26
#: Words of a tick further on than this stand before it, as there is no room behind it.
_NEAR_THE_END: Final = 0.93


def number(value: float) -> str:
    """Return a number as SVG has it, with at most three decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def percent(share: float) -> str:
    """Return a share of the width."""
    return f"{number(100 * share)}%"


def element(name: str, *content: str, **attributes: object) -> Markup:
    """Return an element. Names are as in SVG but for `kind`, which is its class; what is `None` is left out."""
    given = {"class" if key == "kind" else key.replace("_", "-"): value for key, value in attributes.items()}
    said = "".join(f' {key}="{escape(value)}"' for key, value in given.items() if value is not None)
    inner = Markup("").join(content)
    return Markup(f"<{name}{said}>{inner}</{name}>" if inner else f"<{name}{said}/>")  # noqa: S704 - all is escaped


def linked(href: str | None, label: str, *content: Markup) -> Markup:
    """Return content with its words, as a link if there is one.

    The table behind each plot has the same links, so those of the plot are not in the way of the keyboard.
    """
    title = element("title", label)
    if href is None:
        return element("g", title, *content)
    return element("a", title, *content, href=href, tabindex="-1", aria_label=label)


def value_axis(ticks: Iterable[tuple[float, str]], height: int) -> Markup:
    """Return the lines and words of an axis of values; a tick is its share of the height, and its words."""
    found: list[Markup] = []
    for share, words in ticks:
        y = number(TOP + height * (1 - share))
        found.append(element("line", kind="grid", x1="0", x2="100%", y1=y, y2=y))
        found.append(element("text", words, kind="tick value", x="-8", y=y, dy="0.32em"))
    return Markup("").join(found)


def time_axis(start: datetime, seconds: float, height: int) -> Markup:
    """Return the marks and words of an axis of time, with its zone in the margin."""
    found = [element("text", "UTC", kind="tick value", x="-8", y=TOP + height + BOTTOM - 6)]
    for share, words in time_ticks(start, seconds):
        x = percent(share)
        found.append(element("line", kind="mark", x1=x, x2=x, y1=TOP + height, y2=TOP + height + 5))
        kind = "tick before" if share > _NEAR_THE_END else "tick"
        found.append(element("text", words, kind=kind, x=x, y=TOP + height + BOTTOM - 6))
    return Markup("").join(found)


def framed(kind: str, label: str, height: int, parts: Sequence[Markup], *, has_links: bool) -> Markup:
    """Return a whole plot.

    Args:
        kind: its class.
        label: what it shows, for those who do not see it.
        height: its height in pixels.
        parts: its parts, those below first.
        has_links: parts are links: a picture could have none.
    """
    role = "group" if has_links else "img"
    return element(
        "svg", *parts, kind=f"chart {kind}", role=role, aria_label=label, width="100%", height=height, focusable="false"
    )
