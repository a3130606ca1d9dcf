"""How the plots look: colours, fonts, bars. Nothing here knows what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

OURS, LIMIT, OTHER, TEXT = "#d1495b", "#b8bfc9", "#3d6b99", "#30343b"
# An SVG that differs only where the figures differ: no random ids, no date.
mpl.rcParams |= {"font.family": "DejaVu Sans", "font.size": 10, "svg.hashsalt": "benchmarks", "text.color": TEXT}


def panels(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row."""
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    return figure, list(axes.flat)


def style(ax: Axes, title: str, grid: str) -> None:
    """A title, and a grid along one axis instead of a frame."""
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold")
    ax.grid(axis="x" if grid == "x" else "y", color="#e6e8ec", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelcolor=TEXT)
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)


def bars(ax: Axes, figures: dict[str, float], colours: list[str], shown: Callable[[float], str]) -> None:
    """Horizontal bars with their figures, the last one at the top."""
    drawn = ax.barh(list(figures), list(figures.values()), color=colours, height=0.66)
    ax.bar_label(drawn, labels=[shown(value) for value in figures.values()], padding=4, fontsize=9, color=TEXT)


def logarithmic(ax: Axes, axis: str) -> None:
    """A logarithmic axis that is labelled with whole numbers."""
    ax.set_xscale("log") if axis == "x" else ax.set_yscale("log")
    of = ax.xaxis if axis == "x" else ax.yaxis
    of.set_minor_locator(NullLocator())
    of.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def save(figure: Figure, target: Path) -> None:
    """Write it, as what the name's ending says."""
    if target.suffix == ".svg":
        figure.savefig(target, metadata={"Date": None})
    else:
        figure.savefig(target, dpi=110)
    plt.close(figure)
