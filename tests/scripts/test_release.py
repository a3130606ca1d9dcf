"""release.lua: claimed tasks that are handed back unrun."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import assigning, running

from .store import HOUR, ClaimedTask, Space, Store, change, held, held_of, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7


async def test_a_task_is_due_as_it_was_and_no_attempt_is_charged(store: Store) -> None:
    session = store.session()
    tasks = {b"a": recurring(HOUR, 3), b"b": b"s\nx", b"c": b"s\nx"}
    attempts = {b"b": b"2", b"c": b"1"}
    await store.seed(leased_space(tasks, token=TOKEN, due=40, deadline=FAR, attempts=attempts, fence=b"7"))
    assert await running.release(session.it, store.keys, [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40)]) == (
        [True, True],
        40,
    )
    assert await store.space() == Space(
        tasks=tasks,
        due={b"a": 40, b"b": 40},
        leased={b"c": FAR},
        leases={b"c": lease(TOKEN, 40)},
        attempts=attempts,
        fence=b"7",
    )


async def test_claim_and_release_leave_all_as_it_was(store: Store) -> None:
    session = store.session()
    seeded = Space(tasks={b"a": recurring(HOUR, 3), b"b": b"s\nx"}, due={b"a": 40, b"b": 30})
    await store.seed(seeded)
    claimed = await running.claim(session.it, store.keys, 2, HOUR)
    assert await running.release(session.it, store.keys, held_of(claimed)) == ([True, True], 30)
    seeded.fence = claimed.token
    assert await store.space() == seeded


@pytest.mark.parametrize("deadline", [5, FAR])
async def test_an_ended_lease_that_nobody_took_is_handed_back_too(store: Store, deadline: int) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=deadline))
    assert await running.release(session.it, store.keys, [held(b"a", TOKEN, 40)]) == ([True], 40)
    assert await store.space() == Space(tasks={b"a": b"s\nx"}, due={b"a": 40})


async def test_where_a_re_assign_put_it(store: Store) -> None:
    session = store.session()
    seeded = leased_space(dict.fromkeys((b"kept", b"moved", b"again"), b"s\nx"), token=TOKEN, due=40, deadline=FAR)
    await store.seed(seeded)
    changes = [
        change(b"kept", every=HOUR),
        change(b"moved", every=HOUR, start=FAR, rule="start"),
        change(b"again", start=30),
    ]
    await assigning.assign(session.it, store.keys, 0, changes)
    runs = [held(task_id, TOKEN, 40) for task_id in (b"kept", b"moved", b"again")]
    assert await running.release(session.it, store.keys, runs) == ([True] * 3, 30)
    assert await store.space() == Space(
        tasks={b"kept": recurring(HOUR, 40), b"moved": recurring(HOUR, FAR), b"again": b"s\nx"},
        due={b"kept": 40, b"moved": FAR, b"again": 30},
    )


@pytest.mark.parametrize(
    "stale",
    [
        held(b"a", TOKEN - 1, 40),
        held(b"a", TOKEN + 1, 40),
        held(b"a", TOKEN, 41),
        held(b"waiting", TOKEN, 40),
        held(b"unknown", TOKEN, 40),
        ClaimedTask(b"a", b"", b"s"),
        ClaimedTask(b"unknown", b"", b"s"),
        ClaimedTask(b"a", b"7 40 k", b"s"),
    ],
)
async def test_a_stale_lease_changes_nothing(store: Store, stale: ClaimedTask) -> None:
    session = store.session()
    seeded = leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=FAR, mark=b"k")
    seeded.tasks[b"waiting"] = b"s\nx"
    seeded.due[b"waiting"] = FAR
    await store.seed(seeded)
    assert await running.release(session.it, store.keys, [stale]) == ([False], -1)
    assert await store.space() == seeded


async def test_a_removed_task_is_not_handed_back(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space(dict.fromkeys((b"a", b"b"), b"s\nx"), token=TOKEN, due=40, deadline=FAR))
    await assigning.remove(session.it, store.keys, [b"a"])
    runs = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40)]
    assert await running.release(session.it, store.keys, runs) == ([False, True], 40)
    assert await store.space() == Space(tasks={b"b": b"s\nx"}, due={b"b": 40})


async def test_a_full_batch(store: Store) -> None:
    session = store.session()
    ids = [b"%d" % n for n in range(500)]
    await store.seed(leased_space(dict.fromkeys(ids, b"s\nx"), token=TOKEN, due=40, deadline=FAR))
    runs = [held(task_id, TOKEN, 40) for task_id in ids]
    assert await running.release(session.it, store.keys, runs) == ([True] * 500, 40)
    assert await store.space() == Space(tasks=dict.fromkeys(ids, b"s\nx"), due=dict.fromkeys(ids, 40))
