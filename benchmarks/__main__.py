"""The benchmark suite: `python -m benchmarks`, or `make bench`. Writes `benchmarks/results/`.

Every measurement runs in a process of its own on a fresh Redis. Rounds are interleaved, so that a noisy moment hits all
measurements alike; the medians are reported, and ratios to the floor of the same run.
"""

from __future__ import annotations

import argparse

from benchmarks.growth import COUNTS, FEW, MANY, table
from benchmarks.measuring import Kept, Measurement, interleaved, medians_of
from benchmarks.plot import draw
from benchmarks.report import show, write

SUITE = [
    Measurement("floor: claim, run, complete by hand", "floor.dispatch", {"count": 100_000}),
    Measurement("floor: ZADD + HSET a task, pipelined", "floor.pipeline", {"count": 50_000}),
    Measurement("dispatch, at least once", "works.dispatch", {"count": 100_000}),
    Measurement("dispatch, at most once", "works.dispatch", {"count": 100_000, "delivery": "at-most-once"}),
    Measurement("dispatch, uvloop", "works.dispatch", {"count": 100_000, "uvloop": True}),
    Measurement("dispatch, 2 processes", "works.dispatch", {"count": 200_000, "processes": 2}),
    Measurement("dispatch, 4 partitions on one server", "works.dispatch", {"count": 100_000, "partitions": 4}),
    Measurement(
        "dispatch, 2 processes, 4 partitions", "works.dispatch", {"count": 200_000, "processes": 2, "partitions": 4}
    ),
    *(
        Measurement(
            f"round trip of 1 ms, {calls} at once, {kind}",
            "works.dispatch",
            {"count": count, "concurrency": calls, "round_trip": 0.001, **more},
        )
        for calls in (1, 10)
        for kind, count, more in (("single runs", 2_000 * calls, {}), ("batches of 500", 100_000, {"batch": 500}))
    ),
    Measurement("assign_tasks, bulk", "works.assign_bulk", {"count": 100_000}),
    Measurement("assign_task, 100 callers", "works.assign", {"callers": 100, "count": 50_000}),
    Measurement("assign_task, 1 caller", "works.assign", {"callers": 1, "count": 5_000}),
    Measurement("lag at 100 tasks/s", "lateness.lag", {"per_second": 100}),
    Measurement("lag at 1,000 tasks/s", "lateness.lag", {"per_second": 1_000}),
    Measurement("lag at 10,000 tasks/s", "lateness.lag", {"per_second": 10_000}),
    Measurement("herd of 100,000 due at one instant", "lateness.herd", {"count": 100_000}),
    Measurement("assigned 200 ms ahead by another process", "lateness.wake", {}),
    *(
        Measurement(
            f"{who}: {waiting:,} waiting{order}",
            function,
            {"count": 50_000, "waiting": waiting, "at_random": bool(order)},
        )
        for who, function in (("growth", "works.growth"), ("floor", "floor.dispatch"))
        for waiting in (COUNTS if who == "growth" else (FEW, MANY))
        for order in ("", ", at random")
    ),
    *(
        Measurement(
            f"growth: {waiting:,} waiting, at random, mixed intervals",
            "works.growth",
            {"count": 50_000, "waiting": waiting, "at_random": True, "mixed": True},
        )
        for waiting in (FEW, MANY)
    ),
    Measurement("memory at 100,000 tasks", "resting.memory", {"count": 100_000}),
    Measurement("memory at 1,000,000 tasks", "resting.memory", {"count": 1_000_000}),
    *(
        Measurement(f"hash tag of 20 among {count:,} tasks", "tags.calls", {"count": count, "rounds": 200})
        for count in (10_000, 1_000_000)
    ),
    *(
        Measurement(f"prefix of 20 among {count:,} tasks", "tags.calls", {"count": count, "rounds": 3, "tag": False})
        for count in (10_000, 1_000_000)
    ),
    Measurement("memory with hash tags of 20", "tags.memory", {"count": 1_000_000, "tag": True}),
    Measurement("memory of the same without", "tags.memory", {"count": 1_000_000, "tag": False}),
    *(
        Measurement(f"looking at 1,000,000 tasks, {how}", "looking.calls", {"count": 1_000_000, "busy": busy})
        for how, busy in (("beside full dispatch", True), ("alone", False))
    ),
    Measurement("layout: records in one hash", "resting.layout", {"count": 1_000_000, "small_hashes": False}),
    Measurement("layout: records in small hashes", "resting.layout", {"count": 1_000_000, "small_hashes": True}),
    Measurement("idle, 1,000 tasks waiting", "resting.idle", {}),
    Measurement("20 schedulers, one task due 10 times a second", "resting.crowd", {"schedulers": 20}),
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and write benchmarks/results/.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--only", default="", help="measure only those whose title contains this; nothing is written")
    arguments = parser.parse_args()
    suite = [measurement for measurement in SUITE if arguments.only in measurement.title]
    kept = Kept("suite", vars(arguments))
    found = interleaved(kept, suite, arguments.rounds)
    medians = medians_of(found)
    for title, figures in medians.items():
        print(f"{title}: " + ", ".join(f"{name} {show(value)}" for name, value in figures.items()))
    print("\n".join(table(medians)))
    if not arguments.only:
        folder = write(found, medians)
        draw(medians, folder / "results.svg")
    kept.forget()


if __name__ == "__main__":
    main()
