"""Executors that work: what a second process brings, and partitions on a second server. `python -m benchmarks.cores`.

Each run uses 0.1 ms of processor time, or waits 5 ms; more is due all the time than can be run. Beside the rates stands
what the cores of this machine allow at the most: servers and processes share them, so that the processor time of a run,
at both ends together, is what the cores are divided by. What measures sleeps meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from typing import Any, Final, NamedTuple

from benchmarks.bench import DATA, Bench, Worker, assign_all, fill
from benchmarks.executors import QUICK
from benchmarks.machine import machine
from benchmarks.measuring import RESULTS, Figures, Kept, Measurement, Medians, Rounds, medians_of, once
from benchmarks.report import show
from interval_scheduler import IntervalTask

#: What a run of each kind asks for, as options of the worker.
KINDS: Final[dict[str, dict[str, float]]] = {
    "0.1 ms of processor time": {"work": 0.0001},
    "5 ms of waiting": {"round_trip": 0.005},
}
#: The goals: times the rate of one process and one partition, and ms.
TIMES: Final = 1.8
LAG_MS: Final = 5.0
LOAD: Final = 0.7
#: The most runs at once of a process: the default, which users have.
PLACES: Final = 100
#: About what a run that asks for nothing takes of a process, in seconds.
_QUICK_SECONDS: Final = 0.00001
_WARM_SECONDS: Final = 1.0
#: How to read the page.
_READING: Final = """\
Servers and processes share {cores} cores. So a second process cannot double the rate where one fills a core: the
servers work for both on the same cores. With one process, more partitions bring nothing where the process is the limit.
What partitions on machines of their own bring shows only there. *At the most*: what the cores allow, by the processor
time of a run with one process, and the {places} places of each process. *Late*: 99 of a hundred timers of the
application, in the event loop of the runs, are no later than that.
"""


class Setup(NamedTuple):
    """How many of each."""

    processes: int
    partitions: int
    servers: int

    def __str__(self) -> str:
        return ", ".join(
            f"{number} {word}{plural if number > 1 else ''}"
            for number, word, plural in (
                (self.processes, "process", "es"),
                (self.partitions, "partition", "s"),
                (self.servers, "server", "s"),
            )
        )


ONE: Final = Setup(1, 1, 1)
SETUPS: Final = (ONE, Setup(2, 1, 1), Setup(1, 4, 2), Setup(2, 4, 2))


def rate(processes: int, partitions: int, servers: int, seconds: float, count: int, **work: Any) -> Figures:
    """Tasks of one second each, more than can be run: the runs a second, once all is under way."""
    with Bench(partitions, servers=servers) as bench:
        asyncio.run(fill(bench, count, every=1))
        workers = [Worker(bench, **work) for _ in range(processes)]
        for worker in workers:
            worker.go()
        time.sleep(_WARM_SECONDS)  # until the room is as large as it gets; nothing tells of that
        before = bench.cost()
        for worker in workers:
            worker.mark()
        time.sleep(seconds)  # what is measured
        spent = bench.cost() - before
        reports = [worker.stop() for worker in workers]
        runs = sum(report["runs"] for report in reports)
        return {
            "per_second": sum(report["runs"] / report["seconds"] for report in reports),
            "worker_cpu_us": 1e6 * sum(report["cpu"] for report in reports) / runs,
            "redis_cpu_us": 1e6 * spent.cpu / runs,
            "other_timers_late_p99_ms": 1000 * max(report["beat_late_p"]["99"] for report in reports),
            "other_timers_late_max_ms": 1000 * max(report["beat_late_max"] for report in reports),
        }


def lag(per_second: int, seconds: float, **work: Any) -> Figures:
    """So many tasks that work, and as many quick ones, due at random moments of each second: how late they begin."""
    with Bench() as bench:
        start = time.time() + 1
        moments = random.Random(7)
        asyncio.run(
            assign_all(
                bench,
                (
                    IntervalTask(f"{kind}:{n:06}", f"{kind}:{DATA}", every=1, start=start + moments.random())
                    for kind in ("work", QUICK)
                    for n in range(per_second)
                ),
            )
        )
        worker = Worker(bench, keep_lags=True, **work)
        worker.go()
        time.sleep(max(0, start - time.time()) + _WARM_SECONDS)  # the first second finds all that became due meanwhile
        worker.mark()
        time.sleep(seconds)  # what is measured
        report = worker.stop()
        found = {"process_busy": report["cpu"] / report["seconds"], "per_second": report["runs"] / report["seconds"]}
        for kind, lags in {"all": report["lag_p"], **report["lag_p_of"]}.items():
            found |= {f"{kind}_p{p}_ms": 1000 * value for p, value in lags.items()}
        return found | {
            "max_ms": 1000 * report["lag_max"],
            "other_timers_late_p99_ms": 1000 * report["beat_late_p"]["99"],
        }


def allowed(figures: Figures, processes: int, cores: int, waiting: float = 0) -> float:
    """Return the most runs a second that so many processes and cores could do, by the processor time of a run.

    Args:
        figures: those of one process and one partition.
        processes: how many; each works on one core at the most.
        cores: how many there are, for processes and servers together.
        waiting: the seconds that each run waits, at one of the places of its process.
    """
    worker, redis = figures["worker_cpu_us"] / 1e6, figures["redis_cpu_us"] / 1e6
    each = min(1 / worker, PLACES / waiting) if waiting else 1 / worker
    return min(processes * each, cores / (worker + redis))


def rows(medians: Medians, cores: int) -> list[str]:
    """Return the Markdown of what was measured: rates beside what the cores allow, then lags."""
    lines = [
        "| a run asks for | set-up | runs/s | × one | goal | at the most | µs of CPU: process, Redis | late |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for kind, work in KINDS.items():
        one = medians[f"{kind}: {ONE}"]
        for setup in SETUPS:
            found = medians[f"{kind}: {setup}"]
            times = found["per_second"] / one["per_second"]
            most = allowed(one, setup.processes, cores, work.get("round_trip", 0))
            lines.append(
                f"| {kind} | {setup} | {show(found['per_second'])} | {times:.2f} | {_goal(setup, times)} | "
                f"{show(most)} | {found['worker_cpu_us']:.1f}, {found['redis_cpu_us']:.1f} | "
                f"{found['other_timers_late_p99_ms']:.1f} ms |"
            )
    lines += [
        "",
        "| at 70 % load | runs/s | process busy | quick runs: p50, p99, p99.9, ms | all: p50, p99, p99.9, ms | goal |",
        "|---|---:|---:|---|---|---|",
    ]
    for kind in KINDS:
        found = medians[f"lag, {kind}"]
        quick, every = (
            ", ".join(f"{found[f'{of}_p{p}_ms']:.1f}" for p in ("50", "99", "99.9")) for of in (QUICK, "all")
        )
        reached = "reached" if found["all_p99_ms"] <= LAG_MS else "missed"
        lines.append(
            f"| {kind} | {show(found['per_second'])} | {found['process_busy']:.0%} | {quick} | {every} | "
            f"p99 ≤ {LAG_MS:g} ms: {reached} |"
        )
    return lines


def _goal(setup: Setup, times: float) -> str:
    if setup.processes == 1:  # no goal: the process is the limit, whatever the number of partitions
        return ""
    return f"{TIMES} {'reached' if times >= TIMES else 'missed'}"


def text(medians: Medians, rounds: int, where: dict[str, str]) -> str:
    """Return the page."""
    cores = int(where["cores"])
    return "\n".join(
        [
            "# Executors that work",
            "",
            f"Medians of {rounds} interleaved rounds. " + ", ".join(f"{k} {v}" for k, v in where.items()) + ".",
            "",
            _READING.format(cores=cores, places=PLACES),
            *rows(medians, cores),
            "",
        ]
    )


def measured(kept: Kept, rounds: int, seconds: float, count: int) -> Rounds:
    """Measure all; the load for the lags comes from the rate of the same round."""
    found: Rounds = {}
    for number in range(1, rounds + 1):
        for kind, work in KINDS.items():
            for setup in SETUPS:
                title = f"{kind}: {setup}"
                arguments = {**setup._asdict(), "seconds": seconds, "count": count, **work}
                one = once(kept, Measurement(title, "cores.rate", arguments), number, rounds)
                found.setdefault(title, []).append(one)
            alone = found[f"{kind}: {ONE}"][-1]["per_second"]
            arguments = {"per_second": int(LOAD / (1 / alone + _QUICK_SECONDS)), "seconds": seconds, **work}
            title = f"lag, {kind}"
            found.setdefault(title, []).append(once(kept, Measurement(title, "cores.lag", arguments), number, rounds))
    return found


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cores", description="Executors that work.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default 5)")
    parser.add_argument("--seconds", type=float, default=5, help="how long each time (default 5)")
    parser.add_argument("--count", type=int, default=100_000, help="tasks, each of one second (default 100,000)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/cores.*")
    arguments = parser.parse_args(words)
    kept = Kept("cores", {**vars(arguments), "write": None})
    rounds = measured(kept, arguments.rounds, arguments.seconds, arguments.count)
    where, medians = machine(), medians_of(rounds)
    page = text(medians, arguments.rounds, where)
    print(page)
    if arguments.write:
        (RESULTS / "cores.md").write_text(page, encoding="utf-8")
        (RESULTS / "cores.json").write_text(
            json.dumps({"machine": where, "medians": medians, "rounds": rounds}, indent=1) + "\n", encoding="utf-8"
        )
    kept.forget()


if __name__ == "__main__":
    main()
