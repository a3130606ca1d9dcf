"""control.lua and pause_all.lua: pause, resume, run now, revive; compared with the whole key space."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import assigning, control, running
from interval_scheduler.storage.commands.control import ControlStep

from .store import HOUR, Space, Store, change, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
ONCE = b"s\nx"
EVERY = recurring(HOUR, 17)
DELAY = recurring(HOUR, 17, flags=b"sd")
CRON = b"s;c0 * * * *\nx"


async def step(store: Store, *steps: ControlStep) -> str:
    return (await control.control(store.session().it, store.keys, steps)).results


async def test_pause(store: Store) -> None:
    seeded = leased_space({b"l": EVERY, b"k": EVERY}, token=TOKEN, due=40, deadline=FAR)
    seeded.leases[b"k"] = lease(TOKEN, 40, b"k")
    seeded.tasks |= {b"w": ONCE, b"p": ONCE, b"d": ONCE}
    seeded.due, seeded.paused, seeded.dead = {b"w": FAR}, {b"p": 5}, {b"d": 5}
    await store.seed(seeded)
    ids = [b"w", b"p", b"l", b"k", b"d", b"none"]
    assert await step(store, *(ControlStep(task_id, b"p") for task_id in ids)) == "111100"
    seeded.due, seeded.paused = {}, {b"p": 5, b"w": FAR}
    seeded.leases = {b"l": lease(TOKEN, 40, b"p"), b"k": lease(TOKEN, 40, b"kp")}
    assert await store.space() == seeded
    assert await step(store, ControlStep(b"l", b"p")) == "1", "again is no harm"
    assert await store.space() == seeded


async def test_resume(store: Store) -> None:
    seeded = leased_space({b"l": EVERY, b"k": EVERY}, token=TOKEN, due=40, deadline=FAR)
    seeded.leases = {b"l": lease(TOKEN, 40, b"p"), b"k": lease(TOKEN, 40, b"kp")}
    seeded.tasks |= {b"w": ONCE, b"later": EVERY, b"once": ONCE, b"rate": EVERY, b"delay": DELAY}
    seeded.due = {b"w": FAR}
    seeded.paused = {b"later": FAR, b"once": 5, b"rate": 5, b"delay": 5}
    await store.seed(seeded)
    before = await store.now_ms()
    ids = [b"w", b"l", b"k", b"later", b"once", b"rate", b"delay", b"none"]
    assert await step(store, *(ControlStep(task_id, b"r") for task_id in ids)) == "11111110"
    found = await store.space()
    after = await store.now_ms()
    assert found.leases == {b"l": lease(TOKEN, 40), b"k": lease(TOKEN, 40, b"k")}
    assert found.paused == {}
    assert (found.due[b"w"], found.due[b"later"]) == (FAR, FAR)
    assert before <= found.due[b"once"] == found.due[b"delay"] <= after
    assert found.due[b"rate"] % HOUR == 17
    assert before < found.due[b"rate"] <= after + HOUR


async def test_a_cron_task_is_resumed_by_the_header_that_its_caller_knew(store: Store) -> None:
    await store.seed(Space(tasks={b"a": CRON}, paused={b"a": 5}))
    assert await step(store, ControlStep(b"a", b"r", b"s;c5 * * * *", FAR)) == "c"
    assert (await store.space()).paused == {b"a": 5}
    assert await step(store, ControlStep(b"a", b"r", b"s;c0 * * * *", FAR)) == "1"
    assert await store.space() == Space(tasks={b"a": CRON}, due={b"a": FAR})


async def test_run_now(store: Store) -> None:
    seeded = leased_space({b"l": EVERY, b"lp": EVERY}, token=TOKEN, due=40, deadline=FAR)
    seeded.leases[b"lp"] = lease(TOKEN, 40, b"p")
    seeded.tasks |= {b"w": EVERY, b"due": EVERY, b"p": ONCE}
    seeded.due, seeded.paused = {b"w": FAR, b"due": 5}, {b"p": 5}
    await store.seed(seeded)
    before = await store.now_ms()
    ids = [b"w", b"due", b"l", b"lp", b"p", b"none"]
    assert await step(store, *(ControlStep(task_id, b"n") for task_id in ids)) == "111000"
    found = await store.space()
    assert before <= found.due[b"w"] <= await store.now_ms()
    assert found.due[b"due"] == 5
    assert found.leases[b"l"] == lease(TOKEN, 40, b"s%d" % found.due[b"w"])
    assert (found.leases[b"lp"], found.paused) == (lease(TOKEN, 40, b"p"), {b"p": 5})


async def test_revive(store: Store) -> None:
    await store.seed(
        Space(tasks={b"a": ONCE, b"b": ONCE}, dead={b"a": 5, b"b": 6}, errors={b"a": b"1 x", b"b": b"1 x"})
    )
    assert await step(store, ControlStep(b"a", b"v"), ControlStep(b"none", b"v")) == "10"
    found = await store.space()
    assert found == Space(tasks={b"a": ONCE, b"b": ONCE}, due=found.due, dead={b"b": 6}, errors={b"b": b"1 x"})


async def test_a_paused_task_that_is_assigned_stays_paused(store: Store) -> None:
    await store.seed(Space(tasks={b"a": EVERY}, paused={b"a": 5 * HOUR + 17}))
    session = store.session()
    created, earliest = await assigning.assign(
        session.it,
        store.keys,
        0,
        [change(b"a", b"y", every=HOUR, start=FAR), change(b"a", b"z", every=HOUR, start=FAR)],
    )
    assert (created, earliest) == ([False, False], -1)
    found = await store.space()
    assert found == Space(tasks={b"a": recurring(HOUR, 17, data=b"z")}, paused={b"a": 5 * HOUR + 17})
    await assigning.assign(session.it, store.keys, 0, [change(b"a", every=HOUR, start=FAR, rule="start")])
    assert (await store.space()).paused == {b"a": FAR}


@pytest.mark.parametrize("once", [False, True])
async def test_nothing_is_claimed_while_the_partition_rests(store: Store, *, once: bool) -> None:
    await store.seed(Space(tasks={b"a": EVERY}, due={b"a": 5}))
    session, claims = store.session(), store.session()
    claim = running.claim_once if once else running.claim
    assert await control.pause_all(session.it, store.keys, pause=True)
    assert not await control.pause_all(session.it, store.keys, pause=True)
    claimed = await claim(claims.it, store.keys, 10, HOUR)
    assert (list(claimed.ids), claimed.next_claim_ms) == ([], -1)
    async with store.announcements() as heard:
        assert await control.pause_all(session.it, store.keys, pause=False)
        assert await heard() == [0], "sleeping schedulers look at once"
    assert not await control.pause_all(session.it, store.keys, pause=False)
    assert list((await claim(claims.it, store.keys, 10, HOUR)).ids) == [b"a"]


async def test_a_task_that_runs_out_of_its_turn_keeps_its_grid_when_it_is_assigned(store: Store) -> None:
    await store.seed(Space(tasks={b"a": EVERY}, due={b"a": FAR}))
    await step(store, ControlStep(b"a", b"n"))
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a", b"y", every=HOUR)])
    assert (await store.space()).tasks == {b"a": recurring(HOUR, 17, data=b"y")}


async def test_a_task_whose_time_is_over_is_taken_off(store: Store) -> None:
    ended = b"s %d 17;u9\nx" % HOUR
    await store.seed(Space(tasks={b"a": ended, b"w": EVERY}, paused={b"a": 5}, due={b"w": FAR}))
    assert await step(store, ControlStep(b"a", b"r")) == "0"
    assert await store.space() == Space(tasks={b"w": EVERY}, due={b"w": FAR})


async def test_nothing_is_left_of_a_task_whose_time_was_over(store: Store) -> None:
    """Or one that is assigned by its id later would begin with what that one had failed."""
    ended = b"s %d 17;u9\nx" % HOUR
    seeded = Space(
        tasks={b"a": ended}, paused={b"a": 5}, attempts={b"a": b"1"}, runs={b"a": b"2"}, failures={b"a": b"3"}
    )
    await store.seed(seeded)
    assert await step(store, ControlStep(b"a", b"r")) == "0"
    assert await store.space() == Space()


async def test_an_occurrence_that_is_resumed_anew_has_all_its_attempts(store: Store) -> None:
    tasks = {b"rate": EVERY, b"delay": DELAY, b"once": ONCE, b"cron": CRON, b"later": EVERY}
    paused = dict.fromkeys(tasks, 5) | {b"later": FAR}
    await store.seed(Space(tasks=tasks, paused=paused, attempts=dict.fromkeys(tasks, b"1")))
    steps = [ControlStep(task_id, b"r") for task_id in (b"rate", b"delay", b"once", b"later")]
    assert await step(store, *steps, ControlStep(b"cron", b"r", b"s;c0 * * * *", FAR)) == "11111"
    found = await store.space()
    assert found.attempts == dict.fromkeys((b"delay", b"once", b"later"), b"1"), "the same occurrence as before"


async def test_an_attempt_that_is_still_to_come_is_resumed_although_no_occurrence_is(store: Store) -> None:
    """Its time was not over while it was paused."""
    last = b"s %d 17;u9;r1\nx" % HOUR
    await store.seed(Space(tasks={b"a": last}, paused={b"a": FAR}, attempts={b"a": b"1"}))
    assert await step(store, ControlStep(b"a", b"r")) == "1"
    assert await store.space() == Space(tasks={b"a": last}, due={b"a": FAR}, attempts={b"a": b"1"})


async def test_a_later_step_does_not_overtake_one_that_is_to_be_repeated(store: Store) -> None:
    """The header of a cron task was changed meanwhile: its resume is tried again, and what comes behind it as well."""
    await store.seed(Space(tasks={b"a": b"s;c0 * * * *\nx", b"b": b"s\nx"}, paused={b"a": FAR, b"b": FAR}))
    stale, fresh = (ControlStep(b"a", b"r", header, FAR) for header in (b"s;c5 * * * *", b"s;c0 * * * *"))
    others = ControlStep(b"a", b"p"), ControlStep(b"b", b"r")
    assert await step(store, stale, *others) == "cc1"
    assert (await store.space()).paused == {b"a": FAR}
    assert await step(store, fresh, others[0]) == "11"
    assert (await store.space()).paused == {b"a": FAR}
