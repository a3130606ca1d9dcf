"""_groups.lua through the scripts: what is claimed, what is parked, and who waits again when a place is free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from interval_scheduler.model.assignment import Assignment
from interval_scheduler.model.ending import Failure
from interval_scheduler.model.policy import Policy
from interval_scheduler.storage.commands import assigning, lookup, running
from interval_scheduler.storage.commands import control as control_commands
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.commands.running import Claimed

from .store import HOUR, ClaimedTask, Space, Store, held_of, lease, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
GROUPS = (b"a", b"b", b"c")
#: The score of a group in `room` where the limit was dropped.
ANY = 1_000_000


def grouped(task_id: bytes, group: str, start: int, every: int | None = None) -> Assignment:
    return Assignment(task_id, b"x", True, every, start, False, Policy(group=group))  # noqa: FBT003


async def assign(store: Store, *changes: Assignment) -> None:
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
    await assign(store, *(grouped(b"a%d" % n, "g", 10 + n) for n in range(3)))
    first = await claim(store, 3, 1)
    assert list(first.ids) == [b"a0"]
    await assign(store, grouped(b"b", "other", 20))
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
    removed_count, *_ = await assigning.clear(store.session().it, store.keys)
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
    assert len((await store.space()).groups["parked"]) == 4, "it looks past what it parks"
    assert store.replies[session.name].startswith(b"1 ")
    kept = await store.client.get(store.keys.reply(session.name))
    assert kept == b"1 %s 0" % first.token, "a retry finds nothing, whoever has that token"


async def test_parked_tasks_are_assigned_again_a_part_at_a_time(store: Store) -> None:
    """A large batch of them would take the script too long; the caller sends the rest again."""
    changes = [grouped(b"a%d" % n, "g", 10 + n) for n in range(300)]
    await assign(store, *changes)
    for _ in range(10):
        await claim(store, 100, 1)
    assert len((await store.space()).groups["parked"]) == 299
    later = [grouped(b"a%d" % n, "g", FAR) for n in range(1, 300)]
    first, _ = await assigning.assign(store.session().it, store.keys, 0, later)
    assert first == [False] * 200
    rest, _ = await assigning.assign(store.session().it, store.keys, 0, later[200:])
    assert rest == [False] * 99
    assert "parked" not in (await store.space()).groups
    fresh = [grouped(b"b%d" % n, "g", FAR) for n in range(300)]
    created, _ = await assigning.assign(store.session().it, store.keys, 0, fresh)
    assert created == [True] * 300, "nothing of these is parked"


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


@pytest.mark.parametrize(("script", "most"), [(running.claim, 150), (running.claim_once, 125)])
async def test_a_claim_looks_past_what_has_no_room(
    store: Store, script: Callable[..., Awaitable[Claimed]], most: int
) -> None:
    """A backlog delays nobody else, up to a bound of work; what is left waits for the next claim."""
    await assign(store, *(grouped(b"a%03d" % n, "g", 10 + n, HOUR) for n in range(400)))
    await assign(store, *(grouped(b"b%03d" % n, "h", 500 + n, HOUR) for n in range(300)))
    plain = [Assignment(b"c%d" % n, b"x", True, HOUR, 900 + n, False, Policy()) for n in range(3)]  # noqa: FBT003
    await assign(store, *plain)

    async def once(limit: int) -> Claimed:
        return await script(store.session().it, store.keys, limit, HOUR, 1)

    first = await once(2)
    assert list(first.ids) == [b"a000"]
    assert len((await store.space()).groups["parked"]) == most - 1, "so many tasks were looked at"
    assert first.next_claim_ms == 10 + most, "at once, by the server's clock"
    others: list[bytes] = []
    while b"c0" not in others:
        others += (await once(2)).ids
    assert others == [b"b000", b"c0", b"c1"], "of its group, there is room for one"
    space = await store.space()
    assert (len(space.groups["parked"]), space.due[b"c2"]) == (698, 902), "what the claim has no place for stays"


async def test_the_turns_of_one_claim_are_bounded_and_the_rest_is_noted(store: Store) -> None:
    """A limit that is dropped lets nobody wait for what one claim cannot do; each group has its share."""
    await assign(store, *(grouped(b"%s%02d" % (name, n), name.decode(), 10 + n) for n in range(20) for name in GROUPS))
    first = await claim(store, 100, 1)
    assert sorted(first.ids) == [b"a00", b"b00", b"c00"]
    await running.complete(store.session().it, store.keys, held_of(first))
    second = await claim(store, 6, 0)
    assert sorted(second.ids) == [b"a01", b"b01", b"c01"]
    space = await store.space()
    assert sorted(space.due) == [b"a02", b"a03", b"b02", b"b03", b"c02", b"c03"], "6 turns for a claim of 6"
    assert space.groups["room"] == [b"a", b"b", b"c"]
    assert await store.client.zscore(store.keys.groups + b"room", b"a") == ANY
    seen = {*first.ids, *second.ids}
    while ids := set((await claim(store, 6, 0)).ids):
        assert len(ids) <= 6
        assert not ids & seen
        seen |= ids
    assert len(seen) == 60
    space = await store.space()
    assert "parked" not in space.groups
    await assign(store, grouped(b"last", "a", 10))
    await claim(store, 6, 0)
    assert (await store.space()).groups.keys() == {"in-use", "of", "runs"}, "no note is left"


async def test_a_wider_limit_goes_on_where_a_claim_stopped_although_nothing_is_due(store: Store) -> None:
    await assign(store, *(grouped(b"a%02d" % n, "a", 10 + n) for n in range(20)))
    await running.complete(store.session().it, store.keys, held_of(await claim(store, 50, 1)))
    await claim(store, 2, 0)
    assert (await store.space()).groups["room"] == [b"a"]
    narrow = await claim(store, 50, 1)
    assert (list(narrow.ids), (await store.space()).due) == ([], {}), "a narrower limit parks what has no room for it"
    assert (await store.space()).groups["room"] == [b"a"], "and leaves the note alone"
    assert (await claim(store, 50, 1)).next_claim_ms > FAR / 4
    wide = await claim(store, 8, 0)
    assert list(wide.ids) == []
    assert wide.next_claim_ms <= wide.now_us // 1000, "it looks again at once"
    assert len((await store.space()).due) == 8
    assert len((await claim(store, 8, 0)).ids) == 8


async def test_a_limit_that_was_lowered_leaves_nobody_behind(store: Store) -> None:
    await assign(store, *(grouped(b"a%02d" % n, "a", 10 + n) for n in range(40)))
    runs = held_of(await claim(store, 100, 10))
    seen = {run.raw_id for run in runs}
    assert len(seen) == 10
    await running.complete(store.session().it, store.keys, runs)
    assert len((await store.space()).due) == 10, "one turn for each run that ended"
    while runs := held_of(await claim(store, 100, 2)):
        assert len(runs) <= 2
        seen |= {run.raw_id for run in runs}
        await running.complete(store.session().it, store.keys, runs)
    assert len(seen) == 40


async def test_leases_that_end_at_once_are_taken_up_in_several_claims(store: Store) -> None:
    await assign(store, *(grouped(b"a%03d" % n, f"g{n % 7}", 10 + n) for n in range(150)))
    claimed = await running.claim(store.session().it, store.keys, 150, 1, 0)
    assert len(claimed.ids) == 150
    while await store.now_ms() <= claimed.now_us // 1000 + 1:
        pass
    again = await claim(store, 500, 0)
    assert len(again.ids) == 100
    assert again.next_claim_ms <= again.now_us // 1000
    assert len((await claim(store, 500, 0)).ids) == 50


async def test_the_turns_of_one_end_are_bounded_and_the_rest_is_noted(store: Store) -> None:
    """A batch of ends gives 75 turns; the next claim, of whatever limit, goes on where they ran out."""
    names = [f"g{n:03}" for n in range(100)]
    tasks = [(due, name) for due in range(3) for name in names]
    await assign(store, *(grouped(b"a%03d" % n, name, 10 + due) for n, (due, name) in enumerate(tasks)))
    runs: list[ClaimedTask] = []
    while claimed := await claim(store, 300, 1):
        runs += held_of(claimed)
        if claimed.next_claim_ms > FAR / 4:
            break
    assert len(runs) == 100
    ended = await running.complete(store.session().it, store.keys, runs)
    assert ended.earliest_ms <= await store.now_ms()
    space = await store.space()
    assert (len(space.due), space.groups["room"]) == (75, [name.encode() for name in names[75:]])
    assert await store.client.zscore(store.keys.groups + b"room", b"g075") == 0
    first = list((await claim(store, 300, 1)).ids)
    assert len(first) == 75
    space = await store.space()
    assert (len(space.due), "room" in space.groups) == (25, False)
    assert len((await claim(store, 300, 1)).ids) == 25


async def test_a_group_that_only_has_a_note_waits_for_a_claim_of_any_limit(store: Store) -> None:
    """The scheduler with the wider limit may be gone before it comes to this group."""
    tasks = [(due, name) for due in range(2) for name in range(100)]
    await assign(store, *(grouped(b"a%03d" % n, f"g{name:03}", 10 + due) for n, (due, name) in enumerate(tasks)))
    claimed = await claim(store, 300, 1)
    assert len(claimed.ids) == 100
    assert (await claim(store, 300, 1)).next_claim_ms > FAR / 4, "all others are parked"
    await running.complete(store.session().it, store.keys, held_of(claimed))
    room = store.keys.groups + b"room"
    assert await store.client.zcount(room, 0, 0) == 25, "75 had a turn"
    assert len((await claim(store, 10, 5)).ids) == 10
    assert await store.client.zcount(room, 0, 0) == 15, "10 more had one"
    assert await store.client.zcount(room, 5, 5) == 20, "10 have a task that runs, and 10 a turn"


async def test_very_many_leases_that_end_at_once_leave_the_waiting_tasks_alone(store: Store) -> None:
    """Their work uses up the claim's whole budget, while groups are in use."""
    await assign(store, grouped(b"g", "g", FAR))
    await assigning.remove(store.session().it, store.keys, [b"g"])
    plain = [Assignment(b"t%d" % n, b"x", True, None, 10, False) for n in range(700)]  # noqa: FBT003
    for start in range(0, 700, 350):
        await assign(store, *plain[start : start + 350])
    held = await running.claim(store.session().it, store.keys, 400, 1)
    assert len(held.ids) == 400
    seen: set[bytes] = set()
    for _ in range(20):
        claimed = await running.claim(store.session().it, store.keys, 500, HOUR)
        assert claimed.ids, "each claim makes progress"
        seen.update(claimed.ids)
        if len(seen) == 700:
            break
    assert seen == {b"t%d" % n for n in range(700)}
