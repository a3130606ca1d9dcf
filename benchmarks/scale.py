"""Partitions times processes: `python -m benchmarks.scale`. Writes `benchmarks/results/scale.*`.

Each partition is a Redis of its own, each process a scheduler of its own. All of them share the cores of this machine,
so that it shows how the parts get in each other's way, and not what they do on machines of their own: that is for the
simulation of `capacity.py` to say, which has to reproduce what is measured here.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Final

from benchmarks.capacity import Costs, fit, simulate
from benchmarks.drawing import OTHER, OURS, panels, save, style
from benchmarks.machine import machine
from benchmarks.measuring import RESULTS, Kept, Measurement, interleaved, medians_of

COUNTS: Final = (1, 2, 4)
Point = tuple[int, int]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="Partitions times processes.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    arguments = parser.parse_args()
    titles = {
        (partitions, processes): f"{partitions} partitions, {processes} processes"
        for partitions in COUNTS
        for processes in COUNTS
    }
    suite = [
        Measurement(
            title,
            "works.dispatch",
            {"count": 200_000, "partitions": partitions, "processes": processes, "apart": True},
        )
        for (partitions, processes), title in titles.items()
    ]
    kept = Kept("scale", vars(arguments))
    found = medians_of(interleaved(kept, suite, arguments.rounds))
    medians = {point: found[title] for point, title in titles.items()}
    write(medians, arguments.rounds)
    kept.forget()


def model(medians: dict[Point, dict[str, float]], cores: int) -> dict[Point, float]:
    """What the simulation says of each point: calibrated with two, the others are not told to it."""
    costs = fitted(medians, cores)
    return {point: simulate(costs, *point, cores) for point in medians}


def fitted(medians: dict[Point, dict[str, float]], cores: int) -> Costs:
    """The costs by which the simulation is told two of the points."""
    known = {point: medians[point]["per_second"] for point in ((1, 1), (4, 4))}
    return fit(1000 * medians[1, 1]["redis_cpu_per_1000"], 1000 * medians[1, 1]["worker_cpu_per_1000"], known, cores)


def write(medians: dict[Point, dict[str, float]], rounds: int) -> None:
    """Write `scale.json`, `scale.md` and `scale.svg`."""
    cores = os.cpu_count() or 1
    said = model(medians, cores)
    folder = RESULTS
    where = machine()
    rows = [
        {"partitions": p, "processes": w, "simulated_per_second": round(said[p, w]), **figures}
        for (p, w), figures in medians.items()
    ]
    (folder / "scale.json").write_text(
        json.dumps({"machine": where, "rounds": rounds, "points": rows}, indent=1) + "\n"
    )
    lines = [
        "# Partitions times processes",
        "",
        "![Measured and simulated](scale.svg)",
        "",
        f"Medians of {rounds} interleaved rounds, 200,000 dispatches each; each partition a Redis of its own. "
        + ", ".join(f"{name} {value}" for name, value in where.items())
        + ".",
        "",
        "| partitions | processes | dispatches/s | simulated | simulated ÷ measured | duplicates |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {p} | {w} | {figures['per_second']:,.0f} | {said[p, w]:,.0f} | "
        f"{said[p, w] / figures['per_second']:.2f} | {figures['duplicates']:.0f} |"
        for (p, w), figures in medians.items()
    ]
    (folder / "scale.md").write_text("\n".join(lines) + "\n")
    draw(medians, said, folder / "scale.svg")


def draw(medians: dict[Point, dict[str, float]], said: dict[Point, float], target: Path) -> None:
    """Bars of what was measured, with a mark where the simulation says it is."""
    figure, (ax,) = panels(1, 1, (8, 4))
    places = range(len(medians))
    ax.bar(places, [one["per_second"] for one in medians.values()], color=OURS, width=0.6, label="measured")
    ax.plot(places, list(said.values()), "D", color=OTHER, label="simulated")
    ax.set_xticks(places, [f"{p} × {w}" for p, w in medians])
    ax.set_xlabel("partitions × processes")
    ax.legend(frameon=False, loc="lower right")
    style(ax, f"Dispatches a second, all on {os.cpu_count()} cores", "y")
    save(figure, target)


if __name__ == "__main__":
    main()
