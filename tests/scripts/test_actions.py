"""The log of actions, and who paused tasks: of all scripts that steer; compared with what stands in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from redis.exceptions import ResponseError

from interval_scheduler.model.ending import Failure
from interval_scheduler.model.quotas import Quotas, Rate
from interval_scheduler.model.steering import Action, Note, PausedState, to_action, to_paused
from interval_scheduler.model.updating import to_update
from interval_scheduler.storage.commands import (
    actions,
    assigning,
    auditing,
    control,
    lookup,
    quotas,
    running,
    topology,
    updating,
)
from interval_scheduler.storage.commands.control import ControlStep
from interval_scheduler.storage.commands.quotas import QuotaChange
from interval_scheduler.storage.scripts.membership import Membership
from tests.waiting import until

from .store import HOUR, MINUTE, ClaimedTask, Numbered, Space, Store, change, header, lease, leased_space, recurring
from .test_audit import walk

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
ONCE = b"s\nx"
EVERY = recurring(HOUR, 17)
IDS = (b"a", b"b", b"c")
PAUSE = Note("pause_task", b"", b"alice", b"the site is down")
RUN = Note("run_task_now", b"", b"alice")
MANY = Note("pause_tasks", b"0a", b"bob", prefix=b"x\ny")


@pytest_asyncio.fixture
async def there(url: str, namespace: str) -> AsyncIterator[Store]:
    made = Store(url, f"there-{namespace}")
    await made.enroll()
    yield made
    await made.delete()


def waiting(*ids: bytes) -> Space:
    return Space(tasks=dict.fromkeys(ids, EVERY), due=dict.fromkeys(ids, FAR))


async def steer(store: Store, action: bytes, note: Note, *ids: bytes) -> str:
    steps = [ControlStep(task_id, action, note=note) for task_id in ids]
    return (await control.control(store.session().it, store.keys, steps)).results


async def log(store: Store) -> list[Action]:
    """The log, the oldest first; every entry of it can be read."""
    await store.space()
    found = [to_action(entry, store.name) for entry in store.actions]
    assert None not in found
    return [each for each in found if each is not None]


async def brief(store: Store) -> list[tuple[str, str, int, str | None]]:
    return [(each.kind, each.who, each.count, each.task_id) for each in await log(store)]


async def paused(store: Store) -> dict[bytes, PausedState]:
    await store.space()
    return {task_id: to_paused(text) for task_id, text in store.pauses.items()}


# What is noted


async def test_who_did_what_to_a_task_and_why(store: Store) -> None:
    await store.seed(waiting(*IDS))
    before = await store.now_ms()
    assert await steer(store, b"p", PAUSE, b"a") == "1"
    after = await store.now_ms()
    (found,) = await log(store)
    assert before / 1000 <= found.at == found.until <= after / 1000
    assert found == Action(found.at, found.at, "alice", "pause_task", "a", None, 1, "the site is down", "here")
    assert await paused(store) == {b"a": PausedState(found.at, "alice", "the site is down")}


async def test_many_tasks_of_one_script_are_one_entry(store: Store) -> None:
    await store.seed(waiting(*IDS))
    steps = [ControlStep(task_id, b"n", note=RUN) for task_id in IDS]
    steps += [ControlStep(task_id, b"p", note=PAUSE) for task_id in IDS]
    await control.control(store.session().it, store.keys, [*steps, ControlStep(b"a", b"p", note=MANY)])
    assert sorted(await brief(store)) == [
        ("pause_task", "alice", 3, None),
        ("pause_tasks", "bob", 1, None),
        ("run_task_now", "alice", 3, None),
    ]
    assert [each.prefix for each in await log(store) if each.prefix] == ["x\ny"]


async def test_what_steers_nothing_is_not_noted(store: Store) -> None:
    await store.seed(waiting(*IDS))
    assert await steer(store, b"p", PAUSE, b"none") == "0"
    assert await steer(store, b"x", RUN, b"a") == "0"
    assert await control.purge_dead(store.session().it, store.keys, 10, RUN) == 0
    await control.control(store.session().it, store.keys, [ControlStep(b"a", b"n")])
    assert await log(store) == []
    assert await paused(store) == {}


def entry(number: int, began: int, note: Note, count: int = 1, target: bytes = b"") -> dict[bytes, int]:
    numbers = b"%d %d %d %d" % (number, began, began, count)
    its_call = note.its_call or b"-"
    return {b"%s %s %s\n%s\n%s\n%s" % (numbers, note.kind.encode(), its_call, note.who, note.details, target): number}


async def test_steps_within_a_second_are_one_entry(store: Store) -> None:
    await store.seed(waiting(*IDS))
    for _ in range(30):
        began = await store.now_ms()
        await store.client.delete(store.keys.actions)
        await store.client.zadd(store.keys.actions, entry(7, began, RUN, 5, b"ia"))
        await steer(store, b"n", RUN, b"a")
        first = await brief(store)
        await steer(store, b"n", RUN, b"b")
        if await store.now_ms() < began + 1000:
            break  # a machine that stands still for a second in between is no fault
    assert first == [("run_task_now", "alice", 6, "a")]
    (found,) = await log(store)
    assert (found.at, found.count, found.task_id) == (began / 1000, 7, None)
    assert set((await store.client.zrange(store.keys.actions, 0, -1, withscores=True))[0][1:]) == {7.0}


@pytest.mark.parametrize(
    "other",
    [
        RUN._replace(who=b"bob"),
        RUN._replace(details=b"why"),
        RUN._replace(kind="cancel_run"),
        RUN._replace(its_call=b"ff"),
    ],
    ids=["who", "details", "kind", "call"],
)
async def test_others_have_an_entry_of_their_own(store: Store, other: Note) -> None:
    await store.seed(waiting(*IDS))
    await store.client.zadd(store.keys.actions, entry(1, await store.now_ms(), other))
    await steer(store, b"n", RUN, b"a")
    assert len(await log(store)) == 2


async def test_a_step_a_second_later_has_an_entry_of_its_own(store: Store) -> None:
    await store.seed(waiting(*IDS))
    await store.client.zadd(store.keys.actions, entry(1, await store.now_ms() - 1000, RUN))
    await steer(store, b"n", RUN, b"a")
    assert [each.count for each in await log(store)] == [1, 1]


async def test_what_comes_between_keeps_its_place(store: Store) -> None:
    await store.seed(waiting(*IDS))
    resume = Note("resume_task", b"", b"alice")
    for action, note in ((b"p", PAUSE), (b"r", resume), (b"p", PAUSE)):
        await steer(store, action, note, b"a")
    kinds = ["pause_task", "resume_task", "pause_task"]
    assert [each.kind for each in await log(store)] == kinds
    # A call of several requests looks further back than the newest entry; what comes with it does not.
    steps = [ControlStep(b"b", b"p", note=MANY), ControlStep(b"a", b"r", note=resume)]
    await control.control(store.session().it, store.keys, steps)
    assert [each.kind for each in await log(store)] == [*kinds, "pause_tasks", "resume_task"]


async def test_the_requests_of_one_call_are_one_entry_however_long_it_takes(store: Store) -> None:
    await store.seed(waiting(*IDS))
    await store.client.zadd(store.keys.actions, entry(1, 1_700_000_000_000, MANY, 200, b"p" + MANY.prefix))
    for n in range(3):
        await steer(store, b"n", RUN._replace(who=b"%d" % n), b"a")
    await steer(store, b"p", MANY, b"a", b"b")
    found = await log(store)
    assert [(each.count, each.at) for each in found if each.prefix] == [(202, 1_700_000_000)]
    assert found[0].until > found[0].at
    await steer(store, b"n", RUN._replace(who=b"3"), b"c")
    await steer(store, b"p", MANY, b"c")
    assert sorted(each.count for each in await log(store) if each.prefix) == [1, 202], "none is looked for for long"


async def test_the_latest_ten_thousand_are_kept(store: Store) -> None:
    await store.seed(waiting(*IDS))
    pipe = store.client.pipeline(transaction=False)
    for n in range(1, 10_003):
        pipe.zadd(store.keys.actions, entry(n, n, RUN))
    await pipe.execute()
    await steer(store, b"n", RUN, b"a")
    found = await store.client.zrange(store.keys.actions, 0, -1, withscores=True)
    assert [len(found), found[0][1], found[-1][1]] == [10_000, 4, 10_003]


async def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    await store.seed(waiting(*IDS))
    for n in range(1, 8):
        await store.client.zadd(store.keys.actions, entry(2 * n, n, RUN))
    seen: list[int] = []
    before: int | None = None
    while True:
        page = await actions.read(store.partition, before, 3)
        seen += page.numbers
        assert len(page.entries) == len(page.numbers)
        if not page.may_follow:
            break
        before = seen[-1]
        await steer(store, b"n", RUN, b"a")  # what comes meanwhile moves nothing
    assert seen == [14, 12, 10, 8, 6, 4, 2]
    assert await actions.read(store.partition, 2, 3) == ([], [], False)


async def test_what_cannot_be_read_does_no_harm(store: Store) -> None:
    await store.seed(waiting(*IDS))
    garbage: dict[bytes, Any] = {b"": 5, b"x": 6, b"6 1": 7, b"\xff\n": float("inf"), b"far": 1e300, b"odd": 7.5}
    await store.client.zadd(store.keys.actions, garbage)
    for n in range(3):
        await steer(store, b"n", RUN._replace(who=b"%d" % n), b"a")
    page = await actions.read(store.partition, None, 100)
    found = [to_action(each, "here") for each in page.entries]
    assert [each and each.who for each in found[:3]] == ["2", "1", "0"]
    assert len(found) == 3, "it keeps no newest place"


# Retries and refusals


async def _control(store: Store, session: Numbered) -> None:
    await control.control(session.it, store.keys, [ControlStep(b"a", b"p", note=PAUSE)])


async def _update(store: Store, session: Numbered) -> None:
    call = to_update(b"a", {"retries": 3}, "keep")._replace(note=Note("update_task", b"", b"alice", b"retries"))
    await updating.update(session.it, store.keys, 0, [call], [b""])


async def _pause_all(store: Store, session: Numbered) -> None:
    await control.pause_all(session.it, store.keys, pause=True, note=Note("pause", b"", b"alice"), is_noted=True)


async def _clear(store: Store, session: Numbered) -> None:
    await assigning.clear(session.it, store.keys, Note("clear_all_tasks", b"1", b"alice"))


async def _purge(store: Store, session: Numbered) -> None:
    await control.purge_dead(session.it, store.keys, 10, Note("clear_dead_tasks", b"2", b"alice"))


async def _put_quotas(store: Store, session: Numbered) -> None:
    note = Note("set_rate", b"", b"alice", b"none -> 5 in 1 s")
    await quotas.put(session.it, store.partition, QuotaChange(Quotas(5, Rate(5)), None, note))


async def _note_action(store: Store, session: Numbered) -> None:
    session.sequence += 1
    await actions.note(store.partition, Note("clear_tasks", b"3", b"alice", prefix=b"a"), 1)


every_request = pytest.mark.parametrize(
    "request_of", [_control, _update, _pause_all, _clear, _purge, _put_quotas, _note_action]
)
Request = Callable[[Store, Numbered], Awaitable[None]]


def rich() -> Space:
    space = waiting(*IDS)
    space.tasks[b"dead"], space.dead = ONCE, {b"dead": 5}
    return space


@every_request
async def test_a_request_that_is_repeated_is_noted_once(store: Store, request_of: Request) -> None:
    await store.seed(rich())
    session = store.session()
    await request_of(store, session)
    (first,) = await log(store)
    assert (first.who, first.count) == ("alice", 3 if first.kind == "clear_all_tasks" else 1)
    session.back()
    await request_of(store, session)
    (second,) = await log(store)
    assert replace(second, until=first.until) == first


@every_request
async def test_a_log_of_another_type_refuses_the_request_and_nothing_is_changed(
    store: Store, request_of: Request
) -> None:
    await store.seed(rich())
    await store.client.set(store.keys.actions, "x")
    before = await store.raw()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await request_of(store, store.session())
    found = await store.raw()
    assert {key: value for key, value in found.items() if b":reply:" not in key} == before


async def test_a_smaller_count_of_the_same_call_changes_nothing(store: Store) -> None:
    note = Note("clear_tasks", b"3", b"alice", prefix=b"a")
    for count in (0, 500, 730, 500):
        await actions.note(store.partition, note, count)
    assert [(each.count, each.prefix) for each in await log(store)] == [(730, "a")]


async def test_a_repetition_changes_nothing(store: Store) -> None:
    note = Note("remove_task", b"3", b"alice")
    await actions.note(store.partition, note, 1, b"a")
    before = await actions.read(store.partition, None, 10)
    then = await store.now_ms()
    await until(lambda: _is_later(store, then))
    await actions.note(store.partition, note, 1, b"a")
    assert await actions.read(store.partition, None, 10) == before, "its last step is that of the first time"


async def _is_later(store: Store, then: int) -> bool:
    return await store.now_ms() > then


# Pauses of tasks


async def test_the_last_pause_counts(store: Store) -> None:
    await store.seed(waiting(*IDS))
    await steer(store, b"p", PAUSE, *IDS)
    await steer(store, b"p", MANY, b"a")
    found = await paused(store)
    assert [found[task_id].who for task_id in IDS] == ["bob", "alice", "alice"]
    assert found[b"a"].reason is None


async def test_steps_of_one_request_count_in_their_order(store: Store) -> None:
    await store.seed(waiting(*IDS))
    steps = [ControlStep(b"a", b"p", note=PAUSE), ControlStep(b"a", b"r"), ControlStep(b"b", b"r")]
    steps += [ControlStep(b"b", b"p", note=PAUSE), ControlStep(b"b", b"n", note=RUN)]
    await control.control(store.session().it, store.keys, steps)
    assert (await store.space()).paused.keys() == {b"b"} == (await paused(store)).keys()


async def _rows(store: Store) -> dict[bytes, bytes | None]:
    rows = await lookup.look(store.partition, IDS)
    return {row.id: row.pause for row in rows if row is not None}


async def test_a_look_tells_the_pause_of_paused_tasks_only(store: Store) -> None:
    space = leased_space({b"a": EVERY}, token=7, due=40, deadline=FAR)
    space.tasks |= dict.fromkeys((b"b", b"c"), EVERY)
    space.due, space.paused = {b"b": FAR}, {b"c": FAR}
    await store.seed(space)
    assert await _rows(store) == {b"a": None, b"b": None, b"c": b""}, "paused by an earlier release"
    await steer(store, b"p", PAUSE, b"a", b"b")
    found = await _rows(store)
    assert {task_id: to_paused(text or b"").who for task_id, text in found.items()} == {
        b"a": "alice",
        b"b": "alice",
        b"c": None,
    }
    page = await lookup.page(store.partition, "paused", 10, None)
    assert {row.id: row.pause for row in page.rows} == {task_id: found[task_id] for task_id in (b"b", b"c")}
    leased = await lookup.page(store.partition, "leased", 10, None)
    assert [row.pause for row in leased.rows] == [found[b"a"]]
    await store.client.hset(store.keys.pauses, b"b", b"\xff garbage")
    assert to_paused((await _rows(store))[b"b"] or b"") == PausedState(None, None, None)


def ended(task_id: bytes, record: bytes) -> ClaimedTask:
    return ClaimedTask(task_id, lease(7, 40), header(record))


async def _resume(store: Store) -> None:
    await steer(store, b"r", RUN, b"a")


async def _remove(store: Store) -> None:
    await assigning.remove(store.session().it, store.keys, [b"a"])


async def _clear_all(store: Store) -> None:
    await assigning.clear(store.session().it, store.keys)


async def _end(store: Store) -> None:
    await running.complete(store.session().it, store.keys, [ended(b"a", ONCE)])


async def _die(store: Store) -> None:
    failure = Failure(*ended(b"a", ONCE), None, charge=True, error="no")
    await running.fail(store.session().it, store.keys, [failure])


async def _die_and_purge(store: Store) -> None:
    await _die(store)
    await control.purge_dead(store.session().it, store.keys, 5)


async def _die_and_revive(store: Store) -> None:
    await _die(store)
    await steer(store, b"v", RUN, b"a")


async def _die_and_assign(store: Store) -> None:
    await _die(store)
    await assigning.assign(store.session().it, store.keys, 0, [change(b"a"), change(b"c")])


@pytest.mark.parametrize("end", [_resume, _remove, _clear_all, _end, _die_and_purge, _die_and_revive, _die_and_assign])
async def test_who_paused_a_task_is_forgotten_with_its_pause(
    store: Store, end: Callable[[Store], Awaitable[None]]
) -> None:
    space = leased_space({b"a": ONCE}, token=7, due=40, deadline=await store.now_ms() + MINUTE)
    space.tasks[b"c"], space.due = EVERY, {b"c": FAR}
    await store.seed(space)
    await steer(store, b"p", PAUSE, b"a", b"c")
    await end(store)
    assert (await paused(store)).keys() == (set() if end is _clear_all else {b"c"})
    assert await walk(store, mend=False) == []


async def test_a_run_that_ends_leaves_the_task_with_its_pause(store: Store) -> None:
    await store.seed(leased_space({b"a": EVERY}, token=7, due=40, deadline=FAR))
    await steer(store, b"p", PAUSE, b"a")
    before = await paused(store)
    await running.complete(store.session().it, store.keys, [ended(b"a", EVERY)])
    assert (await store.space()).paused.keys() == {b"a"} == before.keys()
    assert await paused(store) == before


async def test_a_task_that_moves_takes_its_pause_along(store: Store, there: Store) -> None:
    space = waiting(*IDS)
    space.history = {b"b": b"\x01", b"c": b"\x01"}
    space.failing, space.causes = {b"b": 5}, {b"b": b"5 no"}
    await store.seed(space)
    await steer(store, b"p", PAUSE, b"a", b"b")
    before = await paused(store)
    outbox = await topology.move_out(store.partition, "there", IDS)
    assert await paused(store) == {}
    for _ in range(2):  # a copy comes later
        await topology.move_in(there.partition, "here", outbox)
    found = await there.space()
    assert await paused(there) == before
    assert (found.history, found.causes, set(found.paused)) == (space.history, space.causes, {b"a", b"b"})


async def test_an_audit_finds_pauses_without_reason(store: Store) -> None:
    await store.seed(waiting(*IDS))
    await steer(store, b"p", PAUSE, b"a")
    await store.client.hset(store.keys.pauses, mapping={b"b": b"1 x\ny", b"gone": b""})
    problems = await walk(store, mend=False)
    assert {(each.raw_id, each.kind, each.detail) for each in problems} == {
        (b"b", b"leftover", b"in pauses without reason"),
        (b"gone", b"leftover", b"in pauses, but there is no such task"),
    }
    await walk(store, mend=True)
    assert await walk(store, mend=False) == []
    assert (await paused(store)).keys() == {b"a"}
    assert "pauses" in auditing.AUDITED_KEYS


# The pause of a partition


async def test_who_paused_the_partition(store: Store) -> None:
    assert await actions.read_pause(store.partition) == b""
    session = store.session()
    note = Note("pause", b"", b"Alice A.", b"why not")
    await control.pause_all(session.it, store.keys, pause=True, note=note)
    text = await actions.read_pause(store.partition)
    now = await store.now_ms()
    assert int(text.partition(b" ")[0]) <= now, "the moment stands before the first blank"
    assert to_paused(text) == PausedState(int(text.partition(b" ")[0]) / 1000, "Alice A.", "why not")
    assert await log(store) == [], "not without being asked to"
    await control.pause_all(session.it, store.keys, pause=False, note=note._replace(kind="resume"), is_noted=True)
    assert await actions.read_pause(store.partition) == b""
    assert await brief(store) == [("resume", "Alice A.", 1, None)]


async def test_a_partition_that_joins_is_paused_as_the_others(store: Store, there: Store) -> None:
    note = Note("pause", b"", b"alice", b"why")
    await control.pause_all(store.session().it, store.keys, pause=True, note=note)
    held = await actions.read_pause(store.partition)
    wanted = Membership(b"5", b"here", b"here,there", b"here", b"2", b"here")
    first = await topology.adopt_list(store.partition, wanted, None)
    assert first.halt == held
    joined = await topology.adopt_list(there.partition, wanted._replace(partition=b"there"), None, halt=first.halt)
    assert joined.halt == held == await actions.read_pause(there.partition)
