"""_groups.lua through the scripts: what is claimed, what is parked, and who waits again when a place is free."""

from __future__ import annotations

import pytest

from interval_scheduler.model.assignment import AssignCall, Assignment
from interval_scheduler.model.ending import Failure
from interval_scheduler.model.policy import Policy
from interval_scheduler.storage.commands import assigning, lookup, running
from interval_scheduler.storage.commands import control as control_commands
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.commands.running import Claimed

from .store import HOUR, Space, Store, held_of, lease, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000


def grouped(task_id: bytes, group: str, start: int, every: int | None = None) -> AssignCall:
    return AssignCall(Assignment(task_id, b"x", True, every, start, False, Policy(group=group)), "keep")  # noqa: FBT003


async def assign(store: Store, *changes: AssignCall) -> None:
    await assigning.assign(store.session().it, store.keys, 0, changes)


async def claim(store: Store, limit: int, room: int) -> Claimed:
    return await running.claim(store.session().it, store.keys, limit, HOUR, room)


def parked(group: bytes, due: int, task_id: bytes) -> bytes:
    return b"%s\0%016d\0%s" % (group, due, task_id)


async def test_what_has_no_room_is_parked_and_comes_back_one_by_one(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(4)), grouped(b"b", "other", 20))
    claimed = await claim(store, 10, 2)
    assert list(claimed.ids) == [b"a0", b"a1", b"b"]
    assert claimed.next_claim_ms > FAR / 4, "nothing but ends of leases"
    space = await store.space()
    assert space.due == {}
    assert space.groups == {
        "in-use": b"1",
        "of": {b"a0": b"g", b"a1": b"g", b"b": b"other"},
        "runs": {b"g": b"2", b"other": b"1"},
        "parked": [parked(b"g", 12, b"a2"), parked(b"g", 13, b"a3")],
        "parked-of": {b"a2": parked(b"g", 12, b"a2"), b"a3": parked(b"g", 13, b"a3")},
    }
    runs = held_of(claimed)
    before = await store.now_ms()
    ended = await running.complete(store.session().it, store.keys, runs[:1])
    assert before <= ended.earliest_ms <= await store.now_ms(), "who ends it looks again at once"
    space = await store.space()
    assert list(space.due) == [b"a2"]
    assert space.groups["overdue"] == {b"a2": parked(b"g", 12, b"a2")}
    assert space.groups["runs"] == {b"g": b"1", b"other": b"1"}
    again = await claim(store, 10, 2)
    assert (list(again.ids), list(again.dues)) == ([b"a2"], [b"12"])
    assert "overdue" not in (await store.space()).groups


async def test_a_group_with_a_backlog_waits_its_turn(store: Store) -> None:
    """What was parked waits again behind all that was due meanwhile, although it was due before that."""
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(3)), grouped(b"b", "other", 20))
    first = await claim(store, 3, 1)
    assert list(first.ids) == [b"a0"]
    await running.complete(store.session().it, store.keys, held_of(first))
    assert [list((await claim(store, 1, 1)).ids) for _ in range(2)] == [[b"b"], [b"a1"]]


async def test_nothing_is_left_of_groups_but_that_they_are_in_use(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(3)))
    for _ in range(3):
        claimed = await claim(store, 10, 1)
        assert len(claimed.ids) == 1
        await running.complete(store.session().it, store.keys, held_of(claimed))
    space = await store.space()
    assert space == Space(fence=space.fence, groups={"in-use": b"1"})


@pytest.mark.parametrize("end", ["release", "quarantine", "fail", "remove", "expire"])
async def test_each_end_of_a_lease_makes_room(store: Store, end: str) -> None:
    await assign(store, grouped(b"a", "g", 10, HOUR), grouped(b"b", "g", 11, HOUR))
    claimed = await running.claim(store.session().it, store.keys, 10, 1 if end == "expire" else HOUR, 1)
    assert list(claimed.ids) == [b"a"]
    runs, session = held_of(claimed), store.session()
    if end == "release":
        await running.release(session.it, store.keys, runs)
    elif end == "quarantine":
        await running.quarantine(session.it, store.keys, runs)
    elif end == "fail":
        failures = [Failure(run.raw_id, run.lease, run.header, None, charge=True, error="x") for run in runs]
        await running.fail(session.it, store.keys, failures)
    elif end == "remove":
        await assigning.remove(session.it, store.keys, [b"a"])
    else:
        while (await store.now_ms()) <= claimed.now_us // 1000 + 1:
            pass
        assert list((await claim(store, 10, 1)).ids) == [b"a"], "due first, since it was claimed first"
        assert (await store.space()).groups["runs"] == {b"g": b"1"}
        return
    space = await store.space()
    assert b"b" in space.due
    assert "parked" not in space.groups
    assert "runs" not in space.groups


async def test_parked_tasks_can_be_looked_up_listed_and_steered(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n, HOUR) for n in range(6)))
    await claim(store, 10, 1)
    rows = await lookup.look(store.partition, [b"a3"])
    assert rows[0] is not None
    assert (rows[0].due_ms, rows[0].state) == (13, "waiting")
    assert (await lookup.sizes(store.partition))[:2] == (6, 5)
    page = await lookup.page(store.partition, "parked", 2, None)
    seen = [row.id for row in page.rows]
    while page.after is not None:
        page = await lookup.page(store.partition, "parked", 2, page.after)
        seen += [row.id for row in page.rows]
    assert seen == [b"a1", b"a2", b"a3", b"a4", b"a5"]
    control = await control_commands.control(
        store.session().it,
        store.keys,
        [ControlStep(b"a1", b"p"), ControlStep(b"a2", b"n"), ControlStep(b"a3", b"r"), ControlStep(b"a5", b"v")],
    )
    assert control.results == "1110"
    removed = await assigning.remove(store.session().it, store.keys, [b"a2"])
    assert removed[0].was_scheduled
    await assign(store, grouped(b"a3", "else", FAR, HOUR))
    space = await store.space()
    assert (space.paused, space.due) == ({b"a1": 11}, {b"a3": 13})
    assert space.groups["parked"] == [parked(b"g", 14, b"a4"), parked(b"g", 15, b"a5")]
    assert set(space.groups["parked-of"]) == {b"a4", b"a5"}
    removed_count, _ = await assigning.clear(store.session().it, store.keys)
    assert removed_count == 5
    space = await store.space()
    assert space == Space(fence=space.fence)


async def test_at_most_once_parks_as_well_and_takes_the_others(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n, HOUR) for n in range(3)))
    seeded = Space(tasks={b"plain": recurring(HOUR, 5)}, due={b"plain": 15})
    await store.seed(seeded)
    session = store.session()
    claimed = await running.claim_once(session.it, store.keys, 10, HOUR, 1)
    assert list(claimed.ids) == [b"a0", b"plain"]
    space = await store.space()
    assert space.leases == {b"a0": lease(int(claimed.token), 10)}
    assert list(space.due) == [b"plain"]
    assert set(space.groups["parked-of"]) == {b"a1", b"a2"}
    again = await running.claim_once(session.back(), store.keys, 10, HOUR, 1)
    assert (list(again.ids), list(again.records)) == (list(claimed.ids), list(claimed.records))


async def test_a_claim_that_parks_all_it_finds_takes_no_token(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(5)))
    first = await claim(store, 1, 1)
    session = store.session()
    second = await running.claim(session.it, store.keys, 2, HOUR, 1)
    assert (list(second.ids), second.token) == ([], first.token)
    assert second.next_claim_ms == 13, "the rest of the group is still to be looked at"
    assert store.replies[session.name].startswith(b"1 ")
    kept = await store.client.get(store.keys.reply(session.name))
    assert kept == b"1 %s 0" % first.token, "a retry finds nothing, whoever has that token"


async def test_removing_a_leased_and_a_parked_task_at_once_leaves_the_others_their_turn(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(4)))
    await claim(store, 10, 1)
    async with store.announcements() as heard:
        await assigning.remove(store.session().it, store.keys, [b"a0", b"a1"])
        assert len(await heard()) == 1, "sleeping schedulers are told of who waits now"
    space = await store.space()
    assert (list(space.due), set(space.tasks)) == ([b"a2"], {b"a2", b"a3"})
    assert space.groups["overdue"].keys() == {b"a2"}


@pytest.mark.parametrize("way", ["remove", "pause", "assign"])
async def test_a_turn_that_is_not_taken_goes_to_the_next(store: Store, way: str) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n, HOUR) for n in range(3)))
    await running.complete(store.session().it, store.keys, held_of(await claim(store, 10, 1)))
    assert b"a1" in (await store.space()).due
    if way == "remove":
        await assigning.remove(store.session().it, store.keys, [b"a1"])
    elif way == "pause":
        await control_commands.control(store.session().it, store.keys, [ControlStep(b"a1", b"p")])
        assert (await store.space()).paused == {b"a1": 11}, "its own due time"
    else:
        later = grouped(b"a1", "g", FAR, HOUR)._replace(reschedule="start")
        await assign(store, later)
    assert list((await claim(store, 10, 1)).ids) == [b"a2"]


async def test_a_task_that_waits_again_keeps_its_grid_when_it_is_assigned(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n, HOUR) for n in range(2)))
    await running.complete(store.session().it, store.keys, held_of(await claim(store, 10, 1)))
    await assign(store, grouped(b"a1", "g", FAR, 2 * HOUR))
    space = await store.space()
    assert (space.due[b"a1"], space.tasks[b"a1"]) == (11, b"s %d 11;gg\nx" % (2 * HOUR))
    assert "overdue" not in space.groups


async def test_a_wider_limit_is_used_at_once(store: Store) -> None:
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(20)))
    await running.complete(store.session().it, store.keys, held_of(await claim(store, 30, 1)))
    seen: set[bytes] = set()
    for _ in range(4):
        seen |= set((await claim(store, 30, 0)).ids)
    assert seen == {b"a%d" % n for n in range(1, 20)}


@pytest.mark.parametrize("damage", ["garbled", "lost"])
async def test_the_turn_of_a_damaged_task_goes_to_the_next(store: Store, damage: str) -> None:
    """Or those of its group that are parked would wait for an end that never comes."""
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(4)))
    await running.complete(store.session().it, store.keys, held_of(await claim(store, 10, 1)))
    assert b"a1" in (await store.space()).due
    if damage == "lost":
        await store.client.hdel(store.keys.tasks, b"a1")
    else:
        await store.seed(Space(tasks={b"a1": b"garbage"}))
    assert list((await claim(store, 10, 1)).ids) == ([] if damage == "lost" else [b"a1"])
    assert list((await claim(store, 10, 1)).ids) == [b"a2"]
    assert set((await store.space()).groups["parked-of"]) == {b"a3"}
