"""Plots as SVG, with classes of the style sheet only. Pure functions.

Each takes the points of a view and returns markup. Positions along the time are shares of the width, in per cent, so
that a plot fills any width and its words keep their size; heights are pixels. The axis of values stands left of the
plot, in the margin that the style sheet leaves there.
"""

from .bars import bars
from .heat import heat_map
from .lines import lines
from .sparkline import sparkline

__all__ = ["bars", "heat_map", "lines", "sparkline"]
