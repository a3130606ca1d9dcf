"""What `make cores` measures, in small, and what it says of it."""

from __future__ import annotations

import pytest

from benchmarks.cores import KINDS, ONE, SETUPS, Setup, allowed, lag, rate, rows
from benchmarks.executors import QUICK
from benchmarks.measuring import Medians

ALONE = {"per_second": 9_000.0, "worker_cpu_us": 105.0, "redis_cpu_us": 5.0, "other_timers_late_p99_ms": 6.0}


def test_a_run_uses_its_processor_time() -> None:
    found = rate(2, 4, 2, seconds=4, count=2_000, work=0.0001)
    assert found["per_second"] > 0
    # Processor time is what it is on a busy machine too. What a run costs beside comes to it.
    assert found["worker_cpu_us"] >= 100
    assert found["redis_cpu_us"] > 0
    assert found["other_timers_late_max_ms"] >= found["other_timers_late_p99_ms"] > 0


def test_lags_are_told_by_kind() -> None:
    found = lag(20, seconds=4, round_trip=0.005)
    assert found["per_second"] > 0
    for kind in ("work", QUICK, "all"):
        assert 0 <= found[f"{kind}_p50_ms"] <= found[f"{kind}_p99_ms"] <= found["max_ms"]


@pytest.mark.parametrize(
    ("processes", "cores", "most"),
    [
        (1, 2, 1e6 / 105),  # the process
        (2, 2, 2e6 / 110),  # the cores, of which the server has its part
        (2, 8, 2e6 / 105),  # the processes again
    ],
)
def test_cores_are_shared_by_processes_and_servers(processes: int, cores: int, most: float) -> None:
    assert allowed(ALONE, processes, cores) == pytest.approx(most)


def test_what_waits_takes_places() -> None:
    assert allowed({**ALONE, "worker_cpu_us": 30.0}, 2, 2, waiting=0.005) == pytest.approx(2 * 100 / 0.005)
    assert allowed({**ALONE, "worker_cpu_us": 95.0}, 2, 2, waiting=0.005) == pytest.approx(2e6 / 100)


def _medians(second: float, p99: float) -> Medians:
    found: Medians = {}
    for kind in KINDS:
        for setup in SETUPS:
            found[f"{kind}: {setup}"] = {**ALONE, "per_second": 9_000.0 * (second if setup.processes == 2 else 1)}
        late = {f"{of}_p{p}_ms": p99 for of in (QUICK, "all") for p in ("50", "99", "99.9")}
        found[f"lag, {kind}"] = {"per_second": 6_000.0, "process_busy": 0.7, **late}
    return found


@pytest.mark.parametrize(
    ("second", "p99", "rated", "on_time"), [(1.85, 4.9, "reached", "reached"), (1.7, 5.1, "missed", "missed")]
)
def test_goals_are_told(second: float, p99: float, rated: str, on_time: str) -> None:
    lines = rows(_medians(second, p99), cores=2)
    two = next(line for line in lines if f"| {Setup(2, 1, 1)} |" in line)
    one = next(line for line in lines if f"| {ONE} |" in line)
    assert f"| {second:.2f} | 1.8 {rated} |" in two
    assert "| 1.00 |  |" in one
    assert lines[-1].endswith(f"p99 ≤ 5 ms: {on_time} |")
