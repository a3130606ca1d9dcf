"""How long a worker relies on its leases, on a network that is slow or silent: never as long as Redis keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.storage.commands import running
from interval_scheduler.storage.requests.session import Session
from interval_scheduler.storage.scripts import loader as scripts
from interval_scheduler.storage.scripts.loader import Script
from interval_scheduler.testing import TimeMachine, time_machine
from tests.waiting import Recorder

pytestmark = pytest.mark.asyncio

NEVER = 1e6


class Wire:
    """What is between a scheduler and its store: replies may take their time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.partition = scheduler._lifespan.require().partitions.master
        self._evaluate = self.partition.sender.evaluate
        vars(self.partition.sender)["evaluate"] = self.evaluate
        #: For how long the reply to a script is on its way, in seconds.
        self.takes: dict[Script, float] = {}

    async def evaluate(self, script: Script, keys: Sequence[bytes], args: Sequence[Any]) -> Any:
        reply = await self._evaluate(script, keys, args)
        if script in self.takes:
            await asyncio.sleep(self.takes[script])  # the script takes so long, of the machine's time
        return reply


class Story:
    """A worker with one task, whose run waits for `recorder.gate`."""

    def __init__(self, clock: TimeMachine) -> None:
        self.clock = clock
        self.recorder = Recorder()
        self.recorder.gate.clear()

    async def begin(self, lease_seconds: float, takes: dict[Script, float]) -> Wire:
        """Claim the task, now."""
        self.scheduler = self.clock.scheduler(lease_seconds=lease_seconds)
        await self.scheduler.start_task_accept()
        await self.scheduler.assign_task(IntervalTask("a"))
        wire = Wire(self.scheduler)
        wire.takes = takes
        await self.scheduler.start_task_execute(self.recorder)
        await self.clock.drain()
        return wire

    @property
    def goes_on(self) -> bool:
        return self.recorder.active == 1 and not self.recorder.cancelled


@pytest_asyncio.fixture
async def story() -> AsyncIterator[Story]:
    async with time_machine() as clock:
        yield Story(clock)


async def test_a_run_whose_lease_is_not_renewed_ends_before_it(story: Story) -> None:
    await story.begin(30, {scripts.RENEW: NEVER})
    await story.clock.advance(25)
    assert story.goes_on
    await story.clock.advance(4.9)
    assert len(story.recorder.cancelled) == 1


async def test_a_lease_counts_from_when_its_claim_was_sent(story: Story) -> None:
    await story.begin(2, {scripts.RENEW: NEVER, scripts.CLAIM: 0.9})
    await story.clock.advance(1)
    assert story.goes_on
    await story.clock.advance(0.95)
    assert len(story.recorder.cancelled) == 1


async def test_a_lease_counts_from_when_its_renewal_was_sent(story: Story) -> None:
    wire = await story.begin(30, {scripts.RENEW: 8})
    await story.clock.advance(18)  # the first renewal was sent after 9 seconds, and holds until 39
    wire.takes[scripts.RENEW] = NEVER
    await story.clock.advance(15)
    assert story.goes_on
    await story.clock.advance(5.9)
    assert len(story.recorder.cancelled) == 1


async def test_a_run_that_takes_many_leases_is_not_disturbed(story: Story) -> None:
    await story.begin(2, {scripts.RENEW: 0.2})
    await story.clock.advance(100)
    assert story.goes_on
    story.recorder.gate.set()
    await story.clock.advance(1)
    assert len(story.recorder.runs) == 1
    assert await story.scheduler.task_size() == 0


async def test_a_run_whose_task_another_has_ends(story: Story) -> None:
    wire = await story.begin(30, {})
    partition = wire.partition
    await partition._client.zadd(partition.keys.leased, {b"a": 1})  # its lease has ended
    claimed = await running.claim(Session(partition, 1), partition.keys, 1, 60_000)
    assert list(claimed.ids) == [b"a"]
    await story.clock.advance(1)
    partition.unbroken.note_break()  # as by a jump of the server's clock, by which a lease ends early
    await story.clock.advance(7)
    assert story.goes_on
    await story.clock.advance(2)
    assert len(story.recorder.cancelled) == 1
    assert story.recorder.cancelled[0].cut_short == "its lease was lost"


async def test_a_run_whose_task_was_removed_ends_in_peace(story: Story) -> None:
    await story.begin(30, {})
    removing = asyncio.create_task(story.scheduler.remove_task("a"))
    await story.clock.advance(100)
    assert await removing is True
    assert story.goes_on
    story.recorder.gate.set()
    await story.clock.advance(1)
    assert story.recorder.active == 0
    assert story.recorder.cancelled == []


async def test_a_claim_that_was_long_on_its_way_starts_nothing(story: Story) -> None:
    """A removal waits no longer than the start window for the runs of a claim."""
    wire = await story.begin(30, {scripts.CLAIM: 1.5})
    await story.clock.advance(2.9)
    assert story.recorder.runs == []
    wire.takes.clear()
    await story.clock.advance(0.2)
    assert [run.attempt for run in story.recorder.runs] == [1]
