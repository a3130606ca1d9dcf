"""Durations over time, as lines on a scale of powers of ten: they reach from milliseconds to hours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from ...cli.options.durations import duration_text
from .drawing import BOTTOM, TOP, element, framed, linked, number, percent, time_axis, value_axis
from .scale import moment_words

#: The ends of the scale, as powers of ten of a second, unless values go beyond the upper one.
_LOWEST: Final = -3
_HIGHEST: Final = 1
_LAST: Final = 6


def lines(
    points: Sequence[Mapping[str, Any]], names: Mapping[str, str], *, label: str, seconds: float, height: int = 120
) -> Markup:
    """Draw a line for each name: level over the time of a point, with the area below it; no value is a gap.

    Args:
        points: the points, the earliest first: `at`, a datetime in UTC, and seconds for each name. What is infinite
            stands at the upper end.
        names: the keys of the lines, and the words for each. The key is its class as well.
        label: what is shown, for those who do not see it.
        seconds: the time of each point.
        height: the height of the plot in pixels, without its axis of time.
    """
    values = [point[key] or 0.0 for point in points for key in names]
    known = [value for value in values if value > 0 and math.isfinite(value)]
    top = min(_LAST, max([_HIGHEST, *(math.ceil(math.log10(value)) for value in known)]))
    ticks = [((power - _LOWEST) / (top - _LOWEST), _power_words(power)) for power in range(_LOWEST, top + 1)]
    drawn = [value_axis(ticks, height)]
    for key in names:
        heights = [_share(point[key], top) for point in points]
        # The view box is as wide as there are points, and is stretched to the width of the plot.
        shape = element("path", kind=f"area {key}", d=_path(heights, height, is_area=True))
        line = element("path", kind=f"line {key}", d=_path(heights, height, is_area=False))
        box = f"0 0 {max(1, len(points))} {TOP + height}"
        drawn.append(
            element(
                "svg", shape, line, viewBox=box, preserveAspectRatio="none", width="100%", height=number(TOP + height)
            )
        )
    for index, point in enumerate(points):
        place = 1 / len(points)
        words = ", ".join(f"{said} {_words(point[key])}" for key, said in names.items())
        rect = element("rect", kind="place", x=percent(index * place), y=TOP, width=percent(place), height=height)
        drawn.append(linked(None, f"{moment_words(point['at'])}: {words}", rect))
    if points:
        drawn.append(time_axis(points[0]["at"], seconds * len(points), height))
    return framed("lines", label, TOP + height + BOTTOM, drawn, has_links=False)


def _share(value: float | None, top: int) -> float | None:
    """Return the height of a value as a share of that of the plot; `None` for a gap."""
    if value is None or math.isnan(value):
        return None
    if value <= 0:
        return 0.0
    power = top if math.isinf(value) else math.log10(value)
    return min(1.0, max(0.0, (power - _LOWEST) / (top - _LOWEST)))


def _path(heights: Sequence[float | None], height: int, *, is_area: bool) -> str:
    """Return the path of a line in steps, or of the area below it."""
    steps: list[str] = []
    for index, share in enumerate(heights):
        if share is None:
            continue
        follows = index > 0 and heights[index - 1] is not None
        y = number(TOP + height * (1 - share))
        if is_area:
            steps.append(f"M{index} {TOP + height}V{y}H{index + 1}V{TOP + height}Z")
        else:
            steps.append(f"{'L' if follows else 'M'}{index} {y}H{index + 1}")
    return "".join(steps)


def _power_words(power: int) -> str:
    """Return a power of ten of a second in a few characters."""
    return f"{10 ** (power + 3)}ms" if power < 0 else f"{10**power}s"


def _words(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "unknown"
    return "above all classes" if math.isinf(value) else f"at most {duration_text(value)}"
