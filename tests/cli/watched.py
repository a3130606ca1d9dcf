"""A namespace that is watched: what the doctor says of it, and an executor that can be held up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interval_scheduler import Scheduler
from interval_scheduler.cli.doctor.diagnosis import Diagnosis
from interval_scheduler.cli.doctor.gather import gather
from interval_scheduler.cli.doctor.judge import judge
from tests.waiting import until

#: Machines that are loaded take longer.
DEADLINE_SECONDS = 60


async def diagnoses(urls: Sequence[str], namespace: str, queue: str | None = None, **options: Any) -> list[Diagnosis]:
    """What the doctor says, without the advice to keep data on a disk: the servers of tests keep none."""
    reader = Scheduler.from_url(*urls, namespace=namespace, **options)
    await reader.connect(create=False)
    try:
        found = judge(await gather(reader if queue is None else reader.queue(queue), queue))
    finally:
        await reader.close()
    assert all(each.fact.endswith(".") and each.advice for each in found)
    return [each for each in found if each.kind != "persistence"]


async def told(scheduler: Scheduler, executing: int = 1) -> None:
    """Wait until so many schedulers have told that they execute tasks."""

    async def have_told() -> bool:
        return sum(each.executing or bool(each.queues) for each in await scheduler.schedulers()) >= executing

    await until(have_told, DEADLINE_SECONDS)
