"""How much a set-up can dispatch: a small simulation, calibrated by measurement. `python -m benchmarks.capacity`.

What is simulated is the flow of batches. A process has, at each partition, one claim and one completion under way at
the most; what it claims from all partitions together comes to 500 tasks at a time, as far as it has places for them.
They are run in stretches, and what ended goes out with the next completion. A Redis and a process are one thread each;
threads that want to work share the cores of their machine evenly.

::

    Redis: claim ──▶ process: run ──▶ Redis: complete
      ▲                  │
      └── places freed ──┘
"""

from __future__ import annotations

import argparse
import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

_BATCH: Final = 500
_PLACES: Final = 1_100
_STRETCH: Final = 100


@dataclass(frozen=True)
class Costs:
    """What a dispatch costs, in µs of CPU.

    Attributes:
        redis: at Redis, half of it for the claim, half for the completion.
        process: in the process, with a trivial executor.
        trip: for each batch, at each end: waking up, and what a switch leaves behind of the caches.
    """

    redis: float
    process: float
    trip: float


#: What was measured, to plan with: a dispatch of ten million tasks that are due at random (`results/ten-million.json`),
#: and the trip that fits the measured points best (`results/scale.json`).
MEASURED: Final = Costs(redis=13.2, process=4.9, trip=240)
#: The bytes of a task with a payload of 40 bytes, with ten million of them.
TASK_BYTES: Final = 252


@dataclass
class _Job:
    kind: str
    place: tuple[int, int]
    tasks: int
    left: float


class _Thread:
    """Works off its jobs, one after the other."""

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()


class _Machine:
    """All partitions and processes, on cores that they share."""

    def __init__(self, costs: Costs, partitions: int, processes: int, cores: float) -> None:
        self._costs = costs
        self._cores = cores
        self._partitions = partitions
        self._redis = [_Thread() for _ in range(partitions)]
        self._process = [_Thread() for _ in range(processes)]
        self._free = [_PLACES] * processes
        self._claiming: set[tuple[int, int]] = set()
        self._completing: set[tuple[int, int]] = set()
        self._ended = {(w, p): 0 for w in range(processes) for p in range(partitions)}
        self.completed = 0
        self.now = 0.0
        for place in self._ended:
            self._claim(place)

    def step(self) -> None:
        """Go on until the next job ends."""
        working = [thread for thread in (*self._redis, *self._process) if thread.jobs]
        speed = min(1.0, self._cores / len(working))
        took = min(thread.jobs[0].left for thread in working) / speed
        self.now += took
        for thread in working:
            thread.jobs[0].left -= took * speed
            if thread.jobs[0].left <= 1e-9:
                self._end(thread.jobs.popleft())

    def _end(self, job: _Job) -> None:
        process, _ = job.place
        if job.kind == "claim":
            self._claiming.discard(job.place)
            for first in range(0, job.tasks, _STRETCH):
                tasks = min(_STRETCH, job.tasks - first)
                work = tasks * self._costs.process + (self._costs.trip if first == 0 else 0)
                self._process[process].jobs.append(_Job("run", job.place, tasks, work))
        elif job.kind == "run":
            self._free[process] += job.tasks
            self._ended[job.place] += job.tasks
            self._complete(job.place)
            for partition in range(self._partitions):
                self._claim((process, partition))
        else:
            self.completed += job.tasks
            self._completing.discard(job.place)
            self._complete(job.place)

    def _claim(self, place: tuple[int, int]) -> None:
        process, partition = place
        tasks = max(1, _BATCH // self._partitions)
        if place in self._claiming or self._free[process] < tasks:
            return
        self._free[process] -= tasks
        self._claiming.add(place)
        self._ask(partition, "claim", place, tasks)

    def _complete(self, place: tuple[int, int]) -> None:
        tasks = min(_BATCH, self._ended[place])
        if place in self._completing or tasks == 0:
            return
        self._ended[place] -= tasks
        self._completing.add(place)
        self._ask(place[1], "complete", place, tasks)

    def _ask(self, partition: int, kind: str, place: tuple[int, int], tasks: int) -> None:
        work = tasks * self._costs.redis / 2 + self._costs.trip
        self._redis[partition].jobs.append(_Job(kind, place, tasks, work))


def simulate(costs: Costs, partitions: int, processes: int, cores: float = math.inf, seconds: float = 0.5) -> float:
    """How many dispatches a second there are, with more tasks due than can be run.

    Args:
        costs: what a dispatch costs.
        partitions: how many, each a Redis of its own.
        processes: how many run tasks.
        cores: how many all of them share. Default: each has its own.
        seconds: how long to simulate, after a tenth of it to get going.
    """
    machine = _Machine(costs, partitions, processes, cores)
    while machine.now < 1e5 * seconds:
        machine.step()
    began, before = machine.now, machine.completed
    while machine.now < began + 1e6 * seconds:
        machine.step()
    return 1e6 * (machine.completed - before) / (machine.now - began)


def fit(redis: float, process: float, points: dict[tuple[int, int], float], cores: float) -> Costs:
    """The costs with the trip by which the simulation comes nearest to points that were measured.

    Args:
        redis: µs of CPU of a dispatch at Redis, measured with full batches.
        process: the same in the process.
        points: dispatches a second, by partitions and processes.
        cores: how many all of them share.
    """

    def distance(costs: Costs) -> float:
        return sum(math.log(simulate(costs, *point, cores) / rate) ** 2 for point, rate in points.items())

    return min((Costs(redis, process, trip) for trip in range(20, 301, 20)), key=distance)


@dataclass(frozen=True)
class Plan:
    """What a load asks for.

    Attributes:
        rate: dispatches a second.
        partitions: how many, each with a core of its own.
        processes: how many, each with a core of its own.
        memory_each: bytes of one partition, without replicas.
    """

    rate: float
    partitions: int
    processes: int
    memory_each: float


def plan(
    costs: Costs,
    tasks: float,
    interval: float,
    *,
    bytes_each: float,
    work: float = 0.0,
    most_memory: float = 24 * 2**30,
) -> Plan:
    """How many partitions and processes a load asks for, with half of each in reserve.

    Args:
        costs: what a dispatch costs.
        tasks: how many there are.
        interval: of each, in seconds.
        bytes_each: what a task takes in Redis.
        work: µs of CPU that the executor itself takes.
        most_memory: bytes that one partition may take; more is slow to load and to copy.
    """
    rate = tasks / interval
    busy = Costs(costs.redis, costs.process + work, costs.trip)
    enough = 1 + math.ceil(1.5 * busy.process / busy.redis)
    of_partition = simulate(busy, 1, enough)
    of_process = simulate(busy, 4, 1)
    partitions = max(1, math.ceil(2 * rate / of_partition), math.ceil(tasks * bytes_each / most_memory))
    return Plan(rate, partitions, max(1, math.ceil(2 * rate / of_process)), tasks / partitions * bytes_each)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description="What a load asks for.")
    parser.add_argument("tasks", type=float, help="how many tasks, e.g. 1e7")
    parser.add_argument("interval", type=float, help="of each, in seconds")
    parser.add_argument("--work", type=float, default=0, help="µs of CPU that the executor takes (default 0)")
    parser.add_argument(
        "--bytes",
        type=float,
        default=TASK_BYTES,
        help=f"of a task in Redis (default {TASK_BYTES}: payloads of 40 bytes)",
    )
    parser.add_argument(
        "--redis", type=float, default=MEASURED.redis, help=f"µs of a dispatch at Redis (default {MEASURED.redis})"
    )
    parser.add_argument(
        "--process",
        type=float,
        default=MEASURED.process,
        help=f"µs of CPU of a dispatch in the process (default {MEASURED.process})",
    )
    arguments = parser.parse_args()
    found = plan(
        Costs(arguments.redis, arguments.process, MEASURED.trip),
        arguments.tasks,
        arguments.interval,
        bytes_each=arguments.bytes,
        work=arguments.work,
    )
    table = Table("dispatches/s", "partitions", "processes", "memory of each partition")
    table.add_row(
        f"{found.rate:,.0f}", f"{found.partitions:,}", f"{found.processes:,}", f"{found.memory_each / 2**30:.2f} GiB"
    )
    Console().print(table)


if __name__ == "__main__":
    main()
