"""The simulation of what a set-up dispatches: limits that are plain to see, and the points that were measured."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.bench import ROOT
from benchmarks.capacity import MEASURED, TASK_BYTES, Costs, plan, simulate
from benchmarks.scale import Point, fitted, model

COSTS = Costs(redis=5.0, process=3.0, trip=160)


def test_one_process_is_paced_by_redis() -> None:
    rate = simulate(COSTS, 1, 1)
    assert 0.85 / 5e-6 < rate <= 1 / 5e-6


def test_a_process_that_computes_paces_itself() -> None:
    rate = simulate(Costs(redis=5.0, process=100.0, trip=160), 4, 1)
    assert rate == pytest.approx(1 / 100e-6, rel=0.03)


@pytest.mark.parametrize("times", [2, 4, 8])
def test_with_cores_of_their_own_partitions_and_processes_add_up(times: int) -> None:
    # Not quite: a claim from one of several partitions is smaller.
    one, many = simulate(COSTS, 1, 2), simulate(COSTS, times, 2 * times)
    assert 0.5 * times * one < many <= times * one * 1.01


def test_cores_that_are_shared_are_not_exceeded() -> None:
    assert simulate(COSTS, 4, 4, cores=2) <= 2 / 8e-6


def measured() -> dict[Point, dict[str, float]]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks/results/scale.json").read_text())
    return {(point["partitions"], point["processes"]): point for point in found["points"]}


def test_it_reproduces_what_was_measured() -> None:
    points = measured()
    said = model(points, cores=2)
    for point, figures in points.items():
        assert said[point] == pytest.approx(figures["per_second"], rel=0.2), point


def test_what_is_published_is_what_the_simulation_says() -> None:
    points = measured()
    for point, rate in model(points, cores=2).items():
        assert points[point]["simulated_per_second"] == pytest.approx(rate, rel=0.001)


def test_what_is_planned_with_was_measured() -> None:
    found = json.loads((ROOT / "benchmarks/results/ten-million.json").read_text())
    figures = found["figures"]
    [dispatch] = [figures[title] for title in figures if title.startswith("dispatch")]
    assert round(1000 * dispatch["redis_cpu_per_1000"], 1) == MEASURED.redis
    assert round(1000 * dispatch["worker_cpu_per_1000"], 1) == MEASURED.process
    assert round(figures["assign in bulk"]["server_mb"] * 2**20 / found["count"]) == TASK_BYTES
    assert fitted(measured(), cores=2).trip == MEASURED.trip


@pytest.mark.parametrize(
    ("tasks", "interval", "partitions", "processes"),
    [(1e6, 86_400, (1, 1), (1, 1)), (1e8, 60, (15, 25), (300, 400)), (1e9, 86_400, (9, 9), (2, 4))],
)
def test_a_plan_keeps_half_in_reserve(
    tasks: float, interval: float, partitions: tuple[int, int], processes: tuple[int, int]
) -> None:
    found = plan(COSTS, tasks, interval, bytes_each=231, work=100)
    assert found.rate == tasks / interval
    assert partitions[0] <= found.partitions <= partitions[1]
    assert processes[0] <= found.processes <= processes[1]
    assert found.memory_each == pytest.approx(tasks * 231 / found.partitions)
