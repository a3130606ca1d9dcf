"""claim.lua: leases that ended, and requests that come twice or late."""

from __future__ import annotations

import dataclasses

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.storage.commands import assigning, running
from interval_scheduler.storage.commands.running import Claimed

from .store import HOUR, SECOND, Numbered, Space, Store, change, held_of, lease, leased_space, now_of, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000


def taken(claimed: Claimed) -> dict[bytes, tuple[bytes, bytes]]:
    return {
        task_id: (due, record) for task_id, due, record in zip(claimed.ids, claimed.dues, claimed.records, strict=True)
    }


async def test_an_ended_lease_makes_the_task_due_as_it_was_one_attempt_more(store: Store) -> None:
    session = store.session()
    seeded = leased_space(dict.fromkeys((b"a", b"b"), b"s\nx"), token=7, due=40, deadline=50)
    seeded.tasks[b"c"] = b"s\nx"
    seeded.due[b"c"] = 45
    seeded.attempts[b"b"] = b"1"
    await store.seed(seeded)
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert (claimed.ids, claimed.dues) == ([b"a", b"b", b"c"], [b"40", b"40", b"45"])
    assert claimed.failed == [b"1", b"2", None]
    assert await store.space() == Space(
        tasks=seeded.tasks,
        leased=dict.fromkeys(claimed.ids, now_of(claimed) + HOUR),
        leases={b"a": claimed.token + b" 40", b"b": claimed.token + b" 40", b"c": claimed.token + b" 45"},
        attempts={b"a": b"1", b"b": b"2"},
        fence=claimed.token,
    )


async def test_a_lease_holds_up_to_its_deadline(store: Store) -> None:
    """Leases that end at each millisecond around now: those up to the moment of the claim have ended."""
    session = store.session()
    now = await store.now_ms()
    deadlines = {b"%d" % deadline: deadline for deadline in range(now - 50, now + 2000)}
    seeded = leased_space(dict.fromkeys(deadlines, b"s\nx"), token=7, due=5, deadline=0)
    await store.seed(dataclasses.replace(seeded, leased=deadlines))
    claimed = await running.claim(session.it, store.keys, 3000, HOUR)
    # A machine that stands still for two seconds in between is no fault; one claim ends 400 leases at most.
    assert sorted(map(int, claimed.ids)) == list(range(now - 50, min(now_of(claimed) + 1, now + 2000)))[:400]


async def test_no_more_leases_are_recovered_than_are_claimed(store: Store) -> None:
    session = store.session()
    ids = [b"%d" % n for n in range(5)]
    seeded = leased_space(dict.fromkeys(ids, b"s\nx"), token=7, due=9, deadline=0)
    seeded.leased = {task_id: 50 - n for n, task_id in enumerate(ids)}
    seeded.tasks[b"early"] = b"s\nx"
    seeded.due[b"early"] = 1
    await store.seed(seeded)
    claimed = await running.claim(session.it, store.keys, 2, HOUR)
    # The two that ended first came back; the earliest due of all were claimed.
    assert (claimed.ids, claimed.dues) == ([b"early", b"3"], [b"1", b"9"])
    assert claimed.next_claim_ms == 9
    found = await store.space()
    assert found.due == {b"4": 9}
    assert found.attempts == {b"3": b"1", b"4": b"1"}
    assert found.leased == {
        b"0": 50,
        b"1": 49,
        b"2": 48,
        b"early": now_of(claimed) + HOUR,
        b"3": now_of(claimed) + HOUR,
    }


async def test_a_task_re_assigned_during_the_lost_run_obeys(store: Store) -> None:
    session = store.session()
    ids = (b"kept", b"moved", b"soon")
    seeded = leased_space(dict.fromkeys(ids, b"s\nx"), token=7, due=40, deadline=50)
    seeded.leases = {b"kept": lease(7, 40, b"k"), b"moved": lease(7, 40, b"s%d" % FAR), b"soon": lease(7, 40, b"s41")}
    await store.seed(seeded)
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert (claimed.ids, claimed.dues, claimed.next_claim_ms) == (
        [b"kept", b"soon"],
        [b"40", b"41"],
        now_of(claimed) + HOUR,
    )
    assert await store.space() == Space(
        tasks=seeded.tasks,
        due={b"moved": FAR},
        leased=dict.fromkeys((b"kept", b"soon"), now_of(claimed) + HOUR),
        leases={b"kept": claimed.token + b" 40", b"soon": claimed.token + b" 41"},
        attempts=dict.fromkeys(ids, b"1"),
        fence=claimed.token,
    )


async def test_a_lease_that_was_lost_is_due_now(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": b"s\nx"}, leased={b"a": 50}))
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert (claimed.ids, claimed.dues) == ([b"a"], [b"%d" % now_of(claimed)])


async def claim_three(store: Store, session: Numbered) -> Claimed:
    ids = (b"a", b"b", b"c")
    await store.seed(
        Space(
            tasks={task_id: recurring(HOUR, 5, data=b"\0\n\xff" + task_id) for task_id in (*ids, b"d")},
            due={b"a": 3, b"b": 2, b"c": 1, b"d": 4},
            attempts={b"b": b"2"},
        )
    )
    claimed = await running.claim(session.it, store.keys, 3, HOUR)
    assert sorted(claimed.ids) == list(ids)
    return claimed


async def test_a_retry_gets_the_same_tasks_and_changes_nothing(store: Store) -> None:
    session, other = store.session(), store.session()
    claimed = await claim_three(store, session)
    await running.claim(other.it, store.keys, 3, HOUR)
    before = await store.raw()
    for _ in range(3):
        again = await running.claim(session.back(), store.keys, 3, HOUR)
        assert (again.token, taken(again)) == (claimed.token, taken(claimed))
        assert dict(zip(again.ids, again.failed, strict=True)) == {b"a": None, b"b": b"2", b"c": None}
        assert again.next_claim_ms == now_of(claimed) + HOUR
    assert await store.raw() == before


async def test_a_retry_does_not_get_the_tasks_of_another_claim_with_the_same_deadline(store: Store) -> None:
    session = store.session()
    claimed = await claim_three(store, session)
    deadline = now_of(claimed) + HOUR
    await store.seed(leased_space({b"other": b"s\nx"}, token=7, due=1, deadline=deadline))
    await store.seed(Space(leased={b"lost": deadline}))
    again = await running.claim(session.back(), store.keys, 3, HOUR)
    assert taken(again) == taken(claimed)


async def test_a_retry_gets_what_is_still_held(store: Store) -> None:
    session, other = store.session(), store.session()
    claimed = await claim_three(store, session)
    runs = {run.raw_id: run for run in held_of(claimed)}
    await running.complete(other.it, store.keys, [runs[b"a"]])
    await assigning.remove(other.it, store.keys, [b"b"])
    await assigning.assign(other.it, store.keys, 0, [change(b"c", b"new", every=HOUR)])
    before = await store.raw()
    again = await running.claim(session.back(), store.keys, 3, HOUR)
    assert (again.token, taken(again)) == (claimed.token, {b"c": (b"1", recurring(HOUR, 5, data=b"new"))})
    await running.complete(other.back(), store.keys, [runs[b"a"]])
    assert await store.raw() == before


async def test_a_retry_gets_nothing_where_nothing_is_held_any_more(store: Store) -> None:
    session, other = store.session(), store.session()
    claimed = await claim_three(store, session)
    await store.client.zadd(store.keys.leased, dict.fromkeys(claimed.ids, 50))
    assert len((await running.claim(other.it, store.keys, 10, SECOND)).ids) == 4
    before = await store.raw()
    again = await running.claim(session.back(), store.keys, 3, HOUR)
    assert (again.token, list(again.ids), list(again.records), list(again.failed)) == (claimed.token, [], [], [])
    assert await store.raw() == before


async def test_a_request_from_before_the_last_is_refused(store: Store) -> None:
    session = store.session()
    await claim_three(store, session)
    await running.claim(session.it, store.keys, 1, HOUR)
    await store.seed(Space(tasks={b"e": b"s\nx"}, due={b"e": 1}))
    before = await store.raw()
    with pytest.raises(ResponseError, match=r"^OUTDATED "):
        await running.claim(session.back(2), store.keys, 1, HOUR)
    assert await store.raw() == before
