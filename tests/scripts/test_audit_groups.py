"""The audit of groups: a backlog that nothing lets go on."""

from __future__ import annotations

import pytest

from interval_scheduler.storage.commands import auditing, running

from .store import HOUR, Space, Store

pytestmark = pytest.mark.asyncio


async def _backlogs(store: Store, *groups: bytes) -> None:
    """Park one task of each group, one of which runs."""
    tasks = {b"%s%d" % (group, n): b"s;g%s\nx" % group for group in groups for n in range(2)}
    await store.seed(Space(tasks=tasks, due={raw_id: n for n, raw_id in enumerate(tasks)}))
    await store.client.set(store.keys.groups + b"in-use", 1)
    assert len((await running.claim(store.session().it, store.keys, 50, HOUR, 1)).ids) == len(groups)


async def _standing(store: Store, *, mend: bool) -> set[bytes]:
    step = await auditing.audit(store.partition, "counts", b"0", mend=mend)
    return {problem.raw_id for problem in step.problems if problem.kind == b"group-stands"}


async def test_a_group_goes_on_by_a_run_a_turn_or_a_note(store: Store) -> None:
    names = (b"a", b"a\1b", b"ab", b"b", b"c")
    await _backlogs(store, *names)
    assert await _standing(store, mend=False) == set(), "each has a run"
    groups = store.keys.groups
    await store.client.delete(groups + b"runs", groups + b"of")
    assert await _standing(store, mend=False) == set(names)
    await store.client.zadd(groups + b"room", {b"a": 0})
    await store.client.hset(groups + b"overdue", b"x", b"b\0" + b"%016d" % 5 + b"\0x")
    assert await _standing(store, mend=False) == {b"a\1b", b"ab", b"c"}


async def test_a_mended_group_goes_on(store: Store) -> None:
    await _backlogs(store, b"a", b"b")
    groups = store.keys.groups
    await store.client.delete(groups + b"runs", groups + b"of", store.keys.leased, store.keys.leases)
    assert list((await running.claim(store.session().it, store.keys, 50, HOUR, 1)).ids) == []
    async with store.announcements() as heard:
        assert await _standing(store, mend=True) == set()
        assert len(await heard()) == 1
    session = store.session()
    taken = [task for _ in range(2) for task in (await running.claim(session.it, store.keys, 50, HOUR, 1)).ids]
    assert sorted(taken) == [b"a1", b"b1"]
    assert await _standing(store, mend=False) == set()
