"""Runs that are cancelled: marks in control.lua, and what renew.lua, release.lua and the others make of them."""

from __future__ import annotations

import pytest

from interval_scheduler.model.ending import Failure
from interval_scheduler.storage.commands import assigning, control, running
from interval_scheduler.storage.commands.control import ControlStep

from .store import HOUR, Store, change, held, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
EVERY = recurring(HOUR, 17)


async def step(store: Store, *steps: tuple[bytes, bytes]) -> str:
    made = [ControlStep(task_id, action) for task_id, action in steps]
    return (await control.control(store.session().it, store.keys, made)).results


async def test_only_a_run_in_progress_is_marked(store: Store) -> None:
    seeded = leased_space({b"l": EVERY, b"off": EVERY, b"ended": EVERY}, token=TOKEN, due=40, deadline=FAR)
    seeded.leased |= {b"off": FAR + 0.25, b"ended": 5}
    seeded.tasks |= {b"w": EVERY, b"p": EVERY, b"d": EVERY}
    seeded.due, seeded.paused, seeded.dead = {b"w": FAR}, {b"p": 5}, {b"d": 5}
    await store.seed(seeded)
    ids = (b"l", b"off", b"ended", b"w", b"p", b"d", b"none")
    assert await step(store, *((task_id, b"x") for task_id in ids)) == "1000000"
    seeded.leases[b"l"] = lease(TOKEN, 40, b"x")
    assert await store.space() == seeded
    assert await step(store, (b"l", b"h")) == "1"
    seeded.leases[b"l"] = lease(TOKEN, 40, b"h")
    assert await store.space() == seeded


async def test_one_that_waits_for_a_place_on_its_worker_is_marked(store: Store) -> None:
    seeded = leased_space({b"l": EVERY}, token=TOKEN, due=40, deadline=FAR)
    seeded.leased[b"l"] = FAR + 0.5
    await store.seed(seeded)
    assert await step(store, (b"l", b"x")) == "1"


@pytest.mark.parametrize("how", [b"x", b"h"])
async def test_the_mark_stays_beside_others(store: Store, how: bytes) -> None:
    await store.seed(leased_space({b"a": EVERY}, token=TOKEN, due=40, deadline=FAR))
    assert await step(store, (b"a", how), (b"a", b"p")) == "11"
    assert (await store.space()).leases[b"a"] == lease(TOKEN, 40, b"p" + how)
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a", every=HOUR)])
    assert (await store.space()).leases[b"a"] == lease(TOKEN, 40, b"kp" + how)
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a", start=50, rule="start")])
    assert (await store.space()).leases[b"a"] == lease(TOKEN, 40, b"s50p" + how)
    assert await step(store, (b"a", b"r")) == "1"
    assert (await store.space()).leases[b"a"] == lease(TOKEN, 40, b"s50" + how)


async def test_a_renewal_extends_and_tells(store: Store) -> None:
    await store.seed(leased_space({b"a": EVERY, b"b": EVERY, b"c": EVERY}, token=TOKEN, due=40, deadline=FAR))
    await step(store, (b"a", b"x"), (b"b", b"h"))
    runs = [held(task_id, token, 40) for task_id, token in ((b"a", 7), (b"b", 7), (b"c", 7), (b"a", 6))]
    assert await running.renewed(store.session().it, store.keys, HOUR, runs) == "xh10"
    assert (await store.space()).leased[b"a"] < FAR
    assert await running.renew(store.session().it, store.keys, HOUR, runs) == [True, True, True, False]


async def test_what_is_cancelled_is_not_handed_back(store: Store) -> None:
    await store.seed(leased_space({b"a": EVERY, b"b": EVERY}, token=TOKEN, due=40, deadline=FAR))
    await step(store, (b"a", b"x"), (b"b", b"h"))
    runs = [held(b"a", TOKEN, 40, EVERY), held(b"b", TOKEN, 40, EVERY)]
    for delays in ([1000, 1000], [0, 0]):
        released = await running.released(store.session().it, store.keys, runs, delays)
        assert released.results == "x1"
        # The other one rests until its delay is over.
        found = await store.space()
        assert (found.leases[b"a"], found.leased[b"a"]) == (lease(TOKEN, 40, b"x"), FAR)
        assert (b"b" in found.leased) is (delays == [1000, 1000])
        assert found.due == ({} if delays == [1000, 1000] else {b"b": 40})


@pytest.mark.parametrize("how", [b"x", b"h"])
async def test_a_run_that_ends_by_itself_ends_as_it_does(store: Store, how: bytes) -> None:
    await store.seed(leased_space({b"a": EVERY, b"b": EVERY}, token=TOKEN, due=40, deadline=FAR))
    await step(store, (b"a", how), (b"b", how))
    assert (await running.complete(store.session().it, store.keys, [held(b"a", TOKEN, 40, EVERY)])).held == [True]
    failure = Failure(b"b", lease(TOKEN, 40), EVERY.partition(b"\n")[0], None, charge=True, error="x")
    assert (await running.fail(store.session().it, store.keys, [failure])).results == "n"
    found = await store.space()
    assert (found.leased, found.leases, set(found.due)) == ({}, {}, {b"a", b"b"})


async def test_the_next_lease_of_the_task_has_no_mark(store: Store) -> None:
    seeded = leased_space({b"a": EVERY}, token=TOKEN, due=40, deadline=FAR)
    await store.seed(seeded)
    await step(store, (b"a", b"x"))
    await store.client.zadd(store.keys.leased, {b"a": 5})  # its worker died
    claimed = await running.claim(store.session().it, store.keys, 5, HOUR)
    assert claimed.ids == [b"a"]
    assert (await store.space()).leases[b"a"] == claimed.token + b" 40"


async def test_it_is_announced_with_the_token_of_the_claim(store: Store) -> None:
    await store.seed(leased_space({"ж x".encode(): EVERY}, token=TOKEN, due=40, deadline=FAR))
    pubsub = store.client.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(store.keys.wake)
    await pubsub.get_message(timeout=5)
    assert await step(store, ("ж x".encode(), b"x"), (b"none", b"x")) == "10"
    message = None
    while message is None:
        message = await pubsub.get_message(timeout=5)
    assert message["data"] == b"cancel 7 " + "ж x".encode()
    await pubsub.aclose()


async def test_a_task_that_was_put_off_is_announced_for_when_it_may_be_claimed(store: Store) -> None:
    await store.seed(leased_space({b"a": EVERY}, token=TOKEN, due=40, deadline=FAR))
    before = await store.now_ms()
    ended = await running.released(store.session().it, store.keys, [held(b"a", TOKEN, 40, EVERY)], [HOUR])
    assert ended.results == "1"
    assert before + HOUR < ended.earliest_ms <= await store.now_ms() + HOUR + 1
