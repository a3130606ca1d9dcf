"""Stacked bars over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from .drawing import BOTTOM, TOP, element, framed, linked, number, percent, time_axis, value_axis
from .scale import amount, moment_words, short, value_ticks

#: The share of its place that a bar takes.
_FILLED = 0.8


def bars(
    points: Sequence[Mapping[str, Any]],
    parts: Mapping[str, str],
    *,
    label: str,
    seconds: float,
    link: str | None = None,
    height: int = 150,
) -> Markup:
    """Draw a bar for each point.

    Args:
        points: the points, the earliest first: `at`, a datetime in UTC, the values of the parts, and that of the link.
        parts: the keys of what is stacked, the lowest first, and the words for each. The key is its class as well.
        label: what is shown, for those who do not see it.
        seconds: the time of each point.
        link: the key of the URL that a bar leads to. Default: none does.
        height: the height of the plot in pixels, without its axis of time.
    """
    ticks = value_ticks(sum(amount(point[key]) for key in parts) for point in points)
    drawn = [value_axis([(tick / ticks[-1], short(tick)) for tick in ticks], height)]
    drawn += [_bar(points, index, parts, link, ticks[-1], height) for index in range(len(points))]
    if points:
        drawn.append(time_axis(points[0]["at"], seconds * len(points), height))
    return framed("bars", label, TOP + height + BOTTOM, drawn, has_links=link is not None)


def _bar(
    points: Sequence[Mapping[str, Any]],
    index: int,
    parts: Mapping[str, str],
    link: str | None,
    most: float,
    height: int,
) -> Markup:
    point, place = points[index], 1 / len(points)
    # All of the place answers to the pointer: a bar of one run is hard to hit.
    drawn = [element("rect", kind="place", x=percent(index * place), y=TOP, width=percent(place), height=height)]
    below = 0.0
    for key in parts:
        if value := amount(point[key]):
            drawn.append(
                element(
                    "rect",
                    kind=f"bar {key}",
                    x=percent((index + (1 - _FILLED) / 2) * place),
                    y=number(TOP + height * (1 - (below + value) / most)),
                    width=percent(_FILLED * place),
                    height=number(height * value / most),
                )
            )
            below += value
    words = ", ".join(f"{round(amount(point[key])):,} {said}" for key, said in parts.items())
    return linked(point[link] if link else None, f"{moment_words(point['at'])}: {words}", *drawn)
