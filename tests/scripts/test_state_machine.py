"""Any sequence of requests, from several sessions, some sent twice: the key space is always that of the model.

All due times lie half an hour or more from now, so that the moment within the test does not matter; tasks become due
and leases end by being moved in Redis and in the model alike.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from interval_scheduler.storage import commands
from interval_scheduler.storage.commands import Claimed, Reschedule
from interval_scheduler.storage.session import Session
from tests.faults.figures import often

from . import model
from .store import HOUR, MINUTE, SECOND, Held, Numbered, Space, Store, change, held_of, now_of

Reply = TypeVar("Reply")
RULES: list[Reschedule] = ["keep", "interval", "start"]

ids = st.sampled_from([b"a", b"b", b"{*}", "ж".encode()])
#: Hours from half an hour ago, most of them past, and some ms.
starts = st.tuples(st.integers(-30, 5), st.integers(0, 99))
changes = st.tuples(ids, st.binary(max_size=4), st.sampled_from([None, HOUR, 2 * HOUR]), starts, st.sampled_from(RULES))
grids = st.sampled_from([0, 0, SECOND])
limits = st.integers(1, 4)
picks = st.lists(st.integers(0, 4), min_size=1, max_size=3)
twice = st.booleans()


class Scripts(RuleBasedStateMachine):
    """Drives the scripts and the model side by side."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = Store(self.url, f"machine-{uuid.uuid4().hex}")
        self.expected = Space()
        self.runs: list[Held] = []
        self.tokens: list[int] = []
        self.sessions: dict[str, Numbered] = {}

    @initialize()
    def take_the_time(self) -> None:
        self.now = self.wait_for(self.store.now_ms())
        self.base = self.now - HOUR // 2

    def teardown(self) -> None:
        self.wait_for(self.store.delete())
        self.loop.close()

    def wait_for(self, coroutine: Coroutine[Any, Any, Reply]) -> Reply:
        return self.loop.run_until_complete(coroutine)

    def send(self, lane: str, request: Callable[[Session], Awaitable[Reply]], *, again: bool) -> Reply:
        """A request of the session of a lane, maybe sent twice."""

        async def both() -> Reply:
            session = self.sessions.setdefault(lane, self.store.session())
            reply = await request(session.it)
            if again:
                before = await self.store.raw()
                repeated = await request(session.back())
                if isinstance(reply, Claimed):
                    assert isinstance(repeated, Claimed)
                    assert repeated.token == reply.token
                    assert sorted(held_of(repeated)) == sorted(held_of(reply))
                else:
                    assert repeated == reply
                assert await self.store.raw() == before
            return reply

        return self.wait_for(both())

    def some_runs(self, numbers: list[int]) -> list[Held]:
        """Of all runs ever claimed, those still held and then the last ones first."""
        runs = [run for run in self.runs if self.expected.leases.get(run.raw_id, b"").startswith(run.lease)]
        runs += reversed(self.runs)
        return list(dict.fromkeys(runs[number % len(runs)] for number in numbers))

    def is_claimable(self) -> bool:
        moments = (*self.expected.due.values(), *self.expected.leased.values())
        return min(moments, default=self.now + 1) <= self.now

    def moment(self, start: tuple[int, int]) -> int:
        return self.base + start[0] * HOUR + start[1]

    @rule(made=st.lists(changes, min_size=1, max_size=4), grid=grids, again=twice)
    def assign(self, made: list[Any], grid: int, *, again: bool) -> None:
        batch = [
            change(task_id, data, every=every, start=self.moment(start), rule=how)
            for task_id, data, every, start, how in made
        ]
        created, _ = self.send("assign", lambda it: commands.assign(it, self.store.keys, grid, batch), again=again)
        assert created == [model.assign(self.expected, each, grid) for each in batch]

    @precondition(lambda self: self.expected.tasks)
    @rule(removed=st.lists(ids, min_size=1, max_size=2), again=twice)
    def remove(self, removed: list[bytes], *, again: bool) -> None:
        found = self.send("remove", lambda it: commands.remove(it, self.store.keys, removed), again=again)
        assert [each.was_scheduled for each in found] == [model.remove(self.expected, each) for each in removed]

    @precondition(lambda self: self.is_claimable())
    @rule(limit=limits, again=twice)
    def one_claims(self, limit: int, *, again: bool) -> None:
        self.claim("one", limit, again=again)

    @precondition(lambda self: self.is_claimable())
    @rule(limit=limits, again=twice)
    def another_claims(self, limit: int, *, again: bool) -> None:
        self.claim("another", limit, again=again)

    def claim(self, worker: str, limit: int, *, again: bool) -> None:
        claimed = self.send(worker, lambda it: commands.claim(it, self.store.keys, limit, HOUR), again=again)
        now = now_of(claimed)
        expected = model.claim(self.expected, now, limit, claimed.token, now + HOUR)
        failed = [tries or b"" for tries in claimed.failed or [None] * len(claimed.ids)]
        assert list(zip(claimed.ids, claimed.dues, claimed.records, failed, strict=True)) == expected
        looks = [*self.expected.due.values(), *self.expected.leased.values()]
        assert claimed.next_look_ms == min(looks, default=-1)
        if expected:
            self.tokens.append(int(claimed.token))
        else:
            assert claimed.token == (self.expected.fence or b"0")
        self.runs += held_of(claimed)

    @precondition(lambda self: self.runs)
    @rule(numbers=picks, again=twice)
    def complete(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        ended = self.send("complete", lambda it: commands.complete(it, self.store.keys, runs), again=again)
        assert ended.held == [model.complete(self.expected, run, self.now) for run in runs]

    @precondition(lambda self: self.runs)
    @rule(numbers=picks, again=twice)
    def release(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        ended = self.send("release", lambda it: commands.release(it, self.store.keys, runs), again=again)
        assert ended.held == [model.release(self.expected, run) for run in runs]

    @precondition(lambda self: self.runs)
    @rule(numbers=picks, again=twice)
    def renew(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        before = self.wait_for(self.store.now_ms())
        renewed = self.send("renew", lambda it: commands.renew(it, self.store.keys, 2 * HOUR, runs), again=again)
        after = self.wait_for(self.store.now_ms())
        found = self.wait_for(self.store.space()).leased
        for run, was_held in zip(runs, renewed, strict=True):
            deadline = found.get(run.raw_id, 0)
            assert model.renew(self.expected, run, deadline) == was_held
            assert not was_held or before + 2 * HOUR <= deadline <= after + 2 * HOUR

    @precondition(lambda self: self.runs)
    @rule(numbers=picks, again=twice)
    def quarantine(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        before = self.wait_for(self.store.now_ms())
        aside = self.send("quarantine", lambda it: commands.quarantine(it, self.store.keys, runs), again=again)
        after = self.wait_for(self.store.now_ms())
        found = self.wait_for(self.store.space()).dead
        for run, was_held in zip(runs, aside, strict=True):
            moment = found.get(run.raw_id, 0)
            assert model.quarantine(self.expected, run, moment) == was_held
            assert not was_held or moment == 0 or before <= moment <= after

    @precondition(lambda self: len(self.expected.tasks) > 3)
    @rule(again=twice)
    def clear(self, *, again: bool) -> None:
        any_leased = bool(self.expected.leased)
        removed = self.send("clear", lambda it: commands.clear(it, self.store.keys), again=again)
        assert removed == (model.clear(self.expected), any_leased)

    @precondition(lambda self: self.expected.tasks)
    @rule(hours=st.integers(10, 40), leases_end=twice)
    def time_passes(self, hours: int, *, leases_end: bool) -> None:
        """All waiting tasks come nearer, and maybe all leases end, the later ids first."""
        due, leased = self.expected.due, self.expected.leased
        for task_id in due:
            due[task_id] -= 2 * hours * HOUR
        for n, task_id in enumerate(sorted(leased) if leases_end else ()):
            leased[task_id] = self.now - (n + 1) * MINUTE
        self.wait_for(self.store.seed(Space(due=due, leased=leased)))

    @invariant()
    def reading_shows_what_stands_there(self) -> None:
        due, leased = self.expected.due, self.expected.leased
        asked = sorted(self.expected.tasks) or [b"a"]
        rows = self.wait_for(commands.look(self.store.partition, asked))
        assert [row.id for row in rows if row] == [each for each in asked if each in due or each in leased]
        sizes = self.wait_for(commands.sizes(self.store.partition))
        due_now = sum(moment < self.now + MINUTE for moment in (*due.values(), *leased.values()))
        assert sizes == (len(due) + len(leased), due_now, max(due.values(), default=-1))

    @invariant()
    def the_key_space_is_that_of_the_model(self) -> None:
        found = self.wait_for(self.store.space())
        model.check_invariant(found)
        assert found == self.expected
        assert self.tokens == sorted(set(self.tokens))


def test_any_sequence(url: str) -> None:
    run_state_machine_as_test(
        type("ScriptsHere", (Scripts,), {"url": url}),
        settings=settings(
            max_examples=often(25, 80),
            stateful_step_count=40,
            deadline=None,
            database=None,
            # Add Phase.shrink to have a failing sequence made short; that takes minutes.
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
