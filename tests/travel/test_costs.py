"""The cost of a simulated day, in wake-ups: one costs about as much as a run."""

from __future__ import annotations

import asyncio

import pytest

from interval_scheduler import IntervalTask, Scheduler, SchedulerOptions
from interval_scheduler.testing import time_machine
from interval_scheduler.testing.moved_time import MovedTime
from interval_scheduler.testing.schedulers import unhurried

pytestmark = pytest.mark.asyncio


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The moments at which timers fired."""
    moments: list[float] = []
    real = MovedTime._fire

    def fire(moved: MovedTime) -> None:
        real(moved)
        moments.append(moved.now)

    monkeypatch.setattr(MovedTime, "_fire", fire)
    return moments


@pytest.mark.parametrize("made", ["by the machine", "from a URL", "from a mapping", "for a long run"])
async def test_a_day_takes_few_wake_ups(wakes: list[float], made: str) -> None:
    seconds = 23 * 3600 if made == "for a long run" else 0

    async def run(_: str) -> None:
        await asyncio.sleep(seconds)  # the run takes so long, of the machine's time

    async with time_machine() as clock:
        if made == "from a URL":
            scheduler = Scheduler.from_url("memory://", check_tasks_every_seconds=2)
        elif made == "from a mapping":
            scheduler = Scheduler({"storage": {"instances": ["memory://"]}})
        else:
            scheduler = clock.scheduler()
        await scheduler.start_task_accept()
        await scheduler.start_task_execute(run)
        if made == "for a long run":
            await scheduler.assign_task(IntervalTask("long", every=3600))
        await clock.advance(days=1)
        assert 0 < len(wakes) < 300
        await scheduler.stop_task_execute(drain_seconds=0)
        await scheduler.close()


async def test_a_chosen_lease_is_kept_and_a_real_server_is_left_alone() -> None:
    chosen = SchedulerOptions(storage={"instances": ["memory://"]}, lease_seconds=7)  # type: ignore[arg-type]
    assert unhurried(chosen).lease_seconds == 7
    assert unhurried(chosen).check_tasks_every_seconds == 3600
    real = SchedulerOptions()
    assert unhurried(real) is real


async def test_a_scheduler_from_outside_is_as_ever() -> None:
    outside = asyncio.Event()

    async def make() -> Scheduler:
        await outside.wait()
        return Scheduler.from_url("memory://")

    making = asyncio.create_task(make())
    await asyncio.sleep(0)  # it begins, outside of the machine
    async with time_machine() as clock:
        outside.set()
        await clock.drain()
        assert (await making)._options.lease_seconds == 30
        assert Scheduler.from_url("memory://")._options.lease_seconds == 3600
