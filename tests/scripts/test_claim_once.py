"""claim_once.lua: tasks that are taken and rescheduled in one step."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from interval_scheduler.storage.commands import assigning, running

from .arithmetic import next_run
from .store import DAY, HOUR, MINUTE, Space, Store, lease, leased_space, now_of, recurring, without

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
#: What `records.parse` cannot read, or no schedule can be made of.
CORRUPT = [b"", b"garbage", b"hello\nworld", b"s", b"s x\ny", b"s 1000\nx", b"s 0 0\nx", b" 1 1\nx", b"S\nx", b"\n"]


async def test_recurring_tasks_are_due_again_and_one_shots_are_gone(store: Store) -> None:
    session = store.session()
    now = await store.now_ms()
    past = now - 10 * MINUTE
    tasks = {
        b"once": b"s\nx",
        b"rate": recurring(HOUR, past),
        b"missed": recurring(HOUR, past - 5 * DAY),
        b"grid": recurring(HOUR, past, MINUTE),
        b"delay": recurring(HOUR, 0, flags=b"bd"),
        b"delay-grid": recurring(HOUR, 0, MINUTE, flags=b"sd"),
        b"later": recurring(HOUR, FAR),
    }
    dues = {task_id: past + n for n, task_id in enumerate(tasks)} | {b"missed": past - 5 * DAY, b"later": FAR}
    await store.seed(Space(tasks=tasks, due=dues))
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    ids = [b"missed", b"once", b"rate", b"grid", b"delay", b"delay-grid"]
    assert claimed[3:] == (
        ids, [b"%d" % dues[task_id] for task_id in ids], [tasks[task_id] for task_id in ids], [], None,
    )  # fmt: skip
    now = now_of(claimed)
    again = {
        b"rate": next_run(now, dues[b"rate"], HOUR, past),
        b"missed": next_run(now, dues[b"missed"], HOUR, past - 5 * DAY),
        b"grid": next_run(now, dues[b"grid"], HOUR, past, MINUTE),
        b"delay": now + HOUR,
        b"delay-grid": (now + HOUR) // MINUTE * MINUTE,
        b"later": FAR,
    }
    assert claimed.next_claim_ms == min(again.values())
    assert await store.space() == Space(tasks=without(tasks, b"once"), due=again, fence=claimed.token)


async def test_the_earliest_due_come_first_up_to_the_limit(store: Store) -> None:
    session = store.session()
    dues = {b"a": 50, b"b": 20, b"c": 40, b"d": 10, b"e": 30}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    claimed = await running.claim_once(session.it, store.keys, 3, HOUR)
    assert (claimed.ids, claimed.next_claim_ms) == ([b"d", b"b", b"e"], 40)
    rest = dict.fromkeys((b"a", b"c"), b"s\nx")
    assert await store.space() == Space(tasks=rest, due={b"a": 50, b"c": 40}, fence=claimed.token)


async def test_never_early_and_none_left_out(store: Store) -> None:
    session = store.session()
    now = await store.now_ms()
    dues = {b"%d" % due: due for due in range(now - 50, now + 2000)}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    claimed = await running.claim_once(session.it, store.keys, 3000, HOUR)
    # A machine that stands still for two seconds in between is no fault.
    assert [int(due) for due in claimed.dues] == list(range(now - 50, min(now_of(claimed) + 1, now + 2000)))


async def test_a_claim_of_nothing_writes_nothing_but_its_reply(store: Store) -> None:
    session = store.session()
    seeded = Space(tasks={b"a": b"s\nx"}, due={b"a": FAR}, fence=b"5")
    await store.seed(seeded)
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert claimed[1:] == (FAR, b"5", [], [], [], [], None)
    assert await store.space() == seeded


async def test_what_has_no_record_is_dropped(store: Store) -> None:
    session = store.session()
    await store.seed(Space(tasks={b"b": b"s\nx"}, due={b"ghost1": 1, b"b": 2, b"ghost2": 3}))
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert claimed[1:6] == (-1, claimed.token, [b"b"], [b"2"], [b"s\nx"])
    assert await store.space() == Space(fence=claimed.token)


@pytest.mark.parametrize("record", CORRUPT)
async def test_what_cannot_be_read_is_set_aside_and_the_others_go_on(store: Store, record: bytes) -> None:
    session = store.session()
    every = recurring(HOUR, 5)
    tasks = {b"a": every, b"bad": record, b"once": b"s\nx"}
    await store.seed(Space(tasks=tasks, due={b"a": 1, b"bad": 2, b"once": 3}, attempts={b"bad": b"3"}))
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert (claimed.ids, claimed.dues, claimed.records) == ([b"a", b"once"], [b"1", b"3"], [every, b"s\nx"])
    assert await store.space() == Space(
        tasks={b"a": every, b"bad": record},
        due={b"a": next_run(now_of(claimed), 1, HOUR, 5)},
        dead={b"bad": now_of(claimed)},
        errors={b"bad": b"1 the record is corrupt"},
        fence=claimed.token,
    )


async def test_ended_leases_are_taken_too_and_their_attempts_end(store: Store) -> None:
    """After a change from at-least-once to at-most-once."""
    session = store.session()
    every = recurring(HOUR, 5)
    seeded = leased_space(dict.fromkeys((b"a", b"b"), every), token=7, due=40, deadline=50)
    seeded.tasks[b"c"] = seeded.tasks[b"held"] = every
    seeded.due[b"c"] = 45
    seeded.leased[b"held"] = FAR
    seeded.leases[b"held"] = lease(8, 30)
    seeded.attempts = {b"b": b"1", b"held": b"1"}
    await store.seed(seeded)
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert (claimed.ids, claimed.dues) == ([b"a", b"b", b"c"], [b"40", b"40", b"45"])
    assert list(claimed.failed)[:2] == [b"1", b"2"]
    assert [*claimed.failed, None][2] is None
    again = next_run(now_of(claimed), 40, HOUR, 5)
    assert await store.space() == Space(
        tasks=seeded.tasks,
        due=dict.fromkeys((b"a", b"b", b"c"), again),
        leased={b"held": FAR},
        leases={b"held": lease(8, 30)},
        attempts={b"held": b"1"},
        fence=claimed.token,
    )


async def test_tokens_increase_where_the_clock_went_back(store: Store) -> None:
    session = store.session()
    fence = 8_000_000_000_000_000
    await store.seed(Space(tasks=dict.fromkeys((b"a", b"b"), b"s\nx"), due={b"a": 1, b"b": 2}, fence=b"%d" % fence))
    for n in (1, 2):
        assert (await running.claim_once(session.it, store.keys, 1, HOUR)).token == b"%d" % (fence + n)


async def test_a_retry_gets_the_same_tasks_and_changes_nothing(store: Store) -> None:
    session = store.session()
    tasks = {
        b"bytes": b"b\n" + bytes(range(256)),
        b"12:x": b"s\n3:abc4:\n",
        rb"*?[x]\ ": recurring(1, 0, data=b""),
        "é:\U0001f600".encode(): b"b\n",
        b"large": recurring(HOUR, 5, data=bytes(range(256)) * 1024),
    }
    await store.seed(Space(tasks=tasks, due={task_id: n for n, task_id in enumerate(tasks)}))
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert dict(zip(claimed.ids, claimed.records, strict=True)) == tasks
    before = await store.raw()
    for _ in range(3):
        again = await running.claim_once(session.back(), store.keys, 10, HOUR)
        assert again[1:] == claimed[1:]
    assert await store.raw() == before


async def test_a_retry_tells_the_same_failed_deliveries(store: Store) -> None:
    session = store.session()
    await store.seed(leased_space(dict.fromkeys((b"a", b"b"), b"s\nx"), token=7, due=40, deadline=50))
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    assert list(claimed.failed) == [b"1", b"1"]
    again = await running.claim_once(session.back(), store.keys, 10, HOUR)
    assert again[2:] == claimed[2:]


async def test_a_retry_gets_what_was_removed_meanwhile_too(store: Store) -> None:
    """It was taken before the removal, as far as anybody can tell."""
    session, other = store.session(), store.session()
    await store.seed(Space(tasks={b"a": recurring(HOUR, 5)}, due={b"a": 1}))
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR)
    await assigning.remove(other.it, store.keys, [b"a"])
    again = await running.claim_once(session.back(), store.keys, 10, HOUR)
    assert again[2:] == claimed[2:]
    assert await store.space() == Space(fence=claimed.token)


async def test_a_request_from_before_the_last_is_refused(store: Store) -> None:
    session = store.session()
    dues = {b"a": 1, b"b": 2, b"c": 3}
    await store.seed(Space(tasks=dict.fromkeys(dues, b"s\nx"), due=dues))
    for _ in range(2):
        await running.claim_once(session.it, store.keys, 1, HOUR)
    before = await store.raw()
    with pytest.raises(ResponseError, match=r"^OUTDATED "):
        await running.claim_once(session.back(2), store.keys, 1, HOUR)
    assert await store.raw() == before


async def test_nothing_is_left_of_what_is_gone(store: Store) -> None:
    """A task that once had so many runs, and was assigned anew without."""
    ended = recurring(HOUR, 5).replace(b"\n", b";u9\n")
    counts = {b"once": b"1", b"ended": b"1"}
    tasks = {b"once": b"s\nx", b"ended": ended}
    await store.seed(
        Space(
            tasks=tasks, due={b"once": 1, b"ended": 2}, attempts=dict(counts), runs=dict(counts), failures=dict(counts)
        )
    )
    claimed = await running.claim_once(store.session().it, store.keys, 10, HOUR)
    assert list(claimed.ids) == [b"once", b"ended"]
    assert await store.space() == Space(fence=claimed.token)


async def test_of_the_dead_the_oldest_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interval_scheduler.storage.commands.running.DEAD_LIMIT", 2)
    old = {b"o%d" % n: n + 1 for n in range(2)}
    tasks = dict.fromkeys((b"a", b"b"), b"garbage") | dict.fromkeys(old, b"s\nx")
    await store.seed(
        Space(
            tasks=tasks,
            due={b"a": 1, b"b": 2},
            dead=old,
            errors=dict.fromkeys(old, b"1 x"),
            runs={b"o0": b"1"},
            failures={b"o1": b"1"},
        )
    )
    claimed = await running.claim_once(store.session().it, store.keys, 10, HOUR)
    died = dict.fromkeys((b"a", b"b"), now_of(claimed))
    errors = dict.fromkeys(died, b"1 the record is corrupt")
    assert await store.space() == Space(
        tasks=dict.fromkeys(died, b"garbage"), dead=died, errors=errors, fence=claimed.token
    )
