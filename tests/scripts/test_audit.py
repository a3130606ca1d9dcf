"""audit.lua: each thing that can be wrong is found, and mended so that the key space is in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interval_scheduler.model.policy import Policy
from interval_scheduler.storage.commands import assigning, auditing, running
from interval_scheduler.storage.commands.auditing import AUDITED_KEYS, FoundProblem

from .store import HOUR, MINUTE, SECOND, Space, Store, change, lease, recurring
from .test_idempotence import rich

pytestmark = pytest.mark.asyncio

EVERY = recurring(HOUR, 5)
FAR = 4_000_000_000_000


async def walk(store: Store, *, mend: bool) -> list[FoundProblem]:
    """All steps of all places."""
    found: list[FoundProblem] = []
    for key in AUDITED_KEYS:
        cursor = b"0"
        while True:
            step = await auditing.audit(store.partition, key, cursor, mend=mend)
            found += step.problems
            cursor = step.cursor
            if cursor == b"0":
                break
    return found


def kinds(found: list[FoundProblem]) -> set[tuple[bytes, bytes]]:
    return {(problem.raw_id, problem.kind) for problem in found}


async def test_nothing_is_wrong(store: Store) -> None:
    space = rich()
    now = await store.now_ms()
    space.leased = dict.fromkeys(space.leased, now + MINUTE)
    await store.seed(space)
    before = await store.raw()
    assert await walk(store, mend=False) == []
    assert await walk(store, mend=True) == []
    assert await store.raw() == before


async def test_all_tasks_are_looked_at(store: Store) -> None:
    ids = {b"t%d" % n for n in range(3000)}
    await store.seed(Space(tasks=dict.fromkeys(ids, EVERY), due=dict.fromkeys(ids, FAR)))
    seen: set[bytes] = set()
    cursor, steps = b"0", 0
    while steps == 0 or cursor != b"0":
        cursor, found, problems = await auditing.audit(store.partition, "tasks", cursor, mend=False)
        assert problems == []
        assert len(found) < 1000, "in steps"
        seen.update(found)
        steps += 1
    assert seen == ids


Wrong = Callable[[Space, int], None]


def orphan(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY


def orphan_with_a_lease(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.leases[b"a"] = lease(7, 40, b"s77")


def ghost_due(space: Space, now: int) -> None:
    space.due[b"a"] = 5
    space.attempts[b"a"] = b"1"


def ghost_leased(space: Space, now: int) -> None:
    space.leased[b"a"] = now + MINUTE
    space.leases[b"a"] = lease(7, 40)


def ghost_dead(space: Space, now: int) -> None:
    space.dead[b"a"] = 5
    space.errors[b"a"] = b"1 x"


def ghost_paused(space: Space, now: int) -> None:
    space.paused[b"a"] = 5


def ghost_lease(space: Space, now: int) -> None:
    space.leases[b"a"] = lease(7, 40)


def double_due_and_leased(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.leased[b"a"] = now + MINUTE
    space.leases[b"a"] = lease(7, 40)


def double_due_paused_dead(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = space.paused[b"a"] = space.dead[b"a"] = 5
    space.errors[b"a"] = b"1 x"


def double_without_lease(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.leased[b"a"] = now + MINUTE


def no_lease(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.leased[b"a"] = now + MINUTE


def stray_lease(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.leases[b"a"] = lease(7, 40)


def stuck_long_ago(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.leased[b"a"] = now - 2 * MINUTE
    space.leases[b"a"] = lease(7, 40)


def stuck_for_ever(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.leased[b"a"] = now + 25 * HOUR
    space.leases[b"a"] = lease(7, 40, b"p")


def unreadable(space: Space, now: int) -> None:
    space.tasks[b"a"] = b"?\nx"
    space.due[b"a"] = 5


def unreadable_leased(space: Space, now: int) -> None:
    space.tasks[b"a"] = b"?\nx"
    space.leased[b"a"] = now + MINUTE
    space.leases[b"a"] = lease(7, 40)


def leftover_attempts(space: Space, now: int) -> None:
    space.attempts[b"a"] = b"1"
    space.runs[b"a"] = b"2"
    space.failures[b"a"] = b"3"


def leftover_cause(space: Space, now: int) -> None:
    space.causes[b"a"] = b"5 Oh"
    space.history[b"a"] = b"x"
    space.failing[b"a"] = 5


def failing_without_a_cause(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.failing[b"a"] = 5


def cause_of_no_failing(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.causes[b"a"] = b"5 Oh"


def failing_and_dead(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.dead[b"a"] = 5
    space.errors[b"a"] = b"1 x"
    space.failing[b"a"] = 5
    space.causes[b"a"] = b"5 Oh"


def history_that_nobody_asks_for(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.history[b"a"] = b"\x01\0" + b"x" * 23 + b"\0"


def history_that_cannot_be_read(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY.replace(b"\n", b";h3\n", 1)
    space.due[b"a"] = 5
    space.history[b"a"] = b"\x02\0" + b"x" * 23 + b"\0"


def leftover_error(space: Space, now: int) -> None:
    space.tasks[b"a"] = EVERY
    space.due[b"a"] = 5
    space.errors[b"a"] = b"1 x"


#: What is wrong, its kind, and where the task stands when it is mended ("": nowhere).
CASES: list[tuple[Wrong, bytes, str]] = [
    (orphan, b"orphan", "due"),
    (orphan_with_a_lease, b"orphan", "due"),
    (ghost_due, b"ghost", ""),
    (ghost_leased, b"ghost", ""),
    (ghost_dead, b"ghost", ""),
    (ghost_paused, b"ghost", ""),
    (ghost_lease, b"ghost", ""),
    (double_due_and_leased, b"double", "leased"),
    (double_due_paused_dead, b"double", "due"),
    (double_without_lease, b"double", "due"),
    (no_lease, b"no-lease", "due"),
    (stray_lease, b"stray-lease", "due"),
    (stuck_long_ago, b"stuck", "due"),
    (stuck_for_ever, b"stuck", "paused"),
    (unreadable, b"unreadable", "dead"),
    (unreadable_leased, b"unreadable", "leased"),
    (leftover_attempts, b"leftover", ""),
    (leftover_error, b"leftover", "due"),
    (leftover_cause, b"leftover", ""),
    (failing_without_a_cause, b"leftover", "due"),
    (cause_of_no_failing, b"leftover", "due"),
    (failing_and_dead, b"leftover", "dead"),
    (history_that_nobody_asks_for, b"leftover", "due"),
    (history_that_cannot_be_read, b"garbled", "due"),
]


@pytest.mark.parametrize(("wrong", "kind", "key"), CASES, ids=[wrong.__name__ for wrong, _, _ in CASES])
async def test_what_is_wrong(store: Store, wrong: Wrong, kind: bytes, key: str) -> None:
    now = await store.now_ms()
    space = Space(tasks={b"well": EVERY}, due={b"well": FAR}, fence=b"9")
    wrong(space, now)
    await store.seed(space)
    before = await store.raw()
    assert kinds(await walk(store, mend=False)) == {(b"a", kind)}
    assert await store.raw() == before, "only told"
    left = await walk(store, mend=True)
    found = await store.space()
    keys_of_tasks = {name for name in ("due", "leased", "paused", "dead") if b"a" in getattr(found, name)}
    assert keys_of_tasks == ({key} if key else set())
    assert (b"a" in found.tasks) == bool(key)
    assert (b"a" in found.leases) == (key == "leased")
    assert (b"a" in found.errors) == (key == "dead")
    assert found.due.pop(b"well") == FAR
    if wrong is unreadable_leased:
        assert kinds(left) == {(b"a", kind)}, "whoever runs it sees to it"
    else:
        assert left == []
        assert await walk(store, mend=False) == []
    if wrong is stuck_long_ago:
        assert found.attempts == {b"a": b"1"}
        assert found.due == {b"a": 40}
    if wrong is orphan_with_a_lease:
        assert found.due == {b"a": 77}, "where it would have gone"


async def test_the_counts_of_groups(store: Store) -> None:
    now = await store.now_ms()
    space = Space(
        tasks={b"a": EVERY, b"b": EVERY},
        leased={b"a": now + MINUTE, b"b": now + MINUTE},
        leases={b"a": lease(7, 40), b"b": lease(7, 40)},
        fence=b"9",
    )
    await store.seed(space)
    groups = store.keys.groups
    await store.client.set(groups + b"in-use", 1)
    await store.client.hset(groups + b"of", mapping={b"a": b"g", b"b": b"h"})
    await store.client.hset(groups + b"runs", mapping={b"g": 3, b"none": 1})
    assert kinds(await walk(store, mend=False)) == {(each, b"group-count") for each in (b"g", b"h", b"none")}
    assert await walk(store, mend=True) == []
    assert (await store.space()).groups["runs"] == {b"g": b"1", b"h": b"1"}


async def test_what_is_left_of_groups(store: Store) -> None:
    await store.seed(Space(tasks={b"a": EVERY, b"b": EVERY}, due={b"a": FAR, b"b": FAR}))
    groups = store.keys.groups
    member = b"g\0" + b"%016d" % 5 + b"\0"
    await store.client.set(groups + b"in-use", 1)
    await store.client.hset(groups + b"of", mapping={b"a": b"g", b"gone": b"g"})
    await store.client.hset(groups + b"runs", mapping={b"g": 2})
    await store.client.zadd(groups + b"parked", {member + b"stray": 0})
    await store.client.hset(groups + b"parked-of", mapping={b"b": member + b"b"})
    await store.client.hset(groups + b"overdue", mapping={b"over": member + b"over"})
    assert {raw_id for raw_id, _ in kinds(await walk(store, mend=False))} == {b"a", b"b", b"gone", b"stray", b"over"}
    assert await walk(store, mend=True) == []
    space = await store.space()
    assert space.groups == {"in-use": b"1"}
    assert space.due == {b"a": FAR, b"b": FAR}


async def test_what_is_mended_wakes_schedulers(store: Store) -> None:
    await store.seed(Space(tasks={b"a": EVERY}))
    async with store.announcements() as heard:
        await walk(store, mend=True)
        assert len(await heard()) == 1


@pytest.mark.parametrize("claim", [running.claim, running.claim_once])
@pytest.mark.parametrize("lease_ms", [2 * HOUR, 30 * SECOND])
async def test_a_lease_is_measured_by_the_longest_that_was_taken(store: Store, claim: Any, lease_ms: int) -> None:
    """And not by that of whoever audits."""
    task = change(b"a", every=HOUR)
    task = task._replace(policy=Policy(retries=1))
    await assigning.assign(store.session().it, store.keys, 0, [task])
    assert list((await claim(store.session().it, store.keys, 10, lease_ms)).ids) == [b"a"]
    await store.space()
    assert store.longest == (b"%d" % lease_ms if lease_ms > HOUR else None)
    bound = max(HOUR, 10 * lease_ms)
    for beyond, is_stuck in ((-MINUTE, False), (MINUTE, True)):
        await store.client.zadd(store.keys.leased, {b"a": await store.now_ms() + bound + beyond})
        assert kinds(await walk(store, mend=False)) == ({(b"a", b"stuck")} if is_stuck else set())
    assert await walk(store, mend=True) == []
    assert (await store.space()).leased == {}


@pytest.mark.parametrize("odd", [b"garbage", b"", b"9" * 400])
async def test_what_is_no_length_is_replaced(store: Store, odd: bytes) -> None:
    await store.client.set(store.keys.longest, odd)
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a", every=HOUR)])
    assert await walk(store, mend=False) == []
    assert len((await running.claim(store.session().it, store.keys, 10, HOUR)).ids) == 1
    await store.space()
    assert store.longest == b"%d" % HOUR


async def test_a_key_of_another_type_in_its_place_is_replaced(store: Store) -> None:
    await store.client.rpush(store.keys.longest, b"x")
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a", every=HOUR)])
    assert await walk(store, mend=False) == []
    assert len((await running.claim(store.session().it, store.keys, 10, HOUR)).ids) == 1
    await store.space()
    assert store.longest == b"%d" % HOUR


async def test_a_shorter_lease_does_not_shorten_the_longest(store: Store) -> None:
    for lease_ms in (HOUR, HOUR // 2):
        await assigning.assign(store.session().it, store.keys, 0, [change(b"a%d" % lease_ms, every=HOUR)])
        assert len((await running.claim(store.session().it, store.keys, 10, lease_ms)).ids) == 1
    await store.space()
    assert store.longest == b"%d" % HOUR


YEAR = 365 * 24 * HOUR
CRON = b"s;c* * * * *\nx"


@pytest.mark.parametrize("place", ["due", "paused"])
async def test_tasks_that_rest_since_the_clock_was_ahead(store: Store, place: str) -> None:
    now = await store.now_ms()
    ahead = now + YEAR
    day = 24 * HOUR
    dues = {
        b"rate": ahead + HOUR,
        b"delay": ahead + 30 * MINUTE,
        b"early": ahead - 5 * HOUR,
        b"cron": ahead + 20 * day,
        b"again": ahead + 2 * MINUTE,
    }
    # A start may be as far away, and nobody knows what it was reckoned from.
    well = {
        b"soon": now + HOUR // 2,
        b"before": ahead - 2 * day,
        b"beyond": ahead + 3 * HOUR,
        b"once": ahead + MINUTE,
    }
    space = Space(
        tasks=dict.fromkeys(dues | well, EVERY)
        | {b"delay": recurring(HOUR, 5, flags=b"sd"), b"cron": CRON, b"again": b"s;r3\nx", b"once": b"s\nx"},
        attempts={b"again": b"1"},
        fence=b"%d" % (1000 * ahead),
    )
    setattr(space, place, dues | well)
    await store.seed(space)
    assert kinds(await walk(store, mend=False)) == {(task_id, b"ahead") for task_id in dues}
    assert await walk(store, mend=True) == []
    after = await store.now_ms()
    found = getattr(await store.space(), place)
    assert {task_id: found[task_id] for task_id in well} == well
    assert now < found[b"rate"] <= after + HOUR
    assert found[b"rate"] % HOUR == 5, "on its own grid"
    assert now + HOUR <= found[b"delay"] <= after + HOUR
    assert all(now <= found[task_id] <= after for task_id in (b"cron", b"again"))
    assert await walk(store, mend=False) == []


async def test_without_a_claim_from_the_future_nothing_was_ahead(store: Store) -> None:
    now = await store.now_ms()
    await store.seed(Space(tasks={b"a": EVERY}, due={b"a": now + YEAR}, fence=b"%d" % (1000 * now)))
    assert await walk(store, mend=False) == []
