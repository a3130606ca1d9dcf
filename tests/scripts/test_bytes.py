"""Heavy payloads: what a script reads and sends is bounded in bytes, and the rest comes with the next request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interval_scheduler.model.ending import Failure
from interval_scheduler.storage.commands import assigning, auditing, control, handoff, lookup, running, sync, topology
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.commands.handoff import Hint
from interval_scheduler.storage.commands.lookup import MAX_READ_BYTES, PageMark
from interval_scheduler.storage.commands.running import MAX_CLAIM_BYTES
from interval_scheduler.storage.commands.sync import Marked
from interval_scheduler.storage.topology.hint_applying import InOrder

from .store import HOUR, MINUTE, Space, Store, change, header, held, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
BIG = b"x" * 250_000
MANY = 60
IDS = [b"t%02d" % n for n in range(MANY)]
CLAIMS = pytest.mark.parametrize("claim", [running.claim, running.claim_once])


def heavy(*, ids: list[bytes] = IDS, data: bytes = BIG, due: int = 40) -> Space:
    """Tasks that wait, one millisecond after the other."""
    return Space(
        tasks=dict.fromkeys(ids, recurring(HOUR, 17, data=data)), due={raw_id: due + n for n, raw_id in enumerate(ids)}
    )


def running_ones(mark: bytes = b"") -> Space:
    """Heavy tasks that run."""
    space = leased_space(dict.fromkeys(IDS, recurring(HOUR, 17, data=BIG)), token=TOKEN, due=40, deadline=FAR)
    space.leases = dict.fromkeys(IDS, lease(TOKEN, 40, mark))
    return space


@CLAIMS
async def test_claims_bring_a_part_each_in_order(store: Store, claim: Any) -> None:
    await store.seed(heavy())
    session = store.session()
    brought: list[bytes] = []
    while len(brought) < MANY:
        claimed = await claim(session.it, store.keys, 100, HOUR)
        assert 1 < len(claimed.ids) == len(claimed.records) <= MAX_CLAIM_BYTES // len(BIG)
        assert set(map(len, claimed.records)) == {len(recurring(HOUR, 17, data=BIG))}
        brought += claimed.ids
        if len(brought) < MANY:
            assert claimed.next_claim_ms == 40 + len(brought), "the next one is due, so that the caller comes again"
    assert brought == IDS


@CLAIMS
async def test_a_task_that_is_too_heavy_comes_alone(store: Store, claim: Any) -> None:
    await store.seed(heavy())
    claimed = await claim(store.session().it, store.keys, 100, HOUR, 0, 1000)
    assert (claimed.ids, claimed.records) == (IDS[:1], [recurring(HOUR, 17, data=BIG)])


@CLAIMS
async def test_heavy_tasks_behind_light_ones_wait(store: Store, claim: Any) -> None:
    light = [b"s%03d" % n for n in range(100)]
    space, more = heavy(ids=light, data=b"x"), heavy(due=1000)
    await store.seed(Space(tasks=space.tasks | more.tasks, due=space.due | more.due))
    claimed = await claim(store.session().it, store.keys, 500, HOUR)
    assert claimed.ids[:100] == light
    assert claimed.ids[100:] == IDS[: len(claimed.ids) - 100]
    assert 0 < sum(map(len, claimed.records)) <= MAX_CLAIM_BYTES
    found = await store.space()
    assert set(IDS[len(claimed.ids) - 100 :]) <= set(found.due), "what was not sent waits as it did"


@CLAIMS
async def test_light_tasks_come_together(store: Store, claim: Any) -> None:
    ids = [b"t%03d" % n for n in range(500)]
    await store.seed(heavy(ids=ids, data=b"x" * 100))
    for weight in (MAX_CLAIM_BYTES, 100_000):
        claimed = await claim(store.session().it, store.keys, 300, HOUR, 0, weight)
        assert claimed.ids == (ids[:300] if weight == MAX_CLAIM_BYTES else ids[300:])


async def test_a_retry_hands_back_what_is_too_heavy_by_now(store: Store) -> None:
    await store.seed(heavy(data=b"x"))
    session = store.session()
    claimed = await running.claim(session.it, store.keys, 100, HOUR)
    assert len(claimed.ids) == MANY
    await store.client.hset(store.keys.tasks, mapping=dict.fromkeys(IDS, recurring(HOUR, 17, data=BIG)))
    await store.client.hset(store.keys.leases, IDS[-1], lease(int(claimed.token), 99, b"s123p"))
    for _ in range(2):
        again = await running.claim(session.back(), store.keys, 100, HOUR, 0, 1_000_000)
        assert (again.token, again.ids, again.dues) == (claimed.token, IDS[:3], [b"40", b"41", b"42"])
        found = await store.space()
        assert set(found.leased) == set(found.leases) == set(IDS[:3])
        assert found.due == {raw_id: 40 + n for n, raw_id in enumerate(IDS) if 3 <= n < MANY - 1}
        assert found.paused == {IDS[-1]: 123}
        assert found.attempts == {}, "nothing is charged"


async def test_the_copy_of_what_was_taken_is_bounded_and_goes_with_the_next_request(store: Store) -> None:
    await store.seed(heavy())
    session = store.session()
    taken = store.keys.taken(session.name)
    claimed = await running.claim_once(session.it, store.keys, 100, HOUR)
    kept = await store.client.lrange(taken, 0, -1)
    assert sum(map(len, kept)) < MAX_CLAIM_BYTES + 10_000
    assert (await running.claim_once(session.back(), store.keys, 100, HOUR))[2:] == claimed[2:]
    await store.client.delete(store.keys.due)
    assert not (await running.claim_once(session.it, store.keys, 100, HOUR)).ids
    assert not await store.client.exists(taken)


@pytest.mark.parametrize("place", ["waiting", "leased", "paused"])
async def test_pages_go_on_after_the_last_task_that_they_show(store: Store, place: Any) -> None:
    space = running_ones() if place == "leased" else heavy()
    if place == "paused":
        space.due, space.paused = {}, space.due
    await store.seed(space)
    shown: list[bytes] = []
    after: PageMark | None = None
    while not shown or after is not None:
        rows, after = await lookup.page(store.partition, place, 50, after)
        assert 1 < len(rows) <= MAX_READ_BYTES // len(BIG)
        shown += [row.id for row in rows]
    assert shown == IDS


async def test_pages_of_parked_tasks_go_on_too(store: Store) -> None:
    await store.seed(heavy())
    group = dict.fromkeys(IDS, recurring(HOUR, 17, data=BIG, policy=b";gone"))
    await store.client.hset(store.keys.tasks, mapping=group)
    await store.client.set(store.keys.groups + b"in-use", 1)
    await running.claim(store.session().it, store.keys, 1, HOUR, 1)
    for _ in range(MANY):
        await running.claim(store.session().it, store.keys, 100, HOUR, 1)
    shown: list[bytes] = []
    after: PageMark | None = None
    while not shown or after is not None:
        rows, after = await lookup.page(store.partition, "parked", 50, after)
        assert 0 < len(rows) <= MAX_READ_BYTES // len(BIG)
        shown += [row.id for row in rows]
    assert shown == IDS[1:]


async def test_pages_of_dead_tasks_go_on_too(store: Store) -> None:
    space = heavy()
    space.due, space.dead = {}, space.due
    space.errors = dict.fromkeys(IDS, b"1 no")
    await store.seed(space)
    shown: list[bytes] = []
    after: PageMark | None = None
    while not shown or after is not None:
        rows, after = await lookup.dead_page(store.partition, 50, after)
        shown += [row.id for row in rows]
        assert {row.error for row in rows} == {"no"}
    assert shown == IDS


async def test_a_look_answers_for_the_first_ids(store: Store) -> None:
    await store.seed(heavy())
    asked = [b"none", *IDS]
    rows = await lookup.look(store.partition, asked)
    assert rows[0] is None
    assert [row and row.id for row in rows] == [None, *IDS[: len(rows) - 1]]
    assert 1 < len(rows) <= 1 + MAX_READ_BYTES // len(BIG)
    assert [row and row.id for row in await lookup.look(store.partition, IDS, 10)] == IDS[:1]


async def test_a_look_for_what_exists_answers_for_all(store: Store) -> None:
    await store.seed(heavy())
    await store.client.hset(store.keys.tasks, b"dead", b"s\nx")
    assert await lookup.are_scheduled(store.partition, [b"none", *IDS, b"dead"]) == [False, *[True] * MANY, False]


async def test_a_look_at_hints_answers_for_the_first_ids(store: Store) -> None:
    keys = store.keys.hints_for("there")
    for raw_id in IDS[:10]:
        args = assigning.encode([change(raw_id, BIG)])
        await handoff.hint(store.session().it, store.partition, keys, "there", 100, b"0" * 16 + b" 1", args)
    found = await handoff.hint_look(store.partition, keys, [b"none", *IDS])
    assert [hint and hint.id for hint in found] == [None, *IDS[:4]]


async def test_runs_whose_tasks_were_assigned_again_end_a_part_at_a_time(store: Store) -> None:
    await store.seed(running_ones(b"k"))
    claimed = [held(raw_id, TOKEN, 40, recurring(HOUR, 17)) for raw_id in IDS]
    ended = 0
    while ended < MANY:
        done = (await running.complete(store.session().it, store.keys, claimed[ended:])).held
        assert 1 < len(done) < 20
        assert all(done)
        ended += len(done)
        assert len((await store.space()).leased) == MANY - ended
    assert len((await store.space()).due) == MANY


async def test_such_runs_fail_a_part_at_a_time(store: Store) -> None:
    await store.seed(running_ones(b"k"))
    runs = [
        Failure(raw_id, lease(TOKEN, 40), header(recurring(HOUR, 17)), None, charge=True, error="no") for raw_id in IDS
    ]
    failed = await running.fail(store.session().it, store.keys, runs)
    assert failed.results == "n" * len(failed.results)
    assert 1 < len(failed.results) < 20
    assert len((await store.space()).leased) == MANY - len(failed.results)


async def test_assignments_of_heavy_tasks_are_carried_out_a_part_at_a_time(store: Store) -> None:
    await store.seed(heavy())
    calls = [change(raw_id, b"new", every=HOUR) for raw_id in IDS]
    session = store.session()
    done, _ = await assigning.assign(session.it, store.keys, 0, calls)
    assert 1 < len(done) < 20
    assert not any(done), "none is new"
    tasks = (await store.space()).tasks
    assert sorted(raw_id for raw_id, record in tasks.items() if not record.endswith(BIG)) == IDS[: len(done)]
    assert (await assigning.assign(session.back(), store.keys, 0, calls))[0] == done, "as before"


async def test_hints_of_heavy_tasks_are_applied_a_part_at_a_time(store: Store) -> None:
    await store.seed(heavy())
    args = assigning.encode([change(raw_id, b"new", every=HOUR) for raw_id in IDS])
    last, applied = 0, 0
    while applied < MANY:
        batch = [Hint(n, b"", session=b"0" * 16, sequence=n) for n in range(100 + applied, 100 + MANY)]
        session = InOrder(store.partition, last, batch)
        done, _ = await assigning.assign_encoded(session, store.keys, 0, args[5 * applied :])
        assert 1 < len(done) < 20
        applied += len(done)
        last = 99 + applied
        assert int(await store.client.get(store.keys.hinted)) == last
    tasks = await store.client.hgetall(store.keys.tasks)
    assert not any(record.endswith(BIG) for record in tasks.values())


async def test_heavy_tasks_are_resumed_a_part_at_a_time(store: Store) -> None:
    space = heavy()
    space.due, space.paused = {}, space.due
    await store.seed(space)
    session = store.session()
    results, _ = await control.control(session.it, store.keys, [ControlStep(raw_id, b"r") for raw_id in IDS])
    assert results == "1" * len(results)
    assert 1 < len(results) < 20
    assert list((await store.space()).due) == IDS[: len(results)]


async def test_walks_meet_all_in_short_steps(store: Store) -> None:
    await store.seed(heavy())
    for step in (
        lambda cursor: sync.sweep(store.partition, cursor, 500, b"t", marked=Marked(b"none", 0)),
        lambda cursor: topology.scan_ids(store.partition, cursor, 500, 0),
        lambda cursor: auditing.audit(store.partition, "tasks", cursor, mend=False),
    ):
        cursor = b"0"
        met: list[bytes] = []
        while not met or cursor != b"0":
            cursor, ids, *_ = await step(cursor)
            assert len(ids) < 30
            met += ids
        assert set(met) == set(IDS)


ACTIONS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "claim": lambda store: running.claim(store.session().it, store.keys, 100, HOUR),
    "claim_once": lambda store: running.claim_once(store.session().it, store.keys, 100, HOUR),
    "page": lambda store: lookup.page(store.partition, "waiting", 100, None),
    "look": lambda store: lookup.look(store.partition, IDS),
    "are_scheduled": lambda store: lookup.are_scheduled(store.partition, IDS),
    "assign": lambda store: assigning.assign(store.session().it, store.keys, 0, [change(each) for each in IDS]),
    "move_out": lambda store: topology.move_out(store.partition, "there", IDS),
    "sweep": lambda store: sync.sweep(store.partition, b"0", 500, b"t", marked=Marked(b"none", 0)),
    "scan_ids": lambda store: topology.scan_ids(store.partition, b"0", 500, 0),
    "audit": lambda store: auditing.audit(store.partition, "tasks", b"0", mend=True),
}


@pytest.mark.parametrize("name", ACTIONS)
async def test_what_is_not_sent_is_not_read(small_store: Store, name: str) -> None:
    store = small_store
    await store.seed(heavy(due=await store.now_ms() - MINUTE))
    await ACTIONS[name](store)  # so that the server knows the script
    await store.clear()
    await store.seed(heavy(due=await store.now_ms() - MINUTE))
    read = 0
    async with store.client.monitor() as monitor:
        await ACTIONS[name](store)
        await store.client.echo("end")
        async for seen in monitor.listen():
            command, *words = seen["command"].split(" ")
            if command == "ECHO":
                break
            if seen["client_type"] == "lua" and words[:1] == [store.keys.tasks.decode()]:
                if command in ("HGET", "HMGET"):
                    read += len(words) - 1
                elif command == "HSCAN":
                    read += int(words[3])
    assert read <= 20, f"{read} values of {MANY} were read"
