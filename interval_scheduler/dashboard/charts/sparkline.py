"""A line without axes, for the corner of a tile."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from .drawing import element, number
from .scale import amount

#: The pixels above and below it, so that the stroke is not cut.
_EDGE = 2


def sparkline(values: Sequence[float | None], *, label: str, height: int = 28) -> Markup:
    """Draw values from 0 to the greatest of them, equally far apart.

    Args:
        values: the values, the earliest first; one alone is a level line.
        label: what is shown, for those who do not see it.
        height: its height in pixels.
    """
    drawn = [amount(value) for value in values] or [0.0]
    if len(drawn) == 1:
        drawn *= 2
    most, inner = max(drawn) or 1.0, height - 2 * _EDGE
    places = " ".join(f"{index},{number(_EDGE + inner * (1 - value / most))}" for index, value in enumerate(drawn))
    return element(
        "svg",
        element("polyline", points=places),
        kind="spark",
        role="img",
        aria_label=label,
        viewBox=f"0 0 {len(drawn) - 1} {height}",
        preserveAspectRatio="none",
        width="100%",
        height=height,
        focusable="false",
    )
