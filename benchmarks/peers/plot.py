"""The plot: dispatches and assignments per second of all schedulers, on a logarithmic scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from benchmarks.drawing import LIMIT, OTHER, OURS, bars, logarithmic, panels, save, style

_PANELS = {"dispatch": "Runs per second, one process", "assign": "Assignments per second"}


def draw(result: dict[str, Any], target: Path) -> None:
    """Write the plot of a result of `python -m benchmarks.peers`."""
    figure, axes = panels(1, 2, (11.5, 4.4))
    for ax, (key, title) in zip(axes, _PANELS.items(), strict=True):
        found = {name: figures[key] for name, figures in result["medians"].items() if figures.get(key)}
        _panel(ax, dict(sorted(found.items(), key=lambda item: item[1])), title)
    count, rounds = result["work"]["count"], result["work"]["rounds"]
    figure.suptitle(f"{count:,} recurring tasks, one Redis (median of {rounds}; logarithmic)", x=0.01, ha="left")
    save(figure, target)


def _panel(ax: Axes, figures: dict[str, float], title: str) -> None:
    named = {name.replace("interval_scheduler, ", "— "): value for name, value in figures.items()}
    bars(ax, named, [_colour(name) for name in figures], lambda rate: f"{rate:,.0f}")
    logarithmic(ax, "x")
    ax.set_xlim(min(figures.values()) / 3, max(figures.values()) * 4)
    style(ax, title, "x")
    for label in ax.get_yticklabels():
        if label.get_text().startswith(("interval_scheduler", "—")):
            label.set(color=OURS, fontweight="bold")


def _colour(name: str) -> str:
    if name.startswith("interval_scheduler"):
        return OURS
    return LIMIT if name.startswith("floor") else OTHER
