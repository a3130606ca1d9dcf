"""A namespace beside a model of it: each step is taken by both, and the whole key space is compared.

A step is carried out by schedulers through their API, or by workers through the typed functions of the scripts. What
the server's clock showed meanwhile is not known to the millisecond. So the model takes the step for each moment it may
have been, and one of them must lead to what is found: to the same reply, and to the same content of every key.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, ClassVar, Final, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from interval_scheduler import Lock
from interval_scheduler.storage.requests.session import Session
from tests.model import Effect, Model, Place, explain, kept_quotas, space_of
from tests.model.invariants import check_space
from tests.model.running import Run
from tests.scripts.store import HOUR, Numbered, Space, Store

from . import choices
from .world import Side, World

Reply = TypeVar("Reply")
#: What is known of a namespace, or of its queue, alone.
_OF_A_SIDE: Final = ("side", "store", "model", "found", "kept", "runs", "sessions", "sent", "locks")
#: How many dead tasks are kept, so that there are soon more.
DEAD_LIMIT: Final = 1


@dataclass(frozen=True)
class Sent:
    """The last request of a session of the workers, and its reply."""

    request: Callable[[Session], Awaitable[Any]]
    reply: Any


class Driven(RuleBasedStateMachine):
    """A state machine that takes its steps in Redis and in the model, each history in the world of its class."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.wait_for(self.world.begin())
        self.now = self.wait_for(self.world.namespace.store.now_ms())
        #: Due times are some hours from here, and so half an hour or more from now.
        self.base = self.now - HOUR // 2
        self.cron = f"{self.base // 60_000 % 60} * * * *"
        #: What may take effect later still, and the count of all that happened.
        self.doubts: tuple[Effect, ...] = ()
        self.count = itertools.count()
        self.begin_on(self.world.namespace)
        #: What is known of the queue, while steps are taken in the namespace, and the other way round.
        self._aside: dict[str, Any] = {}
        self.leaning: choices.Leaning = "none"
        self.steps = 0
        self._turns: dict[str, int] = {}

    def teardown(self) -> None:
        # Hypothesis gives some up half-way, where it has barred all that could go on.
        self.world.histories += self.steps >= self.world.length
        self.world.steps += self.steps

    def begin_on(self, side: Side) -> None:
        """Take the steps in a namespace or a queue, in which nothing happened yet."""
        self.side, self.store = side, side.store
        self.model = Model(membership=side.membership, dead_limit=DEAD_LIMIT)
        self.found = Space()
        #: What is found of quotas, beside that.
        self.kept: kept_quotas.Kept = {}
        self.runs: list[Run] = []
        self.sessions: dict[str, Numbered] = {}
        self.sent: dict[str, Sent] = {}
        self.locks: list[Lock] = []

    @property
    def is_in_queue(self) -> bool:
        return self.side is self.world.queue

    def turn_aside(self) -> None:
        """Take the steps in the queue from now on, or in the namespace again."""
        left = {name: getattr(self, name) for name in _OF_A_SIDE}
        if self._aside:
            vars(self).update(self._aside)
        else:
            self.begin_on(self.world.namespace if self.is_in_queue else self.world.queue)
        self._aside = left

    def wait_for(self, coroutine: Coroutine[Any, Any, Reply]) -> Reply:
        return self.world.wait_for(coroutine)

    def is_turn_of(self, rule: str) -> bool:
        """Whether enough has happened since a rule that moves little, or costs much, had its turn."""
        return self._turns.get(rule, 0) <= self.steps

    def took_turn(self, rule: str, steps: int) -> None:
        """The next one is so many steps from now."""
        self._turns[rule] = self.steps + steps

    def any_at(self, *places: type[Place]) -> bool:
        """Whether a task is at one of some kinds of places."""
        return any(isinstance(task.place, places) for task in self.model.tasks.values())

    def named(self, numbers: list[int], *meant: type[Place]) -> list[str]:
        """Ids by their numbers: first those of tasks at the places that are meant, and then all there may be."""
        known = sorted(raw_id.decode() for raw_id, task in self.model.tasks.items() if isinstance(task.place, meant))
        known += [task_id for task_id in choices.IDS if task_id not in known]
        return [known[number % len(known)] for number in numbers]

    def step(
        self, act: Callable[[], Awaitable[Reply]], mirror: Callable[..., Reply], *, moments: int = 1, lost: bool = False
    ) -> Reply:
        """Take a step, and compare.

        Args:
            act: takes it, and gives the reply.
            mirror: takes it in a model: given that, the moments of the scripts in it, and the reply, it says what that
                must be. `found` is what is in Redis by then.
            moments: how many scripts that go by the clock the step has.
            lost: whether the first reply to each request of the schedulers is lost.
        """
        with self.world.noting():
            return self._step(act, mirror, moments, lost=lost)

    def _step(
        self, act: Callable[[], Awaitable[Reply]], mirror: Callable[..., Reply], moments: int, *, lost: bool
    ) -> Reply:
        async def watched() -> tuple[int, Reply, int, Space]:
            before = await self.store.now_ms()
            self.world.losing = lost
            try:
                reply = await act()
            finally:
                self.world.losing = False
            after = await self.store.now_ms()
            return before, reply, after, await (space_at_rest(self.store) if self.doubts else self.store.space())

        before, reply, after, self.found = self.wait_for(watched())
        self._check(before, after)
        for nows in combinations_with_replacement(range(before, after + 1), moments):
            trial = self.model.copy()
            if mirror(trial, reply, *nows) == reply and self.is_found(trial):
                self.model = trial
                return reply
        if self.doubts and moments == 1:
            done = next(self.count)
            this = Effect("this step", frozenset(), lambda model, now: mirror(model, reply, now), done, done, reply)
            if self._explained([this], range(before, after + 1)):
                return reply
        trial = self.model.copy()
        expected = mirror(trial, reply, *[after] * moments)
        assert reply == expected
        assert self.found == space_of(trial)
        assert kept_quotas.are_kept(trial.quotas, self.kept), f"{trial.quotas}, but {self.kept} is kept"
        raise AssertionError("the step was taken at a moment that was not within it")

    def step_in_doubt(self, act: Callable[[], Awaitable[Sequence[Effect]]]) -> None:
        """Take a step with several effects, each of which has a moment of its own, or is in doubt; and compare."""
        with self.world.noting():
            self._step_in_doubt(act)

    def _step_in_doubt(self, act: Callable[[], Awaitable[Sequence[Effect]]]) -> None:
        async def watched() -> tuple[int, Sequence[Effect], int, Sequence[int], Space]:
            before = await self.store.now_ms()
            async with self.world.shaky.watched() as moments:
                effects = await act()
                found = await space_at_rest(self.store)
                known = await moments()
            after = await self.store.now_ms()
            return before, effects, after, known or [after], found

        before, effects, after, moments, self.found = self.wait_for(watched())
        self._check(before, after)
        if not any(self._explained(effects, near) for near in _around(moments, before, after)):
            told = "\n".join(
                f"{each.made} to {each.done}: {each.what}: {each.result!r}" for each in [*self.doubts, *effects]
            )
            assert self.found == space_of(self.model), told
            raise AssertionError(f"what was answered cannot be:\n{told}")

    def _explained(self, effects: Sequence[Effect], moments: Sequence[int]) -> bool:
        """Whether these effects, and those in doubt, lead to what is found; then the model is that."""
        happened = explain(self.model, [*self.doubts, *effects], moments, self.is_found)
        if happened is not None:
            self.model, self.doubts = happened
        return happened is not None

    def is_found(self, model: Model) -> bool:
        """Whether that is what is in Redis."""
        return space_of(model) == self.found and kept_quotas.are_kept(model.quotas, self.kept)

    def _check(self, before: int, after: int) -> None:
        """Check what holds after every step."""
        self.steps += 1
        check_space(self.found)
        self.kept = kept_quotas.taken_from(self.found)
        self._check_token(before, after)

    def _check_token(self, before: int, after: int) -> None:
        """A new token is the moment of the step in µs, or one more than the last."""
        last, token = self.model.fence or 0, int(self.found.fence or 0)
        assert token == last or (token > last and (token == last + 1 or before * 1000 <= token <= after * 1000 + 999))

    async def send(self, batcher: str, request: Callable[[Session], Awaitable[Reply]], *, again: bool) -> Reply:
        """A request of a session of the workers, maybe sent twice."""
        session = self.sessions.setdefault(batcher, self.store.session())
        reply = await request(session.it)
        self.sent[batcher] = Sent(request, reply)
        if again:
            before = await self.store.raw()
            repeated = await request(session.back())
            assert comparable(repeated) == comparable(reply)
            assert await self.store.raw() == before
        return reply


def _around(moments: Sequence[int], before: int, after: int) -> Iterator[Sequence[int]]:
    """The moments of scripts as MONITOR tells them, and then more and more of those around them, in ms.

    A script goes by the moment at which it began. MONITOR tells that at which it asked for the time, which is later
    if the server was put aside meanwhile.
    """
    for earlier in (0, 1, 4, 30):
        near = {moment - by for moment in moments for by in range(earlier + 1)}
        yield sorted(each for each in near if before <= each <= after)


async def space_at_rest(store: Store) -> Space:
    """The whole key space, read while nothing changes it."""
    while True:
        before = await store.raw()
        problem, space = None, Space()
        try:
            space = await store.space()
        except AssertionError as error:
            problem = error
        if await store.raw() == before:
            if problem is not None:
                raise problem
            return space


def comparable(reply: Any) -> Any:
    """A reply without what depends on the moment; a repeated claim may come in another order."""
    if not hasattr(reply, "records"):
        return reply
    failed = list(reply.failed) or [None] * len(reply.ids)
    return reply.token, sorted(
        (raw_id, due, record, int(tries or 0))
        for raw_id, due, record, tries in zip(reply.ids, reply.dues, reply.records, failed, strict=True)
    )
