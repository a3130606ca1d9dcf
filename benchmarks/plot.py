"""The plot of `make bench`: rates beside the floor, growth, lag, and what a dispatch costs."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes

from benchmarks.drawing import LIMIT, OTHER, OURS, bars, logarithmic, panels, save, style
from benchmarks.growth import COUNTS

Medians = dict[str, dict[str, float]]
_FLOOR = "floor: claim, run, complete by hand"


def draw(medians: Medians, target: Path) -> None:
    """Write the plot, as what the target's name ends with: svg or png."""
    figure, (rates, growth, lag, cost) = panels(2, 2, (12, 8.4))
    _rates(rates, medians)
    _growth(growth, medians)
    _lag(lag, medians)
    _cost(cost, medians)
    figure.suptitle("interval_scheduler: medians of interleaved rounds, one Redis", x=0.01, ha="left")
    save(figure, target)


def _rates(ax: Axes, medians: Medians) -> None:
    wanted = ("dispatch", "assign_task", "floor", "herd")
    found = {
        title: one["per_second"]
        for title, one in medians.items()
        if title.startswith(wanted) and " waiting" not in title
    }
    figures = dict(sorted(found.items(), key=lambda item: item[1]))
    bars(ax, figures, [LIMIT if title.startswith("floor") else OURS for title in figures], lambda rate: f"{rate:,.0f}")
    logarithmic(ax, "x")
    ax.set_xlim(min(figures.values()) / 2, max(figures.values()) * 4)
    style(ax, "Tasks per second (logarithmic)", "x")


def _growth(ax: Axes, medians: Medians) -> None:
    """What is due at random is what an application has; the order of insertion shows what that alone costs."""
    points = {waiting: medians[f"growth: {waiting:,} waiting, at random"] for waiting in COUNTS}
    in_order = [1e6 / medians[f"growth: {waiting:,} waiting"]["per_second"] for waiting in COUNTS]
    elapsed = [1e6 / one["per_second"] for one in points.values()]
    ax.plot(COUNTS, in_order, "o:", color=OURS, label="elapsed, due in the order of insertion")
    ax.plot(COUNTS, elapsed, "o-", color=OURS, label="elapsed, due at random")
    ax.plot(COUNTS, [1e3 * one["redis_cpu_per_1000"] for one in points.values()], "o-", color=OTHER, label="Redis CPU")
    worker = [1e3 * one["worker_cpu_per_1000"] for one in points.values()]
    ax.plot(COUNTS, worker, "o-", color=LIMIT, label="worker CPU")
    logarithmic(ax, "x")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("tasks that wait beside")
    ax.legend(frameon=False)
    style(ax, "µs a dispatch, by waiting tasks", "y")


def _lag(ax: Axes, medians: Medians) -> None:
    loads = {title.split()[2]: one for title, one in medians.items() if title.startswith("lag at")}
    for number, (name, colour) in enumerate((("p50", OURS), ("p99", OTHER), ("p99.9", LIMIT))):
        drawn = ax.bar(
            [place + 0.27 * (number - 1) for place in range(len(loads))],
            [one[f"{name}_ms"] for one in loads.values()],
            width=0.25,
            color=colour,
            label=name,
        )
        ax.bar_label(drawn, fmt="{:.1f}", fontsize=8, padding=2)
    ax.set_xticks(range(len(loads)), [f"{load} tasks/s" for load in loads])
    ax.legend(frameon=False)
    style(ax, "Lag: start of a run minus its due time, ms", "y")


def _cost(ax: Axes, medians: Medians) -> None:
    shown = {title: one for title, one in medians.items() if title == _FLOOR or title.startswith("dispatch")}
    names = [title.replace("dispatch, ", "") for title in shown][::-1]
    redis = [1000 * one["redis_cpu_per_1000"] for one in shown.values()][::-1]
    worker = [1000 * one["worker_cpu_per_1000"] for one in shown.values()][::-1]
    first = ax.barh(names, redis, color=OTHER, height=0.66, label="Redis")
    second = ax.barh(names, worker, left=redis, color=OURS, height=0.66, label="worker")
    for drawn in (first, second):
        ax.bar_label(drawn, fmt="{:.1f}", label_type="center", fontsize=9, color="white")
    ax.legend(frameon=False)
    style(ax, "CPU of a dispatch, µs", "x")
