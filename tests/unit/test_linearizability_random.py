"""The checker of lock histories, by random ones: those of a model pass, spoiled ones fail, and it agrees with trying
every order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.faults.linearizability import MS, Kind, Operation, unexplained, violations

LONG = 1_000_000
KINDS: list[Kind] = ["acquire", "acquire", "extend", "release", "release"]


@dataclass
class Model:
    """One lock, carried out step by step; moments in ms. The token of a stranger is 0, that of nobody `None`."""

    holder: int | None = None
    gone_at: int = 0

    def take(self, kind: Kind, now: int, token: int, ttl: int) -> bool:
        """Carry out a step: whether it was done."""
        if self.holder is not None and now >= self.gone_at:
            self.holder = None
        done = self.holder is None if kind == "acquire" else self.holder == token
        if done:
            self.holder = None if kind == "release" else token
            self.gone_at = now + ttl
        return done


class Step(NamedTuple):
    """What is drawn of an operation; times in ms."""

    kind: Kind
    lock: str
    pause: int
    before: int
    after: int
    ttl: int
    #: Which of the last tokens is used.
    choice: int
    #: "untold": nobody learns the token; "unknown", "lost": nobody learns the outcome, and a lost one never happens.
    fate: str


def steps(
    locks: Sequence[str], times_to_live: Sequence[int], fates: Sequence[str], most: int = 25
) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        kind=st.sampled_from(KINDS),
        lock=st.sampled_from(locks),
        pause=st.integers(1, 20),
        before=st.integers(0, 40),
        after=st.integers(0, 40),
        ttl=st.sampled_from(times_to_live),
        choice=st.integers(0, 2),
        fate=st.sampled_from(fates),
    )
    return st.lists(step, min_size=1, max_size=most)


def carried_out(plan: Sequence[Step]) -> Iterator[tuple[int, Operation]]:
    """The operations of the model, each with the moment when it took effect, in ms."""
    models: dict[str, Model] = {}
    told = [1]
    now = 1000
    for number, step in enumerate(plan):
        now += step.pause
        model = models.setdefault(step.lock, Model())
        is_told = step.fate == "told"
        token = told[-1 - step.choice % len(told)]
        if step.kind == "acquire":
            token = 10 * (number + 1) if is_told else 0
        done = step.fate != "lost" and model.take(step.kind, now, token, step.ttl)
        shown = (token if done and is_told else None) if step.kind == "acquire" else token
        if step.kind == "acquire" and shown is not None:
            told.append(shown)
        operation = Operation(
            step.kind, step.lock, (now - step.before) * MS, (now + step.after) * MS, done, shown, step.ttl * MS
        )
        yield now, operation if step.fate in ("told", "untold") else replace(operation, responded=None, done=None)


@settings(max_examples=150)
@given(steps("aab", [15, 40, LONG], ["told"] * 7 + ["untold", "unknown", "lost"]))
def test_histories_of_the_model_pass(plan: list[Step]) -> None:
    assert violations(operation for _, operation in carried_out(plan)) == []


@settings(max_examples=150)
@given(steps("ab", [LONG], ["told"]), st.integers(0, 24))
def test_a_history_with_one_wrong_result_fails(plan: list[Step], place: int) -> None:
    """Where nothing else is under way, and nothing unknown, the state of the lock is certain, and so is the result."""
    history = list(carried_out(plan))
    place %= len(history)
    moment = history[place][0] * MS
    right = replace(history[place][1], invoked=moment, responded=moment)
    before = [replace(op, responded=min(op.ended, moment - 1)) for _, op in history[:place]]
    after = [replace(op, invoked=max(op.invoked, moment + 1)) for _, op in history[place + 1 :]]
    assert violations([*before, right, *after]) == []
    token = right.token
    if right.kind == "acquire":
        token = None if right.done else 10 * (place + 1)
    assert violations([*before, replace(right, done=not right.done, token=token), *after])


def possible(history: Sequence[Operation]) -> bool:
    """Whether some order of some choice of what took effect explains a history of one lock."""
    certain = [op for op in history if op.done is not None]
    uncertain = [op for op in history if op.done is None]
    return any(
        is_right(order)
        for count in range(len(uncertain) + 1)
        for some in combinations(uncertain, count)
        for order in permutations([*certain, *some])
    )


#: The moment, the holder (0: none, -1: a stranger), the last token, gone from, gone by.
World = tuple[int, int, int, int, int]


def is_right(order: Sequence[Operation]) -> bool:
    """Whether operations, each as early as it can be, take effect in this order."""
    worlds: set[World] = {(0, 0, 0, 0, 0)}
    for op in order:
        worlds = {after for world in worlds for gone in (False, True) if (after := follow(world, op, gone=gone))}
    return bool(worlds)


def follow(world: World, op: Operation, *, gone: bool) -> World | None:
    """What a world is after an operation, the time of the lock being over before it or not."""
    now, holder, last, gone_from, gone_by = world
    now = max(now, op.invoked, gone_from if gone else 0)
    if gone:
        holder = 0
    elif holder and op.invoked > gone_by:
        return None
    done = holder == 0 if op.kind == "acquire" else holder == op.token
    if now > op.ended or done is not (op.done is not False):
        return None
    if not done:
        return (now, holder, last, gone_from, gone_by)
    if op.kind == "release":
        return (now, 0, last, 0, 0)
    if op.kind == "acquire":
        holder = op.token or -1
        if 0 < holder <= last:
            return None
        last = max(last, holder)
    return (now, holder, last, op.invoked + op.ttl, op.ended + op.ttl + MS)


@st.composite
def small_histories(draw: st.DrawFn) -> list[Operation]:
    """Up to five operations on one lock, of which one may be wrong."""
    fates = ["told"] * 4 + ["untold", "unknown", "lost"]
    history = [op for _, op in carried_out(draw(steps("a", [8, 30, LONG], fates, most=5)))]
    place = draw(st.integers(0, len(history) - 1))
    op = history[place]
    spoiling = draw(st.sampled_from(["nothing", "moments", "result"]))
    if spoiling == "moments":
        shift = draw(st.integers(-30, 30)) * MS
        ended = None if op.responded is None else op.responded + shift
        history[place] = replace(op, invoked=op.invoked + shift, responded=ended)
    elif spoiling == "result" and op.done is not None:
        token = op.token
        if op.kind == "acquire":
            token = None if op.done else draw(st.sampled_from([None, 1, 5, 25, 100]))
        history[place] = replace(op, done=not op.done, token=token)
    return history


@settings(max_examples=250)
@given(small_histories())
def test_it_agrees_with_trying_every_order(history: list[Operation]) -> None:
    explained = possible(history)
    event("explained" if explained else "not explained")
    assert (unexplained(history) is None) is explained
