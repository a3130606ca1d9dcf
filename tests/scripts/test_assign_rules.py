"""assign.lua: what becomes of the next run of a task that is scheduled already, by each rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from interval_scheduler.model.assignment import Assignment, NeverRuns, Reschedule
from interval_scheduler.model.policy import Policy
from interval_scheduler.storage.commands import assigning, running
from interval_scheduler.storage.commands.handoff import Hint
from interval_scheduler.storage.topology.hint_applying import InOrder

from .store import HOUR, MINUTE, SECOND, Space, Store, change, held_of, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

DUE = 4_000_000_012_345
START = 4_100_000_098_765
HALF = HOUR // 2
ONCE, EVERY = b"s\nold", recurring(HOUR, DUE, data=b"old")

#: (old record, new interval, rule) -> (due time, phase of the new record)
WAITING: list[tuple[bytes, int | None, Reschedule, int]] = [
    (EVERY, HALF, "keep", DUE),
    (EVERY, None, "keep", DUE),
    (ONCE, HALF, "keep", DUE),
    (ONCE, None, "keep", DUE),
    (EVERY, HALF, "interval", DUE - HOUR + HALF),
    (EVERY, 3 * HOUR, "interval", DUE + 2 * HOUR),
    (EVERY, None, "interval", DUE),
    (ONCE, HALF, "interval", DUE),
    (ONCE, None, "interval", DUE),
    (EVERY, HALF, "start", START),
    (EVERY, None, "start", START),
    (ONCE, HALF, "start", START),
    (ONCE, None, "start", START),
]


def previous(moment: int, due: int) -> bytes:
    """The control of a task whose interval was changed, while it waited for a moment."""
    return b";p%d:%d" % (moment, due)


@pytest.mark.parametrize(("old", "every", "rule", "due"), WAITING)
async def test_a_waiting_task(store: Store, old: bytes, every: int | None, rule: Reschedule, due: int) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": old, b"b": EVERY}, due={b"a": DUE, b"b": DUE}, attempts={b"a": b"1"}))
    changed = change(b"a", b"new", every=every, start=START, rule=rule)
    assert await assigning.assign(session.it, store.keys, 0, [changed]) == ([False], due)
    record = b"s\nnew" if every is None else recurring(every, due, data=b"new")
    if (old, every, rule) == (EVERY, HALF, "keep"):
        record = recurring(HALF, due, data=b"new", policy=previous(DUE - HOUR, DUE))
    # Another occurrence has all its attempts.
    attempts = {b"a": b"1"} if due == DUE else {}
    assert await store.space() == Space(
        tasks={b"a": record, b"b": EVERY}, due={b"a": due, b"b": DUE}, attempts=attempts
    )


@pytest.mark.parametrize("every", [None, HALF])
@pytest.mark.parametrize("old", [ONCE, EVERY])
@pytest.mark.parametrize("rule", ["keep", "interval", "start"])
async def test_a_leased_task_is_marked_for_its_completion(
    store: Store, old: bytes, every: int | None, rule: Reschedule
) -> None:
    session = store.session()
    seeded = leased_space({b"a": old, b"b": old}, token=7, due=DUE, deadline=5, attempts={b"a": b"2"}, fence=b"7")
    await store.seed(seeded)
    changed = change(b"a", b"new", every=every, start=START, rule=rule)
    assert await assigning.assign(session.it, store.keys, 0, [changed]) == ([False], -1)
    anchor = DUE if rule != "start" else START
    seeded.tasks[b"a"] = b"s\nnew" if every is None else recurring(every, anchor, data=b"new")
    keeps = every is not None and rule != "start"
    seeded.leases[b"a"] = lease(7, DUE, b"k" if keeps else b"s%d" % START)
    assert await store.space() == seeded


async def test_a_leased_task_without_a_start_is_marked_with_now(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": EVERY, b"b": ONCE}, token=7, due=DUE, deadline=5)
    await store.seed(seeded)
    before = await store.now_ms()
    await assigning.assign(session.it, store.keys, 0, [change(b"a", every=HALF, rule="start"), change(b"b")])
    after = await store.now_ms()
    found = await store.space()
    moment = int(found.leases[b"a"].removeprefix(lease(7, DUE, b"s")))
    assert before <= moment <= after
    seeded.tasks = {b"a": recurring(HALF, moment), b"b": b"s\nx"}
    seeded.leases = dict.fromkeys((b"a", b"b"), lease(7, DUE, b"s%d" % moment))
    assert found == seeded


async def test_a_later_mark_replaces_an_earlier_one(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": EVERY}, token=7, due=DUE, deadline=5)
    await store.seed(seeded)
    await assigning.assign(session.it, store.keys, 0, [change(b"a", every=HALF)])
    await assigning.assign(session.it, store.keys, 0, [change(b"a", every=HALF, start=START, rule="start")])
    seeded.tasks[b"a"] = recurring(HALF, START)
    seeded.leases[b"a"] = lease(7, DUE, b"s%d" % START)
    assert await store.space() == seeded


async def test_the_mark_of_a_leased_task_is_rounded_down_to_the_grid(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": EVERY}, token=7, due=DUE, deadline=5)
    await store.seed(seeded)
    await assigning.assign(session.it, store.keys, MINUTE, [change(b"a", every=HALF, start=START, rule="start")])
    seeded.tasks[b"a"] = recurring(HALF, START, MINUTE)
    seeded.leases[b"a"] = lease(7, DUE, b"s%d" % (START - START % MINUTE))
    assert await store.space() == seeded


async def test_the_new_interval_may_bring_the_next_run_into_the_past(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": EVERY, b"b": recurring(HOUR, 5)}, due={b"a": DUE, b"b": 5}))
    changes = [change(task_id, every=SECOND, rule="interval") for task_id in (b"a", b"b")]
    _, earliest = await assigning.assign(session.it, store.keys, 0, changes)
    moment = DUE - HOUR + SECOND
    assert earliest == 0  # never before 1970
    assert await store.space() == Space(
        tasks={b"a": recurring(SECOND, moment), b"b": recurring(SECOND, 0)}, due={b"a": moment, b"b": 0}
    )


@pytest.mark.parametrize(
    ("rule", "due"), [("keep", DUE - DUE % MINUTE), ("interval", DUE - HALF - (DUE - HALF) % MINUTE)]
)
async def test_an_update_rounds_to_the_grid_that_holds_now(store: Store, rule: Reschedule, due: int) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": EVERY}, due={b"a": DUE}))
    changed = change(b"a", every=HALF, rule=rule)
    assert await assigning.assign(session.it, store.keys, MINUTE, [changed]) == ([False], due)
    policy = previous(DUE - HOUR, due) if rule == "keep" else b""
    assert await store.space() == Space(tasks={b"a": recurring(HALF, DUE, MINUTE, policy=policy)}, due={b"a": due})


async def test_the_last_of_a_new_id_in_one_batch_wins_as_if_they_came_one_by_one(store: Store) -> None:
    session = store.session()
    changes = [
        change(b"a", b"1", every=HOUR, start=DUE),
        change(b"b", b"-", start=DUE),
        change(b"a", b"2", every=HALF, start=START, rule="interval"),
        change(b"a", b"3", every=HALF, start=START),
    ]
    created, _ = await assigning.assign(session.it, store.keys, 0, changes)
    assert created == [True, True, False, False]
    due = DUE - HOUR + HALF
    assert await store.space() == Space(
        tasks={b"a": recurring(HALF, due, data=b"3"), b"b": b"s\n-"}, due={b"a": due, b"b": DUE}
    )


async def test_the_last_of_a_leased_id_in_one_batch_wins(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": EVERY}, token=7, due=DUE, deadline=5)
    await store.seed(seeded)
    changes = [
        change(b"a", b"1", start=START),
        change(b"a", b"2", every=HALF),
        change(b"a", b"3", every=HOUR, rule="interval"),
    ]
    assert await assigning.assign(session.it, store.keys, 0, changes) == ([False] * 3, -1)
    seeded.tasks[b"a"] = recurring(HOUR, DUE, data=b"3")
    seeded.leases[b"a"] = lease(7, DUE, b"k")
    assert await store.space() == seeded


async def test_the_interval_of_an_unreadable_record_is_not_used(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": b"garbage", b"b": b""}, due={b"a": DUE, b"b": DUE, b"c": DUE}))
    changes = [change(task_id, every=HALF, rule="interval") for task_id in (b"a", b"b", b"c")]
    await assigning.assign(session.it, store.keys, 0, changes)
    ids = (b"a", b"b", b"c")
    assert await store.space() == Space(tasks=dict.fromkeys(ids, recurring(HALF, DUE)), due=dict.fromkeys(ids, DUE))


def ending(task_id: bytes, until: int, **more: Any) -> Assignment:
    made = change(task_id, b"new", every=HALF, start=START, **more)
    return made._replace(policy=Policy(until_ms=until))


async def apply_hints(store: Store, changes: Sequence[Assignment]) -> None:
    """Assign as for hints, and leave out of the key space how far they came."""
    session = b"0" * 16
    batch = [Hint(n + 1, b"", session=session, sequence=n + 1) for n in range(len(changes))]
    await assigning.assign_encoded(InOrder(store.partition, 0, batch), store.keys, 0, assigning.encode(changes))
    await store.client.delete(store.keys.hinted, store.keys.reply(session))


async def known(store: Store) -> Space:
    """One task at each place, with all that is counted of it."""
    counts = {b"a": b"1", b"p": b"1", b"l": b"1", b"other": b"1"}
    seeded = leased_space({b"l": EVERY}, token=7, due=DUE, deadline=5, fence=b"7")
    seeded.tasks |= {b"a": EVERY, b"p": EVERY, b"d": EVERY, b"other": EVERY}
    seeded.due, seeded.paused, seeded.dead = {b"a": DUE, b"other": DUE}, {b"p": DUE}, {b"d": 5}
    seeded.errors = {b"d": b"1 error"}
    seeded.attempts, seeded.runs, seeded.failures = dict(counts), dict(counts), dict(counts)
    await store.seed(seeded)
    return seeded


@pytest.mark.parametrize("rule", ["keep", "interval", "start"])
async def test_a_task_that_would_never_run_is_refused_and_stays_as_it_is(store: Store, rule: Reschedule) -> None:
    seeded = await known(store)
    ids = (b"a", b"p", b"l", b"d", b"new")
    changes = [ending(task_id, HOUR, rule=rule) for task_id in ids]
    assert await assigning.assign(store.session().it, store.keys, 0, changes) == ([NeverRuns(one) for one in ids], -1)
    assert await store.space() == seeded


async def test_a_refusal_concerns_no_other_task_of_the_batch(store: Store) -> None:
    changes = [change(b"a", every=HALF, start=START), ending(b"b", DUE), change(b"c", start=START), ending(b"a", DUE)]
    answers, earliest = await assigning.assign(store.session().it, store.keys, 0, changes)
    assert (answers, earliest) == ([True, NeverRuns(b"b"), True, NeverRuns(b"a")], START)
    assert await store.space() == Space(
        tasks={b"a": recurring(HALF, START), b"c": b"s\nx"}, due={b"a": START, b"c": START}
    )


@pytest.mark.parametrize(("until", "is_accepted"), [(START, True), (START - 1, False)])
async def test_the_last_moment_may_be_the_first_run(store: Store, until: int, is_accepted: bool) -> None:  # noqa: FBT001 - a case
    answers, _ = await assigning.assign(store.session().it, store.keys, 0, [ending(b"a", until)])
    assert answers == [True if is_accepted else NeverRuns(b"a")]


async def test_a_first_run_that_is_late_is_one(store: Store) -> None:
    """Its last moment has passed, but it was due before that."""
    late = change(b"a", every=HALF, start=50)
    late = late._replace(policy=Policy(until_ms=60))
    assert await assigning.assign(store.session().it, store.keys, 0, [late]) == ([True], 50)


@pytest.mark.parametrize(("minutes", "is_accepted"), [(45, True), (15, False)])
async def test_the_end_of_a_running_task_counts_on_the_grid_that_it_keeps(
    store: Store,
    minutes: int,
    is_accepted: bool,  # noqa: FBT001 - a case
) -> None:
    """Its run is a retry, off its grid, which has the next occurrence in half an hour."""
    now = await store.now_ms()
    off_grid = now - 5 * MINUTE
    old = recurring(HOUR, now - HALF, data=b"old")
    await store.seed(leased_space({b"a": old}, token=7, due=off_grid, deadline=now + HOUR, fence=b"7"))
    last = change(b"a", b"new", every=HOUR)
    last = last._replace(policy=Policy(until_ms=now + minutes * MINUTE))
    answers, _ = await assigning.assign(store.session().it, store.keys, 0, [last])
    assert answers == [False if is_accepted else NeverRuns(b"a")]


async def test_nothing_is_left_of_a_task_that_ends_by_a_hint(store: Store) -> None:
    """Nobody can be told; and one that is assigned by its id later must not begin with what that one had failed."""
    await known(store)
    await apply_hints(store, [ending(task_id, DUE - 1, rule="start") for task_id in (b"a", b"p", b"l", b"d")])
    left = {b"other": b"1"}
    assert await store.space() == Space(
        tasks={b"other": EVERY}, due={b"other": DUE}, attempts=left, runs=left, failures=left, fence=b"7"
    )


async def test_a_running_task_that_ends_by_a_hint_leaves_its_place_in_its_group(store: Store) -> None:
    grouped = [change(task_id, every=HOUR, start=start) for task_id, start in ((b"a", 1), (b"b", 2))]
    grouped = [one._replace(policy=Policy(group="g")) for one in grouped]
    await assigning.assign(store.session().it, store.keys, 0, grouped)
    claimed = await running.claim(store.session().it, store.keys, 10, HOUR, 1)
    assert list(claimed.ids) == [b"a"]
    await apply_hints(store, [ending(b"a", DUE, rule="start")])
    ended = await running.complete(store.session().it, store.keys, held_of(claimed))
    assert list(ended.held) == [False], "as if it had been removed"
    found = await store.space()
    assert (set(found.tasks), set(found.due), found.leased) == ({b"b"}, {b"b"}, {})
    assert "runs" not in found.groups


async def test_a_hint_behind_an_end_in_one_batch_is_a_new_task(store: Store) -> None:
    seeded = leased_space({b"l": EVERY}, token=7, due=DUE, deadline=5, attempts={b"p": b"1"})
    seeded.tasks[b"p"], seeded.paused[b"p"] = EVERY, DUE
    await store.seed(seeded)
    changes = [
        made
        for task_id in (b"p", b"l")
        for made in (ending(task_id, DUE - 1, rule="start"), change(task_id, b"then", every=HALF, start=START))
    ]
    await apply_hints(store, changes)
    record = recurring(HALF, START, data=b"then")
    assert await store.space() == Space(tasks={b"p": record, b"l": record}, due={b"p": START, b"l": START})


async def test_a_task_that_runs_out_of_its_turn_keeps_its_grid_however_often_it_is_assigned(store: Store) -> None:
    await store.seed(leased_space({b"a": EVERY}, token=7, due=DUE + 1234, deadline=5))
    session = store.session()
    for _ in range(3):
        await assigning.assign(session.it, store.keys, 0, [change(b"a", b"new", every=HOUR)])
        assert (await store.space()).tasks == {b"a": recurring(HOUR, DUE, data=b"new")}
