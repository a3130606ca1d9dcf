"""update.lua: what is given changes and nothing else; compared with the whole key space."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from interval_scheduler.errors import StorageFull
from interval_scheduler.model.assignment import Reschedule
from interval_scheduler.model.policy import LETTER_OF, Policy
from interval_scheduler.model.rules import phase_of
from interval_scheduler.model.updating import to_update
from interval_scheduler.storage.commands import updating
from interval_scheduler.storage.commands.updating import Updated
from interval_scheduler.storage.connection.failures import translate

from .store import HOUR, Space, Store, lease, leased_space, recurring
from .test_out_of_memory import fill_up

pytestmark = pytest.mark.asyncio

FAR = 4_000_000_000_000
TOKEN = 7
BIG = b"x" * 200_000


async def update(
    store: Store,
    *changes: tuple[bytes, dict[str, Any]],
    plans: tuple[bytes, ...] = (),
    rule: Reschedule = "interval",
    grid: int = 0,
) -> Updated:
    calls = [to_update(raw_id, asked, rule, grid) for raw_id, asked in changes]
    return await updating.update(store.session().it, store.keys, grid, calls, plans or (b"",) * len(calls))


async def test_rules_are_changed_in_place(store: Store) -> None:
    """Grid, due time off that grid, attempts, the previous time: all of it stays."""
    policy = b";ms;u9000000000000;n7;r3;b250;t9;gold;p1:%d" % (FAR + 5)
    space = Space(
        tasks={b"a": b"s 3600000 17 1000" + policy + b"\n\0x\n"},
        due={b"a": FAR + 5},
        attempts={b"a": b"2"},
        runs={b"a": b"4"},
        failures={b"a": b"1"},
    )
    await store.seed(space)
    assert await update(store, (b"a", {"group": "new", "max_runs": None, "backoff": 1, "retries": 5})) == ("1", -1)
    space.tasks[b"a"] = b"s 3600000 17 1000;ms;u9000000000000;r5;t9;gnew;p1:%d\n\0x\n" % (FAR + 5)
    space.groups = {"in-use": b"1"}
    assert await store.space() == space
    assert await update(store, (b"a", {"data": b"\n"})) == ("1", -1)
    space.tasks[b"a"] = space.tasks[b"a"].replace(b"\n\0x\n", b"\n\n").replace(b"s ", b"b ", 1)
    assert await store.space() == space


async def test_a_rule_of_which_nothing_is_known_here_stays(store: Store) -> None:
    space = Space(tasks={b"a": b"s 3600000 17;r1;Jx;Kyy;p1:2\nx"}, due={b"a": FAR})
    await store.seed(space)
    await update(store, (b"a", {"timeout": 5, "retries": 0}))
    space.tasks[b"a"] = b"s 3600000 17;t5000;Jx;Kyy;p1:2\nx"
    assert await store.space() == space


async def test_a_run_in_progress_is_marked_once(store: Store) -> None:
    marks = [b"", b"p", b"x", b"ph", b"k", b"kp", b"k0", b"s%d" % FAR, b"s%dp" % FAR, b"k0x", b"s%dph" % FAR]
    after = [b"k0", b"k0p", b"k0x", b"k0ph", *marks[4:]]
    ids = [b"%d" % n for n in range(len(marks))]
    space = leased_space(dict.fromkeys(ids, recurring(HOUR, 17)), token=TOKEN, due=40, deadline=FAR)
    space.leases = {raw_id: lease(TOKEN, 40, mark) for raw_id, mark in zip(ids, marks, strict=True)}
    await store.seed(space)
    assert (await update(store, *[(raw_id, {"data": "y"}) for raw_id in ids])).results == "1" * len(ids)
    space.tasks = dict.fromkeys(ids, recurring(HOUR, 17, data=b"y"))
    assert await store.space() == space, "another payload alone concerns no run"
    assert (await update(store, *[(raw_id, {"retries": 1}) for raw_id in ids])).results == "1" * len(ids)
    space.tasks = dict.fromkeys(ids, recurring(HOUR, 17, data=b"y", policy=b";r1"))
    space.leases = {raw_id: lease(TOKEN, 40, mark) for raw_id, mark in zip(ids, after, strict=True)}
    assert await store.space() == space


async def test_what_is_not_scheduled_is_left_alone(store: Store) -> None:
    """A dead one, one that is nowhere, one without a record, one whose record cannot be read."""
    space = Space(
        tasks={b"dead": b"s\nx", b"nowhere": b"s\nx", b"garbled": b"?\nx"},
        due={b"ghost": FAR, b"garbled": FAR},
        dead={b"dead": 5},
    )
    await store.seed(space)
    ids = [b"none", b"dead", b"nowhere", b"ghost", b"garbled"]
    assert await update(store, *[(raw_id, {"retries": 1}) for raw_id in ids]) == ("0000e", -1)
    assert await store.space() == space


async def test_a_plan_is_for_one_expression(store: Store) -> None:
    space = Space(tasks={b"a": b"s;c0 4 * * *;zEurope/Riga;r1\nx"}, due={b"a": FAR})
    await store.seed(space)
    change = (b"a", {"timezone": "Asia/Tokyo"})
    other = (b"a", {"retries": 2})
    for plan in (b"", b"%d;0 4 * * *;" % (FAR + 9), b"%d;0 5 * * *;Asia/Tokyo" % (FAR + 9)):
        assert await update(store, change, other, plans=(plan, b"")) == ("cc", -1), (
            "the later one waits for the earlier"
        )
        assert await store.space() == space
    plan = b"5/%d;0 4 * * *;Asia/Tokyo" % (FAR + 9)
    assert await update(store, change, other, plans=(plan, b"")) == ("11", FAR + 9)
    assert await store.space() == Space(tasks={b"a": b"s;c0 4 * * *;zAsia/Tokyo;r2\nx"}, due={b"a": FAR + 9})


async def test_a_spread_task_has_the_phase_of_its_new_interval(store: Store) -> None:
    for interval in (1, 1000, HOUR, 10 * 366 * 86_400_000):
        phase = phase_of(b"a", interval)
        await store.seed(Space(tasks={b"a": recurring(interval, phase)}, due={b"a": FAR}))
        for new in (7919, HOUR + 1, 10 * 366 * 86_400_000 - 1):
            assert (await update(store, (b"a", {"every": new / 1000}))).results == "1"
            found = await store.space()
            assert found.tasks == {b"a": recurring(new, phase_of(b"a", new))}
            assert found.due[b"a"] % new == phase_of(b"a", new)
        await store.clear()


async def test_a_phase_of_a_long_interval_has_all_its_digits(store: Store) -> None:
    """The product that it follows from has more digits than a number of Lua."""
    raw_id, interval = b"t41409", 316_224_000_000  # rounded, the product is one too many
    await store.seed(Space(tasks={raw_id: recurring(HOUR, phase_of(raw_id, HOUR))}, due={raw_id: FAR}))
    assert (await update(store, (raw_id, {"every": interval / 1000}))).results == "1"
    assert (await store.space()).tasks == {raw_id: recurring(interval, phase_of(raw_id, interval))}


async def test_another_grid_is_for_another_interval(store: Store) -> None:
    space = Space(tasks={b"a": b"s 3600000 17 1000\nx", b"b": b"s 3600000 17 1000\nx"}, due={b"a": FAR, b"b": FAR + 3})
    await store.seed(space)
    assert (await update(store, (b"a", {"every": 7200}), (b"b", {"data": "y"}), grid=60_000)).results == "11"
    found = await store.space()
    assert found.tasks[b"a"].startswith(b"s 7200000 ")
    assert found.tasks[b"a"].endswith(b" 60000\nx")
    assert (found.tasks[b"b"], found.due[b"b"]) == (b"s 3600000 17 1000\ny", FAR + 3)


async def test_heavy_records_are_read_a_part_at_a_time(store: Store) -> None:
    ids = [b"t%02d" % n for n in range(40)]
    await store.seed(Space(tasks=dict.fromkeys(ids, recurring(HOUR, 17, data=BIG)), due=dict.fromkeys(ids, FAR)))
    done = 0
    while done < len(ids):
        results = (await update(store, *[(raw_id, {"retries": 1}) for raw_id in ids[done:]])).results
        assert 0 < len(results) <= 12
        done += len(results)
    assert set((await store.space()).tasks.values()) == {recurring(HOUR, 17, data=BIG, policy=b";r1")}


async def test_it_is_refused_as_a_whole_when_redis_is_full(small_store: Store) -> None:
    store = small_store
    space = leased_space({b"l": recurring(HOUR, 17)}, token=TOKEN, due=40, deadline=FAR)
    space.tasks |= {b"w": recurring(HOUR, 17), b"v": recurring(HOUR, 17)}
    space.due = {b"w": FAR, b"v": FAR}
    await store.seed(space)
    await fill_up(store)
    for changes in (
        [(b"w", {"data": "y"})],
        [(b"w", {"every": 60})],
        [(b"l", {"retries": 1})],
        [(b"none", {"retries": 1}), (b"v", {"group": "g"}), (b"w", {"start": 4e9}), (b"l", {"every": 7})],
    ):
        async with store.announcements() as heard:
            with pytest.raises(ResponseError) as caught:
                await update(store, *changes)
            assert await heard() == []
        assert isinstance(translate("here", caught.value), StorageFull)
        assert await store.space() == space


@given(
    st.builds(
        Policy,
        missed=st.sampled_from(["once", "skip", "all"]),
        until_ms=st.none() | st.integers(0, 10**14),
        max_runs=st.none() | st.integers(1, 10**9),
        cron=st.none() | st.just("0 4 * * *"),
        zone=st.none() | st.just("Europe/Riga"),
        retries=st.integers(0, 1000),
        backoff_ms=st.integers(1, 10**9),
        timeout_ms=st.none() | st.integers(1, 10**9),
        group=st.none() | st.just("g"),
    )
)
async def test_the_letters_stand_in_their_order(policy: Policy) -> None:
    """A policy that the script puts together is what an assignment writes, so that a sync sees no difference."""
    letters = [part[:1] for part in policy.encode().decode().split(";")[1:]]
    assert letters == [letter for letter in LETTER_OF.values() if letter in letters]
