"""The measurements: the same for every peer, each on a fresh private Redis, each with a time limit."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.bench import LATER, Bench
from benchmarks.peers.program import Peer, PeerFailed, Program

Figures = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    count: int = 10_000
    per_second: int = 1_000
    lag_seconds: float = 10
    #: Time limit of one verb, and of the dispatch of all tasks.
    limit: float = 180
    #: How long no run may start, with tasks left, before the dispatch counts as stuck.
    stuck: float = 20


class _Run(NamedTuple):
    task: int
    at: float


def about(peer: Peer) -> dict[str, Any]:
    """Its versions and settings, as installed."""
    with Program(peer, "about") as program:
        return program.expect("versions", 30)


def store(peer: Peer, sizes: Sizes) -> Figures:
    """Assign, update and remove all tasks; the memory they take in between."""
    with Bench() as bench:
        _do(peer, "assign", bench, sizes, start=LATER, count=100)
        with bench.server.client() as client:
            client.flushall()  # what the first connection and the first script take is not the tasks'
        before = _memory(bench)
        figures = {"assign": sizes.count / _do(peer, "assign", bench, sizes, start=LATER)}
        figures["bytes_per_task"] = (_memory(bench) - before) / sizes.count
        figures["update"] = sizes.count / _do(peer, "update", bench, sizes, start=LATER)
        figures["remove"] = sizes.count / _do(peer, "remove", bench, sizes)
        return figures


def dispatch(peer: Peer, sizes: Sizes, processes: int = 1) -> Figures:
    """Recurring tasks that are all due, each run once: from the start until the last ran."""
    with Bench() as bench, ExitStack() as stack:
        _do(peer, "assign", bench, sizes)
        workers = [_worker(stack, peer, bench, sizes, index) for index in range(processes)]
        redis, cpu = bench.cost(), sum(worker.cpu() for worker in workers)
        began = time.time()
        for worker in workers:
            worker.write("go")
        _wait_for(workers, sizes.count, sizes)
        spent, cpu = bench.cost() - redis, sum(worker.cpu() for worker in workers) - cpu
        _wait_quiet(workers, sizes)
        runs = _stop(workers)
    first: dict[int, float] = {}
    for run in sorted(runs, key=lambda run: run.at):
        first.setdefault(run.task, run.at)
    if missed := sizes.count - len(first):
        raise PeerFailed(f"{missed:,} of {sizes.count:,} tasks never ran")
    return {
        "dispatch": sizes.count / (max(first.values()) - began),
        "duplicates": len(runs) - len(first),
        "worker_cpu_per_1000": 1000 * cpu / sizes.count,
        "redis_cpu_per_1000": 1000 * spent.cpu / sizes.count,
        "reads_per_dispatch": spent.reads / sizes.count,
    }


def lag(peer: Peer, sizes: Sizes, *, spread: bool = True) -> Figures:
    """Tasks of 1 s interval, evenly spread: run k of a task minus its first due time minus k seconds.

    Where the first run's time cannot be chosen, all tasks are due together, in the phase of the least late run.
    """
    with Bench() as bench, ExitStack() as stack:
        start = math.ceil(time.time() + 8)  # a whole second: a rounded start is still the start
        work = {"count": sizes.per_second, "every": 1, "start": start, "step": 1 / sizes.per_second}
        _do(peer, "assign", bench, sizes, **work)
        worker = _worker(stack, peer, bench, sizes, 0, **work)
        if time.time() > start:
            raise PeerFailed("not ready in time")
        worker.write("go")
        if not spread:
            start = math.ceil(time.time() + 2)  # its own first look at the schedules
        time.sleep(max(0, start + sizes.lag_seconds - time.time()))  # a peer tells nothing of its runs before it ends
        runs = _stop([worker])
    by_task: defaultdict[int, list[float]] = defaultdict(list)
    for run in runs:
        by_task[run.task].append(run.at)
    if not by_task:
        raise PeerFailed("nothing ran")
    herd = min(at - k for times in by_task.values() for k, at in enumerate(sorted(times)))
    lags, periods, expected = [], [], 0
    for n in range(sizes.per_second):
        due = start + n / sizes.per_second if spread else herd
        times = sorted(by_task[n])
        expected += int(start + sizes.lag_seconds - due) + 1
        lags += [1000 * (at - due - k) for k, at in enumerate(times)]
        periods += [(times[-1] - times[0]) / (len(times) - 1)] if len(times) > 1 else []
    lags.sort()
    return {
        "lag_p50_ms": lags[len(lags) // 2],
        "lag_p99_ms": lags[int(len(lags) * 0.99)],
        "lag_min_ms": lags[0],
        "drift_ms": 1000 * (statistics.median(periods) - 1) if periods else float("nan"),
        "share_run": len(runs) / expected,
    }


def _memory(bench: Bench) -> int:
    """Bytes that Redis holds for data: without scripts and clients, and without keys that will expire by themselves."""
    with bench.server.client() as client:
        keys: list[bytes] = client.keys()
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.ttl(key)
        expiring = [key for key, ttl in zip(keys, pipe.execute(), strict=True) if ttl >= 0]
        if expiring:
            client.delete(*expiring)
    info = bench.info()
    used: int = info["used_memory"] - info.get("used_memory_scripts_eval", 0) - info["mem_clients_normal"]
    return used


def _do(peer: Peer, verb: str, bench: Bench, sizes: Sizes, **work: Any) -> float:
    with Program(peer, verb, bench.urls[0], _options(sizes, work)) as program:
        seconds: float = program.expect("seconds", sizes.limit)["seconds"]
        return seconds


def _worker(stack: ExitStack, peer: Peer, bench: Bench, sizes: Sizes, index: int, **work: Any) -> Program:
    options = _options(sizes, {"index": index, **work})
    program = stack.enter_context(Program(peer, "work", bench.urls[0], options))
    program.expect("ready", 30)
    return program


def _options(sizes: Sizes, work: dict[str, Any]) -> str:
    return json.dumps({"count": sizes.count, "every": 3600, **work})


def _wait_for(workers: list[Program], count: int, sizes: Sizes) -> None:
    """Until they ran so many, or no more come."""
    runs = [0] * len(workers)
    give_up_at, stuck_at = time.monotonic() + sizes.limit, time.monotonic() + sizes.stuck
    while sum(runs) < count:
        for n, worker in enumerate(workers):
            line = worker.read(0.01)
            if line is not None and line.get("runs", 0) > runs[n]:
                runs[n] = line["runs"]
                stuck_at = time.monotonic() + sizes.stuck
        if time.monotonic() > stuck_at:
            raise PeerFailed(f"stuck: {sum(runs):,} of {count:,} ran, then none for {sizes.stuck:.0f} s")
        if time.monotonic() > give_up_at:
            raise PeerFailed(f"too slow: {sum(runs):,} of {count:,} ran in {sizes.limit:.0f} s")


def _wait_quiet(workers: list[Program], sizes: Sizes, seconds: float = 1) -> None:
    """Until no run has started for a moment, so that duplicates are seen."""
    give_up_at = time.monotonic() + sizes.limit
    while any(worker.read(seconds) for worker in workers):
        if time.monotonic() > give_up_at:
            return


def _stop(workers: list[Program]) -> list[_Run]:
    for worker in workers:
        worker.write("stop")
    runs = []
    for worker in workers:
        report = worker.expect("tasks", 30)
        runs += [_Run(task, at) for task, at in zip(report["tasks"], report["at"], strict=True)]
    return runs
