"""The scripts and the rules for late, long and scattered runs: what is leased, parked, and due when."""

from __future__ import annotations

import pytest

from interval_scheduler.model.jitter import put_off
from interval_scheduler.model.policy import Policy
from interval_scheduler.storage.commands import control, running
from interval_scheduler.storage.commands.control import ControlStep

from .store import HOUR, Space, Store, held_of, recurring

pytestmark = pytest.mark.asyncio


async def run_now(store: Store, task_id: bytes) -> str:
    return (await control.control(store.session().it, store.keys, [ControlStep(task_id, b"n")])).results


async def test_a_parked_task_that_is_to_run_now_waits_from_now_on(store: Store) -> None:
    record = b"s;gg;l1000\nx"
    await store.seed(Space(tasks={b"a": record, b"b": record}, due={b"a": 5, b"b": 6}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    claimed = await running.claim(store.session().it, store.keys, 5, HOUR, 1)
    assert claimed.ids == [b"a"]
    assert set((await store.space()).groups) >= {"parked", "parked-of"}
    before = await store.now_ms()
    assert await run_now(store, b"b") == "1"
    found = await store.space()
    assert not set(found.groups) & {"parked", "parked-of", "overdue"}
    assert before <= found.due[b"b"] <= await store.now_ms()


async def test_a_task_with_a_turn_gives_it_up_to_run_now(store: Store) -> None:
    record = b"s;gg;l1000\nx"
    await store.seed(Space(tasks=dict.fromkeys([b"a", b"b", b"c"], record), due={b"a": 5, b"b": 6, b"c": 7}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    claimed = await running.claim(store.session().it, store.keys, 5, HOUR, 1)
    await running.complete(store.session().it, store.keys, held_of(claimed))
    assert set((await store.space()).groups["overdue"]) == {b"b"}
    assert await run_now(store, b"b") == "1"
    assert set((await store.space()).groups["overdue"]) == {b"c"}


async def test_an_overdue_task_without_a_deadline_keeps_its_due_time(store: Store) -> None:
    await store.seed(Space(tasks={b"a": b"s\nx", b"b": b"s;l1000\nx"}, due={b"a": 5, b"b": 5}))
    assert await run_now(store, b"a") == await run_now(store, b"b") == "1"
    found = await store.space()
    assert found.due[b"a"] == 5
    assert found.due[b"b"] > 5


async def test_at_most_once_a_task_with_overlap_is_leased(store: Store) -> None:
    await store.seed(
        Space(tasks={b"a": recurring(HOUR, 5, policy=b";o1"), b"b": recurring(HOUR, 5)}, due={b"a": 5, b"b": 5})
    )
    claimed = await running.claim_once(store.session().it, store.keys, 5, HOUR)
    assert set(claimed.ids) == {b"a", b"b"}
    assert set((await store.space()).leases) == {b"a"}


@pytest.mark.parametrize("policy", [b";l0x", b";lx", b";jx", b";j-1"])
async def test_at_most_once_a_rule_that_cannot_be_read_is_leased_to_be_set_aside(store: Store, policy: bytes) -> None:
    await store.seed(Space(tasks={b"a": recurring(HOUR, 5, policy=policy)}, due={b"a": 5}))
    assert (await running.claim_once(store.session().it, store.keys, 5, HOUR)).ids == [b"a"]
    assert set((await store.space()).leases) == {b"a"}


@pytest.mark.parametrize("jitter", [1, 1000, HOUR - 1])
async def test_the_next_due_time_has_the_jitter_that_python_draws(store: Store, jitter: int) -> None:
    ids = [b"a", "ж".encode(), b"user:" + b"7" * 400]
    records = {raw_id: recurring(HOUR, 5, policy=b";j%d" % jitter) for raw_id in ids}
    await store.seed(Space(tasks=records, due=dict.fromkeys(ids, 5)))
    before = await store.now_ms()
    claimed = await running.claim(store.session().it, store.keys, 5, HOUR)
    await running.complete(store.session().it, store.keys, held_of(claimed))
    found = await store.space()
    for raw_id in ids:
        moment = before - (before - 5) % HOUR
        dues = [put_off(Policy(jitter_ms=jitter), raw_id, at) for at in (moment, moment + HOUR)]
        assert found.due[raw_id] == min(due for due in dues if due > before)
