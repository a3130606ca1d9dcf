"""The tokens that pollers take from the master, without a master: who gets how many, and what is put back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from interval_scheduler import Scheduler, SchedulerOptions, TaskRun
from interval_scheduler.execution.grant import Grant
from interval_scheduler.execution.runs import Runs
from interval_scheduler.storage.claims import ClaimChannel, Claimed
from interval_scheduler.storage.commands import running as running_commands
from interval_scheduler.storage.completions import Completions
from interval_scheduler.storage.partitions import Links, Partition, Partitions
from interval_scheduler.storage.tokens import USABLE_SECONDS, Tokens
from interval_scheduler.support import clock
from interval_scheduler.support.events import Events
from interval_scheduler.support.log import guarded
from tests.waiting import until

pytestmark = pytest.mark.asyncio


def master_of(options: SchedulerOptions) -> Partition:
    log = guarded(None)
    return Partitions(options, log, Links(options.storage, log)).master


class Asked(Tokens):
    """Tokens that answer from a list, and remember what was asked for."""

    def __init__(self, answers: Sequence[tuple[int, int]]) -> None:
        self.answers, self.asked = list(answers), cast("list[tuple[int, int]]", [])
        scheduler = Scheduler.from_url("memory://")
        master = master_of(scheduler._options)
        super().__init__(master, 1, guarded(None))
        self._session = cast("Any", self)
        #: Called while a request is under way.
        self.meanwhile: Callable[[], object] = bool

    async def request(self, script: object, keys: object, args: Sequence[int]) -> bytes:
        del script, keys
        self.asked.append((args[0], args[1]))
        self.meanwhile()
        return b"%d %d" % (self.answers.pop(0) if self.answers else (0, 60_000))


@asynccontextmanager
async def running(*answers: tuple[int, int]) -> AsyncIterator[Asked]:
    tokens = Asked(answers)
    task = asyncio.create_task(tokens.run())
    try:
        yield tokens
    finally:
        task.cancel()


async def test_those_who_wait_have_equal_shares() -> None:
    async with running((7, 0)) as tokens:
        waiting = [asyncio.create_task(tokens.take(wanted, 60)) for wanted in (10, 1, 10)]
        found = [(await each)[0] for each in waiting]
        assert found == [3, 1, 3]
        assert tokens.asked == [(21, 0)], "one request for all"


async def test_what_does_not_divide_goes_to_the_first_in_line() -> None:
    async with running((2, 10), (1, 60_000)) as tokens:
        waiting = [asyncio.create_task(tokens.take(5, 60)) for _ in range(3)]
        assert [(await each)[0] for each in waiting] == [1, 1, 1]
        assert tokens.asked == [(15, 0), (5, 0)], "who got none is the next"


async def test_what_is_put_back_goes_to_those_who_wait() -> None:
    async with running((0, 60_000), (3, 60_000)) as tokens:
        waiting = asyncio.create_task(tokens.take(5, 60))
        await until(lambda: tokens.asked)  # it waits for the master to have some
        tokens.put_back(3)
        assert (await waiting)[0] == 3
        assert tokens.asked == [(5, 0), (5, 3)]


async def test_one_who_gives_up_gets_none_and_loses_none() -> None:
    async with running((0, 60_000), (2, 60_000), (0, 60_000)) as tokens:
        waiting = asyncio.create_task(tokens.take(5, 60))
        other = asyncio.create_task(tokens.take(1, 0.01))
        assert (await other)[0] == 0, "its time was over"
        tokens.meanwhile = waiting.cancel
        tokens.hurry()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await until(lambda: len(tokens.asked) == 3)
        assert tokens.asked == [(6, 0), (5, 0), (0, 2)]


async def test_each_knows_when_its_own_tokens_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next request goes out before those who have their tokens go on."""
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    async with running((1, 0), (1, 0)) as tokens:
        tokens.meanwhile = lambda: now.append(now.pop() + 1)
        assert [*await asyncio.gather(tokens.take(1, 60), tokens.take(1, 60))] == [(1, 100.0), (1, 101.0)]


async def test_an_old_token_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came with the request of half a second ago: its run could start too late."""
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    async with running((2, 0), (2, 0)) as tokens:
        channel = ClaimChannel(tokens._master, SchedulerOptions(), tokens)
        brought: list[int] = []

        async def claim(*args: Any) -> Any:
            brought.append(args[-1])
            return Claimed(0, -1, b"1", [b"a"] * args[-1], [], [], [], 0)

        monkeypatch.setattr(running_commands, "claim", claim)
        await channel.take_tokens(2, 60)
        await channel.claim(5, 5, 5)
        assert brought == [2]
        await channel.take_tokens(2, 60)
        now[0] += USABLE_SECONDS + 0.01
        await channel.claim(5, 5, 5)
        assert brought == [2, 0]
        assert tokens._unused == 2


async def test_a_run_that_did_not_start_puts_its_token_back() -> None:
    log, back = guarded(None), cast("list[int]", [])
    master = master_of(Scheduler.from_url("memory://")._options)
    completions = Completions(master, 30, log)
    runs = Runs({"here": completions}, {}, SchedulerOptions(), Events(log), log, back.append)

    def run(*, is_rated: bool) -> TaskRun:
        grant = Grant("here", b"1", 0, 0, 1e9, 1e9, is_leased=True, is_rated=is_rated)
        return TaskRun(grant, b"a", b"1", b"s\nx", None)

    runs.hand_back(run(is_rated=True))
    assert back == [1]
    runs.hand_back(run(is_rated=False))
    assert back == [1], "there was no rate when it was claimed"
    started = run(is_rated=True)
    started.cut_short = "handed back"
    runs.hand_back(started, has_started=True)
    assert back == [1], "it had begun"
    assert [one.has_started for one in completions._release.items] == [False, False, True]
