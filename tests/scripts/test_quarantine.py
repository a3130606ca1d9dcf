"""quarantine.lua: claimed tasks that are set aside."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import lookup, running

from .store import HOUR, ClaimedTask, Space, Store, held, held_of, lease, leased_space

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
CORRUPT = b"1 the record is corrupt"
TOKEN = 7


async def test_the_record_stays_and_the_task_is_dead(store: Store) -> None:
    session = store.session()
    tasks = {b"a": b"garbage", b"b": b"", b"c": b"s\nx"}
    attempts = {b"a": b"3", b"c": b"1"}
    await store.seed(leased_space(tasks, token=TOKEN, due=40, deadline=FAR, attempts=attempts, dead={b"old": 5}))
    before = await store.now_ms()
    runs = [held(b"a", TOKEN, 40), held(b"b", TOKEN, 40)]
    assert await running.quarantine(session.it, store.keys, runs) == [True, True]
    found = await store.space()
    moment = found.dead[b"a"]
    assert before <= moment <= await store.now_ms()
    assert found == Space(
        tasks=tasks,
        leased={b"c": FAR},
        leases={b"c": lease(TOKEN, 40)},
        attempts={b"c": b"1"},
        dead={b"old": 5, b"a": moment, b"b": moment},
        errors={b"a": CORRUPT, b"b": CORRUPT},
    )


async def test_what_is_dead_is_not_claimed_any_more(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"a": b"garbage"}, due={b"a": 1}))
    claimed = await running.claim(session.it, store.keys, 10, HOUR)
    assert await running.quarantine(session.it, store.keys, held_of(claimed)) == [True]
    assert (await running.claim(session.it, store.keys, 10, HOUR)).next_claim_ms == -1
    assert await lookup.look(store.partition, [b"a"]) == [None]
    assert await lookup.sizes(store.partition) == (0, 0, -1)


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
    seeded = leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=FAR, mark=b"k", attempts={b"a": b"1"})
    seeded.tasks[b"waiting"] = b"s\nx"
    seeded.due[b"waiting"] = FAR
    await store.seed(seeded)
    assert await running.quarantine(session.it, store.keys, [stale]) == [False]
    assert await store.space() == seeded


async def test_a_batch_of_mixed_outcomes(store: Store) -> None:
    session = store.session()
    ids = [b"%d" % n for n in range(500)]
    await store.seed(leased_space(dict.fromkeys(ids, b"x"), token=TOKEN, due=40, deadline=FAR))
    runs = [held(task_id, TOKEN + n % 2, 40) for n, task_id in enumerate(ids)]
    assert await running.quarantine(session.it, store.keys, runs) == [True, False] * 250
    found = await store.space()
    left = ids[1::2]
    assert found.dead.keys() == set(ids[::2])
    assert found == Space(
        tasks=dict.fromkeys(ids, b"x"),
        leased=dict.fromkeys(left, FAR),
        leases=dict.fromkeys(left, lease(TOKEN, 40)),
        dead=found.dead,
        errors=dict.fromkeys(ids[::2], CORRUPT),
    )


async def test_a_task_assigned_anew_meanwhile_has_another_record(store: Store) -> None:
    session = store.session()
    seeded = leased_space({b"a": b"s\nx"}, token=TOKEN, due=40, deadline=FAR, mark=b"s50")
    await store.seed(seeded)
    assert await running.quarantine(session.it, store.keys, [held(b"a", TOKEN, 40)]) == [True]
    assert await store.space() == Space(tasks={b"a": b"s\nx"}, due={b"a": 50})


async def test_of_the_dead_the_oldest_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interval_scheduler.storage.commands.running.DEAD_LIMIT", 2)
    old = {b"o%d" % n: n + 1 for n in range(3)}
    seeded = leased_space({b"a": b"garbage"}, token=TOKEN, due=40, deadline=FAR)
    seeded.tasks |= dict.fromkeys(old, b"s\nx")
    seeded.dead, seeded.errors = old, dict.fromkeys(old, b"1 x")
    seeded.runs, seeded.failures = {b"o0": b"1", b"o2": b"1"}, {b"o0": b"2"}
    await store.seed(seeded)
    # A step at a time, so that no call takes long: there is one task in this.
    assert await running.quarantine(store.session().it, store.keys, [held(b"a", TOKEN, 40)]) == [True]
    found = await store.space()
    assert found.dead.keys() == found.tasks.keys() == found.errors.keys() == {b"o1", b"o2", b"a"}
    assert (found.runs, found.failures) == ({b"o2": b"1"}, {})
