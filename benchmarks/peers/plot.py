"""The plot: dispatches and assignments per second of all schedulers, on a logarithmic scale.

Run by `.venv-peers`: `plot.py peers.json peers.svg` (or `.png`).
"""
# matplotlib is in `.venv-peers` only, where no type checker runs:
# mypy: ignore-errors

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

_OURS, _LIMIT, _PEER, _TEXT = "#d1495b", "#b8bfc9", "#3d6b99", "#30343b"
_PANELS = {"dispatch": "Runs per second, one process", "assign": "Assignments per second"}
mpl.rcParams |= {"font.family": "DejaVu Sans", "font.size": 10, "svg.hashsalt": "peers", "text.color": _TEXT}


def main(source: str, target: str) -> None:
    result = json.loads(Path(source).read_text())
    figure, axes = plt.subplots(1, 2, figsize=(11.5, 4.4), layout="constrained")
    for ax, (key, title) in zip(axes, _PANELS.items(), strict=True):
        found = {name: figures[key] for name, figures in result["medians"].items() if figures.get(key)}
        _panel(ax, dict(sorted(found.items(), key=lambda item: item[1])), title)
    count, rounds = result["work"]["count"], result["work"]["rounds"]
    figure.suptitle(f"{count:,} recurring tasks, one Redis (median of {rounds}; logarithmic)", x=0.01, ha="left")
    figure.savefig(target, dpi=110, metadata={"Date": None} if target.endswith(".svg") else None)


def _panel(ax: plt.Axes, figures: dict[str, float], title: str) -> None:
    names = [name.replace("interval_scheduler, ", "— ") for name in figures]
    bars = ax.barh(names, figures.values(), color=[_colour(name) for name in figures], height=0.66)
    ax.bar_label(bars, labels=[f"{value:,.0f}" for value in figures.values()], padding=4, fontsize=9, color=_TEXT)
    ax.set_xscale("log")
    ax.set_xlim(min(figures.values()) / 3, max(figures.values()) * 4)
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold")
    ax.grid(axis="x", color="#e6e8ec", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelcolor=_TEXT)
    ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)
    for label in ax.get_yticklabels():
        if label.get_text().startswith(("interval_scheduler", "—")):
            label.set(color=_OURS, fontweight="bold")


def _colour(name: str) -> str:
    if name.startswith("interval_scheduler"):
        return _OURS
    return _LIMIT if name.startswith("floor") else _PEER


if __name__ == "__main__":
    main(*sys.argv[1:])
