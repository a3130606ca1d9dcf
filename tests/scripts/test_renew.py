"""renew.lua: held leases that are extended."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import assigning, running

from .store import HOUR, MINUTE, ClaimedTask, Store, change, held, leased_space

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7


@pytest.mark.parametrize("deadline", [5, FAR], ids=["ended", "held"])
async def test_a_lease_lasts_from_now(store: Store, deadline: int) -> None:
    session = store.session()
    ids = (b"a", b"b", b"c")
    seeded = leased_space(dict.fromkeys(ids, b"s\nx"), token=TOKEN, due=40, deadline=deadline, attempts={b"a": b"1"})
    await store.seed(seeded)
    before = await store.now_ms()
    runs = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40)]
    assert await running.renew(session.it, store.keys, HOUR, runs) == [True, True]
    after = await store.now_ms()
    found = await store.space()
    assert found.leased[b"a"] == found.leased[b"b"]
    assert before + HOUR <= found.leased[b"a"] <= after + HOUR
    seeded.leased = found.leased | {b"c": deadline}
    assert found == seeded


async def test_a_lease_may_become_shorter(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=FAR))
    assert await running.renew(session.it, store.keys, MINUTE, [held(b"a", TOKEN, 40)]) == [True]
    assert (await store.space()).leased[b"a"] <= await store.now_ms() + MINUTE


async def test_the_mark_of_a_re_assign_stays(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=FAR))
    await assigning.assign(session.it, store.keys, 0, [change(b"a", start=50)])
    assert await running.renew(session.it, store.keys, HOUR, [held(b"a", TOKEN, 40)]) == [True]
    assert (await store.space()).leases == {b"a": b"7 40 s50"}


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
    assert await running.renew(session.it, store.keys, HOUR, [stale]) == [False]
    assert await store.space() == seeded


async def test_a_batch_of_mixed_outcomes(store: Store) -> None:
    session = store.session()
    ids = [b"%d" % n for n in range(500)]
    seeded = leased_space(dict.fromkeys(ids, b"s\nx"), token=TOKEN, due=40, deadline=FAR)
    await store.seed(seeded)
    runs = [held(task_id, TOKEN + n % 2, 40) for n, task_id in enumerate(ids)]
    assert await running.renew(session.it, store.keys, HOUR, runs) == [True, False] * 250
    found = await store.space()
    assert [found.leased[task_id] == FAR for task_id in ids] == [False, True] * 250
    seeded.leased = found.leased
    assert found == seeded
