"""The tokens of a group with a rate: where its tasks stand in line, and who gives a token back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from interval_scheduler import Rate
from interval_scheduler.model.ending import Failure
from interval_scheduler.model.quotas import Quotas
from interval_scheduler.storage.commands import assigning, quotas, running
from interval_scheduler.storage.commands.quotas import QuotaChange
from interval_scheduler.storage.commands.running import Claimed

from .store import HOUR, Space, Store, held_of
from .test_groups import grouped, parked

pytestmark = pytest.mark.asyncio

CLAIMS = [running.claim, running.claim_once]
IDS = ["at least once", "at most once"]
#: Of so many ms a token, so that the time that a test takes brings none.
SLOW = 10 * HOUR
RATE = Rate(1, per=SLOW / 1000, burst=4)


async def allow(store: Store, *, group: Rate | None = None, namespace: Rate | None = None) -> None:
    change = QuotaChange(Quotas(1, namespace, {} if group is None else {"g": group}), None)
    assert await quotas.put(store.session().it, store.partition, change)


async def tokens(store: Store) -> int:
    """Those of the group."""
    _, per, burst, level, _ = map(int, ((await store.client.hget(store.keys.groups + b"buckets", "g")) or b"").split())
    assert level <= burst * per
    return level // per


async def refill(store: Store, count: int) -> None:
    """Let the time pass in which so many tokens come."""
    key = store.keys.groups
    rest, _, at = (await store.client.hget(key + b"buckets", "g")).rpartition(b" ")
    await store.client.hset(key + b"buckets", "g", b"%s %d" % (rest, int(at) - count * SLOW))
    await store.client.zincrby(key + b"refill", -count * SLOW, "g")


async def take(store: Store, claim: object, limit: int) -> Sequence[bytes]:
    claimed: Claimed = await claim(store.session().it, store.keys, limit, 100 * SLOW)  # type: ignore[operator]
    return list(claimed.ids)


async def use_up(store: Store, claim: object, *, backlog: int) -> None:
    """Start as many of the group as there are tokens, and leave others of it in the backlog."""
    tasks = (grouped(b"g%d" % n, "g", 10 + n) for n in range(RATE.burst + backlog))
    await assigning.assign(store.session().it, store.keys, 0, [*tasks])
    assert len(await take(store, claim, 100)) == RATE.burst
    assert len((await store.space()).groups["parked"]) == backlog


async def stand_in_line(store: Store, *dues: int) -> None:
    """Others are due, one at each of these moments."""
    await store.seed(Space(tasks={b"o%d" % due: b"s\nx" for due in dues}, due={b"o%d" % due: due for due in dues}))


# The line


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
async def test_a_token_is_used_by_the_claim_that_finds_it_ahead_of_what_is_due_later(
    store: Store, claim: object
) -> None:
    await allow(store, group=RATE)
    await use_up(store, claim, backlog=3)
    await stand_in_line(store, *range(20, 40))
    assert await take(store, claim, 2) == [b"o20", b"o21"], "there is no token"
    await refill(store, 1)
    assert await take(store, claim, 2) == [b"g4", b"o22"], "one token, one start: the others go on"
    assert await take(store, claim, 2) == [b"o23", b"o24"]
    await refill(store, 2)
    assert await take(store, claim, 4) == [b"g5", b"g6", b"o25", b"o26"]


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
async def test_a_token_is_no_way_ahead_of_what_was_due_before(store: Store, claim: object) -> None:
    await allow(store, group=RATE)
    await use_up(store, claim, backlog=1)
    await stand_in_line(store, 3, 4, 30)
    await refill(store, 1)
    assert [await take(store, claim, 1) for _ in range(4)] == [[b"o3"], [b"o4"], [b"g4"], [b"o30"]]


async def test_a_run_that_ends_lets_the_next_wait_as_it_is_due_if_there_is_a_token(store: Store) -> None:
    await allow(store, group=RATE)
    await assigning.assign(store.session().it, store.keys, 0, [grouped(b"g%d" % n, "g", 10 + n) for n in range(3)])
    claimed = await running.claim(store.session().it, store.keys, 100, 100 * SLOW, 1)
    assert list(claimed.ids) == [b"g0"], "its bound is one run"
    await stand_in_line(store, 20)
    await running.complete(store.session().it, store.keys, held_of(claimed))
    space = await store.space()
    assert space.due == {b"g1": 11, b"o20": 20}
    assert space.groups["overdue"] == {b"g1": parked(b"g", 11, b"g1")}


# What comes back


async def test_what_a_repeated_claim_hands_back_gives_its_tokens_back(store: Store) -> None:
    await allow(store, group=RATE, namespace=Rate(1, per=SLOW / 1000, burst=5))
    records = {b"g%d" % n: b"s;gg\n" + b"x" * 1000 for n in range(4)}
    await store.seed(Space(tasks=records, due={raw_id: n for n, raw_id in enumerate(records)}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    session = store.session()
    first = await running.claim(session.it, store.keys, 100, 100 * SLOW)
    assert (len(first.ids), await tokens(store)) == (4, 0)
    again = await running.claim(session.back(), store.keys, 100, 100 * SLOW, 0, 1500)
    assert list(again.ids) == [b"g0"]
    assert await tokens(store) == 3
    kept = (await store.client.hget(store.keys.groups + b"quota", "bucket")).split()
    assert int(kept[3]) // SLOW == 4, "those of the namespace too"
    assert sorted(await take(store, running.claim, 100)) == [b"g1", b"g2", b"g3"]


async def test_what_is_set_aside_by_a_claim_takes_no_token(store: Store) -> None:
    await allow(store, group=RATE)
    tasks = {b"well": b"s;gg\nx", b"\xff": b"s;gg\nx"}
    await store.seed(Space(tasks=tasks, due={b"\xff": 1, b"well": 2}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    assert await take(store, running.claim_once, 100) == [b"well"]
    assert list((await store.space()).dead) == [b"\xff"]
    assert await tokens(store) == 3


@pytest.mark.parametrize("has_started", [False, True], ids=["not started", "started"])
@pytest.mark.parametrize("end", ["complete", "fail", "quarantine"])
async def test_a_run_that_did_not_start_gives_its_token_back(store: Store, end: str, has_started: bool) -> None:  # noqa: FBT001 - from pytest
    await allow(store, group=RATE)
    await assigning.assign(store.session().it, store.keys, 0, [grouped(b"g0", "g", 10)])
    (run,) = held_of(await running.claim(store.session().it, store.keys, 100, 100 * SLOW))
    assert await tokens(store) == 3
    session, header = store.session().it, b"s;gg" + (b"" if has_started else b";~-")
    if end == "complete":
        await running.complete(session, store.keys, [run._replace(header=header)])
    elif end == "fail":
        await running.fail(session, store.keys, [Failure(run.raw_id, run.lease, header, None, True, "no")])  # noqa: FBT003
    else:
        await running.quarantine(session, store.keys, [run])
    assert await tokens(store) == (3 if has_started and end != "quarantine" else 4)


async def test_one_whose_lease_is_over_gives_nothing_back(store: Store) -> None:
    await allow(store, group=RATE)
    await assigning.assign(store.session().it, store.keys, 0, [grouped(b"g0", "g", 10)])
    (run,) = held_of(await running.claim(store.session().it, store.keys, 100, 100 * SLOW))
    stale = run._replace(header=b"s;gg;~-", lease=b"1 1")
    assert (await running.complete(store.session().it, store.keys, [stale])).held == [False]
    assert await tokens(store) == 3
