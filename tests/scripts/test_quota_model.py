"""Claims under rates and bounds of groups do what the pure model does, on every engine.

Time is moved by moving the buckets back, which comes to the same: nothing else here depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from interval_scheduler import Rate
from interval_scheduler.model.assignment import Assignment
from interval_scheduler.model.policy import Policy
from interval_scheduler.model.quotas import Quotas
from interval_scheduler.storage.commands import assigning, quotas, running
from tests.model import Leased, Model, Parked, Spec, Waiting, Wanted, kept_quotas, space_of
from tests.model import assigning as model_assigning
from tests.model import running as model_running
from tests.model.invariants import check_space
from tests.model.quotas import Bucket

from .store import HOUR, MINUTE, ClaimedTask, Store, held_of

#: Many ms a token, so that the time that a test takes brings none, unless it is moved.
_PER: Final = 10 * HOUR
#: No lease ends before some group has tokens.
_LEASE: Final = 1000 * HOUR
#: How far a bucket may be from its model, in ms of its time: the model learns of a moment before or after the store.
_APART: Final = 2 * MINUTE
#: Stories are short as they are; with `Phase.shrink` beside, they get shorter, which takes minutes.
_PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
_GROUPS: Final = ("g", "h", None)
_rates = st.none() | st.tuples(st.integers(1, 4), st.integers(1, 5))
_caps = st.none() | st.dictionaries(st.sampled_from(["g", "h", "*"]), st.integers(1, 3))
_step = (
    st.tuples(st.just("assign"), st.lists(st.sampled_from(_GROUPS), min_size=1, max_size=6))
    | st.tuples(st.just("claim"), st.integers(1, 6))
    | st.tuples(st.just("claim"), st.integers(1, 6))
    | st.tuples(st.sampled_from(["complete", "release", "unstarted"]), st.integers(0, 5))
    | st.tuples(st.just("pass"), st.integers(1, 30))
    | st.tuples(st.just("rate"), _rates)
    | st.tuples(st.just("group rate"), st.tuples(st.sampled_from(["g", "h"]), _rates))
    | st.tuples(st.just("caps"), _caps)
)
#: Of most stories: a backlog of each group, and a rate of a group, of all, or a bound.
_LATER: Final = [("pass", 13), ("claim", 6), ("rate", (3, 4)), ("claim", 6)]
_few = st.tuples(st.integers(1, 4), st.integers(1, 2))
_beginning = st.sampled_from([[("assign", ["g", "g", None, "g", "h", "h", "g"])], []]).flatmap(
    lambda steps: st.sampled_from(["group rate", "group rate", "rate", "caps"]).flatmap(
        lambda what: {
            "group rate": _few.map(
                lambda numbers: [*steps, (what, ("g", numbers)), ("claim", 6), ("complete", 0), *_LATER]
            ),
            "rate": _few.map(lambda numbers: [*steps, (what, numbers), ("claim", 3), *_LATER]),
            "caps": _caps.map(lambda caps: [*steps, (what, caps)]),
        }[what]
    )
)
_rooms = st.sampled_from([0, 0, 1, 2])
_Step = tuple[str, Any]
#: A run that is handed back before it started gives its token back.
_HANDED_BACK: Final[list[_Step]] = [
    ("assign", ["g", "g"]),
    ("group rate", ("g", (1, 2))),
    ("claim", 6),
    ("unstarted", 0),
]
#: One group has all its turns when there are tokens again, and another one still waits for some.
_ONE_OF_TWO: Final[list[_Step]] = [
    ("group rate", ("g", (1, 2))),
    ("group rate", ("h", (1, 1))),
    ("assign", ["g", "g", "g", "h", "h", "h"]),
    ("claim", 6),
    ("pass", 30),
    ("claim", 6),
]


class Story:
    """A store and its model, one step after the other."""

    def __init__(self, store: Store, *, once: bool, room: int) -> None:
        self.store, self.model, self.once, self.room = store, Model(), once, room
        self.held: list[tuple[ClaimedTask, model_running.Run]] = []
        self.kept = Quotas()
        self.count = 0

    async def assign(self, groups: list[str | None]) -> None:
        calls = []
        for group in groups:
            self.count += 1
            raw_id, due = b"%03d" % self.count, 1000 + self.count
            task = Assignment(raw_id, b"x", True, None, due, False, Policy(group=group) if group else Policy())  # noqa: FBT003
            calls.append(task)
            wanted = Wanted(raw_id.decode(), Spec("x", group=group), due, spread=False)
            model_assigning.assign(self.model, wanted, "keep", 0, await self.store.now_ms())
        await assigning.assign(self.store.session().it, self.store.keys, 0, calls)

    async def claim(self, limit: int) -> None:
        session = self.store.session()
        script = running.claim_once if self.once else running.claim
        claimed = await script(session.it, self.store.keys, limit, _LEASE, self.room)
        again = await script(session.back(), self.store.keys, limit, _LEASE, self.room)
        assert sorted(again.ids) == sorted(claimed.ids), "a repetition takes no further tokens"
        now = claimed.now_us // 1000
        runs = model_running.claim(
            self.model, now, int(claimed.token), limit=limit, room=self.room, lease=_LEASE, once=self.once
        )
        assert [run.raw_id for run in runs] == list(claimed.ids)
        self._check_next_look(claimed, now, limit)
        leased = await self.store.client.hkeys(self.store.keys.leases)
        self.held += [pair for pair in zip(held_of(claimed), runs, strict=True) if pair[0].raw_id in leased]

    def _check_next_look(self, claimed: running.Claimed, now: int, limit: int) -> None:
        rate = self.model.quotas.rate
        due = sum(place.at <= now for _, _, place in self.model.at(Waiting))
        assert (claimed.waits_ms is None) == (rate is None)
        if rate is not None and rate.tokens < 1 and due:
            ready = rate.ready_at(min(due, limit))
            assert (claimed.waits_ms, claimed.next_claim_ms) == (ready - now, ready)
            return
        assert not claimed.waits_ms
        ahead = [*self.model.quotas.refill.values()] if self.model.quotas.rates else []
        ahead += [place.at for _, _, place in self.model.at(Waiting)]
        ahead += [place.until for _, _, place in self.model.at(Leased)]
        if model_running.is_any_noted(self.model, self.room):
            assert claimed.next_claim_ms <= now
        elif ahead:
            assert claimed.next_claim_ms == min(ahead), "nobody looks before there is something"

    async def end(self, how: str, pick: int) -> None:
        if not self.held:
            return
        task, run = self.held.pop(pick % len(self.held))
        session, keys = self.store.session(), self.store.keys
        now = await self.store.now_ms()
        if how == "complete":
            await running.complete(session.it, keys, [task])
            model_running.complete(self.model, run, now)
            return
        await running.release(session.it, keys, [task], [b"0u" if how == "unstarted" else b"0"])
        group = run.spec.group
        if how == "unstarted" and group in self.model.quotas.rates:
            self.model.quotas.fill(now)
            self.model.quotas.rates[group] = self.model.quotas.rates[group].spent(-1)
        model_running.release(self.model, run, now)
        if how == "unstarted" and self.model.quotas.rate is not None:
            # Its scheduler puts the token of the namespace back.
            await quotas.take_tokens(session.it, self.store.partition, 0, 1)
            self.model.quotas.rate = self.model.quotas.rate.filled(now).spent(-1)

    async def passes(self, hours: int) -> None:
        """Let time pass for the buckets, and for those that wait for tokens."""
        await self.store.put_quotas_back(hours * HOUR)
        kept_quotas.put_back(self.model.quotas, hours * HOUR)

    async def put(self, **changed: Any) -> None:
        before = self.kept
        self.kept = replace(before, **changed)
        if self.kept == before:
            return
        self.kept = replace(self.kept, revision=before.revision + 1)
        change = quotas.QuotaChange(self.kept, before.revision)
        assert await quotas.put(self.store.session().it, self.store.partition, change)
        for again in (change, change._replace(expected=None)):
            assert not await quotas.put(self.store.session().it, self.store.partition, again), "each revision once"
        now, held = await self.store.now_ms(), self.model.quotas
        held.rate = _changed(held.rate, self.kept.rate, now)
        held.rates = {
            group: bucket
            for group, rate in self.kept.rates.items()
            if (bucket := _changed(held.rates.get(group), rate, now)) is not None
        }
        await self._adopt_buckets()
        held.caps = self.kept.caps
        self.model.room |= dict.fromkeys(held.refill, 0)
        held.refill = {}
        await self.check()
        await quotas.note_backlogs(self.store.partition)
        self.model.room |= {place.group: 0 for _, _, place in self.model.at(Parked)}

    async def _adopt_buckets(self) -> None:
        """A bucket is settled at a moment between two looks; from here on the model goes on from that."""
        held, client, keys = self.model.quotas, self.store.client, self.store.keys.groups
        if held.rate is not None:
            held.rate = _adopted(held.rate, await client.hget(keys + b"quota", "bucket"))
        for group, bucket in held.rates.items():
            held.rates[group] = _adopted(bucket, await client.hget(keys + b"buckets", group))

    async def step(self, what: str, value: Any) -> None:
        if what == "assign":
            await self.assign(value)
        elif what == "claim":
            await self.claim(value)
        elif what == "pass":
            await self.passes(value)
        elif what == "rate":
            await self.put(rate=_rate(value))
        elif what == "group rate":
            group, numbers = value
            others = {name: rate for name, rate in self.kept.rates.items() if name != group}
            rate = _rate(numbers)
            await self.put(rates=others if rate is None else {**others, group: rate})
        elif what == "caps":
            await self.put(caps={} if value is None else {"*": 0, **value})
        else:
            await self.end(what, value)
        await self.check()

    async def check(self) -> None:
        """Compare all that there is. A moment at which a turn was given is taken from the store."""
        space = await self.store.space()
        check_space(space)
        for raw_id, task, place in list(self.model.at(Waiting)):
            if place.turn is not None and place.at != place.turn.due:
                self.model.tasks[raw_id] = replace(task, place=replace(place, at=space.due[raw_id]))
        for raw_id, task, lease in list(self.model.at(Leased)):
            self.model.tasks[raw_id] = replace(task, place=replace(lease, until=space.leased[raw_id]))
        await self._check_buckets(space.groups)
        for name in ("quota", "revision", "rates", "buckets", "caps"):
            space.groups.pop(name, None)
        wanted = space_of(self.model)
        wanted.fence = space.fence
        assert space == wanted

    async def _check_buckets(self, groups: dict[str, Any]) -> None:
        held, now = self.model.quotas, await self.store.now_ms()
        held.fill(now)
        stored = [(held.rate, groups.get("quota", {}).get(b"bucket"))]
        stored += [(bucket, groups.get("buckets", {}).get(group.encode())) for group, bucket in held.rates.items()]
        for bucket, text in stored:
            assert bucket is None or text is not None or not bucket.is_used
            if bucket is not None and text is not None:
                count, per, burst, level, at = map(int, text.split())
                assert (count, per, burst) == (bucket.count, bucket.per, bucket.burst)
                then = Bucket(count, per, burst, Fraction(level, per), at, is_used=True).filled(now)
                assert abs(then.level - bucket.level) < Fraction(_APART, per), "nothing is lost of a part"


def _rate(numbers: tuple[int, int] | None) -> Rate | None:
    return None if numbers is None else Rate(numbers[0], per=_PER / 1000, burst=numbers[1])


def _changed(bucket: Bucket | None, rate: Rate | None, now: int) -> Bucket | None:
    if rate is None:
        return None
    numbers = (rate.count, round(1000 * rate.per), rate.burst)
    return Bucket.full(*numbers, now) if bucket is None else bucket.changed(*numbers, now)


def _adopted(bucket: Bucket, text: bytes | None) -> Bucket:
    if text is None:
        return bucket
    count, per, burst, level, at = map(int, text.split())
    assert (count, per, burst) == (bucket.count, bucket.per, bucket.burst), "it is one of the new rate"
    stored = Bucket(count, per, burst, Fraction(level, per), at, is_used=True)
    later = max(at, bucket.at)
    assert abs(stored.filled(later).level - bucket.filled(later).level) < Fraction(_APART, per)
    return stored


def test_claims_do_what_the_model_does(url: str, namespace: str) -> None:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], phases=_PHASES)
    @given(beginning=_beginning, steps=st.lists(_step, min_size=3, max_size=25), once=st.booleans(), room=_rooms)
    @example(beginning=[], steps=_HANDED_BACK, once=False, room=0)
    @example(beginning=[], steps=_ONE_OF_TWO, once=False, room=0)
    def run(beginning: list[_Step], steps: list[_Step], once: bool, room: int) -> None:  # noqa: FBT001 - from Hypothesis
        runner.run(_tell(lambda: Store(url, namespace), [*beginning, *steps], once=once, room=room))

    with asyncio.Runner() as runner:
        run()


async def _tell(make: Callable[[], Store], steps: list[_Step], *, once: bool, room: int) -> None:
    store = make()
    try:
        await store.enroll()
        story = Story(store, once=once, room=room)
        for what, value in steps:
            await story.step(what, value)
    finally:
        await store.delete()
