"""fail.lua: another attempt, the next occurrence, or the dead set; compared with the whole key space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interval_scheduler.model.ending import Failure
from interval_scheduler.storage.commands import control, lookup, running

from .store import HOUR, MINUTE, ClaimedTask, Space, Store, header, lease, leased_space, recurring

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
DUE = 40
ONCE = b"s\nx"


def failure(
    task_id: bytes, record: bytes, retry: int | None = None, *, charge: bool = True, token: int = TOKEN
) -> Failure:
    return Failure(task_id, lease(token, DUE), header(record), retry, charge, "Oh: no")


def held(tasks: dict[bytes, bytes], **more: Any) -> Space:
    return leased_space(tasks, token=TOKEN, due=DUE, deadline=FAR, **more)


def failing(*ids: bytes, at: Space) -> dict[str, Any]:
    """What is known of tasks that failed and go on."""
    assert at.failing.keys() == set(ids)
    return {"failing": at.failing, "causes": {raw_id: b"%d Oh: no" % at.failing[raw_id] for raw_id in ids}}


async def test_another_attempt_keeps_the_record_and_counts(store: Store) -> None:
    await store.seed(held({b"a": ONCE, b"b": ONCE}, attempts={b"b": b"2"}))
    before = await store.now_ms()
    failed = await running.fail(
        store.session().it, store.keys, [failure(b"a", ONCE, HOUR), failure(b"b", ONCE, 5, charge=False)]
    )
    found = await store.space()
    assert failed.results == "rr"
    assert before + HOUR <= found.due[b"a"] <= await store.now_ms() + HOUR
    assert failed.earliest_ms == found.due[b"b"] < found.due[b"a"]
    assert found == Space(
        tasks={b"a": ONCE, b"b": ONCE},
        due=found.due,
        attempts={b"a": b"1", b"b": b"2"},
        **failing(b"a", at=found),
    )
    assert before <= found.failing[b"a"] <= await store.now_ms()


async def test_a_one_shot_without_another_attempt_is_dead(store: Store) -> None:
    await store.seed(held({b"a": ONCE, b"b": ONCE}, attempts={b"b": b"2"}))
    failed = await running.fail(store.session().it, store.keys, [failure(b"a", ONCE), failure(b"b", ONCE)])
    found = await store.space()
    assert failed == ("dd", -1)
    assert await store.now_ms() - found.dead[b"a"] < MINUTE
    assert found == Space(
        tasks={b"a": ONCE, b"b": ONCE}, dead=found.dead, errors={b"a": b"1 Oh: no", b"b": b"3 Oh: no"}
    )


async def test_a_recurring_task_goes_on_with_its_next_occurrence_and_is_counted(store: Store) -> None:
    every = recurring(HOUR, 17)
    await store.seed(held({b"a": every, b"b": every}, attempts={b"a": b"2"}, failures={b"b": b"4"}))
    # An attempt after the next occurrence is none.
    failed = await running.fail(store.session().it, store.keys, [failure(b"a", every), failure(b"b", every, 2 * HOUR)])
    found = await store.space()
    assert failed.results == "nn"
    assert {due % HOUR for due in found.due.values()} == {17}
    assert found == Space(
        tasks={b"a": every, b"b": every},
        due=found.due,
        failures={b"a": b"1", b"b": b"5"},
        **failing(b"a", b"b", at=found),
    )


async def test_the_last_of_so_many_runs_is_dead(store: Store) -> None:
    last = b"s %d 17;n3\nx" % HOUR
    await store.seed(held({b"a": last, b"b": last}, runs={b"a": b"2", b"b": b"1"}, failures={b"a": b"1"}))
    failed = await running.fail(store.session().it, store.keys, [failure(b"a", last), failure(b"b", last)])
    found = await store.space()
    assert failed.results == "dn"
    assert found == Space(
        tasks={b"a": last, b"b": last},
        due=found.due,
        dead=found.dead,
        errors={b"a": b"1 Oh: no"},
        runs={b"b": b"2"},
        failures={b"b": b"1"},
        **failing(b"b", at=found),
    )
    assert (list(found.due), list(found.dead)) == ([b"b"], [b"a"])


async def test_a_cron_task_goes_where_its_caller_says(store: Store) -> None:
    record = b"s;c* * * * *\nx"
    await store.seed(held({b"a": record, b"b": record}))
    told = replace_header(failure(b"a", record), b"s;c* * * * *;@%d" % FAR)
    failed = await running.fail(store.session().it, store.keys, [told, failure(b"b", record)])
    assert failed == ("n0", FAR), "without it, the lease is left to end"
    found = await store.space()
    assert (found.due, found.leased) == ({b"a": FAR}, {b"b": FAR})


def replace_header(made: Failure, wanted: bytes) -> Failure:
    return made._replace(header=wanted)


async def test_a_stale_failure_changes_nothing(store: Store) -> None:
    seeded = held({b"a": ONCE, b"bad": b"garbage"})
    seeded.tasks[b"w"] = ONCE
    seeded.due[b"w"] = FAR
    await store.seed(seeded)
    failed = await running.fail(
        store.session().it,
        store.keys,
        [failure(b"a", ONCE, token=6), failure(b"w", ONCE), failure(b"gone", ONCE), failure(b"bad", b"garbage")],
    )
    assert failed == ("0000", -1)
    assert await store.space() == seeded


@pytest.mark.parametrize(("mark", "expected"), [(b"k", "grid"), (b"s%d" % FAR, "then"), (b"s%dp" % FAR, "paused")])
async def test_a_task_assigned_anew_meanwhile_follows_its_new_record(store: Store, mark: bytes, expected: str) -> None:
    new = recurring(MINUTE, 5)
    seeded = held({b"a": new}, attempts={b"a": b"3"})
    seeded.leases[b"a"] = lease(TOKEN, DUE, mark)
    await store.seed(seeded)
    failed = await running.fail(store.session().it, store.keys, [failure(b"a", ONCE, 5)])
    assert failed.results == "n"
    found = await store.space()
    if expected == "paused":
        assert found == Space(tasks={b"a": new}, paused={b"a": FAR}, **failing(b"a", at=found))
    else:
        assert found == Space(tasks={b"a": new}, due=found.due, **failing(b"a", at=found))
        assert found.due[b"a"] == FAR if expected == "then" else found.due[b"a"] % MINUTE == 5


async def test_a_task_paused_meanwhile_is_tried_again_when_it_is_resumed(store: Store) -> None:
    seeded = held({b"a": ONCE})
    seeded.leases[b"a"] = lease(TOKEN, DUE, b"p")
    await store.seed(seeded)
    assert (await running.fail(store.session().it, store.keys, [failure(b"a", ONCE, HOUR)])).results == "r"
    found = await store.space()
    assert found == Space(tasks={b"a": ONCE}, paused=found.paused, attempts={b"a": b"1"}, **failing(b"a", at=found))


async def test_of_the_dead_the_oldest_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interval_scheduler.storage.commands.running.DEAD_LIMIT", 3)
    old = {b"o%d" % n: n + 1 for n in range(3)}
    seeded = held({b"a": ONCE, b"b": ONCE})
    seeded = replace(seeded, tasks=seeded.tasks | dict.fromkeys(old, ONCE), dead=old, errors=dict.fromkeys(old, b"1 x"))
    await store.seed(seeded)
    await running.fail(store.session().it, store.keys, [failure(b"a", ONCE), failure(b"b", ONCE)])
    found = await store.space()
    assert found.tasks.keys() == found.dead.keys() == found.errors.keys() == {b"o2", b"a", b"b"}


async def test_forgetting_the_dead_a_step_at_a_time(store: Store) -> None:
    ids = [b"d%d" % n for n in range(5)]
    await store.seed(
        Space(
            tasks=dict.fromkeys(ids, ONCE) | {b"w": ONCE},
            due={b"w": FAR},
            dead={task_id: n for n, task_id in enumerate(ids)},
            errors=dict.fromkeys(ids, b"1 x"),
        )
    )
    session = store.session()
    assert [await control.purge_dead(session.it, store.keys, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert await store.space() == Space(tasks={b"w": ONCE}, due={b"w": FAR})


async def test_the_dead_page_by_page(store: Store) -> None:
    ids = [b"d%02d" % n for n in range(25)]
    await store.seed(
        Space(
            tasks=dict.fromkeys(ids, ONCE),
            dead={task_id: n // 3 for n, task_id in enumerate(ids)},
            errors=dict.fromkeys(ids[:20], b"2 Oh: no"),
        )
    )
    found, after = await lookup.dead_page(store.partition, 10, None)
    seen = list(found)
    while after is not None:
        found, after = await lookup.dead_page(store.partition, 10, after)
        seen += found
    assert [row.id for row in seen] == ids
    assert (seen[0].error, seen[0].attempts, seen[0].record) == ("Oh: no", 2, ONCE)
    assert (seen[24].error, seen[24].attempts, seen[24].died_ms) == ("", 1, 8)


async def test_asking_for_a_later_attempt_is_no_failure(store: Store) -> None:
    every = recurring(HOUR, 17)
    await store.seed(held({b"a": every}))
    asked = failure(b"a", every, 2 * HOUR, charge=False)
    assert (await running.fail(store.session().it, store.keys, [asked])).results == "n"
    found = await store.space()
    assert found == Space(tasks={b"a": every}, due=found.due)


@pytest.mark.parametrize("script", ["complete", "fail"])
async def test_a_cron_task_assigned_during_its_run_does_not_run_for_the_same_occurrence_again(
    store: Store, script: str
) -> None:
    record = b"s;c* * * * *\nx"
    seeded = held({b"a": record})
    seeded.leases[b"a"] = lease(TOKEN, DUE, b"s%d" % DUE)
    await store.seed(seeded)
    told = header(record) + b";@%d" % FAR
    if script == "fail":
        await running.fail(store.session().it, store.keys, [replace_header(failure(b"a", record), told)])
    else:
        await running.complete(store.session().it, store.keys, [ClaimedTask(b"a", lease(TOKEN, DUE), told)])
    assert (await store.space()).due == {b"a": FAR}


async def test_of_the_dead_that_are_forgotten_nothing_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were set aside as corrupt had kept what was counted of them."""
    monkeypatch.setattr("interval_scheduler.storage.commands.running.DEAD_LIMIT", 1)
    seeded = held({b"a": ONCE}, runs={b"o": b"1"}, failures={b"o": b"2"})
    seeded = replace(seeded, tasks=seeded.tasks | {b"o": b"garbage"}, dead={b"o": 1}, errors={b"o": b"1 x"})
    await store.seed(seeded)
    await running.fail(store.session().it, store.keys, [failure(b"a", ONCE)])
    found = await store.space()
    assert found == Space(tasks={b"a": ONCE}, dead=found.dead, errors={b"a": b"1 Oh: no"})
