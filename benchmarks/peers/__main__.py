"""The peers on the same work: `python -m benchmarks.peers`, or `make bench-peers`. Writes `benchmarks/results/peers.*`.

Installs what it needs, starts a private Redis for every measurement, and measures this library, the floor and the peers
in interleaved rounds. A peer that fails is reported as failed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.bench import ROOT
from benchmarks.machine import machine
from benchmarks.measuring import Measurement
from benchmarks.measuring import measure as measure_ours
from benchmarks.peers import environment, measure
from benchmarks.peers.measure import Figures, Sizes
from benchmarks.peers.plot import draw
from benchmarks.peers.program import Peer, PeerFailed
from benchmarks.peers.report import markdown

_PYTHON = str(environment.PYTHON)
_PROGRAMS = "benchmarks.peers.python"
OURS = Peer("interval_scheduler", (sys.executable, "-m", f"{_PROGRAMS}.ours"))
PEERS = [
    Peer("interval-scheduler (npm)", ("node", "benchmarks/peers/node/interval-scheduler.js")),
    Peer("BullMQ", ("node", "benchmarks/peers/node/bullmq.js")),
    Peer("docket", (_PYTHON, "-m", f"{_PROGRAMS}.docket")),
    Peer("taskiq-redis", (_PYTHON, "-m", f"{_PROGRAMS}.taskiq")),
    Peer("APScheduler", (_PYTHON, "-m", f"{_PROGRAMS}.apscheduler3")),
    Peer("celery-redbeat", (_PYTHON, "-m", f"{_PROGRAMS}.redbeat")),
    Peer("rq-scheduler", (_PYTHON, "-m", f"{_PROGRAMS}.rqscheduler")),
]
FLOOR = "floor: raw redis-py"

Step = tuple[str, str, Callable[[], Figures]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Measure the peers on our work.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--only", default="", metavar="PEER", help="only peers whose name contains this, and ours")
    parser.add_argument("--quick", action="store_true", help="1,000 tasks and 3 s of lag: to see whether it works")
    parser.add_argument("--into", type=Path, help="folder for the results (default benchmarks/results for a whole run)")
    arguments = parser.parse_args()
    whole = not arguments.only and not arguments.quick
    folder = arguments.into or (ROOT / "benchmarks" / "results" if whole else None)
    sizes = Sizes(1_000, 200, 3, limit=30, stuck=10) if arguments.quick else Sizes()

    environment.prepare()
    peers = [OURS, *(peer for peer in PEERS if arguments.only.lower() in peer.name.lower())]
    abouts = {peer.name: _about(peer) for peer in peers}
    steps = [*_floor(sizes), *(step for peer in peers for step in _steps(peer, abouts[peer.name], sizes))]
    rounds: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with Progress(transient=True) as progress:
        bar = progress.add_task("", total=len(steps) * arguments.rounds)
        for number in range(arguments.rounds):
            for name, work, step in steps:
                progress.update(bar, description=f"round {number + 1}: {name}, {work}")
                rounds.setdefault(name, {}).setdefault(work, []).append(_tried(step))
                progress.advance(bar)

    result = {
        "machine": machine(),
        "work": sizes.__dict__ | {"rounds": arguments.rounds},
        "about": abouts,
        "medians": {name: _medians(works) for name, works in rounds.items()},
        "failures": _failures(rounds),
        "rounds": rounds,
    }
    text = markdown(result, ours=OURS.name, floor=FLOOR)
    print(text)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "peers.json").write_text(json.dumps(result, indent=1) + "\n")
        (folder / "peers.md").write_text(text)
        draw(result, folder / "peers.svg")


def _steps(peer: Peer, about: dict[str, Any], sizes: Sizes) -> Iterator[Step]:
    yield peer.name, "store", partial(measure.store, peer, sizes)
    yield peer.name, "dispatch", partial(measure.dispatch, peer, sizes)
    yield peer.name, "dispatch, two processes", partial(measure.dispatch, peer, sizes, 2)
    yield peer.name, "lag", partial(measure.lag, peer, sizes, spread=about.get("spread", True))


def _floor(sizes: Sizes) -> Iterator[Step]:
    """The limits of raw redis-py, and what else this library offers, by the suite of `python -m benchmarks`."""
    count = {"count": sizes.count}

    def step(name: str, work: str, key: str, function: str, **arguments: Any) -> Step:
        measurement = Measurement(name, function, count | arguments)
        return name, work, lambda: {key: measure_ours(measurement)["per_second"]}

    yield step(FLOOR, "store", "assign", "floor.pipeline")
    yield step(FLOOR, "dispatch", "dispatch", "floor.dispatch")
    yield step(f"{OURS.name}, assign_task by 100 callers", "store", "assign", "works.assign", callers=100)
    yield step(f"{OURS.name}, at most once", "dispatch", "dispatch", "works.dispatch", delivery="at-most-once")


def _about(peer: Peer) -> dict[str, Any]:
    try:
        return measure.about(peer)
    except PeerFailed as failed:
        return {"versions": {}, "settings": f"failed: {failed}"}


def _tried(step: Callable[[], Figures]) -> dict[str, Any]:
    try:
        return {"figures": step()}
    except PeerFailed as failed:
        return {"failure": str(failed)}
    except subprocess.CalledProcessError as failed:
        return {"failure": str(failed.stderr).strip().splitlines()[-1]}


def _medians(works: dict[str, list[dict[str, Any]]]) -> Figures:
    """The median of each figure over the rounds that succeeded; for the two processes under names of their own."""
    medians = {}
    for work, tries in works.items():
        found = [one["figures"] for one in tries if "figures" in one]
        for key in found[0] if found else ():
            value = statistics.median(one[key] for one in found)
            name = f"{key}_two" if work == "dispatch, two processes" else key
            medians[name] = None if math.isnan(value) else value
    return medians  # type: ignore[return-value]


def _failures(rounds: dict[str, dict[str, list[dict[str, Any]]]]) -> list[str]:
    return [
        f"{name}, {work}, round {number}: {one['failure']}"
        for name, works in rounds.items()
        for work, tries in works.items()
        for number, one in enumerate(tries, 1)
        if "failure" in one
    ]


if __name__ == "__main__":
    main()
